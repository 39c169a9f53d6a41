//! What is sent again, and how.

use std::time::Duration;

use huodong_client::ysepay::{Advice, Cause, GatewayCode, Mode, ReqId};

use crate::calls::{PHOTO, enrolment};
use crate::script::{Call, Script, Step, enrolled, refused, turned_away, uploaded};

/// How long an answer is waited for that never comes; a request is sent within that on a slow
/// machine too.
const IN_VAIN: Duration = Duration::from_secs(2);

/// The same call in other envelopes: number and content stay, key, check and signature do not.
fn assert_same_in_other_envelopes(calls: &[Call]) {
    for pair in calls.windows(2) {
        let [one, other] = pair else { panic!("a pair") };
        assert_eq!(one.field("reqId"), other.field("reqId"));
        assert_eq!((&one.content, &one.file), (&other.content, &other.file));
        assert_ne!(one.key, other.key);
        for name in ["check", "bizContent", "sign"] {
            assert_ne!(one.field(name), other.field(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_retry_is_the_same_call_in_another_envelope() {
    for mode in Mode::ALL {
        let steps = [
            refused("9999").into(),
            refused("5000").into(),
            turned_away(GatewayCode::RateLimited).into(),
            turned_away(GatewayCode::Internal).into(),
            // Under overload the gateway may not come to signing; nothing is believed by it.
            turned_away(GatewayCode::Internal).signed_by(|_| None),
            refused("5000").signed_by(|_| None),
            Step::Status(503),
            enrolled("PENDING").into(),
        ];
        let script = Script::new(mode, steps).await;
        let answer = script.patient(8).add_data(&enrolment()).await.unwrap();
        let calls = script.calls();
        assert_eq!(calls.len(), 8);
        assert_eq!(calls[7].field("reqId"), answer.req_id.as_str());
        assert_same_in_other_envelopes(&calls);
    }
}

#[tokio::test]
async fn a_photo_is_sent_again_with_the_same_number() {
    let steps = [refused("9999").into(), uploaded(r#"{"picId":"1"}"#).into()];
    let script = Script::new(Mode::Sm2, steps).await;
    let req_id = ReqId::new("xy1415220315145602").unwrap();
    script.patient(2).upload_as(&req_id, &PHOTO).await.unwrap();
    let calls = script.calls();
    assert_eq!(calls[1].field("reqId"), req_id.as_str());
    assert_same_in_other_envelopes(&calls);
}

#[tokio::test]
async fn only_what_may_succeed_is_sent_again_and_only_so_often() {
    for step in [
        refused("A029998").into(),
        refused("B029992").into(),
        turned_away(GatewayCode::BadSignature).into(),
        turned_away(GatewayCode::UnknownCertId).signed_by(|_| None),
        enrolled("PENDING").signed_by(|_| None),
        enrolled("PENDING").signed_by(|keys| Some(&keys.stranger)),
        Step::Status(404),
        Step::Body("<html>".to_owned()),
    ] {
        let script = Script::new(Mode::Sm2, [step]).await;
        let error = script.patient(5).add_data(&enrolment()).await.unwrap_err();
        assert_ne!(error.advice(), Advice::Retry, "{error}");
        assert_eq!(script.calls().len(), 1);
    }
    let script = Script::new(Mode::Sm2, [refused("9999").into(), refused("5000").into()]).await;
    let error = script.patient(2).add_data(&enrolment()).await.unwrap_err();
    assert_eq!(error.refused().unwrap().sub_code, "5000");
    assert_eq!(script.calls().len(), 2);
}

#[tokio::test]
async fn without_a_policy_a_call_is_sent_once() {
    let script = Script::new(Mode::Sm2, [refused("9999").into()]).await;
    let error = script.client().add_data(&enrolment()).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_or_is_not_there_may_be_tried_again() {
    let script = Script::new(Mode::Sm2, [Step::Break, enrolled("PENDING").into()]).await;
    let builder = script.builder().retry(huodong_client::Retry::default());
    builder.build().unwrap().add_data(&enrolment()).await.unwrap();
    assert_same_in_other_envelopes(&script.calls());

    let script = Script::new(Mode::Sm2, [Step::Hang]).await;
    let client = script.builder().timeout(IN_VAIN).build().unwrap();
    let error = client.add_data(&enrolment()).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Interrupted(_)), "{error:?}");
    assert_eq!((error.advice(), error.may_have_reached()), (Advice::Retry, true));

    let nobody = huodong_client::ysepay::Client::builder("http://127.0.0.1:1", "826");
    let client = nobody
        .private_key_read(script.keys.initiator.clone())
        .gateway_key_read(script.keys.gateway.public().clone())
        .http(huodong_client::reqwest::Client::builder().no_proxy())
        .build()
        .unwrap();
    let error = client.add_data(&enrolment()).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Unreachable(_)), "{error:?}");
    assert_eq!((error.advice(), error.may_have_reached()), (Advice::Retry, false));
}
