//! A server that answers as told, one step for each call, and remembers what it was sent. It
//! speaks just enough HTTP/1.1, so that it can also break off where a proper server would not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use huodong_client::gongyi::{Client, ClientBuilder};
use huodong_client::{Backoff, Source};
use huodong_wire::gongyi::sign;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Duration;

pub(crate) const SECRET: &str = "secret_0123456789";

/// What to do with one call.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// HTTP 200 with this body.
    Body(String),
    /// This status.
    Status(u16),
    /// Breaks off without an answer.
    Drop,
    /// Breaks off within the answer.
    Half,
    /// Never answers.
    Hang,
}

/// An envelope around `data`.
pub(crate) fn answer(code: u32, data: Value) -> Step {
    let trace_id = "0123456789abcdef0123456789abcdef";
    let msg = if code == 0 { "Success" } else { "refused" };
    let body = json!({"code": code, "msg": msg, "op_time": 7, "trace_id": trace_id, "data": data});
    Step::Body(body.to_string())
}

pub(crate) fn refused(code: u32) -> Step {
    answer(code, json!({}))
}

/// An answer that says how the one donation stands.
pub(crate) fn donation(status: u32) -> Step {
    answer(0, donation_data(status))
}

pub(crate) fn donation_data(status: u32) -> Value {
    json!({
        "activity_no": "123456", "project_no": "224328", "third_uid": "user_001",
        "reward": 1000, "money": 5000, "reward_transcode": "trans_7890",
        "donate_transcode": "donate_12345", "donate_status": status,
    })
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) nonce: String,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn api(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

pub(crate) struct Script {
    pub(crate) url: String,
    steps: Arc<Mutex<VecDeque<Step>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Script {
    pub(crate) async fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let steps = Arc::new(Mutex::new(steps.into_iter().collect::<VecDeque<_>>()));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script = Self { url, steps: steps.clone(), calls: calls.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, steps.clone(), calls.clone()));
            }
        });
        script
    }

    /// A client that waits next to nothing between attempts.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let quick = Backoff { first: Duration::from_micros(100), most: Duration::from_millis(1) };
        Client::builder(&self.url, "demo_app", SECRET)
            .http(huodong_client::reqwest::Client::builder().no_proxy())
            .sending(quick)
            .polling(quick)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The calls so far. Every step must have been used: a call too few is an error too.
    pub(crate) fn calls(&self) -> Vec<Call> {
        assert!(self.steps.lock().unwrap().is_empty(), "steps left: {:?}", self.steps);
        self.calls.lock().unwrap().clone()
    }

    /// The names of the APIs called so far.
    pub(crate) fn apis(&self) -> Vec<String> {
        self.calls().iter().map(|call| call.api().to_owned()).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    steps: Arc<Mutex<VecDeque<Step>>>,
    calls: Arc<Mutex<Vec<Call>>>,
) {
    let call = read(&mut stream).await;
    calls.lock().unwrap().push(call);
    let step = steps.lock().unwrap().pop_front().expect("a call more than the script has");
    let text = match step {
        Step::Body(body) => reply(200, &body, body.len()),
        Step::Status(status) => reply(status, "", 0),
        Step::Half => reply(200, r#"{"code":0,"#, 500),
        Step::Drop => return,
        Step::Hang => return std::future::pending().await,
    };
    // The client may have hung up on an answer that is too long.
    _ = stream.write_all(text.as_bytes()).await;
}

fn reply(status: u16, body: &str, length: usize) -> String {
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Reads one call and checks its signature.
async fn read(stream: &mut TcpStream) -> Call {
    let mut bytes = Vec::new();
    loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client hung up");
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            let line = |line: &'_ str| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            };
            head.lines().find_map(line).unwrap_or_else(|| panic!("{name} in {head}"))
        };
        if body.len() < header("content-length").parse().unwrap() {
            continue;
        }
        assert_eq!(header("content-type"), "application/json");
        let nonce = header(sign::NONCE);
        let (appid, timestamp) = (header(sign::APPID), header(sign::TIMESTAMP));
        let signed = sign::Signed { appid: &appid, nonce: &nonce, timestamp: &timestamp };
        assert!(sign::nonce_is_well_formed(&nonce));
        assert!(signed.verify(&sign::key(SECRET), SECRET, &header(sign::SIGN)));
        let path = head.split(' ').nth(1).unwrap().to_owned();
        return Call { path, nonce, body: serde_json::from_str(body).unwrap() };
    }
}

/// A clock that stands and a nonce that repeats.
pub(crate) struct Still;

impl Source for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_650_812_345).unwrap()
    }

    fn nonce(&self) -> String {
        "1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h".to_owned()
    }

    fn jitter(&self) -> u16 {
        0
    }
}
