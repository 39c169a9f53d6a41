//! A donation followed to its end, as the document's sequence diagram draws it.

use std::time::Duration;

use huodong_client::Backoff;
use huodong_client::gongyi::{
    Advice, ClientBuilder, DonationStatus, RewardToDonate, SettleError, Settled,
};
use serde_json::json;

use crate::script::{Script, Step, donation, refused};

const LONG: Duration = Duration::from_secs(60);

fn request() -> RewardToDonate<'static> {
    RewardToDonate {
        activity_no: "123456".into(),
        project_no: "224328".into(),
        third_uid: "user_001".into(),
        reward: 1000,
        reward_transcode: "trans_7890".into(),
        reward_time: "2025-08-01T12:00:00".parse().unwrap(),
        money: 5000,
        bid: "12345".into(),
    }
}

/// A wait that no deadline of these tests allows.
fn slow(builder: ClientBuilder) -> ClientBuilder {
    let slow = Backoff { first: LONG * 4, most: LONG * 4 };
    builder.sending(slow).polling(slow)
}

#[tokio::test]
async fn one_that_settles_instantly_is_not_asked_about() {
    let script = Script::new([donation(11)]).await;
    let client = script.client();
    let task = async move { client.donate_until_settled(&request(), LONG).await };
    let settled = tokio::spawn(task).await.unwrap().unwrap();
    assert!(matches!(settled, Settled::Paid(_)));
    assert_eq!(script.apis(), ["RewardToDonate"]);
}

#[tokio::test]
async fn it_is_sent_until_accepted_with_one_key_and_then_asked_about_until_settled() {
    let script = Script::new([
        Step::Drop,
        refused(32_240_047),
        Step::Status(502),
        refused(15_150_028),
        Step::Half,
        donation(2),
        donation(2),
        refused(32_240_046),
        Step::Drop,
        donation(1),
        donation(11),
    ])
    .await;
    let settled = script.client().donate_until_settled(&request(), LONG).await.unwrap();
    assert_eq!(settled.donation().donate_status, DonationStatus::Paid);
    let calls = script.calls();
    let (placing, asking) = calls.split_at(6);
    assert!(placing.iter().all(|call| call.api() == "RewardToDonate"));
    assert!(placing.iter().all(|call| call.body == placing[0].body));
    assert!(asking.iter().all(|call| call.api() == "RewardDonateQuery"));
    let expected = json!({
        "activity_no": "123456", "project_no": "224328", "third_uid": "user_001",
        "donate_transcode": "donate_12345",
    });
    assert!(asking.iter().all(|call| call.body == expected));
}

#[tokio::test]
async fn a_failed_and_a_refunded_one_are_told_apart() {
    let script = Script::new([donation(2), donation(13), donation(2), donation(15)]).await;
    let failed = script.client().donate_until_settled(&request(), LONG).await.unwrap();
    assert!(matches!(failed, Settled::Failed(_)));
    let refunded = script.client().donate_until_settled(&request(), LONG).await.unwrap();
    assert!(matches!(refunded, Settled::Refunded(_)));
    assert_eq!(script.calls().len(), 4);
}

#[tokio::test]
async fn a_refusal_stops_it_before_it_is_accepted() {
    for (code, advice) in [(32_240_001, Advice::Fix), (32_240_004, Advice::GiveUp)] {
        let script = Script::new([refused(32_240_007), refused(code)]).await;
        let error = script.client().donate_until_settled(&request(), LONG).await.unwrap_err();
        assert!(matches!(error, SettleError::Stopped { accepted: None, .. }), "{error:?}");
        assert_eq!(error.advice(), advice);
        assert_eq!(script.calls().len(), 2);
    }
}

#[tokio::test]
async fn a_query_that_is_refused_for_good_keeps_what_was_accepted() {
    let script = Script::new([donation(2), refused(32_240_004)]).await;
    let error = script.client().donate_until_settled(&request(), LONG).await.unwrap_err();
    assert_eq!(error.accepted().unwrap().donate_transcode, "donate_12345");
    assert_eq!(error.advice(), Advice::GiveUp);
    assert_eq!(script.calls().len(), 2);
}

#[tokio::test]
async fn the_deadline_tells_what_was_accepted_so_that_it_can_be_resumed() {
    let script = Script::new([donation(2), donation(11)]).await;
    let client = slow(script.builder()).build().unwrap();
    let error = client.donate_until_settled(&request(), LONG).await.unwrap_err();
    assert!(matches!(error, SettleError::Deadline { last_error: None, .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::Retry);
    let accepted = error.accepted().unwrap().clone();
    assert_eq!(accepted.donate_status, DonationStatus::Placed);

    let settled = script.client().await_settled(accepted, LONG).await.unwrap();
    assert!(matches!(settled, Settled::Paid(_)));
    assert_eq!(script.apis(), ["RewardToDonate", "RewardDonateQuery"]);
}

#[tokio::test]
async fn the_deadline_tells_the_last_error_of_one_that_was_not_accepted() {
    let script = Script::new([refused(32_240_007)]).await;
    let client = slow(script.builder()).build().unwrap();
    let error = client.donate_until_settled(&request(), LONG).await.unwrap_err();
    let SettleError::Deadline { accepted: None, last_error: Some(last) } = error else {
        panic!("{error:?}");
    };
    assert_eq!(last.code(), Some(32_240_007));
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn the_deadline_cuts_a_call_that_hangs() {
    let script = Script::new([Step::Hang]).await;
    let within = Duration::from_millis(50);
    let error = script.client().donate_until_settled(&request(), within).await.unwrap_err();
    assert!(matches!(error, SettleError::Deadline { accepted: None, last_error: None }));
}
