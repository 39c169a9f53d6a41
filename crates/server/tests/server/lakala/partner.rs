//! An institution that calls, and what it is answered.

use huodong_campaign::KeyPurpose;
use huodong_server::seed::{INSTITUTION, OTHER_INSTITUTION, SeedInstitution};
use huodong_wire::lakala::sign::{ReplySigned, RequestSigned};
use huodong_wire::lakala::{Api, Certificate, SigningKey};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::app::{TestApp, fresh_nonce, now};

/// The seed's activities, and what each hands out.
pub mod activity {
    pub const INSTANT: &str = "1100000086";
    pub const PERCENT: &str = "1100000089";
    /// Decides after 5 seconds.
    pub const DEFERRED: &str = "1100000088";
    /// Fails after 2 seconds.
    pub const FAILING: &str = "1100000101";
    pub const REFUSED: &str = "1100000102";
    pub const UNAVAILABLE: &str = "1100000103";
    pub const FUTURE: &str = "1100000104";
    pub const DRAFT: &str = "1100000105";
    pub const ENDED: &str = "1100000106";
    pub const PAUSED: &str = "1100000107";
    pub const LAST: &str = "1100000108";
    pub const POOR: &str = "1100000109";
    pub const ONE_EACH: &str = "1100000110";
    pub const TWO_A_DAY: &str = "1100000111";
    pub const ONE_DAY: &str = "1100000112";
}

/// What an activity of the seed hands out.
pub fn promotion_of(activity_id: &str) -> String {
    match activity_id {
        activity::INSTANT => "WX1623452352312523523".to_owned(),
        other => format!("WX1623452352312523{}", &other[7..]),
    }
}

/// A sandbox whose callbacks may go to this machine, without TLS.
pub async fn sandbox() -> TestApp {
    TestApp::with_settings(|settings| {
        settings.sandbox = true;
        settings.lakala.delivery.allow_http = true;
        settings.lakala.delivery.allow_private = true;
    })
    .await
}

/// A sandbox that sends callbacks only to where a platform's server would.
pub async fn strict() -> TestApp {
    TestApp::with_settings(|settings| settings.sandbox = true).await
}

/// An institution that calls.
pub struct Partner<'a> {
    pub server: &'a TestApp,
    pub appid: String,
    pub serial_no: String,
    pub key: SigningKey,
}

impl<'a> Partner<'a> {
    pub fn of(server: &'a TestApp) -> Self {
        Self::seeded(server, &INSTITUTION)
    }

    pub fn other(server: &'a TestApp) -> Self {
        Self::seeded(server, &OTHER_INSTITUTION)
    }

    fn seeded(server: &'a TestApp, seed: &SeedInstitution) -> Self {
        let certificate = Certificate::from_pem(seed.certificate_pem).unwrap();
        Self {
            server,
            appid: seed.appid.to_owned(),
            serial_no: certificate.serial_hex().to_owned(),
            key: SigningKey::from_pem(seed.private_key_pem).unwrap(),
        }
    }

    /// The header of a call now.
    pub fn authorization(&self, body: &[u8]) -> String {
        self.authorization_at(now(), &fresh_nonce(), body)
    }

    pub fn authorization_at(&self, timestamp: i64, nonce_str: &str, body: &[u8]) -> String {
        let timestamp = timestamp.to_string();
        let signed = RequestSigned {
            appid: &self.appid,
            serial_no: &self.serial_no,
            timestamp: &timestamp,
            nonce_str,
        };
        signed.to_header(&self.key.sign(&signed.string_to_sign(body)))
    }

    pub async fn issue(&self, body: &Value) -> Answer {
        self.call(Api::Issue, body).await
    }

    pub async fn query(&self, body: &Value) -> Answer {
        self.call(Api::Query, body).await
    }

    pub async fn call(&self, api: Api, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(api, Some(self.authorization(body.as_bytes())), body).await
    }

