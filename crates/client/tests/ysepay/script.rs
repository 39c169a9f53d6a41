//! A gateway that answers as told, one step for each call, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use huodong_client::ysepay::{Client, ClientBuilder, Mode, PrivateKey};
use huodong_client::{Backoff, Retry, Source};
use huodong_wire::ysepay::{
    AddDataCode, Common, ConsultCode, ContentKey, Empty, Fields, GatewayCode, Reply, ReplyForm,
    Stamp, open,
};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::Value;

use crate::identity::{self, Identities};

pub(crate) const CERT_ID: &str = "826584560000001";
pub(crate) const NOW: i64 = 1_763_690_400;

/// 2025-11-21 10:00:00
pub(crate) fn now() -> DateTime {
    Offset::constant(8).to_datetime(Timestamp::from_second(NOW).unwrap())
}

/// What to do with one call.
pub(crate) enum Step {
    /// Answer this.
    Answer(Answer),
    /// Answer this body, as it stands.
    Body(String),
    /// This status.
    Status(u16),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Break,
}

pub(crate) struct Answer {
    reply: Reply<'static>,
    form: ReplyForm,
    at: DateTime,
    signer: fn(&Identities) -> Option<&PrivateKey>,
    /// In place of the request's.
    key: Option<ContentKey>,
    /// Changes fields before they are signed.
    before: fn(&mut Vec<(String, String)>),
    /// Changes fields afterwards.
    after: fn(&mut Vec<(String, String)>),
}

impl Answer {
    pub(crate) fn new(reply: Reply<'static>) -> Self {
        Self {
            reply,
            form: ReplyForm::Base64,
            at: now(),
            signer: |keys| Some(&keys.gateway),
            key: None,
            before: |_| {},
            after: |_| {},
        }
    }

    pub(crate) fn form(self, form: ReplyForm) -> Step {
        Step::Answer(Self { form, ..self })
    }

    pub(crate) fn at(self, at: DateTime) -> Step {
        Step::Answer(Self { at, ..self })
    }

    pub(crate) fn signed_by(self, signer: fn(&Identities) -> Option<&PrivateKey>) -> Step {
        Step::Answer(Self { signer, ..self })
    }

    pub(crate) fn under(self, key: ContentKey) -> Step {
        Step::Answer(Self { key: Some(key), ..self })
    }

    pub(crate) fn before(self, before: fn(&mut Vec<(String, String)>)) -> Step {
        Step::Answer(Self { before, ..self })
    }

    pub(crate) fn after(self, after: fn(&mut Vec<(String, String)>)) -> Step {
        Step::Answer(Self { after, ..self })
    }
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

pub(crate) fn enrolled(state: &str) -> Answer {
    let data = format!(r#"{{"state":"{state}","reqMsgId":"R1"}}"#);
    Answer::new(Reply::success(AddDataCode::Success, data))
}

pub(crate) fn uploaded(data: &'static str) -> Answer {
    Answer::new(Reply::success(AddDataCode::Success, data))
}

pub(crate) fn consulted(data: &'static str) -> Answer {
    Answer::new(Reply::success(ConsultCode::Success, data))
}

pub(crate) fn refused(sub_code: &'static str) -> Answer {
    Answer::new(Reply::business(sub_code, "no", ""))
}

pub(crate) fn turned_away(code: GatewayCode) -> Answer {
    Answer::new(Reply::gateway(code, ""))
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) fields: Fields,
    /// In the request's charset.
    pub(crate) content: Vec<u8>,
    /// An upload's name and bytes.
    pub(crate) file: Option<(String, Vec<u8>)>,
    pub(crate) key: [u8; 16],
}

impl Call {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.content).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) url: String,
    pub(crate) keys: &'static Identities,
    steps: Arc<Mutex<VecDeque<Step>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Script {
    pub(crate) async fn new(mode: Mode, steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            keys: identity::of(mode),
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            calls: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        script
    }

    /// A client that lives at a time of its own.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url, CERT_ID)
            .private_key_read(self.keys.initiator.clone())
            .gateway_key_read(self.keys.gateway.public().clone())
            .http(huodong_client::reqwest::Client::builder().no_proxy())
            .source(At(NOW))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// One that sends up to so many times, and waits next to nothing in between.
    pub(crate) fn patient(&self, attempts_max: u32) -> Client {
        let wait = Duration::from_micros(100);
        let backoff = Backoff { first: wait, most: wait };
        self.builder().retry(Retry { attempts_max, backoff }).build().unwrap()
    }

    /// The calls so far. Every step must have been used: a call too few is an error too.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let left = self.steps.lock().unwrap().len();
        assert_eq!(left, 0, "steps left");
        self.calls.lock().unwrap().clone()
    }
}

