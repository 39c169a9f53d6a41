//! A platform that answers as told, one step for each call, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use huodong_client::lakala::{Client, ClientBuilder};
use huodong_client::{Backoff, Source};
use huodong_wire::lakala::sign::{
    REPLY_APPID, REPLY_NONCE, REPLY_SERIAL, REPLY_SIGNATURE, REPLY_TIMESTAMP, ReplySigned,
    RequestSigned,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::identity::{Identity, PARTNER, PLATFORM};

pub(crate) const APPID: &str = "OP00000003";
pub(crate) const NOW: i64 = 1_763_690_400;

/// What to do with one call.
#[derive(Clone)]
pub(crate) enum Step {
    /// HTTP 200 with this body, signed; the headers are then changed by the function.
    Reply(String, &'static Identity, fn(&mut HeaderMap)),
    /// This status.
    Status(u16),
    /// Never answers.
    Hang,
}

pub(crate) fn reply(body: &Value) -> Step {
    Step::Reply(body.to_string(), &PLATFORM, |_| {})
}

pub(crate) fn tampered(tamper: fn(&mut HeaderMap)) -> Step {
    Step::Reply(issue_body("SUCCESS").to_string(), &PLATFORM, tamper)
}

pub(crate) fn signed_by(identity: &'static Identity) -> Step {
    Step::Reply(issue_body("SUCCESS").to_string(), identity, |_| {})
}

pub(crate) fn issue(status: &str) -> Step {
    reply(&issue_body(status))
}

pub(crate) fn issue_body(status: &str) -> Value {
    let (code, why) = if status == "FAIL" { ("300003", "库存不足") } else { ("000000", "") };
    json!({"msg": "处理成功", "code": "000000", "data": {
        "resCode": code, "failMsg": why, "activity_id": "1100000086", "owner_id": "80000007",
        "promotion_id": "WX1", "third_coupon_id": "wxd5", "mer_order_id": "M1", "trade_no": "T1",
        "batch_code": "B1", "channel_openid": "oKL", "trade_status": status,
    }})
}

pub(crate) fn query(status: &str) -> Step {
    let (code, why) = if status == "FAIL" { ("300005", "渠道拒绝") } else { ("000000", "") };
    reply(&json!({"msg": "处理成功", "code": "000000", "data": {
        "resCode": code, "failMsg": why, "trade_status": status, "promo_amount": "",
        "total_amount": "", "org_amount": "", "gmt_used": "", "tradeStatus": "",
    }}))
}

pub(crate) fn refused(code: &str) -> Step {
    reply(&json!({"msg": "no", "code": code, "data": {"resCode": code, "failMsg": "no"}}))
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) nonce: String,
    pub(crate) body: Value,
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) url: String,
    steps: Arc<Mutex<VecDeque<Step>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Script {
    pub(crate) async fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            calls: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        script
    }

    /// A client that waits next to nothing between attempts and lives at a time of its own.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let quick = Backoff { first: Duration::from_micros(100), most: Duration::from_millis(1) };
        Client::builder(&self.url, APPID, "0001")
            .private_key(&PARTNER.key_pem)
            .platform_certificate(PLATFORM.certificate.pem())
            .http(huodong_client::reqwest::Client::builder().no_proxy())
            .sending(quick)
            .polling(quick)
            .source(At(NOW))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The calls so far. Every step must have been used: a call too few is an error too.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let left = self.steps.lock().unwrap().len();
        assert_eq!(left, 0, "steps left");
        self.calls.lock().unwrap().clone()
    }

    /// The last part of each call's path so far.
    pub(crate) fn apis(&self) -> Vec<String> {
        let name = |call: &Call| call.path.rsplit('/').next().unwrap().to_owned();
        self.calls().iter().map(name).collect()
    }
}

/// Checks the request's signature and takes the next step.
async fn answer(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["content-type"], "application/json");
    let header = headers["authorization"].to_str().unwrap();
    let (signed, signature) = RequestSigned::parse(header).unwrap();
    assert_eq!((signed.appid, signed.serial_no), (APPID, "0001"));
    assert_eq!(signed.timestamp, NOW.to_string());
    assert!(PARTNER.certificate.verify(&signed.string_to_sign(&body), signature));
    script.calls.lock().unwrap().push(Call {
        path: uri.path().to_owned(),
        nonce: signed.nonce_str.to_owned(),
        body: serde_json::from_slice(&body).unwrap(),
    });
    let step = script.steps.lock().unwrap().pop_front();
    match step.expect("a call more than the script has") {
        Step::Reply(body, identity, tamper) => sign(body, identity, tamper),
        Step::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Step::Hang => std::future::pending().await,
    }
}

fn sign(body: String, identity: &Identity, tamper: fn(&mut HeaderMap)) -> Response {
    let (timestamp, nonce) = (NOW.to_string(), "abcdefGHI012");
    let serial = identity.certificate.serial_hex();
    let signed = ReplySigned { appid: APPID, serial, timestamp: &timestamp, nonce };
    let signature = identity.key.sign(&signed.string_to_sign(body.as_bytes()));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (REPLY_APPID, APPID),
        (REPLY_SERIAL, serial),
        (REPLY_TIMESTAMP, &timestamp),
        (REPLY_NONCE, nonce),
        (REPLY_SIGNATURE, &signature),
    ] {
        let name = axum::http::HeaderName::try_from(name).unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    tamper(&mut headers);
    (headers, body).into_response()
}

/// A clock that stands, beside fresh nonces.
pub(crate) struct At(pub(crate) i64);

impl Source for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap()
    }

    fn nonce(&self) -> String {
        huodong_client::System.nonce()
    }

    fn jitter(&self) -> u16 {
        0
    }
}
