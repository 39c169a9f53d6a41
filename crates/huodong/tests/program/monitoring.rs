//! The dashboard and the alert rules against what a real server's `/metrics` has, and the alerts
//! against the page that says what to do about them.

mod dashboard;
mod expression;
mod metrics;
mod rules;

use std::collections::BTreeSet;
use std::path::Path;

use axum::Router;
use huodong_wire::gongyi::Api;
use serde_json::json;
use tokio::net::TcpListener;

use self::expression::Expression;
use self::metrics::Metrics;
use crate::support::{PATIENCE, Sandbox, code, succeed};

/// What Prometheus itself adds to everything it scrapes.
const OF_THE_SCRAPE: [&str; 2] = ["job", "instance"];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics of a server that has taken a donation and photos, issued a coupon and delivered its
/// callback.
async fn metrics() -> Metrics {
    let sandbox = Sandbox::start();
    let caller = sandbox.caller();
    let donation = json!({
        "activity_no": "100001", "project_no": "224328", "third_uid": "user", "reward": 1000,
        "reward_transcode": "metrics", "reward_time": "2026-11-21 12:00:00", "money": 1,
        "bid": caller.bid,
    });
    let answer = caller.call(Api::RewardToDonate, &donation).await.unwrap();
    assert_eq!(code(&answer), 0, "{answer}");

    succeed(&["call", "ysepay", "addData", "--base-url", &sandbox.base_url, "-q"]);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notify = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = Router::new().fallback(async || r#"{"code":"SUCCESS"}"#);
    let receiving = tokio::spawn(axum::serve(listener, receiver).into_future());
    let mut issue = sandbox.issue("1100000086", "metrics");
    issue.post_notify = Some(notify.into());
    sandbox.institution().issue(&issue).await.unwrap();
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
    let page = tokio::time::timeout(PATIENCE, async {
        loop {
            let page = client.get(format!("{}/metrics", sandbox.base_url)).send().await.unwrap();
            let page = page.text().await.unwrap();
            if page.contains(r#"outcome="acknowledged""#) {
                return page;
            }
            tokio::task::yield_now().await;
        }
    });
    let page = page.await.expect("the callback arrives");
    receiving.abort();
    Metrics::read(&page)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drawn_and_what_alerts_is_what_metrics_have() {
    let metrics = metrics().await;
    let mut drawn = BTreeSet::new();
    let mut wrong = Vec::new();
    for query in dashboard::queries(&read("deploy/grafana/huodong.json")) {
        let expression = Expression::parse(&query.text);
        wrong.extend(faults(&query.place, &expression, &query.shown, &metrics));
        drawn.extend(expression.selectors.into_iter().filter_map(|it| metrics.family(&it.metric)));
    }
    for rule in rules::alerts(&read("deploy/prometheus/alerts.yml")) {
        let expression = Expression::parse(&rule.expr);
        wrong.extend(faults(&rule.alert, &expression, &rule.shown(), &metrics));
    }
    assert_eq!(wrong, [] as [String; 0]);
    let operations = read("docs/operations.md");
    for family in metrics.families() {
        assert!(drawn.contains(family), "{family} is on no panel of the dashboard");
        assert!(operations.contains(&format!("`{family}")), "{family} is not explained");
    }
}

/// What an expression, or what is written beside its result, names and no server serves.
fn faults(
    place: &str,
    expression: &Expression,
    shown: &BTreeSet<String>,
    metrics: &Metrics,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut labels: BTreeSet<&str> = OF_THE_SCRAPE.into();
    for selector in &expression.selectors {
        let metric = &selector.metric;
        // Made by Prometheus for each target.
        if metric == "up" {
            continue;
        }
        let Some(known) = metrics.labels(metric) else {
            faults.push(format!("{place}: there is no metric {metric}"));
            continue;
        };
        labels.extend(known.keys().map(String::as_str));
        for matcher in &selector.matchers {
            let label = matcher.label.as_str();
            if OF_THE_SCRAPE.contains(&label) {
                continue;
            }
            let Some(values) = known.get(label) else {
                faults.push(format!("{place}: {metric} has no label {label}"));
                continue;
            };
            // Of codes a server has only those it has answered with.
            let alternatives = matcher.alternatives().into_iter().filter(|_| label != "code");
            for value in alternatives.filter(|value| !values.contains(*value)) {
                faults.push(format!("{place}: {metric} has no {label}={value:?}"));
            }
        }
    }
    for label in expression.groupings.iter().filter(|label| !labels.contains(label.as_str())) {
        faults.push(format!("{place}: grouped by {label}, which nothing in it has"));
    }
    // Where there is a grouping, nothing else is left to be shown.
    let left = |label: &str| match &expression.groupings {
        groupings if groupings.is_empty() => labels.contains(label),
        groupings => groupings.contains(label),
    };
    for label in shown.iter().filter(|label| !left(label)) {
        faults.push(format!("{place}: shows {label}, which the result has not"));
    }
    faults
}

#[test]
fn each_alert_has_a_heading_that_says_what_to_do_and_each_heading_an_alert() {
    let operations = read("docs/operations.md");
    let alerts = rules::alerts(&read("deploy/prometheus/alerts.yml"));
    for rule in &alerts {
        let anchor = rule.alert.to_lowercase();
        assert_eq!(rule.annotations.runbook, format!("docs/operations.md#{anchor}"));
        assert!(["warning", "critical"].contains(&rule.labels.severity.as_str()), "{rule:?}");
    }
    let alerts: Vec<_> = alerts.into_iter().map(|rule| rule.alert).collect();
    let headings = operations.lines().filter_map(|line| line.strip_prefix("### "));
    let headings: Vec<_> = headings.filter(|heading| heading.starts_with("Huodong")).collect();
    assert_eq!(alerts, headings, "the same, in the same order");
}

#[test]
fn what_nothing_serves_is_found() {
    let page = "# TYPE huodong_a counter\nhuodong_a_total{face=\"x\"} 1\n\
                # TYPE huodong_b histogram\nhuodong_b_bucket{step=\"save\",le=\"+Inf\"} 1\n";
    let metrics = Metrics::read(page);
    let faults = |text: &str, shown: &[&str]| {
        let shown = shown.iter().map(|label| (*label).to_owned()).collect();
        faults("here", &Expression::parse(text), &shown, &metrics)
    };
    let none: [&str; 0] = [];
    assert_eq!(
        faults(r#"sum by (face) (rate(huodong_a_total{job="$job"}[5m])) > 1"#, &["face"]),
        none
    );
    assert_eq!(faults("huodong_a_total / huodong_b_count", &["instance", "step"]), none);
    assert_eq!(faults(r#"huodong_b_bucket{step=~"save"}"#, &["le"]), none);
    assert_eq!(faults("rate(huodong_a[5m])", &[]), ["here: there is no metric huodong_a"]);
    assert_eq!(
        faults(r#"huodong_a_total{step="save"}"#, &[]),
        ["here: huodong_a_total has no label step"]
    );
    assert_eq!(
        faults(r#"huodong_b_sum{step=~"save|load"}"#, &[]),
        [r#"here: huodong_b_sum has no step="load""#]
    );
    assert_eq!(
        faults("sum by (step) (huodong_a_total)", &[]),
        ["here: grouped by step, which nothing in it has"]
    );
    assert_eq!(
        faults("sum by (le) (huodong_b_bucket)", &["step"]),
        ["here: shows step, which the result has not"]
    );
}
