//! What was answered is there, once, whenever the server is killed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huodong_wire::gongyi::Api;
use serde_json::{Value, json};

use crate::support::{Caller, Dice, PATIENCE, Sandbox, code, is_retryable, succeed};

/// Kills in the quick run; `HUODONG_CRASH_ROUNDS` sets it.
const ROUNDS: u64 = 3;
const CALLERS: usize = 16;
const INSTANT: &str = "100001";
const DEFERRED: &str = "100005";

/// What callers know: each order they sent, and the answer where one came.
#[derive(Default)]
struct Book {
    sent: HashMap<u64, Option<Value>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_loses_no_answer_and_doubles_no_donation() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("HUODONG_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("HUODONG_CRASH_SEED")
        .unwrap_or_else(|| u64::from_be_bytes(huodong_engine::Chance.bytes()));
    println!("HUODONG_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let data = tempfile::tempdir().unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let (mut acknowledged, mut in_doubt) = (0, 0);
    let mut all = Book::default();
    for round in 0..rounds {
        // Now and then it is killed while it starts; in the quick run too.
        if round % 3 == 1 {
            let soon = Duration::from_millis(dice.below(100));
            if let Some(started) = Sandbox::try_start(Some(data.path()), &[], Some(soon)) {
                started.kill();
            }
        }
        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        let delay = Duration::from_millis(dice.below(600));
        let book = under_load(sandbox, delay, &next).await;
        audit(data.path());

        let sandbox = Sandbox::start_with(Some(data.path()), &[]);
        let caller = sandbox.caller();
        for (k, answer) in book.sent {
            let settled = match answer {
                Some(answer) => {
                    acknowledged += 1;
                    check(&caller, k, &answer).await;
                    answer
                }
                // Nobody knows whether it happened. Sent again, it has happened once.
                None => {
                    in_doubt += 1;
                    donate(&caller, k).await
                }
            };
            all.sent.insert(k, Some(settled));
        }
        sandbox.kill();
    }
    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    let caller = sandbox.caller();
    for (k, answer) in &all.sent {
        check(&caller, *k, answer.as_ref().unwrap()).await;
    }
    books_agree(&sandbox, &caller, &all).await;
    assert_eq!(sandbox.terminate(), Some(0));
    audit(data.path());
    println!("{rounds} kills, {acknowledged} donations acknowledged, {in_doubt} in doubt");
    assert!(acknowledged > 0, "the load never got through");
}

/// Sends donations until the server is killed, `delay` after the first is acknowledged.
async fn under_load(sandbox: Sandbox, delay: Duration, next: &Arc<AtomicU64>) -> Book {
    let book = Arc::new(Mutex::new(Book::default()));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (caller, next, book) = (sandbox.caller(), Arc::clone(next), Arc::clone(&book));
        callers.spawn(async move {
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                book.lock().unwrap().sent.insert(k, None);
                match caller.call(Api::RewardToDonate, &order(&caller, k)).await {
                    Ok(answer) if code(&answer) == 0 => {
                        book.lock().unwrap().sent.insert(k, Some(answer["data"].clone()));
                    }
                    Ok(answer) => assert!(is_retryable(code(&answer)), "{answer}"),
                    // The server is gone.
                    Err(_) => return,
                }
            }
        });
    }
    let began = Instant::now();
    while book.lock().unwrap().sent.values().all(Option::is_none) {
        assert!(began.elapsed() < PATIENCE, "none is acknowledged");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(delay).await;
    sandbox.kill();
    callers.join_all().await;
    Arc::into_inner(book).unwrap().into_inner().unwrap()
}

/// Order `k` is always the same order.
fn order(caller: &Caller, k: u64) -> Value {
    json!({
        "activity_no": if k.is_multiple_of(2) { INSTANT } else { DEFERRED },
        "project_no": "224328",
        "third_uid": format!("user_{}", k % 7),
        "reward": 1000,
        "reward_transcode": key(k),
        "reward_time": "2026-11-21 12:00:00",
        "money": 1 + k % 100,
        "bid": caller.bid,
    })
}

fn key(k: u64) -> String {
    format!("crash-{k}")
}

/// Sends order `k` until it stands.
pub(crate) async fn donate(caller: &Caller, k: u64) -> Value {
    let began = Instant::now();
    loop {
        let answer = caller.call(Api::RewardToDonate, &order(caller, k)).await.unwrap();
        if code(&answer) == 0 {
            return answer["data"].clone();
        }
        assert!(is_retryable(code(&answer)) && began.elapsed() < PATIENCE, "{answer}");
    }
}

/// The order is found by either of its numbers, as it was answered, and sending it again changes
/// nothing.
pub(crate) async fn check(caller: &Caller, k: u64, answered: &Value) {
    let whose = |extra: Value| {
        let mut query = json!({
            "activity_no": answered["activity_no"], "project_no": answered["project_no"],
            "third_uid": answered["third_uid"],
        });
        query.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        query
    };
    let by_key = whose(json!({"bid": caller.bid, "reward_transcode": key(k)}));
    let by_number = whose(json!({"donate_transcode": answered["donate_transcode"]}));
    for query in [by_key, by_number] {
        let found = caller.call(Api::RewardDonateQuery, &query).await.unwrap();
        assert_eq!(code(&found), 0, "acknowledged, and gone: {query}: {found}");
        same_order(answered, &found["data"]);
    }
    same_order(answered, &donate(caller, k).await);
}

/// Equal, but that a placed order may have settled since.
fn same_order(before: &Value, now: &Value) {
    let (mut before, mut now) = (before.clone(), now.clone());
    let was = before["donate_status"].take();
    let is = now["donate_status"].take();
    assert_eq!(before, now);
    assert!(was == is || (was == 2 && is == 11), "from {was} to {is}: {now}");
}

/// What the activities have left is what they had less every donation, once.
async fn books_agree(sandbox: &Sandbox, caller: &Caller, all: &Book) {
    let info = caller.call(Api::GetActivityInfo, &json!({"project_no": "224328"})).await.unwrap();
    let activities = info["data"]["activity_info"].as_array().unwrap();
    for activity_no in [INSTANT, DEFERRED] {
        let answers = all.sent.values().flatten();
        let of_activity = answers.filter(|answer| answer["activity_no"] == activity_no);
        let given: u64 = of_activity.map(|answer| answer["money"].as_u64().unwrap()).sum();
        let seeded = sandbox.credentials["gongyi"]["activities"].as_array().unwrap().iter();
        let had = seeded.clone().find(|a| a["activity_no"] == activity_no).unwrap();
        let had: u64 = had["money"].as_str().unwrap().parse().unwrap();
        let left = activities.iter().find(|a| a["activity_no"] == activity_no).unwrap();
        let left: u64 = left["money"].as_str().unwrap().parse().unwrap();
        assert_eq!(left, had - given, "activity {activity_no}");
    }
}

pub(crate) fn audit(data: &Path) {
    let report = succeed(&["audit", "--data", data.to_str().unwrap()]);
    assert!(report.contains("OK: everything holds"), "{report}");
}
