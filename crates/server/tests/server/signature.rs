//! Who may call.

use std::time::{Duration, SystemTime};

use huodong_campaign::{AppId, RevokeApplication, RotateSecret, UpdateApplication};
use huodong_wire::gongyi::{Api, sign};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::{
    APP, Answer, Caller, OTHER_APP, PROJECT, SECRET, Setup, TestApp, fresh_nonce, now,
};

const UNKNOWN: i64 = 15_150_001;
const BAD: i64 = 15_150_002;
const STALE: i64 = 15_150_003;
const REPLAYED: i64 = 15_150_004;
const LIMITED: i64 = 15_150_029;

fn body() -> Value {
    json!({"project_no": PROJECT})
}

type Headers = Vec<(&'static str, String)>;

async fn send(caller: &Caller<'_>, headers: Headers) -> Answer {
    caller.send(Api::GetActivityInfo, headers, body().to_string()).await
}

fn changed(mut headers: Headers, name: &str, value: &str) -> Headers {
    let header = headers.iter_mut().find(|(known, _)| *known == name).unwrap();
    header.1 = value.to_owned();
    headers
}

#[tokio::test]
async fn header_names_are_read_in_any_case() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let lower = |(name, value): (&'static str, String)| {
        let name: &'static str = Box::leak(name.to_lowercase().into_boxed_str());
        (name, value)
    };
    let headers = caller.headers().into_iter().map(lower).collect();
    send(&caller, headers).await.success();
}

#[tokio::test]
async fn a_missing_or_repeated_header_is_named() {
    let app = TestApp::start().await;
    let caller = app.caller();
    for (name, code, text) in [
        (sign::APPID, UNKNOWN, "应用不存在"),
        (sign::NONCE, BAD, "签名错误"),
        (sign::TIMESTAMP, BAD, "签名错误"),
        (sign::SIGN, BAD, "签名错误"),
    ] {
        let mut without = caller.headers();
        without.retain(|(known, _)| *known != name);
        let msg = format!("{text}: 缺少请求头 {name}");
        send(&caller, without).await.assert_refused(code, &msg);
        let mut twice = caller.headers();
        twice.push(twice.iter().find(|(known, _)| *known == name).unwrap().clone());
        let msg = format!("{text}: 请求头 {name} 重复");
        send(&caller, twice).await.assert_refused(code, &msg);
    }
}

#[tokio::test]
async fn an_unknown_application_is_told_so() {
    let app = TestApp::start().await;
    let caller = Caller { appid: "nobody".to_owned(), ..app.caller() };
    caller.call(Api::GetActivityInfo, &body()).await.assert_refused(UNKNOWN, "应用不存在");
}

#[tokio::test]
async fn only_the_right_signature_passes() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let forger = Caller { secret: "guessed".to_owned(), ..app.caller() };
    forger.call(Api::GetActivityInfo, &body()).await.assert_refused(BAD, "签名错误");
    let headers = caller.headers();
    let lower = headers[3].1.to_lowercase();
    for headers in [
        changed(headers.clone(), sign::APPID, OTHER_APP),
        changed(headers.clone(), sign::NONCE, &fresh_nonce()),
        changed(headers.clone(), sign::TIMESTAMP, &(now() + 1).to_string()),
        changed(headers.clone(), sign::SIGN, &lower),
        changed(headers.clone(), sign::SIGN, ""),
        changed(headers.clone(), sign::SIGN, &"F".repeat(64)),
        changed(headers.clone(), sign::SIGN, &"F".repeat(6400)),
    ] {
        let answer = send(&caller, headers).await;
        assert!(answer.code == BAD, "{answer:?}");
    }
    // None of these used the nonce up.
    send(&caller, headers).await.success();
}

#[tokio::test]
async fn a_nonce_must_be_letters_and_digits() {
    let app = TestApp::start().await;
    let caller = app.caller();
    for nonce in ["a-b", "a b", &"a".repeat(65)] {
        let answer = send(&caller, caller.headers_at(now(), nonce)).await;
        answer.assert_refused(BAD, "签名错误: Gy-H-Api-Nonce-Str 必须是 1 至 64 位字母或数字");
    }
    for nonce in ["a", "1650812345678", &"Z9".repeat(32)] {
        send(&caller, caller.headers_at(now(), nonce)).await.success();
    }
}

#[tokio::test]
async fn a_timestamp_must_be_near_the_real_time() {
    let app = TestApp::start().await;
    let caller = app.caller();
    // A call may be under way for a while before the clock is looked at.
    for away in [-230, 290] {
        send(&caller, caller.headers_at(now() + away, &fresh_nonce())).await.success();
    }
    for away in [-310, 370, i64::from(u32::MAX)] {
        let answer = send(&caller, caller.headers_at(now() + away, &fresh_nonce())).await;
        answer.assert_refused(STALE, "时间戳超出有效期");
    }
    // The business clock has no say in it.
    app.app.engine.clock().advance(jiff::SignedDuration::from_hours(1));
    send(&caller, caller.headers()).await.success();
}

