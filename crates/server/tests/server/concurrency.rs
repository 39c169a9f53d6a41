//! Many at once.

use futures_util::future::join_all;
use huodong_wire::gongyi::Api;
use serde_json::Value;

use crate::app::{FUNDS, TestApp, activity, donation, with};

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_for_the_last_money_one_gets_it() {
    let app = TestApp::start().await;
    let bodies: Vec<Value> =
        (0..64).map(|_| with(donation(), "activity_no", activity::ONE_LEFT)).collect();
    let calls = bodies.iter().map(|body| app.call(Api::RewardToDonate, body));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.code == 0).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code == 32_240_004).count(), 63);
    assert_eq!(app.frozen(activity::ONE_LEFT).await, 0);
    app.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_key_all_hear_of_one_donation() {
    let app = TestApp::start().await;
    let body = donation();
    let answers = join_all((0..64).map(|_| app.call(Api::RewardToDonate, &body))).await;
    let first = answers[0].data.clone();
    for answer in answers {
        assert_eq!(answer.success(), first);
    }
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS - 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_nonce_one_passes() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let headers = caller.headers();
    let calls =
        (0..64).map(|_| caller.send(Api::RewardToDonate, headers.clone(), donation().to_string()));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.code == 0).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code == 15_150_004).count(), 63);
}
