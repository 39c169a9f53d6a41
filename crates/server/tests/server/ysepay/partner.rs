//! An initiator that calls, and what it is answered.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use huodong_campaign::EnvelopeMode;
use huodong_engine::Chance;
use huodong_server::seed::{
    INITIATORS, MERCHANTS, PLAIN_INITIATOR, SeedInitiator, UNCONFIRMED_MERCHANT,
};
use huodong_wire::ysepay::{
    Api, ContentKey, Empty, Fields, Mode, PrivateKey, PublicKey, ReceivedReply, ReplyForm, seal,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::{Setup, TestApp, fresh_nonce};

pub async fn sandbox() -> TestApp {
    sandbox_with(|_| {}).await
}

pub async fn sandbox_with(change: impl FnOnce(&mut Setup)) -> TestApp {
    let mut setup = Setup::default();
    setup.settings.sandbox = true;
    change(&mut setup);
    TestApp::with(setup).await
}

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Urlencoded,
    Parts,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Json, Self::Urlencoded, Self::Parts];
}

/// An initiator that calls.
#[derive(Clone)]
pub struct Partner<'a> {
    pub server: &'a TestApp,
    pub cert_id: String,
    pub key: PrivateKey,
    pub gateway: PublicKey,
    /// In which form it is answered.
    pub replies: ReplyForm,
    /// The numbers of its merchants, by kind; the last has not confirmed.
    pub merchants: Vec<String>,
}

impl<'a> Partner<'a> {
    /// The one of SM2 mode.
    pub fn of(server: &'a TestApp) -> Self {
        Self::seeded(server, &INITIATORS[0])
    }

    /// One of RSA mode.
    pub fn rsa(server: &'a TestApp) -> Self {
        Self::seeded(server, &INITIATORS[1])
    }

    /// One that is answered in plain JSON.
    pub fn plain(server: &'a TestApp) -> Self {
        Self::seeded(server, &PLAIN_INITIATOR)
    }

    pub fn all(server: &'a TestApp) -> [Self; 3] {
        [Self::of(server), Self::rsa(server), Self::plain(server)]
    }

    fn seeded(server: &'a TestApp, seed: &SeedInitiator) -> Self {
        let mode = match seed.mode {
            EnvelopeMode::Rsa => Mode::Rsa,
            EnvelopeMode::Sm2 => Mode::Sm2,
        };
        let gateway = server.app.platform.gateway(mode).unwrap();
        let merchants = MERCHANTS.iter().chain([&UNCONFIRMED_MERCHANT]);
        Self {
            server,
            cert_id: seed.cert_id.to_owned(),
            key: PrivateKey::from_pem(seed.private_key_pem).unwrap(),
            gateway: gateway.certificate.public_key().clone(),
            replies: if seed.plain_replies { ReplyForm::Plain } else { ReplyForm::Base64 },
            merchants: merchants.map(|merchant| seed.merc_id(merchant)).collect(),
        }
    }

    /// A request with this content, under a reqId of its own.
    pub fn request(&self, api: Api, content: &Value) -> Request {
        self.request_of(api, content.to_string().as_bytes())
    }

    /// The same for content that may be no JSON.
    pub fn request_of(&self, api: Api, content: &[u8]) -> Request {
        let chance = Chance;
        let key = ContentKey::from_random(chance.bytes());
        let random = &mut |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                chunk.copy_from_slice(&chance.bytes::<32>()[..chunk.len()]);
            }
        };
        let sealed = seal(content, &key, &self.gateway, random);
        let fields = [
            ("method", api.method().to_owned()),
            ("version", "1.0".to_owned()),
            ("charset", "utf-8".to_owned()),
            ("timeStamp", wall_time(0)),
            ("certId", self.cert_id.clone()),
            ("reqId", fresh_nonce()),
            ("check", sealed.check),
            ("bizContent", sealed.biz_content),
        ];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Request { api, key, fields, file: None, empty: Empty::Skipped }.signed(&self.key)
    }

    /// Calls, and checks that the answer is signed and in the form that this one is answered in.
    pub async fn call(&self, api: Api, content: &Value) -> Answer {
        self.send(&self.request(api, content)).await
    }

    /// The same for a request that was made before.
    pub async fn send(&self, request: &Request) -> Answer {
        let form = if request.file.is_some() { Form::Parts } else { Form::Json };
        self.send_as(request, form).await
    }

    pub async fn send_as(&self, request: &Request, form: Form) -> Answer {
        let answer = send(self.server, request, form).await;
        assert!(answer.reply.verify(&self.gateway), "{}", answer.text);
        assert_eq!(answer.reply.form(), self.replies);
        answer
    }

    /// Uploads a photo; the request's content is made of the photo.
    pub fn upload(&self, photo: &[u8]) -> Request {
        let mut request = self.request(Api::Upload, &meta(photo));
        request.file = Some(photo.to_vec());
        request
    }

    /// Uploads a photo and gives its id.
    pub async fn photo(&self) -> String {
        let answer = self.send(&self.upload(&jpeg(fresh_nonce().as_bytes()))).await;
        answer.success()["picId"].as_str().unwrap().to_owned()
    }

    /// So many photos' ids.
    pub async fn photos(&self, count: usize) -> Vec<String> {
        let mut photos = Vec::with_capacity(count);
        for _ in 0..count {
            photos.push(self.photo().await);
        }
        photos
    }
}

/// A request, ready to be sent, or to be damaged first.
#[derive(Clone)]
pub struct Request {
    pub api: Api,
    pub key: ContentKey,
    pub fields: BTreeMap<String, String>,
    pub file: Option<Vec<u8>>,
    /// Whether empty fields are signed, too.
    pub empty: Empty,
}

