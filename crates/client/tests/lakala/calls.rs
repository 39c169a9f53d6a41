//! One call at a time.

use std::time::Duration;

use huodong_client::lakala::{
    Advice, Api, BuildError, Client, Code, Error, IssueRequest, QueryRequest, Retry, Shape,
    TradeStatus, Unverified, UsageStatus,
};
use serde_json::json;

use crate::identity::{FORMER, NEXT, PARTNER, PLATFORM};
use crate::script::{APPID, At, NOW, Script, Step, issue, refused, reply, signed_by, tampered};

fn request() -> IssueRequest<'static> {
    IssueRequest {
        member_id: "AAA200154561278".into(),
        activity_id: "1100000086".into(),
        owner_id: "80000007".into(),
        promotion_id: "WX1".into(),
        channel_openid: "oKL".into(),
        mer_order_id: "M1".into(),
        write_off_notify: "https://partner.example/used".into(),
        post_notify: None,
    }
}

fn query() -> QueryRequest<'static> {
    QueryRequest {
        owner_id: "80000007".into(),
        mer_order_id: "M1".into(),
        activity_id: "1100000086".into(),
        trade_no: "T1".into(),
    }
}

#[tokio::test]
async fn a_coupon_is_issued_and_its_answer_verified() {
    let script = Script::new([issue("SUCCESS")]).await;
    let answer = script.client().issue(&request()).await.unwrap();
    assert_eq!(answer.data.trade_status, Some(TradeStatus::Success));
    assert_eq!(answer.data.third_coupon_id, "wxd5");
    assert_eq!((answer.signed_at, answer.serial.as_str()), (NOW, "a2"));
    let calls = script.calls();
    assert_eq!(calls[0].path, "/api/v3/coupon/issue");
    assert_eq!(calls[0].nonce.len(), 12);
    let expected = json!({
        "member_id": "AAA200154561278", "activity_id": "1100000086", "owner_id": "80000007",
        "promotion_id": "WX1", "channel_openid": "oKL", "mer_order_id": "M1",
        "writeOffNotify": "https://partner.example/used",
    });
    assert_eq!(calls[0].body, expected);
}

#[tokio::test]
async fn a_wrapped_call_goes_to_a_path_of_ones_own() {
    let body = json!({
        "code": "000000", "msg": "处理成功", "resp_time": "20251121100000",
        "resp_data": {"msg": "处理成功", "code": "000000", "data": {
            "resCode": "000000", "failMsg": "", "trade_status": "SUCCESS",
            "promo_amount": "1000", "total_amount": "9000", "org_amount": "10000",
            "gmt_used": "2021-12-03 10:30:00", "tradeStatus": "USED",
        }},
    });
    let script = Script::new([reply(&body)]).await;
    let builder = script.builder().shape(Shape::Wrapped).path(Api::Query, "/sit/q");
    let answer = builder.build().unwrap().query(&query()).await.unwrap();
    assert_eq!(answer.data.usage, Some(UsageStatus::Used));
    assert_eq!(answer.data.promo_amount, Some(1000));
    let calls = script.calls();
    assert_eq!(calls[0].path, "/sit/q");
    let expected = json!({"req_time": "20251121100000", "version": "3.0", "req_data": {
        "owner_id": "80000007", "mer_order_id": "M1", "activity_id": "1100000086", "trade_no": "T1",
    }});
    assert_eq!(calls[0].body, expected);
}

