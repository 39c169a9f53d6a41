//! Every callback that is owed arrives, whenever the server is killed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huodong_client::lakala::{IssueRequest, TradeStatus};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{Dice, PATIENCE, Sandbox, succeed};

/// Coupons of one round; fewer than attempts may be under way to one receiver.
const COUPONS: usize = 12;
const ACTIVITY: &str = "1100000086";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"code\":\"SUCCESS\"}";

#[tokio::test(flavor = "multi_thread")]
async fn crash_between_the_event_and_the_send_loses_no_callback() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::open().await;
    for round in 0..rounds() {
        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        // By a clock that stands still nothing falls due: the events are written, and no more.
        succeed(&["clock", "freeze", "--base-url", &sandbox.base_url]);
        let issued = issue(&sandbox, &receiver, &format!("before-{round}")).await;
        sandbox.kill();
        assert_eq!(receiver.seen(&issued[0]), 0, "sent before it was due");

        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        delivered(&sandbox).await;
        for trade_no in &issued {
            assert_eq!(receiver.seen(trade_no), 1, "{trade_no}");
            let attempts = attempts(&sandbox, trade_no).await;
            assert_eq!(attempts, ["acknowledged"], "{trade_no}");
        }
        assert_eq!(sandbox.terminate(), Some(0));
        audit(data.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_between_the_send_and_the_record_repeats_that_attempt() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::open().await;
    for round in 0..rounds() {
        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        receiver.hold(true);
        let issued = issue(&sandbox, &receiver, &format!("between-{round}")).await;
        receiver.until(|seen| issued.iter().all(|it| seen.contains_key(it))).await;
        // All are sent, and none is answered.
        sandbox.kill();
        receiver.hold(false);

        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        delivered(&sandbox).await;
        for trade_no in &issued {
            assert_eq!(receiver.seen(trade_no), 2, "{trade_no}");
            let attempts = attempts(&sandbox, trade_no).await;
            assert_eq!(attempts, ["interrupted", "acknowledged"], "{trade_no}");
        }
        assert_eq!(sandbox.terminate(), Some(0));
        audit(data.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_at_any_moment_loses_no_callback() {
    let seed = u64::from_be_bytes(huodong_engine::Chance.bytes());
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::open().await;
    let mut issued = Vec::new();
    for round in 0..rounds() {
        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        issued.extend(issue(&sandbox, &receiver, &format!("any-{round}")).await);
        // The first attempts begin a second after the events: the kills fall around them.
        tokio::time::sleep(Duration::from_millis(900 + dice.below(400))).await;
        sandbox.kill();
        audit(data.path());
    }
    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    delivered(&sandbox).await;
    for trade_no in &issued {
        let attempts = attempts(&sandbox, trade_no).await;
        let (last, before) = attempts.split_last().unwrap();
        assert_eq!(last, "acknowledged", "{trade_no}");
        assert!(before.iter().all(|it| it == "interrupted"), "{trade_no}: {attempts:?}");
        // An attempt is recorded before or after it is seen, and never made without a record.
        let seen = receiver.seen(trade_no);
        assert!((1..=attempts.len()).contains(&seen), "{trade_no}: {seen} of {attempts:?}");
    }
    assert_eq!(sandbox.terminate(), Some(0));
    audit(data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_finishes_the_attempts_under_way() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::open().await;
    let mut sandbox = Sandbox::start_with(Some(data.path()), &[]);
    receiver.hold(true);
    let issued = issue(&sandbox, &receiver, "stop").await;
    receiver.until(|seen| issued.iter().all(|it| seen.contains_key(it))).await;
    sandbox.tell_to_stop();
    receiver.hold(false);
    assert_eq!(sandbox.stop(), Some(0));

    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    for trade_no in &issued {
        assert_eq!(attempts(&sandbox, trade_no).await, ["acknowledged"], "{trade_no}");
        assert_eq!(receiver.seen(trade_no), 1, "{trade_no}");
    }
}

fn rounds() -> u64 {
    // Each of the three has a third of `make crash`; in the quick run one round, or a few.
    let asked = std::env::var("HUODONG_CRASH_ROUNDS").ok();
    asked.map_or(2, |text| text.parse::<u64>().unwrap().div_ceil(3))
}

/// Issues coupons whose outcome the receiver is to be told; their trade_nos.
async fn issue(sandbox: &Sandbox, receiver: &Receiver, name: &str) -> Vec<String> {
    let client = sandbox.institution();
    let mut issued = Vec::new();
    for number in 0..COUPONS {
        let request = IssueRequest {
            post_notify: Some(receiver.url.clone().into()),
            ..sandbox.issue(ACTIVITY, &format!("{name}-{number}"))
        };
        let answer = client.issue(&request).await.unwrap().data;
        assert_eq!(answer.trade_status, Some(TradeStatus::Success));
        issued.push(answer.trade_no.into_owned());
    }
    issued
}

/// Waits until nothing is owed any more.
async fn delivered(sandbox: &Sandbox) {
    let begin = Instant::now();
    loop {
        let counts = sandbox.operator("callbacks/counts").await;
        let counts = counts["counts"].as_array().unwrap().clone();
        let owed = |count: &&Value| count["status"] != "delivered" && count["count"] != 0;
        let Some(owed) = counts.iter().find(owed) else { return };
        assert_ne!(owed["status"], "exhausted", "{owed}");
        assert!(begin.elapsed() < PATIENCE, "still owed: {owed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How the attempts of a coupon's callback ended, in order.
async fn attempts(sandbox: &Sandbox, trade_no: &str) -> Vec<String> {
    let found = sandbox.operator(&format!("callbacks?coupon={trade_no}")).await;
    let found = found["items"].as_array().unwrap().clone();
    assert_eq!(found.len(), 1, "{found:?}");
    let id = found[0]["id"].as_str().unwrap();
    let attempts = sandbox.operator(&format!("callbacks/{id}/attempts")).await;
    let mut attempts = attempts["items"].as_array().unwrap().clone();
    attempts.sort_by_key(|attempt| attempt["number"].as_u64());
    attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap().to_owned()).collect()
}

fn audit(data: &Path) {
    let report = succeed(&["audit", "--data", data.to_str().unwrap()]);
    assert!(report.contains("OK: everything holds"), "{report}");
}

/// Outlives the servers that are killed. Acknowledges what comes, or holds its answers back.
struct Receiver {
    url: String,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    holds: watch::Sender<bool>,
}

impl Receiver {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/issued", listener.local_addr().unwrap());
        let seen: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let holds = watch::Sender::new(false);
        let (all, told) = (Arc::clone(&seen), holds.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(receive(stream, Arc::clone(&all), told.subscribe()));
            }
        });
        Self { url, seen, holds }
    }

    fn hold(&self, holds: bool) {
        self.holds.send_replace(holds);
    }

    /// How often a callback came.
    fn seen(&self, trade_no: &str) -> usize {
        self.seen.lock().unwrap().get(trade_no).copied().unwrap_or_default()
    }

    async fn until(&self, holds: impl Fn(&HashMap<String, usize>) -> bool) {
        let begin = Instant::now();
        while !holds(&self.seen.lock().unwrap()) {
            assert!(begin.elapsed() < PATIENCE, "only these came: {:?}", self.seen.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(
    mut stream: TcpStream,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    mut holds: watch::Receiver<bool>,
) {
    let mut bytes = Vec::new();
    // What comes after the sender was killed is the end, or an error; either ends this.
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let Ok(body) = serde_json::from_slice::<Value>(&bytes[head + 4..]) else { continue };
        bytes.clear();
        let trade_no = body["callTradeNo"].as_str().unwrap().to_owned();
        *seen.lock().unwrap().entry(trade_no).or_default() += 1;
        if holds.wait_for(|holds| !holds).await.is_err()
            || stream.write_all(ANSWER.as_bytes()).await.is_err()
        {
            return;
        }
    }
}
