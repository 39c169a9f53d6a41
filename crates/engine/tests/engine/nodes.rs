//! Several engines over one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use huodong_campaign::{
    ActivityNo, ActivityStatus, AppId, AssignBid, AttemptOutcome, Bid, CallbackState, CouponStatus,
    CreateToken, Donate, DonateRefusal, DonationStatus, Fen, Id, RevokeToken, Role, RotateSecret,
    SCHEDULE_S, SetStatus, Settlement, TokenId, UpdateActivity, UpdateApplication,
};
use huodong_engine::{Clock, Engine, EngineOptions};
use huodong_store::{PageRequest, Place, Store, StoreOptions};
use huodong_testing::{Database, Postgres};
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::commands::{self, donate};
use crate::receiver::{Receiver, Reply};
use crate::scene::{SOON, Scene, done, frozen, furnish, seconds, start, to_this_machine};

mod apart;

/// A database for several, whichever store other tests use.
struct Shared {
    database: Database,
    clock: Clock,
}

impl Shared {
    fn new() -> Self {
        Self { database: Postgres::shared().database(), clock: frozen() }
    }

    fn node(&self) -> Engine {
        let place = Place::Postgres(self.database.url().parse().unwrap());
        let (store, _) = Store::open(&StoreOptions::of(place)).unwrap();
        Engine::start(store, self.clock.clone(), EngineOptions::default()).unwrap()
    }

    fn scene(&self) -> Scene {
        let (directory, clock) = (TempDir::new().unwrap(), self.clock.clone());
        Scene { directory, clock, engine: self.node(), scribe: Default::default() }
    }

    /// Two scenes of one world: coupons are handed out at either.
    async fn two(&self, settlement: Settlement) -> (Scene, Scene) {
        let one = self.scene();
        furnish(&one.engine, settlement).await;
        (one, self.scene())
    }
}