#[tokio::test]
async fn a_signed_timestamp_that_is_no_number_is_stale() {
    let app = TestApp::start().await;
    let caller = app.caller();
    for timestamp in ["yesterday", "-1", "99999999999999999999"] {
        let nonce = fresh_nonce();
        let signature = sign::sign(APP, &nonce, timestamp, SECRET);
        let headers = changed(caller.headers(), sign::NONCE, &nonce);
        let headers = changed(headers, sign::TIMESTAMP, timestamp);
        let headers = changed(headers, sign::SIGN, &signature);
        send(&caller, headers).await.assert_refused(STALE, "时间戳超出有效期");
    }
}

#[tokio::test]
async fn the_freshness_window_is_a_setting() {
    let app = TestApp::with_settings(|settings| settings.freshness_s = 5).await;
    let caller = app.caller();
    let answer = send(&caller, caller.headers_at(now() - 10, &fresh_nonce())).await;
    answer.assert_refused(STALE, "时间戳超出有效期");
}

#[tokio::test]
async fn what_was_signed_before_the_server_started_is_stale() {
    let app = TestApp::with(Setup { age_s: 0, embedded: true, ..Setup::default() }).await;
    let caller = app.caller();
    let began = app.app.nonces.began();
    let answer = send(&caller, caller.headers_at(began - 1, &fresh_nonce())).await;
    answer.assert_refused(STALE, "时间戳超出有效期");
    send(&caller, caller.headers_at(began, &fresh_nonce())).await.success();
}

#[tokio::test]
async fn a_nonce_passes_once() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let headers = caller.headers();
    send(&caller, headers.clone()).await.success();
    send(&caller, headers.clone()).await.assert_refused(REPLAYED, "随机串重复");
    let nonce = &headers[1].1;
    let later = caller.headers_at(now() + 7, nonce);
    send(&caller, later).await.assert_refused(REPLAYED, "随机串重复");
    let other = app.other_caller();
    send(&other, other.headers_at(now(), nonce)).await.success();
}

#[tokio::test]
async fn when_no_more_nonces_can_be_remembered_calls_are_too_many() {
    let app = TestApp::with_settings(|settings| settings.nonces_max = 2).await;
    let caller = app.caller();
    send(&caller, caller.headers()).await.success();
    send(&caller, caller.headers()).await.success();
    send(&caller, caller.headers()).await.assert_refused(LIMITED, "请求过于频繁,需要重试");
}

#[tokio::test]
async fn an_application_has_a_rate_of_its_own() {
    let app = TestApp::start().await;
    let appid = AppId::from(APP);
    let rate = |rate| UpdateApplication {
        appid: appid.clone(),
        name: None,
        rate_per_s: Some(rate),
        flowers_per_day: None,
    };
    app.done(rate(Some(1))).await;
    app.app.refresh().await.unwrap();
    let caller = app.caller();
    let mut sent = 0;
    let refused = loop {
        let headers = caller.headers();
        let answer = send(&caller, headers.clone()).await;
        if answer.code != 0 {
            answer.assert_refused(LIMITED, "请求过于频繁,需要重试");
            break headers;
        }
        sent += 1;
        assert!(sent < 100, "a hundred calls take far less than a hundred seconds");
    };
    assert!(sent > 0);
    let other = app.other_caller();
    send(&other, other.headers()).await.success();
    app.done(rate(None)).await;
    app.app.refresh().await.unwrap();
    // What was refused for its rate may be sent again as it is.
    send(&caller, refused).await.success();
}

#[tokio::test]
async fn a_rotated_secret_signs_until_its_time() {
    let app = TestApp::start().await;
    let appid = AppId::from(APP);
    let rotate = |secret: &str, until: Timestamp| RotateSecret {
        appid: appid.clone(),
        sealed_secret: app.app.seal_secret(&appid, secret),
        previous_valid_until: Some(until),
    };
    let until = |time: SystemTime| Timestamp::try_from(time).unwrap();
    let hour = Duration::from_secs(3600);
    app.done(rotate("second", until(SystemTime::now() + hour))).await;
    app.app.refresh().await.unwrap();
    let signing = |secret: &str| Caller { secret: secret.to_owned(), ..app.caller() };
    for secret in [SECRET, "second"] {
        signing(secret).call(Api::GetActivityInfo, &body()).await.success();
    }
    app.done(rotate("third", until(SystemTime::now() - hour))).await;
    app.app.refresh().await.unwrap();
    for secret in [SECRET, "second"] {
        let answer = signing(secret).call(Api::GetActivityInfo, &body()).await;
        answer.assert_refused(BAD, "签名错误");
    }
    signing("third").call(Api::GetActivityInfo, &body()).await.success();
}

#[tokio::test]
async fn a_revoked_application_is_unknown() {
    let app = TestApp::start().await;
    app.done(RevokeApplication { appid: AppId::from(APP) }).await;
    app.app.refresh().await.unwrap();
    let answer = app.call(Api::GetActivityInfo, &body()).await;
    answer.assert_refused(UNKNOWN, "应用不存在");
}

#[tokio::test]
async fn a_callers_trace_is_taken_over() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let mut headers = caller.headers();
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    headers.push(("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01")));
    assert_eq!(send(&caller, headers).await.trace_id, trace_id);
    assert_ne!(send(&caller, caller.headers()).await.trace_id, trace_id);
}