/// Checks and opens the request as the gateway does, and takes the next step.
async fn answer(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = headers["content-type"].to_str().unwrap().to_owned();
    let (fields, file) = read(&content_type, &body);
    assert!(fields.verify(script.keys.initiator.public()), "{fields:?}");
    let common = Common::read(&fields).unwrap();
    assert_eq!((common.cert_id, common.time_stamp), (CERT_ID, now()));
    assert_eq!(uri.path(), format!("/openapi/{}", common.method.replace('.', "/")));
    let opened = open([&script.keys.gateway], common.check, common.biz_content).unwrap();
    let call = Call {
        path: uri.path().to_owned(),
        content_type,
        content: opened.content,
        file,
        key: *opened.key.bytes(),
        fields,
    };
    script.calls.lock().unwrap().push(call);
    let step = script.steps.lock().unwrap().pop_front();
    match step.expect("a call more than the script has") {
        Step::Answer(answer) => encode(&answer, &opened.key, script.keys).into_response(),
        Step::Body(body) => body.into_response(),
        Step::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Step::Hang => std::future::pending().await,
        Step::Break => panic!("the connection breaks, as the test wants it"),
    }
}

fn encode(answer: &Answer, key: &ContentKey, keys: &Identities) -> Vec<u8> {
    let key = answer.key.as_ref().unwrap_or(key);
    let stamp = Stamp { now: answer.at, norce: "0123456789abcdef0123456789abcdef" };
    // Plain and unsigned, so that it can be changed before it is signed.
    let body = answer.reply.encode(Some(key), None, stamp, ReplyForm::Plain);
    let mut fields = pairs(&Fields::from_json(&body).unwrap());
    (answer.before)(&mut fields);
    if let Some(signer) = (answer.signer)(keys) {
        let string = all(&fields).string_to_sign(Empty::Skipped);
        fields.push(("sign".to_owned(), signer.sign(string.as_bytes())));
    }
    (answer.after)(&mut fields);
    let object: serde_json::Map<_, _> =
        fields.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let json = Value::from(object).to_string();
    match answer.form {
        ReplyForm::Plain => json.into_bytes(),
        ReplyForm::Base64 => base64::Engine::encode(&base64::prelude::BASE64_STANDARD, json).into(),
    }
}

fn pairs(fields: &Fields) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn all(pairs: &[(String, String)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in pairs {
        fields.push(name, value).unwrap();
    }
    fields
}

/// The fields of a body, and the file where it is an upload's.
fn read(content_type: &str, body: &[u8]) -> (Fields, Option<(String, Vec<u8>)>) {
    match content_type {
        "application/json" => (Fields::from_json(body).unwrap(), None),
        "application/x-www-form-urlencoded" => (Fields::from_form(body).unwrap(), None),
        multipart => {
            let boundary = multipart.strip_prefix("multipart/form-data; boundary=").unwrap();
            parts(boundary, body)
        }
    }
}

fn parts(boundary: &str, body: &[u8]) -> (Fields, Option<(String, Vec<u8>)>) {
    // As latin-1, so that the file's bytes survive.
    let text: String = body.iter().map(|byte| char::from(*byte)).collect();
    let text = text.strip_suffix(&format!("--{boundary}--\r\n")).unwrap();
    let (mut fields, mut file) = (Fields::default(), None);
    for part in text.split(&format!("--{boundary}\r\n")).skip(1) {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let content = content.strip_suffix("\r\n").unwrap();
        let named = |name: &str| {
            let (_, rest) = head.split_once(&format!(" {name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        match named("filename") {
            Some(name) => {
                assert_eq!(named("name").unwrap(), "file");
                file = Some((name, content.chars().map(|c| c as u8).collect()));
            }
            None => fields.push(named("name").unwrap(), content).unwrap(),
        }
    }
    (fields, file)
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
