//! Issues a coupon at a sandbox, receives the callback about it, and asks how it stands.
//!
//!     huodong sandbox --listen 127.0.0.1:18080 --credentials sandbox.json
//!     cargo run -p huodong-client --example coupon -- sandbox.json
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use huodong_client::lakala::callback::{Acknowledge, Event, SignedCallback, Verifier};
use huodong_client::lakala::{
    Api, Certificate, Client, IssueRequest, Outcome, QueryRequest, Retry,
};
use huodong_client::{Source, System};
use serde::Deserialize;
use tokio::sync::mpsc;

/// What this program needs of the sandbox's credentials file.
#[derive(Deserialize)]
struct Credentials {
    base_url: String,
    lakala: Lakala,
}

#[derive(Deserialize)]
struct Lakala {
    appid: String,
    serial_no: String,
    private_key_pem: String,
    platform_certificate_pem: String,
    notify_certificate_pem: String,
    owner_id: String,
    member_prefix: String,
    issue_path: String,
    query_path: String,
    activities: Vec<Activity>,
}

#[derive(Deserialize)]
struct Activity {
    activity_id: String,
    promotion_id: String,
    settlement: String,
}

/// The receiver's state: what verifies a callback, and where the event goes.
#[derive(Clone, axum::extract::FromRef)]
struct Receiver {
    verifier: Verifier,
    events: mpsc::Sender<Event>,
}

/// Takes a callback once somebody has it. A real receiver records it in its database first.
async fn take(
    State(events): State<mpsc::Sender<Event>>,
    SignedCallback(event): SignedCallback,
) -> Acknowledge {
    match events.send(event).await {
        Ok(()) => Acknowledge::Success,
        Err(_) => Acknowledge::Fail("nobody waits for it any more".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("name the sandbox's credentials file")?;
    let Credentials { base_url, lakala } = serde_json::from_slice(&std::fs::read(file)?)?;
    let client = Client::builder(&base_url, &lakala.appid, &lakala.serial_no)
        .private_key(&lakala.private_key_pem)
        .platform_certificate(&lakala.platform_certificate_pem)
        .path(Api::Issue, &lakala.issue_path)
        .path(Api::Query, &lakala.query_path)
        .retry(Retry::default())
        .build()?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/coupons", listener.local_addr()?);
    let (events, mut received) = mpsc::channel(1);
    let verifier = Verifier::new([Certificate::from_pem(&lakala.notify_certificate_pem)?]);
    let router =
        Router::new().route("/coupons", post(take)).with_state(Receiver { verifier, events });
    tokio::spawn(async move { axum::serve(listener, router).await });
    println!("1. Callbacks are received at {address}");

    let deferred = |activity: &&Activity| activity.settlement == "deferred";
    let chosen = lakala.activities.iter().find(deferred).ok_or("no deferred activity is seeded")?;
    let key = System.nonce();
    let request = IssueRequest {
        member_id: format!("{}{}", lakala.member_prefix, &key[..12]).into(),
        activity_id: chosen.activity_id.as_str().into(),
        owner_id: lakala.owner_id.as_str().into(),
        promotion_id: chosen.promotion_id.as_str().into(),
        channel_openid: format!("openid-{key}").into(),
        mer_order_id: key.as_str().into(),
        write_off_notify: address.as_str().into(),
        post_notify: Some(address.as_str().into()),
    };
    println!("2. Issue a coupon of activity {} as {key}", chosen.activity_id);
    let outcome = match client.issue_until_final(&request, Duration::from_secs(60)).await {
        Ok(outcome) => outcome,
        Err(error) => {
            println!("   {error}; advice: {:?}; accepted: {:?}", error.advice(), error.accepted());
            return Err(error.into());
        }
    };
    let coupon = outcome.coupon();
    match &outcome {
        Outcome::Issued(_) => println!("   issued: {}", coupon.third_coupon_id),
        Outcome::Failed(_) => println!("   failed: {} {}", coupon.res_code, coupon.fail_msg),
    }

    println!("3. What the platform tells about it");
    let event = tokio::time::timeout(Duration::from_secs(60), received.recv()).await?;
    match event.ok_or("the receiver has stopped")? {
        Event::Issued(told) => println!("   {}: worth {} fen", told.trade_no, told.amount),
        Event::IssueFailed(told) => println!("   {}: failed, {}", told.trade_no, told.reason),
        Event::Used(told) => println!("   {}: used", told.trade_no),
        Event::Expired(told) => println!("   {}: expired", told.trade_no),
    }

    println!("4. The same, asked for");
    let query = QueryRequest {
        owner_id: request.owner_id.clone(),
        mer_order_id: request.mer_order_id.clone(),
        activity_id: request.activity_id.clone(),
        trade_no: coupon.trade_no.clone(),
    };
    let found = client.query(&query).await?.data;
    println!("   {:?}, {:?}", found.trade_status, found.usage);
    Ok(())
}