impl Request {
    /// With one field set; not signed again.
    pub fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    pub fn without(mut self, field: &str) -> Self {
        self.fields.remove(field).unwrap();
        self
    }

    /// Signed as it is now.
    pub fn signed(self, key: &PrivateKey) -> Self {
        let mut fields = Fields::default();
        for (name, value) in &self.fields {
            fields.push(name, value).unwrap();
        }
        let sign = key.sign(fields.string_to_sign(self.empty).as_bytes());
        self.with("sign", sign)
    }

    /// The body and its media type.
    pub fn body(&self, form: Form) -> (String, Vec<u8>) {
        match form {
            Form::Json => {
                let json = serde_json::to_vec(&self.fields).unwrap();
                ("application/json; charset=UTF-8".to_owned(), json)
            }
            Form::Urlencoded => {
                let mut body = form_urlencoded::Serializer::new(String::new());
                let body = body.extend_pairs(&self.fields).finish();
                ("application/x-www-form-urlencoded".to_owned(), body.into_bytes())
            }
            Form::Parts => {
                let mut body = Vec::new();
                for (name, value) in &self.fields {
                    body.extend(part(&format!("name=\"{name}\""), value.as_bytes()));
                }
                if let Some(file) = &self.file {
                    body.extend(part("name=\"file\"; filename=\"门头.jpg\"", file));
                }
                body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
                (format!("multipart/form-data; boundary={BOUNDARY}"), body)
            }
        }
    }
}

pub const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

pub fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// Sends a request as anybody.
pub async fn send(server: &TestApp, request: &Request, form: Form) -> Answer {
    let (media_type, body) = request.body(form);
    let answer = post(server, request.api.path(), &media_type, body).await;
    answer.opened(&request.key)
}

/// Sends a body as it is.
pub async fn post(
    server: &TestApp,
    path: &str,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let request = server.http.post(server.url(path)).header("Content-Type", media_type).body(body);
    Answer::read(request.send().await.unwrap()).await
}

/// An answer, of either form.
#[derive(Debug)]
pub struct Answer {
    /// The body as it came.
    pub text: String,
    pub reply: ReceivedReply,
    /// The business data, opened.
    pub data: Value,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        let media_type_sent = response.headers()["content-type"].clone();
        let text = response.text().await.unwrap();
        let reply = ReceivedReply::read(text.as_bytes()).unwrap();
        let media_type = match reply.form() {
            ReplyForm::Base64 => "text/plain; charset=utf-8",
            ReplyForm::Plain => "application/json; charset=utf-8",
        };
        assert_eq!(media_type_sent, media_type);
        for (name, value) in reply.fields().iter() {
            assert!(!value.is_empty(), "{name} is empty");
        }
        let norce = reply.fields().get("norce").unwrap();
        assert!(norce.len() == 32 && norce.bytes().all(|b| b.is_ascii_hexdigit()), "{norce}");
        assert!(reply.msg().chars().count() <= 50, "{}", reply.msg());
        Self { text, reply, data: Value::Null }
    }

    fn opened(mut self, key: &ContentKey) -> Self {
        if let Some(data) = self.reply.open(key).unwrap() {
            self.data = serde_json::from_slice(&data).unwrap();
        }
        self
    }

    /// What differs from one answer to the next that says the same.
    pub fn said(&self) -> Vec<(&str, &str)> {
        let differs = ["norce", "timeStamp", "sign"];
        self.reply.fields().iter().filter(|(name, _)| !differs.contains(name)).collect()
    }

    /// The gateway refused.
    #[track_caller]
    pub fn assert_gateway(&self, code: &str, msg: &str) {
        assert_eq!((self.reply.code(), self.reply.msg()), (code, msg));
        assert_eq!(
            (self.reply.sub_code(), self.reply.sub_msg(), &self.data),
            ("", "", &Value::Null)
        );
    }

    /// The API refused.
    #[track_caller]
    pub fn assert_refused(&self, sub_code: &str, sub_msg: &str) {
        assert_eq!((self.reply.code(), self.reply.msg()), ("00000", "成功"));
        assert_eq!((self.reply.sub_code(), self.reply.sub_msg()), (sub_code, sub_msg));
        assert_eq!(self.data, Value::Null);
    }

    /// The API did what was asked.
    #[track_caller]
    pub fn success(&self) -> &Value {
        assert_eq!((self.reply.code(), self.reply.msg()), ("00000", "成功"));
        assert!(["0000", "0"].contains(&self.reply.sub_code()), "{:?}", self.reply);
        assert_eq!(self.reply.sub_msg(), "成功");
        &self.data
    }

    /// What consult says, in order.
    #[track_caller]
    pub fn results(&self) -> Vec<&str> {
        let results = self.success()["consultResultInfoList"].as_array().unwrap();
        results.iter().map(|it| it["consultResultCode"].as_str().unwrap()).collect()
    }
}

/// So many seconds from now, in Shanghai.
pub fn wall_time(seconds: i64) -> String {
    let now = Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    huodong_campaign::SHANGHAI.to_datetime(now).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A JPEG with this in it.
pub fn jpeg(content: &[u8]) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0\0\x10JFIF\0", content].concat()
}

pub fn meta(photo: &[u8]) -> Value {
    json!({"meta": {
        "sysFlowId": "flow-1",
        "picType": "A001",
        "picNm": "门头.jpg",
        "sha256": hex::encode(digest(&SHA256, photo)),
    }})
}

/// Asks for a user of its own about these activities.
pub fn asking(activities: &[&str]) -> Value {
    asking_for(&fresh_nonce(), activities)
}

pub fn asking_for(user: &str, activities: &[&str]) -> Value {
    let activities: Vec<_> = activities.iter().map(|id| json!({"activityId": id})).collect();
    json!({"openId": user, "consultActivityInfoList": activities})
}
