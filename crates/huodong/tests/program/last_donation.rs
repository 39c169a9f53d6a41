//! An activity with money for exactly one donation, and many who want it at once.

use std::sync::Arc;
use std::time::Duration;

use huodong_wire::gongyi::Api;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{Caller, Sandbox, code, is_retryable};

/// Has money for one donation of 100 fen.
const ACTIVITY_NO: &str = "100106";
const NO_MONEY: i64 = 32_240_004;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_one_gets_the_last_donation() {
    one_gets_it(64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_10000_callers_one_gets_the_last_donation() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();
    one_gets_it(10_000).await;
}

async fn one_gets_it(callers: usize) {
    let sandbox = Sandbox::start();
    let caller = sandbox.caller();
    let together = Arc::new(Barrier::new(callers));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..callers {
        let (caller, together) = (caller.clone(), Arc::clone(&together));
        tasks.spawn(async move {
            let body = json!({
                "activity_no": ACTIVITY_NO, "project_no": "224328",
                "third_uid": format!("user_{number}"), "reward": 1000,
                "reward_transcode": format!("last-{number}"),
                "reward_time": "2026-11-21 12:00:00", "money": 100, "bid": caller.bid,
            });
            together.wait().await;
            until_final(&caller, &body).await
        });
    }
    let answers = tasks.join_all().await;
    let accepted: Vec<_> = answers.iter().filter(|answer| code(answer) == 0).collect();
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    assert_eq!(accepted[0]["data"]["donate_status"], 11);
    for answer in answers.iter().filter(|answer| code(answer) != 0) {
        assert_eq!(code(answer), NO_MONEY, "{answer}");
    }
    let info = caller.call(Api::GetActivityInfo, &json!({"project_no": "224328"})).await.unwrap();
    let activities = info["data"]["activity_info"].as_array().unwrap();
    let last = activities.iter().find(|activity| activity["activity_no"] == ACTIVITY_NO).unwrap();
    assert_eq!(last["money"], "0");
}

/// Sends it with the same key until the answer is not one of those that ask for it. Under ten
/// thousand at once the system refuses some connections; a caller would try those again too.
async fn until_final(caller: &Caller, body: &Value) -> Value {
    for _ in 0..100 {
        match caller.call(Api::RewardToDonate, body).await {
            Ok(answer) if is_retryable(code(&answer)) => {}
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_connect() || error.is_request(), "{error}"),
        }
        // As callers do: ten thousand that come again at once would keep each other out.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no final answer to {body}");
}
