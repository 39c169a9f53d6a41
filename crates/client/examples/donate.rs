//! Donates to a sandbox and follows the donation to its end.
//!
//!     huodong sandbox --listen 127.0.0.1:18080 --credentials sandbox.json
//!     cargo run -p huodong-client --example donate -- sandbox.json
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Duration;

use huodong_client::gongyi::{
    Client, GetActivityInfo, Retry, RewardDonateQuery, RewardToDonate, Settled,
};
use huodong_client::{Source, System};
use jiff::tz::Offset;
use serde::Deserialize;

/// What this program needs of the sandbox's credentials file.
#[derive(Deserialize)]
struct Credentials {
    base_url: String,
    gongyi: Gongyi,
}

#[derive(Deserialize)]
struct Gongyi {
    appid: String,
    secret: String,
    bid: String,
    activities: Vec<Activity>,
}

#[derive(Deserialize)]
struct Activity {
    activity_no: String,
    project_no: String,
    settlement: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("name the sandbox's credentials file")?;
    let Credentials { base_url, gongyi } = serde_json::from_slice(&std::fs::read(file)?)?;
    let client = Client::builder(&base_url, &gongyi.appid, &gongyi.secret)
        .retry(Retry::default())
        .build()?;

    let deferred = |activity: &&Activity| activity.settlement == "deferred";
    let chosen = gongyi.activities.iter().find(deferred).ok_or("no deferred activity is seeded")?;
    println!("1. Which activities is project {} bound to?", chosen.project_no);
    let asked = GetActivityInfo { project_no: chosen.project_no.as_str().into() };
    for activity in client.get_activity_info(&asked).await?.data.activity_info {
        println!(
            "   {} {}: status {}, {} fen",
            activity.activity_no, activity.activity_name, activity.activity_status, activity.money
        );
    }

    let request = RewardToDonate {
        activity_no: chosen.activity_no.as_str().into(),
        project_no: chosen.project_no.as_str().into(),
        third_uid: "user_001".into(),
        reward: 1000,
        reward_transcode: System.nonce().into(),
        reward_time: Offset::constant(8).to_datetime(System.now()),
        money: 100,
        bid: gongyi.bid.as_str().into(),
    };
    println!("2. Donate {} fen as {}", request.money, request.reward_transcode);
    let settled = match client.donate_until_settled(&request, Duration::from_secs(60)).await {
        Ok(settled) => settled,
        Err(error) => {
            println!("   {error}; advice: {:?}; accepted: {:?}", error.advice(), error.accepted());
            return Err(error.into());
        }
    };
    let donation = settled.donation();
    match &settled {
        Settled::Paid(_) => println!("   paid: {}", donation.donate_transcode),
        Settled::Failed(_) => println!("   failed: {}", donation.donate_transcode),
        Settled::Refunded(_) => println!("   refunded: {}", donation.donate_transcode),
    }

    println!("3. The same, asked for by its key");
    let query = RewardDonateQuery {
        activity_no: request.activity_no.clone(),
        project_no: request.project_no.clone(),
        third_uid: request.third_uid.clone(),
        donate_transcode: None,
        bid: Some(request.bid.clone()),
        reward_transcode: Some(request.reward_transcode.clone()),
    };
    let found = client.reward_donate_query(&query).await?;
    println!("   {:?} (trace {})", found.data.donate_status, found.trace_id);
    Ok(())
}
