//! A coupon followed to its end.

use std::time::Duration;

use huodong_client::Backoff;
use huodong_client::lakala::{
    Advice, ClientBuilder, Code, FollowError, IssueRequest, Outcome, TradeStatus,
};
use serde_json::json;

use crate::script::{Script, Step, issue, query, refused, tampered};

const LONG: Duration = Duration::from_secs(60);

fn request() -> IssueRequest<'static> {
    IssueRequest {
        member_id: "AAA200154561278".into(),
        activity_id: "1100000086".into(),
        owner_id: "80000007".into(),
        promotion_id: "WX1".into(),
        channel_openid: "oKL".into(),
        mer_order_id: "M1".into(),
        write_off_notify: "https://partner.example/used".into(),
        post_notify: Some("https://partner.example/issued".into()),
    }
}

/// A wait that no deadline of these tests allows.
fn slow(builder: ClientBuilder) -> ClientBuilder {
    let slow = Backoff { first: LONG * 4, most: LONG * 4 };
    builder.sending(slow).polling(slow)
}

#[tokio::test]
async fn one_that_is_issued_at_once_is_not_asked_about() {
    let script = Script::new([issue("SUCCESS")]).await;
    let client = script.client();
    let task = async move { client.issue_until_final(&request(), LONG).await };
    let outcome = tokio::spawn(task).await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Issued(_)));
    assert_eq!(script.apis(), ["issue"]);
}

#[tokio::test]
async fn it_is_sent_until_answered_with_one_key_and_then_asked_about_until_final() {
    let script = Script::new([
        Step::Status(502),
        refused("999999"),
        refused("100006"),
        issue("PROCESS"),
        query("PROCESS"),
        refused("999999"),
        Step::Status(503),
        query("WAITING"),
        query("SUCCESS"),
    ])
    .await;
    let outcome = script.client().issue_until_final(&request(), LONG).await.unwrap();
    assert!(matches!(&outcome, Outcome::Issued(coupon) if coupon.third_coupon_id == "wxd5"));
    assert_eq!(outcome.coupon().trade_status, Some(TradeStatus::Success));
    let calls = script.calls();
    let (issuing, asking) = calls.split_at(4);
    assert!(issuing.iter().all(|call| call.path.ends_with("/issue")));
    assert!(issuing.iter().all(|call| call.body == issuing[0].body));
    let expected = json!({
        "owner_id": "80000007", "mer_order_id": "M1", "activity_id": "1100000086", "trade_no": "T1",
    });
    assert!(asking.iter().all(|call| call.path.ends_with("/query") && call.body == expected));
}

#[tokio::test]
async fn one_that_fails_says_why() {
    let script = Script::new([issue("FAIL"), issue("PROCESS"), query("FAIL")]).await;
    let outcome = script.client().issue_until_final(&request(), LONG).await.unwrap();
    assert_eq!(outcome.reason(), Some(Code::OutOfStock));
    assert!(matches!(outcome, Outcome::Failed(coupon) if coupon.fail_msg == "库存不足"));
    let outcome = script.client().issue_until_final(&request(), LONG).await.unwrap();
    assert_eq!(outcome.reason(), Some(Code::ChannelRefused));
    assert!(matches!(outcome, Outcome::Failed(coupon) if coupon.third_coupon_id.is_empty()));
    assert_eq!(script.apis(), ["issue", "issue", "query"]);
}

#[tokio::test]
async fn a_refusal_or_a_forged_answer_stops_it() {
    for (step, advice) in [
        (refused("200001"), Advice::Fix),
        (refused("BBS99"), Advice::GiveUp),
        (tampered(|headers| headers.clear()), Advice::Fix),
    ] {
        let script = Script::new([refused("999999"), step]).await;
        let error = script.client().issue_until_final(&request(), LONG).await.unwrap_err();
        assert!(matches!(error, FollowError::Stopped { accepted: None, .. }), "{error:?}");
        assert_eq!(error.advice(), advice);
        script.calls();
    }
}

#[tokio::test]
async fn a_query_that_is_refused_keeps_what_was_accepted() {
    let script = Script::new([issue("PROCESS"), refused("200004")]).await;
    let error = script.client().issue_until_final(&request(), LONG).await.unwrap_err();
    assert_eq!(error.accepted().unwrap().trade_no, "T1");
    assert_eq!(error.advice(), Advice::Fix);
    script.calls();
}

#[tokio::test]
async fn the_deadline_tells_what_was_accepted_so_that_it_can_be_resumed() {
    let script = Script::new([issue("PROCESS"), query("SUCCESS")]).await;
    let client = slow(script.builder()).build().unwrap();
    let error = client.issue_until_final(&request(), LONG).await.unwrap_err();
    assert!(matches!(error, FollowError::Deadline { last_error: None, .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::Retry);
    let accepted = error.accepted().unwrap().clone();
    let outcome = script.client().await_final(accepted, LONG).await.unwrap();
    assert!(matches!(outcome, Outcome::Issued(_)));
    assert_eq!(script.apis(), ["issue", "query"]);
}

#[tokio::test]
async fn the_deadline_tells_the_last_error_of_one_that_was_not_accepted() {
    let script = Script::new([refused("999999")]).await;
    let client = slow(script.builder()).build().unwrap();
    let error = client.issue_until_final(&request(), LONG).await.unwrap_err();
    let FollowError::Deadline { accepted: None, last_error: Some(last) } = error else {
        panic!("{error:?}");
    };
    assert_eq!(last.code(), Some("999999"));
}

#[tokio::test]
async fn the_deadline_cuts_a_call_that_hangs() {
    let script = Script::new([Step::Hang]).await;
    let within = Duration::from_millis(50);
    let error = script.client().issue_until_final(&request(), within).await.unwrap_err();
    assert!(matches!(error, FollowError::Deadline { accepted: None, last_error: None }));
}
