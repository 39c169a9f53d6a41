//! Where callbacks go: they are verified, counted, and answered when they are let.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use huodong_client::lakala::Certificate;
use huodong_client::lakala::callback::{Acknowledge, Verifier};
use tokio::sync::watch;

use crate::support::PATIENCE;

#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    answers: watch::Sender<Answers>,
    state: Mutex<Came>,
}

/// When what comes is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Not before it is told to [answer all](Answers::All).
    Later,
    /// At once, but not what came before.
    AtOnce,
    /// All of it.
    All,
}

#[derive(Default)]
struct Came {
    /// How often each came.
    seen: HashMap<String, usize>,
    /// Which are being received, each by its number among all that came.
    open: HashMap<String, HashSet<usize>>,
    all: usize,
    /// Which came while they were being received.
    twice: Vec<String>,
    /// What could not be verified.
    refused: Vec<String>,
}

impl Receiver {
    pub(super) async fn open(notify_certificate_pem: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let certificate = Certificate::from_pem(notify_certificate_pem).unwrap();
        let verifier = Verifier::new([certificate]);
        let answers = watch::Sender::new(Answers::All);
        let inner = Arc::new(Inner { verifier, answers, state: Mutex::default() });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    /// From now on.
    pub(super) fn answer(&self, answers: Answers) {
        self.inner.answers.send_replace(answers);
    }

    /// What is being received of these is no longer under way: its lease is over, but its sender,
    /// which sleeps, does not hang up.
    pub(super) fn give_up(&self, trade_nos: &[String]) {
        let mut state = self.inner.state.lock().unwrap();
        trade_nos.iter().for_each(|it| drop(state.open.remove(it)));
    }

    /// How often a coupon's callback came.
    pub(super) fn seen(&self, trade_no: &str) -> usize {
        self.inner.state.lock().unwrap().seen.get(trade_no).copied().unwrap_or_default()
    }

    /// Returns when each of these has come so often.
    pub(super) async fn until_seen(&self, trade_nos: &[String], times: usize) {
        let begin = Instant::now();
        while trade_nos.iter().any(|it| self.seen(it) < times) {
            assert!(begin.elapsed() < PATIENCE, "not all of {trade_nos:?} came {times} times");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Nothing came that was not the platform's, or while an attempt at it was being received.
    pub(super) fn check(&self) {
        let state = self.inner.state.lock().unwrap();
        assert_eq!(state.refused, [] as [&str; 0]);
        assert_eq!(state.twice, [] as [&str; 0], "under way twice at the same time");
    }
}

/// Something is being received until this is dropped: by its answer, or as its sender is gone.
struct Open<'i> {
    inner: &'i Inner,
    trade_no: String,
    number: usize,
}

impl<'i> Open<'i> {
    fn begin(inner: &'i Inner, trade_no: &str) -> Self {
        let mut state = inner.state.lock().unwrap();
        *state.seen.entry(trade_no.to_owned()).or_default() += 1;
        state.all += 1;
        let number = state.all;
        let open = state.open.entry(trade_no.to_owned()).or_default();
        open.insert(number);
        if open.len() > 1 {
            state.twice.push(trade_no.to_owned());
        }
        Self { inner, trade_no: trade_no.to_owned(), number }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock().unwrap();
        if let Some(open) = state.open.get_mut(&self.trade_no) {
            open.remove(&self.number);
        }
    }
}

async fn receive(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap());
    let event = match inner.verifier.verify(authorization, &body) {
        Ok(event) => event,
        Err(error) => {
            inner.state.lock().unwrap().refused.push(error.to_string());
            return (StatusCode::UNAUTHORIZED, Vec::new());
        }
    };
    let _open = Open::begin(&inner, event.trade_no());
    let mut answers = inner.answers.subscribe();
    if *answers.borrow_and_update() == Answers::Later {
        answers.wait_for(|answers| *answers == Answers::All).await.unwrap();
    }
    (StatusCode::OK, Acknowledge::Success.body())
}
