//! A node is killed, or sleeps for so long that others take over what it held.

use std::sync::Arc;
use std::time::Duration;

use huodong_testing::Database;

use super::load::{Load, issued};
use super::node::Node;
use super::receiver::Answers;
use super::site::{Behind, Site, audit, database, until_none, with_limits};
use super::{dice, is_long, rounds};

/// Callbacks that the node is sending when it is lost: as many as may be under way to one receiver
/// leave room for others.
const HELD: usize = 12;

/// Longer than a transaction may stand still.
const STANDS_STILL: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_held_is_taken_over() {
    let mut dice = dice();
    for _ in 0..rounds(1) {
        let scene = Scene::begin().await;
        let (site, database) = (&scene.site, &scene.database);
        let [first, second, third] = scene.nodes.try_into().ok().unwrap();
        let slot = first.slots()[0];
        let mut load = Load::begin(site, &[&first, &second, &third]);
        load.goes_on().await;
        tokio::time::sleep(Duration::from_millis(dice.below(500))).await;
        load.loses(0);
        first.kill();
        load.goes_on().await;

        let last_id = lapse(database, slot).await;
        let fourth = Node::start(&scene.url);
        assert_eq!(fourth.slots(), [slot], "it takes the slot of the one that is gone");
        load.add(&fourth);
        load.goes_on().await;
        site.receiver.until_seen(&scene.held, 2).await;
        load.end(&Behind::Database(database)).await;
        site.receiver.check();
        for attempts in attempts(database) {
            assert_eq!(attempts, "interrupted acknowledged");
        }
        numbers_are_given_once(database, slot, last_id);
        [second, third, fourth].into_iter().for_each(Node::stop);
        audit(database.url());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_wakes_too_late_does_no_harm() {
    let mut dice = dice();
    for _ in 0..rounds(1) {
        let scene = Scene::begin().await;
        let (site, database) = (&scene.site, &scene.database);
        let [first, second, third] = scene.nodes.try_into().ok().unwrap();
        let slot = first.slots()[0];
        let mut load = Load::begin(site, &[&first, &second, &third]);
        load.goes_on().await;
        tokio::time::sleep(Duration::from_millis(dice.below(500))).await;
        load.loses(0);
        first.freeze();
        load.goes_on().await;

        site.receiver.give_up(&scene.held);
        let last_id = lapse(database, slot).await;
        let fourth = Node::start(&scene.url);
        assert_eq!(fourth.slots(), [slot], "it takes the slot of the one that sleeps");
        load.add(&fourth);
        site.receiver.until_seen(&scene.held, 2).await;
        let still = "SELECT count(*) FROM callbacks JOIN coupons ON coupons.id = coupon \
                     WHERE mer_order_id LIKE 'held-%' AND state <> 3";
        until_none(&Behind::Database(database), "are not delivered by others", still).await;

        first.wake();
        load.regains(0);
        load.goes_on().await;
        let slots = first.slots();
        assert_eq!((slots.len(), slots[0]), (2, slot), "it goes on under another slot: {slots:?}");
        assert_ne!(slots[1], slot);
        site.receiver.answer(Answers::All);
        load.end(&Behind::Database(database)).await;
        site.receiver.check();
        for attempts in attempts(database) {
            // What it sent before it slept ends when it wakes: written down where its own lease is
            // not over by its own clock, and nothing but written down.
            let late = attempts.strip_prefix("interrupted acknowledged");
            let late = late.unwrap_or_else(|| panic!("{attempts}")).trim_start();
            assert!(["", "timed_out", "acknowledged"].contains(&late), "{attempts}");
        }
        numbers_are_given_once(database, slot, last_id);
        [first, second, third, fourth].into_iter().for_each(Node::stop);
        audit(database.url());
    }
}

/// Three nodes, the first of which is sending callbacks to a receiver that does not answer.
struct Scene {
    database: Database,
    url: String,
    site: Arc<Site>,
    nodes: Vec<Node>,
    /// The trade_nos of the coupons that these callbacks tell of.
    held: Vec<String>,
}

impl Scene {
    async fn begin() -> Self {
        let database = database();
        let url = with_limits(database.url());
        let site = Arc::new(Site::plant(database.url()).await);
        // Alone at first, so that all that is to be held is held by this one.
        let first = Node::start(&url);
        site.receiver.answer(Answers::Later);
        let institution = site.institution(&first);
        let mut held = Vec::new();
        for number in 0..HELD {
            let issued = issued(&site, &institution, &format!("held-{number}")).await;
            held.push(issued.trade_no.into_owned());
        }
        site.receiver.until_seen(&held, 1).await;
        site.receiver.answer(Answers::AtOnce);
        let nodes = vec![first, Node::start(&url), Node::start(&url)];
        Self { database, url, site, nodes, held }
    }
}

/// Waits until what the lost node held is not held any more, and gives the last number of its slot.
/// In the quick form the leases are brought to their end at once.
async fn lapse(database: &Database, slot: i64) -> i64 {
    let behind = Behind::Database(database);
    // Its transaction is ended first, by the database: what it wrote last is either there or not.
    tokio::time::sleep(STANDS_STILL).await;
    if !is_long() {
        database.psql(&format!("UPDATE nodes SET until = 0 WHERE slot = {slot}"));
        database.psql(
            "UPDATE callbacks SET leased_until = leased_until - 3600000 WHERE state = 2 \
             AND coupon IN (SELECT id FROM coupons WHERE mer_order_id LIKE 'held-%')",
        );
    }
    let now = "EXTRACT(EPOCH FROM clock_timestamp()) * 1000";
    let holds = format!("SELECT count(*) FROM nodes WHERE slot = {slot} AND until >= {now}");
    super::site::until_none_within(&behind, "slot is held", &holds, Duration::from_secs(90)).await;
    database.psql(&format!("SELECT last_id FROM nodes WHERE slot = {slot}")).parse().unwrap()
}

/// How the attempts at each of the held callbacks ended, in order.
fn attempts(database: &Database) -> Vec<String> {
    let ended = database.psql(
        "SELECT string_agg(CASE outcome WHEN 1 THEN 'acknowledged' WHEN 4 THEN 'timed_out' \
         WHEN 7 THEN 'broken' WHEN 9 THEN 'interrupted' ELSE outcome::TEXT END, ' ' \
         ORDER BY number) FROM attempts JOIN callbacks ON callbacks.id = callback \
         JOIN coupons ON coupons.id = coupon WHERE mer_order_id LIKE 'held-%' \
         GROUP BY callback",
    );
    let ended: Vec<_> = ended.lines().map(str::to_owned).collect();
    assert_eq!(ended.len(), HELD);
    ended
}

/// Both holders of a slot gave out numbers, and none was given out twice.
fn numbers_are_given_once(database: &Database, slot: i64, last_id: i64) {
    let numbers = "(SELECT id FROM donations UNION ALL SELECT id FROM coupons \
                   UNION ALL SELECT id FROM transfers UNION ALL SELECT id FROM callbacks \
                   UNION ALL SELECT id FROM attempts UNION ALL SELECT id FROM audit \
                   UNION ALL SELECT id FROM accounts) AS numbers";
    let twice = format!("SELECT count(*) - count(DISTINCT id) FROM {numbers}");
    assert_eq!(database.psql(&twice), "0");
    for (whose, side) in [("the first", "<="), ("the second", ">")] {
        let given = format!(
            "SELECT count(*) FROM {numbers} WHERE id % 256 = {slot} AND id {side} {last_id}"
        );
        assert_ne!(database.psql(&given), "0", "{whose} gave out none");
    }
}
