//! Nodes whose clocks are not quite the same.

use huodong_campaign::{
    ActivityNo, DonateRefusal, Fen, LimitReached, Settlement, UpdateActivity, UserLimits,
};
use huodong_store::{Place, Store, StoreOptions};
use jiff::SignedDuration;

use super::{Shared, assert_sound};
use crate::commands::{donate, furnish};
use crate::scene::{SOON, done, frozen};
use huodong_engine::{Engine, EngineOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_days_limit_is_not_to_be_had_twice_where_one_node_is_behind_at_midnight() {
    let shared = Shared::new();
    let before = "2026-11-21T15:59:59.9Z".parse().unwrap();
    shared.clock.set(before);
    let behind = shared.node();
    furnish(&behind, Fen(10_000), Settlement::Instant).await;
    let limits = UserLimits { count_day: Some(1), ..UserLimits::default() };
    let update = UpdateActivity {
        activity_no: ActivityNo::from("activity"),
        name: None,
        starts_at: None,
        ends_at: None,
        projects: None,
        rules: None,
        limits: Some(limits),
        channel: None,
    };
    done(&behind, update).await;
    let ahead = {
        let clock = frozen();
        clock.set(before + SignedDuration::from_millis(200));
        let place = Place::Postgres(shared.database.url().parse().unwrap());
        let (store, _) = Store::open(&StoreOptions::of(place)).unwrap();
        Engine::start(store, clock, EngineOptions::default()).unwrap()
    };
    done(&behind, donate("yesterday", 1)).await;
    done(&ahead, donate("today", 1)).await;
    let reached = DonateRefusal::LimitReached(LimitReached::CountDay);
    for (round, node) in [&behind, &ahead, &behind, &ahead].into_iter().enumerate() {
        let outcome = node.submit(donate(&format!("again {round}"), 1), SOON).await.unwrap();
        assert_eq!(outcome.unwrap_err(), reached, "{round}");
    }
    assert_sound(&ahead).await;
    behind.stop().await;
    ahead.stop().await;
}
