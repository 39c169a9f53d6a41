//! The connection to the database fails under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huodong_testing::{Postgres, Proxy};

use super::load::Load;
use super::node::Node;
use super::site::{Behind, Site, audit, with_limits};
use super::{dice, rounds};

/// What a node may hold at most. It holds a fraction of that after any number of failures.
const MEMORY_MIB: u64 = 512;

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_no_answer_and_double_no_order() {
    let mut dice = dice();
    let server = Postgres::start();
    let database = server.database();
    let site = Arc::new(Site::plant(database.url()).await);
    let proxies: Vec<_> = (0..2).map(|_| Proxy::to(server.address())).collect();
    let nodes: Vec<_> = proxies
        .iter()
        .map(|proxy| Node::start(&with_limits(&database.url_through(proxy.address()))))
        .collect();
    let load = Load::begin(&site, &[&nodes[0], &nodes[1]]);
    load.goes_on().await;
    let (faults, mut slowest) = (rounds(1) * FAULTS.len() as u64, Duration::ZERO);
    let mut order = Vec::new();
    for number in 0..faults {
        // Each once before any comes again, and every time in another order.
        if order.is_empty() {
            order.extend(0..FAULTS.len());
        }
        let at = usize::try_from(dice.below(order.len() as u64)).unwrap();
        let fault = FAULTS[order.swap_remove(at)];
        let whose: Vec<_> = match dice.below(3) {
            0 => proxies.iter().collect(),
            one => vec![&proxies[usize::try_from(one - 1).unwrap()]],
        };
        let lasts = Duration::from_millis(50 + dice.below(1_000));
        let began = Instant::now();
        fault.happens(&whose, &server, lasts).await;
        let down = began.elapsed();
        let went_on = load.goes_on().await;
        slowest = slowest.max(went_on);
        let at = whose.len();
        println!("{number}: {fault:?} at {at} for {down:?}; on after {went_on:?}");
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
    }
    load.end(&Behind::Database(&database)).await;
    site.receiver.check();
    println!("every node went on after {slowest:?} at most");
    for node in nodes {
        let memory = node.memory_mib();
        assert!(memory < MEMORY_MIB, "{memory} MiB");
        node.stop();
    }
    audit(database.url());
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Connections are reset; new ones are let through.
    Reset,
    /// They are reset, and for a while there are none.
    Cut,
    /// Nothing passes for a while, and then all that was held back.
    Stall,
    /// Nothing passes for a while, and what was held back never does.
    StallAndReset,
    /// A COMMIT was sent and never came.
    BeforeCommit,
    /// A COMMIT was carried out, and nobody told.
    AfterCommit,
    /// The server stops as in a crash, and starts again.
    Crash,
}

const FAULTS: [Fault; 7] = [
    Fault::Reset,
    Fault::Cut,
    Fault::Stall,
    Fault::StallAndReset,
    Fault::BeforeCommit,
    Fault::AfterCommit,
    Fault::Crash,
];

impl Fault {
    /// Returns when all is as it should be again.
    async fn happens(self, whose: &[&Proxy], server: &Postgres, lasts: Duration) {
        match self {
            Self::Reset => whose.iter().for_each(|proxy| proxy.reset()),
            Self::Cut => whose.iter().for_each(|proxy| proxy.cut()),
            Self::Stall | Self::StallAndReset => whose.iter().for_each(|proxy| proxy.stall()),
            Self::BeforeCommit => whose.iter().for_each(|proxy| proxy.cut_before_commit()),
            Self::AfterCommit => whose.iter().for_each(|proxy| proxy.cut_after_commit()),
            Self::Crash => server.crash(),
        }
        if matches!(self, Self::BeforeCommit | Self::AfterCommit) {
            whose.iter().for_each(|proxy| proxy.wait_until_cut());
        }
        tokio::time::sleep(lasts).await;
        match self {
            Self::Reset => {}
            Self::Stall => whose.iter().for_each(|proxy| proxy.resume()),
            Self::StallAndReset => {
                whose.iter().for_each(|proxy| proxy.reset());
                whose.iter().for_each(|proxy| proxy.resume());
            }
            Self::Cut | Self::BeforeCommit | Self::AfterCommit => {
                whose.iter().for_each(|proxy| proxy.restore());
            }
            Self::Crash => server.start_again(),
        }
    }
}
