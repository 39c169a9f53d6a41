//! What no honest caller sends: it gets the right answer, and the server goes on.

use std::time::Duration;

use huodong_wire::gongyi::Api;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Answer, FUNDS, TestApp, activity, donation, with};

const UNREADABLE: i64 = 15_150_005;
const INVALID: i64 = 32_240_001;

async fn send(app: &TestApp, body: impl Into<Vec<u8>>) -> Answer {
    let caller = app.caller();
    caller.send(Api::RewardToDonate, caller.headers(), body.into()).await
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_unreadable() {
    let app = TestApp::start().await;
    let good = donation().to_string();
    let mut broken_utf8 = good.clone().into_bytes();
    let at = good.find("user_001").unwrap();
    broken_utf8[at] = 0xff;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let deep_field = format!(r#"{{"x":{deep},{}"#, &good[1..]);
    let deep_objects = format!(r#"{}1{}"#, r#"{"a":"#.repeat(9_000), "}".repeat(9_000));
    for body in [
        Vec::new(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"text\"".to_vec(),
        b"{".to_vec(),
        good.as_bytes()[..good.len() - 1].to_vec(),
        format!("{good}{good}").into_bytes(),
        format!("\u{feff}{good}").into_bytes(),
        b"activity_no=instant&money=5000".to_vec(),
        b"\0\0\0\0".to_vec(),
        broken_utf8,
        deep.into_bytes(),
        deep_field.into_bytes(),
        deep_objects.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let answer = send(&app, body).await;
        assert_eq!(answer.code, UNREADABLE, "{shown}: {}", answer.text);
    }
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS);
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let app = TestApp::start().await;
    for (field, value) in [
        ("money", serde_json::json!("5000")),
        ("money", serde_json::json!(-1)),
        ("money", serde_json::json!(0.5)),
        ("money", serde_json::json!(1e30)),
        ("money", serde_json::json!(4_294_967_296_u64)),
        ("money", serde_json::json!([5000])),
        ("money", Value::Null),
        ("money", serde_json::json!(true)),
        ("reward", serde_json::json!({})),
        ("bid", serde_json::json!(12345)),
        ("bid", serde_json::json!("")),
        ("third_uid", serde_json::json!("u".repeat(10_000))),
        ("reward_time", serde_json::json!("2025-02-30 12:00:00")),
        ("reward_time", serde_json::json!("2025-08-01T12:00:00Z")),
        ("reward_time", serde_json::json!(1_754_020_800)),
    ] {
        let answer = send(&app, with(donation(), field, value.clone()).to_string()).await;
        assert_eq!(answer.code, INVALID, "{field} {value}: {}", answer.text);
        assert!(answer.msg.starts_with(&format!("请求参数异常: {field} ")), "{}", answer.msg);
    }
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS);
}

#[tokio::test]
async fn a_repeated_field_is_named() {
    let app = TestApp::start().await;
    let body = donation().to_string();
    let twice = format!(r#"{{"money":1,{}"#, &body[1..]);
    send(&app, twice).await.assert_refused(INVALID, "请求参数异常: money 不能重复");
}

#[tokio::test]
async fn what_is_escaped_or_unusual_in_text_is_kept() {
    let app = TestApp::start().await;
    let odd = "a\"\\\u{1}\u{1f33a}\u{202e}'; DROP TABLE";
    let data = app.call(Api::RewardToDonate, &with(donation(), "third_uid", odd)).await.success();
    assert_eq!(data["third_uid"], odd);
}

#[tokio::test]
async fn the_one_character_that_not_every_database_takes_is_refused_by_name() {
    let app = TestApp::start().await;
    let answer = app.call(Api::RewardToDonate, &with(donation(), "third_uid", "a\u{0}b")).await;
    answer.assert_refused(INVALID, "请求参数异常: third_uid 不能包含 U+0000");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_answer_arrives() {
    let app = TestApp::start().await;
    let limit = app.app.settings.body_bytes_max;
    let padded = |len: usize| {
        let body = donation().to_string();
        format!("{body}{}", " ".repeat(len - body.len()))
    };
    send(&app, padded(limit)).await.success();
    for len in [limit + 1, 1 << 20, 6 << 20] {
        let answer = send(&app, padded(len)).await;
        answer.assert_refused(
            UNREADABLE,
            "请求体不是 JSON 对象或超出大小限制: 请求体不能超过 65536 字节",
        );
    }
}

/// Sends bytes as they are and reads until the server closes.
async fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    // The server may hang up before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    let read = stream.read_to_end(&mut all);
    // Sooner than it does on who says nothing.
    let _ = tokio::time::timeout(Duration::from_secs(45), read).await.expect("it hangs up");
    String::from_utf8(all).unwrap()
}

fn head(app: &TestApp, more: &str) -> String {
    let headers = app.caller().headers();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let path = Api::RewardToDonate.path();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}{more}\r\n")
}

fn body_of(response: &str) -> Answer {
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    Answer::read(response.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_body_that_claims_to_be_huge_is_refused_before_it_is_sent() {
    let app = TestApp::start().await;
    let bytes = head(&app, "Content-Length: 99999999999\r\nExpect: 100-continue\r\n");
    let response = raw(&app, bytes.as_bytes()).await;
    assert_eq!(body_of(&response).code, UNREADABLE);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let app = TestApp::with_settings(|settings| {
        settings.body_deadline = Duration::from_millis(100);
    })
    .await;
    let bytes = head(&app, "Content-Length: 500\r\n") + "{\"activity_no\":";
    let answer = body_of(&raw(&app, bytes.as_bytes()).await);
    answer.assert_refused(UNREADABLE, "请求体不是 JSON 对象或超出大小限制: 接收请求体超时");
}

#[tokio::test]
async fn a_body_in_chunks_is_read_and_bounded() {
    let app = TestApp::start().await;
    let body = donation().to_string();
    let (one, two) = body.split_at(100);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let bytes = head(&app, "Transfer-Encoding: chunked\r\n") + &chunks;
    body_of(&raw(&app, bytes.as_bytes()).await).success();
    let many = format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(100) + "0\r\n\r\n";
    let bytes = head(&app, "Transfer-Encoding: chunked\r\n") + &many;
    assert_eq!(body_of(&raw(&app, bytes.as_bytes()).await).code, UNREADABLE);
    let broken = head(&app, "Transfer-Encoding: chunked\r\n") + "zz\r\n";
    let response = raw(&app, broken.as_bytes()).await;
    assert!(response.is_empty() || body_of(&response).code == UNREADABLE, "{response}");
}

#[tokio::test]
async fn what_is_no_http_is_hung_up_on() {
    let app = TestApp::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"POST /api HTTP/1.1\r\nContent-Length: nan\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        &[0; 4096],
    ] {
        let response = raw(&app, bytes).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 400 "), "{response}");
    }
    app.call(Api::RewardToDonate, &donation()).await.success();
}

#[tokio::test]
async fn a_caller_that_hangs_up_harms_nobody() {
    let app = TestApp::start().await;
    for _ in 0..50 {
        let body = donation().to_string();
        let bytes = head(&app, &format!("Content-Length: {}\r\n", body.len())) + &body;
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        drop(stream);
    }
    app.call(Api::RewardToDonate, &donation()).await.success();
    app.assert_balanced().await;
}

#[tokio::test]
async fn only_post_is_allowed_and_only_on_known_paths() {
    let app = TestApp::start().await;
    let get = app.http.get(app.url(Api::RewardToDonate.path())).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(get.headers()["allow"], "POST");
    for path in ["/api/reward_donate_service/rewardtodonate", "/api/nothing", "/api/"] {
        let response = app.http.post(app.url(path)).body("{}").send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    let unknown = app.http.post(app.url("/api/x")).body("{}").send().await.unwrap();
    let answer = Answer::read(unknown.text().await.unwrap());
    answer.assert_refused(INVALID, "请求参数异常: 接口不存在");
}
