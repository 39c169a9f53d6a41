//! What the nodes serve: a sandbox's partners in a shared database, and what is in it at the end.

use std::path::Path;
use std::time::{Duration, Instant};

use huodong_client::lakala::{Client, IssueRequest};
use huodong_testing::{Cluster, Database, Postgres};
use serde_json::Value;

use super::is_long;
use super::node::{CALLBACK_MS, Node};
use super::receiver::Receiver;
use crate::support::{Caller, PATIENCE, Sandbox, succeed};

/// How long a statement may take, so that what stopped in the middle is not waited for for long.
const STATEMENT_MS: &str = "statement_timeout_ms=3000";

/// How long a lease is beyond what an attempt may take.
const LEASE_MS_LESS_CALLBACK: u64 = 30_000;
/// An attempt takes less, also on a slow machine.
const STALE_MS: u64 = 15_000;
/// Longer than a lease.
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);

/// An activity that issues coupons without ado.
const COUPONS: &str = "1100000086";

/// Where the database is looked into, past all that fails.
pub(super) enum Behind<'d> {
    Database(&'d Database),
    /// The standby, once it has taken over.
    Promoted(&'d Cluster),
}

impl Behind<'_> {
    pub(super) fn psql(&self, sql: &str) -> String {
        match self {
            Self::Database(database) => database.psql(sql),
            Self::Promoted(cluster) => cluster.standby().psql("huodong", sql),
        }
    }
}

pub(super) struct Site {
    credentials: Value,
    pub(super) receiver: Receiver,
}

impl Site {
    /// Plants a sandbox's partners in an empty database.
    pub(super) async fn plant(database: &str) -> Self {
        let sandbox = Sandbox::start_with(Some(Path::new(database)), &[]);
        let credentials = sandbox.credentials.clone();
        assert_eq!(sandbox.terminate(), Some(0));
        let certificate = credentials["lakala"]["notify_certificate_pem"].as_str().unwrap();
        let receiver = Receiver::open(certificate).await;
        Self { credentials, receiver }
    }

    pub(super) fn caller(&self, node: &Node) -> Caller {
        Caller::new(&node.base_url, &self.credentials["gongyi"])
    }

    pub(super) fn institution(&self, node: &Node) -> Client {
        let lakala = &self.credentials["lakala"];
        let text = |name: &str| lakala[name].as_str().unwrap();
        Client::builder(&node.base_url, text("appid"), text("serial_no"))
            .private_key(text("private_key_pem"))
            .platform_certificate(text("platform_certificate_pem"))
            .http(reqwest::Client::builder().no_proxy())
            .timeout(PATIENCE)
            .build()
            .unwrap()
    }

    /// An order of a coupon whose issue the receiver is told.
    pub(super) fn issue(&self, order: &str) -> IssueRequest<'static> {
        let lakala = &self.credentials["lakala"];
        let activities = lakala["activities"].as_array().unwrap();
        let activity = activities.iter().find(|known| known["activity_id"] == COUPONS).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        IssueRequest {
            member_id: format!("{}0000000001", text(&lakala["member_prefix"])).into(),
            activity_id: COUPONS.into(),
            owner_id: text(&lakala["owner_id"]).into(),
            promotion_id: text(&activity["promotion_id"]).into(),
            channel_openid: format!("o-{order}").into(),
            mer_order_id: order.to_owned().into(),
            write_off_notify: "http://127.0.0.1:1/writeoff".into(),
            post_notify: Some(self.receiver.url.clone().into()),
        }
    }
}

/// A server for one test, which may be stopped, with an empty database.
pub(super) fn database() -> Database {
    Postgres::start().database()
}

/// An address with the time limits of these tests.
pub(super) fn with_limits(url: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{STATEMENT_MS}")
}

/// Waits until a number in the database is 0.
pub(super) async fn until_none(behind: &Behind<'_>, what: &str, sql: &str) {
    until_none_within(behind, what, sql, PATIENCE).await;
}

/// The same, for what takes its time.
pub(super) async fn until_none_within(
    behind: &Behind<'_>,
    what: &str,
    sql: &str,
    patience: Duration,
) {
    let begin = Instant::now();
    loop {
        let left = behind.psql(sql);
        if left == "0" {
            return;
        }
        assert!(begin.elapsed() < patience, "{left} {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All that is owed is delivered, and all that is deferred settled.
pub(super) async fn everything_happens(behind: &Behind<'_>) {
    let began = Instant::now();
    // State 2 is leased, 3 delivered, 4 exhausted.
    while behind.psql("SELECT count(*) FROM callbacks WHERE state NOT IN (3, 4)") != "0" {
        let waiting = behind.psql("SELECT state, count(*) FROM callbacks GROUP BY state");
        assert!(began.elapsed() < DELIVERED_WITHIN, "callbacks are owed: {waiting}");
        if !is_long() {
            // A claim whose answer was lost leaves a lease without an attempt. What was claimed a
            // while ago, and is not recorded yet, is one: the receiver answers at once.
            let lasts = LEASE_MS_LESS_CALLBACK + CALLBACK_MS - STALE_MS;
            behind.psql(&format!(
                "UPDATE callbacks SET leased_until = 1 WHERE state = 2 AND leased_until < \
                 EXTRACT(EPOCH FROM clock_timestamp()) * 1000 + {lasts}"
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(behind.psql("SELECT count(*) FROM callbacks WHERE state = 4"), "0", "exhausted");
    let deferred = "SELECT count(*) FROM donations WHERE settle_at IS NOT NULL";
    until_none(behind, "donations wait to be settled", deferred).await;
}

pub(super) fn audit(database: &str) {
    let report = succeed(&["audit", "--data", database]);
    assert!(report.contains("OK: everything holds"), "{report}");
}
