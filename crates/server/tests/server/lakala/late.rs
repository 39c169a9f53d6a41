//! What is answered when signatures come too late.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use huodong_campaign::{CouponKey, InstitutionId};
use huodong_server::{Signers, Urgency};
use huodong_wire::lakala::Api;
use serde_json::Value;
use tokio::sync::oneshot;

use super::partner::{Answer, Partner, request, send};
use crate::app::{PATIENCE, Setup, TestApp, with};

/// A sandbox with one signer, whose calls may wait for a second.
async fn slow() -> TestApp {
    let mut setup = Setup::default();
    setup.settings.sandbox = true;
    setup.settings.deadline = Duration::from_secs(1);
    setup.prepare = |app| app.signers = Signers::new(1);
    TestApp::with(setup).await
}

/// Keeps the signer busy, from now until the gate is opened.
async fn hold(server: &TestApp) -> mpsc::Sender<()> {
    let (gate, opened) = mpsc::channel();
    let (begin, begun) = oneshot::channel();
    let signers = server.app.signers.clone();
    let held = async move {
        let work = move || {
            begin.send(()).unwrap();
            opened.recv().is_ok()
        };
        signers.run(Urgency::Callback, work).await
    };
    tokio::spawn(held);
    begun.await.unwrap();
    gate
}

/// What an issue is answered that was carried out and signed in time.
async fn issued(partner: &Partner<'_>, body: &Value) -> Answer {
    let began = Instant::now();
    loop {
        let text = body.to_string();
        let authorization = partner.authorization(text.as_bytes());
        let answer = send(partner.server, Api::Issue, Some(authorization), text).await;
        if answer.code != "999999" {
            assert!(answer.is_signed(partner.server), "{answer:?}");
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it is not carried out in time");
    }
}

async fn is_stored(server: &TestApp, body: &Value) -> bool {
    let key = CouponKey {
        appid: InstitutionId::from("OP00000003"),
        mer_order_id: body["mer_order_id"].as_str().unwrap().into(),
    };
    server.app.engine.read(move |reader| reader.coupon_by_key(&key)).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_not_signed_in_time_stands_and_is_found_by_its_key() {
    let server = slow().await;
    let partner = Partner::of(&server);
    let gate = hold(&server).await;
    let (body, began) = (request(), Instant::now());
    // On a slow machine its time may be over before it comes to be carried out; it is sent again.
    while !is_stored(&server, &body).await {
        assert!(began.elapsed() < PATIENCE, "it is not carried out");
        let text = body.to_string();
        let authorization = partner.authorization(text.as_bytes());
        let answer = send(&server, Api::Issue, Some(authorization), text).await;
        answer.assert_refused("999999", "系统异常");
        assert_eq!(answer.header("Lklapi-Signature"), "");
    }
    gate.send(()).unwrap();
    issued(&partner, &body).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_that_could_not_be_signed_in_time() {
    let server = slow().await;
    let partner = Partner::of(&server);
    let gate = hold(&server).await;
    // At a quarter of a millisecond each, three times what fits into a second.
    let many: Vec<_> = (0..12_000)
        .map(|_| {
            let signers = server.app.signers.clone();
            tokio::spawn(async move { signers.run(Urgency::Reply, || ()).await })
        })
        .collect();
    while server.app.signers.waiting() < many.len() {
        tokio::task::yield_now().await;
    }
    let body = request();
    for body in [body.clone(), with(body.clone(), "mer_order_id", "")] {
        let text = body.to_string();
        let authorization = partner.authorization(text.as_bytes());
        let answer = send(&server, Api::Issue, Some(authorization), text).await;
        answer.assert_refused("999999", "系统异常");
        assert_eq!(answer.header("Lklapi-Signature"), "");
    }
    assert!(!is_stored(&server, &body).await);
    gate.send(()).unwrap();
    for one in many {
        one.await.unwrap();
    }
    issued(&partner, &body).await.assert_outcome("SUCCESS", "000000");
}
