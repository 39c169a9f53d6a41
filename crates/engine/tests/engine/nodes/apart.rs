//! Nodes whose clocks are not quite the same.

use huodong_campaign::{
    ActivityKind, ActivityNo, ActivityStatus, BookRule, Channel, CreateActivity, Deposit, Donate,
    DonateRefusal, Fen, FundActivity, LimitReached, OrgNo, ProjectNo, SetStatus, Settlement,
    UserLimits,
};
use huodong_engine::{Engine, EngineOptions};
use huodong_store::{Place, Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};

use super::{Shared, assert_sound};
use crate::commands::{donate, furnish};
use crate::scene::{SOON, done, frozen};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_days_limit_is_not_to_be_had_twice_where_one_node_is_behind_at_midnight() {
    let shared = Shared::new();
    let before: Timestamp = "2026-11-21T15:59:59.9Z".parse().unwrap();
    shared.clock.set(before);
    let behind = shared.node();
    furnish(&behind, Fen(10_000), Settlement::Instant).await;
    let activity_no = ActivityNo::from("once a day");
    let limited = CreateActivity {
        activity_no: Some(activity_no.clone()),
        org_no: OrgNo::from("org"),
        kind: ActivityKind::Points,
        name: "once a day".to_owned(),
        starts_at: before - SignedDuration::from_hours(1),
        ends_at: before + SignedDuration::from_hours(1),
        projects: vec![ProjectNo::from("project")],
        rules: Vec::new(),
        limits: UserLimits { count_day: Some(1), ..UserLimits::default() },
        channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
    };
    done(&behind, limited).await;
    done(&behind, Deposit { org_no: OrgNo::from("org"), money: Fen(100) }).await;
    done(&behind, FundActivity { activity_no: activity_no.clone(), money: Fen(100) }).await;
    let status = ActivityStatus::Running;
    done(&behind, SetStatus { activity_no: activity_no.clone(), status }).await;
    let gift = |code: &str| Donate { activity_no: activity_no.clone(), ..donate(code, 1) };
    let ahead = {
        let clock = frozen();
        clock.set(before + SignedDuration::from_millis(200));
        let place = Place::Postgres(shared.database.url().parse().unwrap());
        let (store, _) = Store::open(&StoreOptions::of(place)).unwrap();
        Engine::start(store, clock, EngineOptions::default()).unwrap()
    };
    done(&behind, gift("yesterday")).await;
    done(&ahead, gift("today")).await;
    let reached = DonateRefusal::LimitReached(LimitReached::CountDay);
    for (round, node) in [&behind, &ahead, &behind, &ahead].into_iter().enumerate() {
        let outcome = node.submit(gift(&format!("again {round}")), SOON).await.unwrap();
        assert_eq!(outcome.unwrap_err(), reached, "{round}");
    }
    assert_sound(&ahead).await;
    behind.stop().await;
    ahead.stop().await;
}
