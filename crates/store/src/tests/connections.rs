//! Connections to a shared database that break.

use huodong_campaign::*;
use huodong_testing::Proxy;

use super::story::{Story, donate};
use crate::{Place, StoreError, StoreOptions};

/// Ends every session, as a server does that is stopped.
fn end_sessions(story: &Story) {
    let others = "FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid()";
    let database = story.shared_database();
    database.psql(&format!("SELECT pg_terminate_backend(pid, 10000) {others}"));
    assert_eq!(database.psql(&format!("SELECT count(*) {others}")), "0");
}

#[test]
fn a_connection_that_was_closed_meanwhile_fails_nobody() {
    let mut story = Story::shared().begin();
    let reader = story.store.reader();
    reader.ping().unwrap();
    end_sessions(&story);
    reader.ping().unwrap();
    story.store.ready().unwrap();
    story.run(donate("instant", "one", "user", 1));
    end_sessions(&story);
    story.store.keep().unwrap();
}

/// A begun story whose connections go by a proxy from now on.
fn by_proxy() -> (Story, Proxy) {
    let story = Story::shared().begin();
    let database = story.shared_database();
    let server = huodong_testing::Postgres::shared();
    let proxy = Proxy::to(server.address());
    let place = Place::Postgres(database.url_through(proxy.address()).parse().unwrap());
    let Story { now, options, directory, database, store } = story;
    drop(store);
    let options = StoreOptions { place, ..options };
    let (store, _) = crate::Store::open(&options).unwrap();
    (Story { store, now, options, directory, database }, proxy)
}

/// What the one node that has a slot writes under.
fn token(story: &Story) -> String {
    let database = story.shared_database();
    database.psql("SELECT token FROM nodes WHERE until > 0")
}

/// One try of a donation.
fn donate_once(story: &mut Story, code: &str) -> Result<Donated, StoreError> {
    story.store.ready()?;
    let mut world = story.world();
    let command = donate("instant", code, "user", 1);
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    story.store.load(&wanted, &mut world)?;
    let done = command.decide(&mut world).unwrap();
    if world.is_changed() {
        story.store.save(&world)?;
    } else {
        story.store.rollback();
    }
    Ok(done)
}

#[test]
fn a_commit_that_nobody_heard_of_has_happened() {
    let (mut story, proxy) = by_proxy();
    donate_once(&mut story, "before").unwrap();
    let last_id = story.store.last_id();
    proxy.cut_after_commit();
    let lost = donate_once(&mut story, "lost").unwrap_err();
    assert!(matches!(lost, StoreError::CommitUnknown(_)), "{lost}");
    proxy.restore();
    assert!(donate_once(&mut story, "lost").unwrap().repeated);
    assert!(story.store.last_id() > last_id, "its numbers were given out");
    assert!(!donate_once(&mut story, "after").unwrap().repeated);
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_commit_that_never_came_has_not_happened() {
    let (mut story, proxy) = by_proxy();
    donate_once(&mut story, "before").unwrap();
    let before = token(&story);
    proxy.cut_before_commit();
    let lost = donate_once(&mut story, "lost").unwrap_err();
    assert!(matches!(lost, StoreError::CommitUnknown(_)), "{lost}");
    proxy.restore();
    assert!(!donate_once(&mut story, "lost").unwrap().repeated);
    // Should the first one arrive after all, it is not this node's any more.
    assert_ne!(token(&story), before);
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_node_that_lost_its_slot_writes_nothing_under_it() {
    let mut story = Story::shared().begin();
    let step = story.store.id_step();
    let slot = story.store.last_id() % step;
    story.shared_database().psql("UPDATE nodes SET until = 0");
    let (other, _) = crate::Store::open(&story.options).unwrap();
    let refused = donate_once(&mut story, "late").unwrap_err();
    assert!(matches!(refused, StoreError::Again(_)), "{refused}");
    assert_eq!(story.look("SELECT count(*) FROM donations"), "0");
    let donation = donate_once(&mut story, "late").unwrap().donation;
    assert_ne!(donation.id.0 % step, slot);
    drop(other);
}