async fn assert_sound(engine: &Engine) {
    let report = engine.read(|reader| reader.verify()).await.unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_at_two_nodes_lose_nothing_of_each_others() {
    const ROUNDS: u32 = 30;
    let shared = Shared::new();
    let (one, other) = (shared.node(), shared.node());
    commands::furnish(&one, Fen(10_000), Settlement::Instant).await;
    let (appid, activity_no) = (AppId::from("app"), ActivityNo::from("activity"));
    for round in 1..=ROUNDS {
        let application = |name, flowers_per_day| UpdateApplication {
            appid: appid.clone(),
            name,
            rate_per_s: None,
            flowers_per_day,
        };
        let activity = |name, ends_at| UpdateActivity {
            activity_no: activity_no.clone(),
            name,
            starts_at: None,
            ends_at,
            projects: None,
            rules: None,
            limits: None,
            channel: None,
        };
        let bid = |node| AssignBid {
            bid: Some(Bid::from(format!("{node}-{round}").as_str())),
            appid: appid.clone(),
        };
        let secret = RotateSecret {
            appid: appid.clone(),
            sealed_secret: round.to_be_bytes().to_vec(),
            previous_valid_until: None,
        };
        let ends_at = start() + SignedDuration::from_hours(i64::from(round));
        let name = format!("round {round}");
        tokio::join!(
            done(&one, application(Some(name.clone()), None)),
            done(&other, application(None, Some(round))),
            done(&one, secret),
            done(&one, activity(Some(name.clone()), None)),
            done(&other, activity(None, Some(ends_at))),
            done(&one, bid("one")),
            done(&other, bid("other")),
        );
        let (appid, activity_no) = (appid.clone(), activity_no.clone());
        let read = one.read(move |reader| {
            let (application, bids) = reader.all_applications()?.remove(0);
            assert_eq!(application.appid, appid);
            Ok((application, bids.len(), reader.activity(&activity_no)?.unwrap().0))
        });
        let (application, bids, activity) = read.await.unwrap();
        assert_eq!((&application.name, application.flowers_per_day), (&name, round));
        assert_eq!(application.sealed_secret, round.to_be_bytes());
        assert_eq!((activity.name, activity.ends_at), (name, ends_at));
        assert_eq!(bids, 1 + 2 * round as usize);
    }
    assert_sound(&one).await;
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_given_and_a_token_revoked_by_one_node_alone() {
    let shared = Shared::new();
    let (one, other) = (shared.node(), shared.node());
    for round in 0..30u8 {
        let name = TokenId::from(format!("token-{round}").as_str());
        let create = |node: u8| {
            let mut digest = [round; 32];
            digest[0] = node;
            CreateToken { name: name.clone(), role: Role::Viewer, digest, expires_at: None }
        };
        let (made, also) =
            tokio::join!(one.submit(create(101), SOON), other.submit(create(102), SOON));
        assert!(made.unwrap().is_ok() != also.unwrap().is_ok(), "one of two has the name");
        let revoke = RevokeToken { name: name.clone() };
        let (ended, also) =
            tokio::join!(one.submit(revoke.clone(), SOON), other.submit(revoke, SOON));
        assert!(ended.unwrap().is_ok() != also.unwrap().is_ok(), "one of two revokes it");
    }
    let tokens = one.read(|reader| reader.tokens()).await.unwrap();
    assert_eq!(tokens.iter().filter(|token| token.revoked_at.is_some()).count(), 30);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_an_activity_is_paused_at_one_node_it_is_at_every_other() {
    let shared = Shared::new();
    let (one, other) = (shared.node(), shared.node());
    commands::furnish(&one, Fen(1_000_000), Settlement::Instant).await;
    let status = |status| SetStatus { activity_no: ActivityNo::from("activity"), status };
    for round in 0..20 {
        let transcode = |n| format!("{round}-{n}");
        done(&other, donate(&transcode(0), 1)).await;
        done(&one, status(ActivityStatus::Paused)).await;
        let refused = other.submit(donate(&transcode(1), 1), SOON).await.unwrap();
        let paused = DonateRefusal::NotRunning(ActivityStatus::Paused);
        assert_eq!(refused.unwrap_err(), paused);
        done(&one, status(ActivityStatus::Running)).await;
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_due_at_two_nodes_at_once_happens_once() {
    const COUPONS: usize = 1_500;
    let shared = Shared::new();
    let (one, other) = shared.two(Settlement::Deferred { delay_s: 60 }).await;
    one.issue_many(0..COUPONS, "http://127.0.0.1:9/").await;
    // Both run it, as a holder of the timers' lease does that was frozen and goes on.
    let both = async |by: SignedDuration| {
        shared.clock.advance(by);
        let (ran, also) = tokio::join!(one.engine.run_due(), other.engine.run_due());
        (ran.unwrap(), also.unwrap())
    };
    let by_status = async || {
        let activity_no = ActivityNo::from("activity");
        let read = one.engine.read(move |reader| reader.coupon_totals(&activity_no));
        let totals = read.await.unwrap().by_status;
        totals.into_iter().map(|(status, count, _)| (status, count)).collect::<Vec<_>>()
    };
    const ALL: u64 = COUPONS as u64;
    // By itself one of them runs it too, which is not told here.
    let (ran, also) = both(seconds(60)).await;
    assert!(ran.coupons_settled + also.coupons_settled <= ALL, "{ran:?} {also:?}");
    assert_eq!(by_status().await, [(CouponStatus::Issued, ALL)]);
    let (ran, also) = both(SignedDuration::from_hours(24)).await;
    assert!(ran.coupons_expired + also.coupons_expired <= ALL, "{ran:?} {also:?}");
    assert_eq!(by_status().await, [(CouponStatus::Expired, ALL)]);
    let (ran, also) = both(SignedDuration::from_hours(24 * 30)).await;
    assert!(ran.activities_ended + also.activities_ended <= 1, "{ran:?} {also:?}");
    let read = one.engine.read(|reader| reader.activity(&ActivityNo::from("activity")));
    let (activity, frozen, held) = read.await.unwrap().unwrap();
    assert_eq!((activity.status, frozen, held), (ActivityStatus::Ended, Fen(0), Fen(0)));
    assert_sound(&one.engine).await;
    one.engine.stop().await;
    other.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deferred_donations_settle_once_whichever_nodes_look() {
    const DONATIONS: usize = 300;
    let shared = Shared::new();
    let (one, other) = (shared.node(), shared.node());
    let delayed = Settlement::Deferred { delay_s: 60 };
    commands::furnish(&one, Fen(1_000_000), delayed).await;
    let orders: Vec<Donate> = (0..DONATIONS).map(|n| donate(&n.to_string(), 10)).collect();
    for (n, order) in orders.into_iter().enumerate() {
        done(if n % 2 == 0 { &one } else { &other }, order).await;
    }
    shared.clock.advance(seconds(60));
    let (ran, also) = tokio::join!(one.run_due(), other.run_due());
    assert!(ran.unwrap().settlements + also.unwrap().settlements <= DONATIONS as u64);
    let no = ActivityNo::from("activity");
    let totals = one.read(move |reader| reader.donation_totals(&no)).await.unwrap().by_status;
    let paid: Vec<_> = totals.into_iter().map(|(status, count, _)| (status, count)).collect();
    assert_eq!(paid, [(DonationStatus::Paid, DONATIONS as u64)]);
    assert_sound(&one).await;
    one.stop().await;
    other.stop().await;
}

/// Places a donation that is due at once.
async fn due(engine: &Engine, transcode: &str) -> Id {
    let id = done(engine, donate(transcode, 10)).await.donation.id;
    engine.clock().advance(SignedDuration::from_secs(60));
    id
}

async fn is_settled(engine: &Engine, id: Id) -> bool {
    let found = engine.read(move |reader| reader.donation(id)).await.unwrap().unwrap();
    found.settle_at.is_none()
}

/// Returns when some node has settled it by itself.
async fn settles(engine: &Engine, id: Id) {
    let began = std::time::Instant::now();
    while !is_settled(engine, id).await {
        assert!(began.elapsed() < SOON, "nobody settles it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_takes_over_the_timers_when_their_holder_stops_or_dies() {
    let shared = Shared::new();
    let one = shared.node();
    let delayed = Settlement::Deferred { delay_s: 60 };
    commands::furnish(&one, Fen(1_000_000), delayed).await;
    // No lease runs out by itself: who has it after another was given it back, or sees it end.
    shared.database.psql(
        "CREATE FUNCTION lasts() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN NEW.until := NEW.until + 3600000; RETURN NEW; END'; \
         CREATE TRIGGER lasts BEFORE INSERT OR UPDATE ON leases \
         FOR EACH ROW EXECUTE FUNCTION lasts()",
    );
    let id = due(&one, "by the first").await;
    settles(&one, id).await;
    let held = "SELECT count(*) FROM leases WHERE name = 'timers' AND until > \
                EXTRACT(EPOCH FROM clock_timestamp()) * 1000 + 60000";
    let began = std::time::Instant::now();
    while shared.database.psql(held) != "1" {
        assert!(began.elapsed() < SOON, "the first does not hold on to them");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let other = shared.node();
    one.stop().await;
    let id = due(&other, "by the second").await;
    settles(&other, id).await;
    other.stop().await;

    // As one that has just died leaves it.
    shared.database.psql(
        "INSERT INTO leases (name, token, until) VALUES ('timers', '\\x00', \
         CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT))",
    );
    let heir = shared.node();
    let id = due(&heir, "by the heir").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_settled(&heir, id).await, "there is a holder");
    shared.database.psql("UPDATE leases SET until = 0");
    settles(&heir, id).await;
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_deliver_each_callback_once() {
    const CALLBACKS: usize = 1_000;
    let shared = Shared::new();
    let (one, other) = shared.two(Settlement::Instant).await;
    let receiver = Receiver::that(&shared.clock, Reply::WhenLetGo).await;
    one.issue_many(0..CALLBACKS, &receiver.url()).await;
    for scene in [&one, &other] {
        scene.engine.deliver_with(scene.scribe.clone(), to_this_machine()).unwrap();
    }
    shared.clock.advance(seconds(1));
    // More than one node may send at once, so both have begun.
    receiver.has_received(to_this_machine().at_once_per_receiver_max + 1).await;
    receiver.answer(|_| Reply::After(Duration::from_millis(10)));
    receiver.let_go();
    receiver.has_received(CALLBACKS).await;
    let (settled, also) = tokio::join!(one.engine.run_due(), other.engine.run_due());
    settled.unwrap();
    also.unwrap();
    one.engine.stop().await;
    other.engine.stop().await;

    assert_eq!(receiver.count(), CALLBACKS);
    assert_eq!(receiver.doubled(), Vec::<String>::new());
    let (first, second) = (one.scribe.heard().len(), other.scribe.heard().len());
    assert_eq!(first + second, CALLBACKS);
    assert!(first > 0 && second > 0, "{first} and {second}");
    let scene = shared.scene();
    let counts = scene.engine.read(|reader| reader.callback_counts()).await.unwrap();
    assert_eq!(counts, [(huodong_store::CallbackStatus::Delivered, CALLBACKS as u64)]);
    assert_sound(&scene.engine).await;
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_keep_one_schedule() {
    let shared = Shared::new();
    let (one, other) = shared.two(Settlement::Instant).await;
    let receiver = Receiver::that(&shared.clock, Reply::Say(500, "")).await;
    let mut coupons = Vec::new();
    for n in 0..5 {
        coupons.push(one.issue(n, &receiver.url()).await);
    }
    for scene in [&one, &other] {
        scene.engine.deliver_with(scene.scribe.clone(), to_this_machine()).unwrap();
    }
    for (number, due) in (1..).zip(SCHEDULE_S) {
        let passed = shared.clock.now().duration_since(start());
        one.advance(seconds(due) - passed).await;
        other.engine.run_due().await.unwrap();
        receiver.has_received(5 * number).await;
    }
    for coupon in coupons {
        let (state, attempts) = one.story(coupon).await;
        assert_eq!(state, CallbackState::Exhausted);
        let due: Vec<_> = attempts.iter().map(|attempt| attempt.due_at).collect();
        assert_eq!(due, SCHEDULE_S.map(|after| start() + seconds(after)));
    }
    assert_eq!((receiver.count(), receiver.doubled().len()), (50, 0));
    one.engine.stop().await;
    other.engine.stop().await;
}

/// Lets every lease of a callback end now.
fn lapse(shared: &Shared) {
    let lapsed = "UPDATE callbacks SET leased_until = 1 WHERE state = 2 RETURNING 1";
    assert_eq!(shared.database.psql(lapsed), "1");
}

#[test]
fn what_a_dead_node_was_sending_another_sends_after_its_lease() {
    let outside = Runtime::new().unwrap();
    let inside = Runtime::new().unwrap();
    let shared = Shared::new();
    let (one, other) = inside.block_on(async { shared.two(Settlement::Instant).await });
    drop(other);
    let receiver = outside.block_on(Receiver::that(&shared.clock, Reply::WhenLetGo));
    let coupon = inside.block_on(async {
        one.engine.deliver_with(one.scribe.clone(), to_this_machine()).unwrap();
        one.issue(1, &receiver.url()).await
    });
    shared.clock.advance(seconds(1));
    outside.block_on(receiver.has_received(1));
    // All that ran is dropped where it stands, as when the process is killed.
    drop(one);
    inside.shutdown_background();

    receiver.answer(|_| Reply::Ack);
    outside.block_on(async {
        let other = shared.scene();
        other.engine.deliver_with(other.scribe.clone(), to_this_machine()).unwrap();
        assert_eq!(other.advance(seconds(0)).await, 0, "the dead node's lease lasts");
        let waited = tokio::time::timeout(Duration::from_secs(2), receiver.has_received(2)).await;
        assert!(waited.is_err());
        lapse(&shared);
        other.scribe.has_heard(1).await;
        let (state, attempts) = other.story(coupon).await;
        assert_eq!(state, CallbackState::Delivered);
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [AttemptOutcome::Interrupted, AttemptOutcome::Acknowledged]);
        assert!(attempts.iter().all(|attempt| attempt.due_at == start() + seconds(1)));
        assert_sound(&other.engine).await;
        other.engine.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_records_after_its_lease_moves_nothing_on() {
    let shared = Shared::new();
    let (one, other) = shared.two(Settlement::Instant).await;
    let (told, asked) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let frozen = Receiver::scripted(&shared.clock, {
        let told = Arc::clone(&told);
        move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::RefusedWhenTold(Arc::clone(&told)),
            _ => Reply::WhenLetGo,
        }
    });
    let frozen = frozen.await;
    let coupon = one.issue(1, &frozen.url()).await;
    one.engine.deliver_with(one.scribe.clone(), to_this_machine()).unwrap();
    shared.clock.advance(seconds(1));
    frozen.has_received(1).await;
    // As if the first node had been frozen for longer than its lease: another sends it again.
    other.engine.deliver_with(other.scribe.clone(), to_this_machine()).unwrap();
    lapse(&shared);
    frozen.has_received(2).await;
    let leased = other.callback(coupon).await;
    assert!(matches!(leased.state, CallbackState::Leased { .. }), "{leased:?}");

    // The first node's attempt ends only now.
    told.notify_one();
    one.scribe.has_heard(1).await;
    assert_eq!(one.scribe.outcomes(), [AttemptOutcome::BadStatus]);
    let still = other.callback(coupon).await;
    assert_eq!((still.state, still.tries, still.attempts), (leased.state, 0, 2));
    frozen.let_go();
    other.scribe.has_heard(1).await;
    let (state, attempts) = other.story(coupon).await;
    assert_eq!(state, CallbackState::Delivered);
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    let expected =
        [AttemptOutcome::Interrupted, AttemptOutcome::BadStatus, AttemptOutcome::Acknowledged];
    assert_eq!(outcomes, expected);
    assert_eq!(frozen.count(), 2);
    assert_sound(&one.engine).await;
    one.engine.stop().await;
    other.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_given_out_by_two_nodes_at_once_never_meet() {
    const EACH: usize = 200;
    let shared = Shared::new();
    let (one, other) = shared.two(Settlement::Instant).await;
    let issue = async |scene: &Scene, from: usize| {
        for n in from..from + EACH {
            scene.issue(n, "http://127.0.0.1:9/").await;
        }
    };
    tokio::join!(issue(&one, 0), issue(&other, EACH));
    let page = PageRequest { before: None, limit: 10 * EACH };
    let read = one.engine.read(move |reader| reader.callbacks(&Default::default(), page));
    let mut ids: Vec<Id> = read.await.unwrap().rows.iter().map(|callback| callback.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2 * EACH);
    assert_sound(&one.engine).await;
    one.engine.stop().await;
    other.engine.stop().await;
}