    /// Sends a body, and checks that the answer is signed.
    pub async fn send(
        &self,
        api: Api,
        authorization: Option<String>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let answer = send(self.server, api, authorization, body).await;
        assert!(answer.is_signed(self.server), "{answer:?}");
        answer
    }
}

/// Sends a body as anybody.
pub async fn send(
    server: &TestApp,
    api: Api,
    authorization: Option<String>,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let mut request = server.http.post(server.url(api.default_path())).body(body);
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    let headers = response.headers().clone();
    Answer::read(headers, response.text().await.unwrap())
}

/// An answer of either shape.
#[derive(Debug)]
pub struct Answer {
    pub headers: HeaderMap,
    pub text: String,
    /// The whole body.
    pub whole: Value,
    pub code: String,
    pub msg: String,
    pub data: Value,
}

impl Answer {
    fn read(headers: HeaderMap, text: String) -> Self {
        let whole: Value = serde_json::from_str(&text).unwrap();
        let inner = whole.get("resp_data").unwrap_or(&whole).clone();
        let of = |name: &str| inner[name].as_str().unwrap().to_owned();
        let (code, msg, data) = (of("code"), of("msg"), inner["data"].clone());
        assert!(data.is_object(), "{text}");
        Self { headers, text, whole, code, msg, data }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it carries a signature of the key that signs answers now.
    pub fn is_signed(&self, server: &TestApp) -> bool {
        let signer = server.app.platform.signer(KeyPurpose::Reply).unwrap();
        self.is_signed_with(&signer.certificate)
    }

    pub fn is_signed_with(&self, certificate: &Certificate) -> bool {
        let signed = ReplySigned {
            appid: self.header("Lklapi-Appid"),
            serial: self.header("Lklapi-Serial"),
            timestamp: self.header("Lklapi-Timestamp"),
            nonce: self.header("Lklapi-Nonce"),
        };
        let message = signed.string_to_sign(self.text.as_bytes());
        signed.serial == certificate.serial_hex()
            && certificate.verify(&message, self.header("Lklapi-Signature"))
    }

    /// It is a refusal with this code, and nothing is told of an order.
    #[track_caller]
    pub fn assert_refused(&self, code: &str, detail: &str) {
        assert_eq!(self.code, code, "{}", self.text);
        assert!(self.msg.ends_with(detail), "{}", self.text);
        assert_eq!(self.data["resCode"], code);
        assert_eq!(self.data["failMsg"], self.msg);
        assert_eq!(self.data["trade_status"], "");
        if let Some(trade_no) = self.data.get("trade_no") {
            assert_eq!(trade_no, "");
        }
    }

    /// It was carried out, with this outcome.
    #[track_caller]
    pub fn assert_outcome(&self, trade_status: &str, res_code: &str) {
        assert_eq!((self.code.as_str(), self.msg.as_str()), ("000000", "处理成功"));
        assert_eq!(self.data["trade_status"], trade_status, "{}", self.text);
        assert_eq!(self.data["resCode"], res_code, "{}", self.text);
        assert_eq!(self.data["failMsg"] == "", res_code == "000000", "{}", self.text);
    }
}

/// A coupon of the instant activity, with a key and a user of its own.
pub fn request() -> Value {
    request_of(activity::INSTANT)
}

pub fn request_of(activity_id: &str) -> Value {
    json!({
        "member_id": "AAA200154561278",
        "activity_id": activity_id,
        "owner_id": "80000007",
        "promotion_id": promotion_of(activity_id),
        "channel_openid": fresh_nonce(),
        "mer_order_id": fresh_nonce(),
        "writeOffNotify": "https://partner.example/notify",
    })
}

/// A query for what an issue was answered.
pub fn query_for(issued: &Answer) -> Value {
    let data = &issued.data;
    json!({
        "owner_id": data["owner_id"],
        "mer_order_id": data["mer_order_id"],
        "activity_id": data["activity_id"],
        "trade_no": data["trade_no"],
    })
}