#[tokio::test]
async fn a_refusal_carries_its_code_and_what_to_do() {
    for (code, known, advice) in [
        ("999999", Some(Code::Internal), Advice::Retry),
        ("100006", Some(Code::RateLimited), Advice::Retry),
        ("100003", Some(Code::StaleTimestamp), Advice::Fix),
        ("200001", Some(Code::InvalidField), Advice::Fix),
        ("200004", Some(Code::OrderNotFound), Advice::Fix),
        ("300004", Some(Code::UserLimit), Advice::GiveUp),
        ("BBS99", None, Advice::GiveUp),
    ] {
        let script = Script::new([refused(code)]).await;
        let error = script.client().issue(&request()).await.unwrap_err();
        let Error::Refused(refusal) = &error else { panic!("{error:?}") };
        assert_eq!((refusal.known(), refusal.advice()), (known, advice), "{code}");
        assert_eq!((error.code(), error.msg()), (Some(code), Some("no")));
        assert_eq!(error.to_string(), format!("issue: {code} no"));
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_platforms_is_refused() {
    for (step, why) in [
        (tampered(|headers| headers.clear()), Unverified::Unsigned("Lklapi-Appid")),
        (
            tampered(|headers| _ = headers.remove("Lklapi-Signature")),
            Unverified::Unsigned("Lklapi-Signature"),
        ),
        (
            tampered(|headers| _ = headers.insert("Lklapi-Timestamp", "soon".parse().unwrap())),
            Unverified::Unsigned("Lklapi-Timestamp"),
        ),
        (
            tampered(|headers| _ = headers.insert("Lklapi-Appid", "OP9".parse().unwrap())),
            Unverified::OtherAppid("OP9".to_owned()),
        ),
        (signed_by(&NEXT), Unverified::UnknownSerial("b3".to_owned())),
        (
            tampered(|headers| _ = headers.insert("Lklapi-Nonce", "x".parse().unwrap())),
            Unverified::BadSignature,
        ),
        (
            tampered(|headers| _ = headers.insert("Lklapi-Signature", "eA==".parse().unwrap())),
            Unverified::BadSignature,
        ),
    ] {
        let script = Script::new([step]).await;
        let error = script.client().issue(&request()).await.unwrap_err();
        let Error::Unverified { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source, &why);
        assert_eq!((error.advice(), error.may_have_reached()), (Advice::Fix, true));
        assert_eq!(script.calls().len(), 1);
    }
}

#[tokio::test]
async fn what_an_unverified_refusal_claims_is_told_but_not_acted_on() {
    let body = json!({"code": "999999", "msg": "系统异常"}).to_string();
    for (body, told) in [
        (body, "issue: the answer is not verified; it claims \"999999 系统异常\""),
        ("<html>".to_owned(), "issue: the answer is not verified"),
    ] {
        let script = Script::new([Step::Reply(body, &PLATFORM, |headers| headers.clear())]).await;
        let error = script.client().issue(&request()).await.unwrap_err();
        assert_eq!(error.to_string(), told);
        assert_eq!((error.advice(), error.code()), (Advice::Fix, None));
    }
}

#[tokio::test]
async fn another_key_of_the_platform_does_not_sign_under_the_first_ones_serial() {
    let body = json!({"code": "000000"}).to_string();
    let forged = Step::Reply(body, &NEXT, |headers| {
        _ = headers.insert("Lklapi-Serial", "a2".parse().unwrap());
    });
    let script = Script::new([forged]).await;
    let client = script.builder().platform_certificate(NEXT.certificate.pem()).build().unwrap();
    let error = client.issue(&request()).await.unwrap_err();
    assert!(matches!(error, Error::Unverified { source: Unverified::BadSignature, .. }));
}

#[tokio::test]
async fn while_the_platform_changes_its_key_both_are_taken() {
    let script = Script::new([signed_by(&PLATFORM), signed_by(&NEXT)]).await;
    let client = script.builder().platform_certificate(NEXT.certificate.pem()).build().unwrap();
    for serial in ["a2", "b3"] {
        assert_eq!(client.issue(&request()).await.unwrap().serial, serial);
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_not_taken() {
    let script = Script::new([signed_by(&FORMER)]).await;
    let client = script.builder().platform_certificate(FORMER.certificate.pem()).build().unwrap();
    let error = client.issue(&request()).await.unwrap_err();
    let why = Unverified::NotValidNow("c4".to_owned());
    assert!(matches!(error, Error::Unverified { source, .. } if source == why));
}

#[tokio::test]
async fn an_answer_of_another_time_is_stale() {
    // The platform signs at NOW, and so does the client, for the script's sake.
    let script = Script::new([signed_by(&PLATFORM)]).await;
    let client = script.builder().window(Duration::ZERO).build().unwrap();
    client.issue(&request()).await.unwrap();

    let steps = [Step::Reply(json!({"code": "000000"}).to_string(), &PLATFORM, |headers| {
        let timestamp = (NOW - 301).to_string();
        let body = json!({"code": "000000"}).to_string();
        let message = format!("{APPID}\na2\n{timestamp}\nabcdefGHI012\n{body}\n");
        let signature = PLATFORM.key.sign(message.as_bytes());
        headers.insert("Lklapi-Timestamp", timestamp.parse().unwrap());
        headers.insert("Lklapi-Signature", signature.parse().unwrap());
    })];
    let script = Script::new(steps).await;
    let error = script.client().issue(&request()).await.unwrap_err();
    let why = Unverified::Stale(NOW - 301);
    assert!(matches!(error, Error::Unverified { source, .. } if source == why));
}

#[tokio::test]
async fn a_retry_sends_the_same_order_with_a_fresh_nonce() {
    let script = Script::new([refused("999999"), Step::Status(503), issue("SUCCESS")]).await;
    let client = script.builder().retry(Retry { attempts_max: 3, ..quick() }).build().unwrap();
    client.issue(&request()).await.unwrap();
    let calls = script.calls();
    assert!(calls.iter().all(|call| call.body == calls[0].body));
    assert!(calls[0].nonce != calls[1].nonce && calls[1].nonce != calls[2].nonce);
}

#[tokio::test]
async fn only_what_may_succeed_is_retried_and_only_so_often() {
    for (steps, code) in [
        (vec![refused("200002")], "200002"),
        (vec![refused("300003")], "300003"),
        (vec![refused("999999"), refused("100006")], "100006"),
    ] {
        let script = Script::new(steps).await;
        let client = script.builder().retry(Retry { attempts_max: 2, ..quick() }).build().unwrap();
        let error = client.issue(&request()).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        script.calls();
    }
}

fn quick() -> Retry {
    let wait = Duration::from_micros(100);
    Retry { attempts_max: 1, backoff: huodong_client::Backoff { first: wait, most: wait } }
}

#[tokio::test]
async fn an_answer_that_is_no_reply_is_unreadable() {
    for body in ["<html>", "{}", r#"{"code":"000000"}"#, r#"{"code":"000000","data":[]}"#] {
        let script = Script::new([Step::Reply(body.to_owned(), &PLATFORM, |_| {})]).await;
        let error = script.client().query(&query()).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{body}: {error:?}");
        assert_eq!((error.advice(), error.api()), (Advice::Fix, Api::Query));
    }
}

#[tokio::test]
async fn an_attempt_ends_with_its_timeout() {
    let script = Script::new([Step::Hang]).await;
    // Long enough for the request to be sent on a slow machine too.
    let client = script.builder().timeout(Duration::from_secs(2)).build().unwrap();
    let error = client.query(&query()).await.unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::Retry);
}

#[test]
fn a_client_cannot_be_built_without_what_it_needs() {
    let builder = |base: &str, appid: &str, serial: &str| {
        Client::builder(base, appid, serial)
            .private_key(&PARTNER.key_pem)
            .platform_certificate(PLATFORM.certificate.pem())
            .source(At(NOW))
    };
    let url = "http://127.0.0.1:1";
    assert!(builder(url, APPID, "1").build().is_ok());
    for (built, expected) in [
        (builder("a.example", APPID, "1"), "BaseUrl"),
        (builder(url, "", "1"), "Appid"),
        (builder(url, "a\"b", "1"), "Appid"),
        (builder(url, APPID, "1 2"), "SerialNo"),
        (builder(url, APPID, "1").private_key("x"), "PrivateKey"),
        (builder(url, APPID, "1").platform_certificate("x"), "PlatformCertificate"),
        (builder(url, APPID, "1").path(Api::Issue, "issue"), "Path"),
        (Client::builder(url, APPID, "1").private_key(&PARTNER.key_pem), "NoPlatformCertificate"),
    ] {
        let error: BuildError = built.build().unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[test]
fn the_key_is_not_shown() {
    let builder = Client::builder("http://127.0.0.1:1", APPID, "1")
        .private_key(&PARTNER.key_pem)
        .platform_certificate(PLATFORM.certificate.pem());
    assert!(!format!("{builder:?}").contains("PRIVATE"));
    assert!(!format!("{:?}", builder.build().unwrap()).contains("PRIVATE"));
}
