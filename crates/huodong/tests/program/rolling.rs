//! Nodes of one database are stopped and started one after the other, and no call fails.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use huodong_testing::Postgres;
use huodong_wire::gongyi::Api;
use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::{Caller, PATIENCE, code, huodong, succeed};

const CALLERS: u64 = 8;
const RESTARTS: usize = 4;

/// How long a node still serves after `/readyz` has turned, and how often the balancer asks.
const DRAIN: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A node as the balancer knows it.
struct Backend {
    caller: Caller,
    base_url: String,
    ready: AtomicBool,
    /// When it was asked what it last said yes to.
    was_ready: Mutex<Instant>,
}

/// Calls go to the nodes in turn, but to those only that are ready.
struct Balancer {
    backends: RwLock<Vec<Arc<Backend>>>,
    turn: AtomicUsize,
    http: reqwest::Client,
    gongyi: Value,
}

impl Balancer {
    fn new(gongyi: Value) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { backends: RwLock::default(), turn: AtomicUsize::new(0), http, gongyi }
    }

    /// Puts a node in the place of another, or behind the others.
    async fn put(&self, place: usize, server: &Server) {
        let base_url = format!("http://{}", server.address);
        let caller = Caller::new(&base_url, &self.gongyi);
        let (ready, began) = (AtomicBool::new(false), Instant::now());
        let backend = Arc::new(Backend { caller, base_url, ready, was_ready: began.into() });
        while !self.ask(&backend).await {
            assert!(began.elapsed() < PATIENCE, "it does not become ready");
            tokio::time::sleep(ASK_EVERY).await;
        }
        let mut backends = self.backends.write().unwrap();
        match backends.get_mut(place) {
            Some(before) => *before = backend,
            None => backends.push(backend),
        }
    }

    async fn ask(&self, backend: &Backend) -> bool {
        let asked = Instant::now();
        let answer = self.http.get(format!("{}/readyz", backend.base_url)).send().await;
        let ready = answer.is_ok_and(|answer| answer.status() == 200);
        if ready {
            *backend.was_ready.lock().unwrap() = asked;
        }
        backend.ready.store(ready, Ordering::Release);
        ready
    }

    async fn look_after(&self) {
        loop {
            let backends = self.backends.read().unwrap().clone();
            for backend in backends {
                self.ask(&backend).await;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    fn next(&self) -> Option<Arc<Backend>> {
        let backends = self.backends.read().unwrap();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..backends.len()).map(|n| &backends[(first + n) % backends.len()]);
        in_turn.find(|backend| backend.ready.load(Ordering::Acquire)).map(Arc::clone)
    }

    /// The answer. A connection that is refused by a node which has said that it is not ready is
    /// no failure: a balancer sends the call elsewhere.
    async fn call(&self, body: &Value) -> Value {
        let began = Instant::now();
        loop {
            let Some(backend) = self.next() else {
                // One is, but on a slow machine the balancer may not have heard of it.
                assert!(began.elapsed() < PATIENCE, "none of the nodes is ready");
                tokio::time::sleep(ASK_EVERY).await;
                continue;
            };
            let was_ready = *backend.was_ready.lock().unwrap();
            match backend.caller.call(Api::RewardToDonate, body).await {
                Ok(answer) => return answer,
                Err(error) => {
                    let turned = !backend.ready.load(Ordering::Acquire);
                    let told = error.is_connect() && turned;
                    // Where the call comes so long after the balancer asked, the machine is slow, and
                    // the node may be gone.
                    let late = was_ready.elapsed() >= DRAIN;
                    assert!(told || late, "a call failed: {error:?}");
                }
            }
        }
    }
}

fn start(url: &str, key: &str) -> Server {
    let drain_ms = DRAIN.as_millis().to_string();
    Server::start_with(Path::new(url), key, &[], &[("HUODONG_SERVER__DRAIN_MS", &drain_ms)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_restarted_one_by_one_without_a_failed_call() {
    let database = Postgres::shared().database();
    let url = database.url();
    let home = tempfile::tempdir().unwrap();
    let key = succeed(&["master-key"]).trim().to_owned();
    let file = home.path().join("credentials.json");
    let mut fill = huodong(&["bench", "fill", "--orders", "1", "--data", url, "--credentials"]);
    assert!(fill.arg(&file).env("HUODONG_MASTER_KEY", &key).status().unwrap().success());
    let credentials: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();

    let balancer = Arc::new(Balancer::new(credentials["gongyi"].clone()));
    let mut nodes = vec![start(url, &key), start(url, &key)];
    for (place, node) in nodes.iter().enumerate() {
        balancer.put(place, node).await;
    }
    let looking_after = tokio::spawn({
        let balancer = Arc::clone(&balancer);
        async move { balancer.look_after().await }
    });
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (balancer, stop, answered) = (balancer.clone(), stop.clone(), answered.clone());
        callers.spawn(async move {
            let gongyi = &balancer.gongyi;
            let activity = &gongyi["activities"][0];
            let mut n = 0;
            while !stop.load(Ordering::Acquire) {
                n += 1;
                let body = json!({
                    "activity_no": activity["activity_no"],
                    "project_no": activity["project_no"],
                    "third_uid": format!("user_{caller}"),
                    "reward": 1,
                    "reward_transcode": format!("rolling-{caller}-{n}"),
                    "reward_time": "2026-11-21 12:00:00",
                    "money": 1,
                    "bid": gongyi["bid"],
                });
                let answer = balancer.call(&body).await;
                assert_eq!(code(&answer), 0, "{answer}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for restart in 0..RESTARTS {
        let place = restart % nodes.len();
        let before = answered.load(Ordering::Relaxed);
        let stopped = nodes.remove(place);
        tokio::task::spawn_blocking(move || stopped.stop()).await.unwrap();
        // The other node answers meanwhile.
        let began = Instant::now();
        while answered.load(Ordering::Relaxed) <= before {
            assert!(began.elapsed() < PATIENCE, "nobody answers");
            tokio::time::sleep(ASK_EVERY).await;
        }
        let (url, key) = (url.to_owned(), key.clone());
        let started = tokio::task::spawn_blocking(move || start(&url, &key)).await.unwrap();
        balancer.put(place, &started).await;
        nodes.insert(place, started);
    }
    stop.store(true, Ordering::Release);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    looking_after.abort();
    nodes.into_iter().for_each(Server::stop);
    println!("{RESTARTS} restarts, {} donations", answered.load(Ordering::Relaxed));
    let report = succeed(&["audit", "--data", url]);
    assert!(report.contains("OK: everything holds"), "{report}");
}
