//! The primary stops at once under load, and its standby takes over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huodong_testing::Cluster;

use super::load::Load;
use super::node::Node;
use super::site::{Behind, Site, audit, with_limits};
use super::{dice, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_takes_over_has_all_that_was_answered() {
    let mut dice = dice();
    for _ in 0..rounds(1) {
        let cluster = Cluster::start();
        let url = cluster.url();
        let site = Arc::new(Site::plant(&url).await);
        let nodes: Vec<_> = (0..2).map(|_| Node::start(&with_limits(&url))).collect();
        let load = Load::begin(&site, &[&nodes[0], &nodes[1]]);
        load.goes_on().await;
        tokio::time::sleep(Duration::from_millis(500 + dice.below(1_000))).await;

        let stopped = Instant::now();
        cluster.stop_primary_at_once();
        tokio::time::sleep(Duration::from_millis(dice.below(2_000))).await;
        let told = stopped.elapsed();
        cluster.promote_standby();
        let promoted = stopped.elapsed();
        load.goes_on().await;
        let on = stopped.elapsed();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let gap = load.end(&Behind::Promoted(&cluster)).await;
        println!(
            "callers were refused for {gap:?}: the standby was promoted from {told:?} to \
             {promoted:?} after the stop, and every node served by {on:?}"
        );
        site.receiver.check();
        nodes.into_iter().for_each(Node::stop);
        audit(&url);
    }
}
