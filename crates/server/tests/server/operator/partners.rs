//! A change to a partner takes effect whatever becomes of the caller who asked for it.

use std::time::{Duration, Instant};

use huodong_campaign::{RevokeApplication, Role};
use huodong_wire::gongyi::Api;
use reqwest::Method;
use serde_json::json;

use super::desk::Desk;
use crate::app::{APP, PATIENCE, Setup, TestApp, donation};
use crate::writer::stop_writer;

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until so many commands wait; what the engine tells itself now and then may be beside them.
pub async fn queued(desk: &Desk, count: usize) {
    eventually("commands wait", async || desk.server.app.engine.queue_depth() >= count).await;
}

async fn shut_out(desk: &Desk) -> bool {
    desk.server.call(Api::RewardToDonate, &donation()).await.code == 15_150_001
}

/// Posts a revocation that is decided on at once and committed only after `meanwhile`.
async fn revoke(desk: &Desk, meanwhile: impl AsyncFnOnce(tokio::task::JoinHandle<u16>)) {
    let (entered, first) = stop_writer(&desk.server.app.engine);
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();
    let revoke = desk
        .request(Method::POST, &format!("/applications/{APP}/revoke"))
        .bearer_auth(desk.token_of(Role::Admin));
    let asked = tokio::spawn(async move { revoke.send().await.unwrap().status().as_u16() });
    queued(desk, 1).await;
    // In the batch of the revocation, behind it.
    let (entered, second) = stop_writer(&desk.server.app.engine);
    queued(desk, 2).await;
    first.send(()).unwrap();
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();
    meanwhile(asked).await;
    second.send(()).unwrap();
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_keep_a_revocation_from_taking_effect() {
    let desk = Desk::open().await;
    assert!(!shut_out(&desk).await);
    revoke(&desk, async |asked| {
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        // For the server to see that the connection is gone.
        tokio::time::sleep(Duration::from_millis(200)).await;
    })
    .await;
    eventually("shut out", async || shut_out(&desk).await).await;
}

#[tokio::test]
async fn a_revocation_that_was_not_answered_in_time_takes_effect_when_it_is_done() {
    // In a shared database it would be begun anew, alone, and what nobody waits for any more is not.
    let mut setup = Setup { embedded: true, ..Setup::default() };
    // Long enough for all but what waits for the writer.
    setup.settings.deadline = Duration::from_secs(10);
    let desk = Desk::at(TestApp::with(setup).await).await;
    revoke(&desk, async |asked| assert_eq!(asked.await.unwrap(), 504)).await;
    eventually("shut out", async || shut_out(&desk).await).await;
}

#[tokio::test]
async fn a_revocation_of_what_is_revoked_brings_the_server_up_to_date() {
    let desk = Desk::open().await;
    // As if the process had not heard of it.
    desk.server.done(RevokeApplication { appid: APP.into() }).await;
    assert!(!shut_out(&desk).await);
    let again = desk.post(&format!("/applications/{APP}/revoke"), json!({})).await;
    again.problem(409, "wrong-state", Some("appid"));
    assert!(shut_out(&desk).await);
}
