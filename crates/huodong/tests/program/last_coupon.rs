//! An activity with one coupon left, and many who want it at once.

use std::sync::Arc;
use std::time::Duration;

use huodong_client::lakala::{Advice, Client, IssueData, IssueRequest, TradeStatus};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::Barrier;

use crate::support::Sandbox;

/// Has one coupon.
const STOCK: &str = "1100000108";
/// Has money for one.
const MONEY: &str = "1100000109";
const NONE_LEFT: &str = "300003";

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_one_gets_the_last_coupon() {
    one_gets_it(64, STOCK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_one_gets_the_last_money() {
    one_gets_it(64, MONEY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_10000_callers_one_gets_the_last_coupon() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();
    one_gets_it(10_000, STOCK).await;
}

async fn one_gets_it(callers: usize, activity_id: &str) {
    let sandbox = Sandbox::start();
    let client = sandbox.institution();
    let together = Arc::new(Barrier::new(callers));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..callers {
        let request = sandbox.issue(activity_id, &format!("last-{number}"));
        let (client, together) = (client.clone(), Arc::clone(&together));
        tasks.spawn(async move {
            together.wait().await;
            until_final(&client, &request).await
        });
    }
    let answers = tasks.join_all().await;
    let issued = |answer: &&IssueData<'_>| answer.trade_status == Some(TradeStatus::Success);
    let winners: Vec<_> = answers.iter().filter(issued).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(winners[0].res_code, "000000");
    for answer in answers.iter().filter(|answer| !issued(answer)) {
        assert_eq!(answer.trade_status, Some(TradeStatus::Fail), "{answer:?}");
        assert_eq!(answer.res_code, NONE_LEFT, "{answer:?}");
    }
    // The same keys get the same answers, for ever.
    for answer in answers.iter().take(50) {
        let again = sandbox.issue(activity_id, &answer.mer_order_id);
        assert_eq!(&until_final(&client, &again).await, answer);
    }
    let counted = sandbox.operator(&format!("activities/{activity_id}")).await;
    if activity_id == STOCK {
        assert_eq!(counted["offer"]["stock_left"], 0, "{counted}");
    }
    assert_eq!(sandbox.terminate(), Some(0));
}

/// Sends it with the same key until the answer is not one of those that ask for it.
async fn until_final(client: &Client, request: &IssueRequest<'_>) -> IssueData<'static> {
    for _ in 0..100 {
        match client.issue(request).await {
            Ok(answer) => return answer.data,
            Err(error) => assert_eq!(error.advice(), Advice::Retry, "{error}"),
        }
        // As callers do: ten thousand that come again at once would keep each other out.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no final answer to {request:?}");
}
