//! Commands, batches and timers.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huodong_campaign::{
    ActivityKind, ActivityNo, ActivityStatus, AppId, AssignBid, Bid, BookRule, Channel, Command,
    CreateActivity, CreateApplication, CreateOrganization, CreateProject, Deposit, Donate,
    Donation, DonationKey, DonationStatus, Fen, FundActivity, OrgNo, ProjectNo, SetStatus,
    Settlement, ThirdUid, UserLimits, Wanted, World,
};
use huodong_engine::{BatchObserver, Clock, Engine, EngineError, EngineOptions};
use huodong_store::{Store, StoreOptions};
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::scene::{SOON, at_once, done, kept_in};

fn start(directory: &TempDir, clock: Clock, options: EngineOptions) -> Engine {
    let (store, _) = Store::open(&kept_in(directory)).unwrap();
    Engine::start(store, clock, options).unwrap()
}

/// One organization, application, project and running activity with `money`.
pub async fn furnish(engine: &Engine, money: Fen, settlement: Settlement) {
    let org_no = OrgNo::from("org");
    let name = "a name".to_owned();
    let merchant_no = "m".to_owned();
    done(engine, CreateOrganization { org_no: Some(org_no.clone()), name, merchant_no }).await;
    done(engine, Deposit { org_no: org_no.clone(), money }).await;
    done(
        engine,
        CreateApplication {
            appid: Some(AppId::from("app")),
            org_no: org_no.clone(),
            name: "an application".to_owned(),
            sealed_secret: vec![1],
            rate_per_s: None,
            flowers_per_day: 5,
        },
    )
    .await;
    done(engine, AssignBid { bid: Some(Bid::from("bid")), appid: AppId::from("app") }).await;
    let project_no = Some(ProjectNo::from("project"));
    done(engine, CreateProject { project_no, name: "a project".to_owned() }).await;
    let now = engine.clock().now();
    done(
        engine,
        CreateActivity {
            activity_no: Some(ActivityNo::from("activity")),
            org_no,
            kind: ActivityKind::Points,
            name: "an activity".to_owned(),
            starts_at: now - SignedDuration::from_hours(1),
            ends_at: now + SignedDuration::from_hours(1),
            projects: vec![ProjectNo::from("project")],
            rules: Vec::new(),
            limits: UserLimits::default(),
            channel: Channel::Book(BookRule::all_succeed(settlement)),
        },
    )
    .await;
    let activity_no = ActivityNo::from("activity");
    done(engine, FundActivity { activity_no: activity_no.clone(), money }).await;
    done(engine, SetStatus { activity_no, status: ActivityStatus::Running }).await;
}

pub fn donate(transcode: &str, money: i64) -> Donate {
    Donate {
        key: DonationKey { bid: Bid::from("bid"), reward_transcode: transcode.into() },
        appid: AppId::from("app"),
        org_no: OrgNo::from("org"),
        activity_no: ActivityNo::from("activity"),
        project_no: ProjectNo::from("project"),
        third_uid: ThirdUid::from("user"),
        reward: 10,
        reward_time: "2026-11-21T10:00:00".parse().unwrap(),
        money: Fen(money),
    }
}

async fn stored(engine: &Engine, transcode: &str) -> Option<Donation> {
    let key = donate(transcode, 1).key;
    engine.read(move |reader| reader.donation_by_key(&key)).await.unwrap()
}

/// A rule nobody foresaw.
struct Explodes;

impl Command for Explodes {
    type Done = ();
    type Refusal = Infallible;

    fn wants<'a>(&'a self, _: &mut Wanted<'a>) {}

    fn decide(&self, _: &mut World) -> Result<(), Infallible> {
        panic!("as the test wants it");
    }
}

/// Holds the writer until the test lets go.
pub struct Holds {
    began: Sender<()>,
    let_go: Mutex<Receiver<()>>,
}

impl Holds {
    pub fn new() -> (Self, Receiver<()>, Sender<()>) {
        let (began, has_begun) = channel();
        let (go, let_go) = channel();
        (Self { began, let_go: Mutex::new(let_go) }, has_begun, go)
    }
}

impl Command for Holds {
    type Done = ();
    type Refusal = Infallible;

    fn wants<'a>(&'a self, _: &mut Wanted<'a>) {}

    fn decide(&self, _: &mut World) -> Result<(), Infallible> {
        self.began.send(()).unwrap();
        self.let_go.lock().unwrap().recv().unwrap();
        Ok(())
    }
}

#[derive(Debug, Default)]
pub struct Batches(pub Mutex<Vec<usize>>);

impl BatchObserver for Batches {
    fn batch(&self, commands: usize, _: Duration, _: Duration, _: Duration) {
        self.0.lock().unwrap().push(commands);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_while_a_batch_is_written_becomes_the_next_batch() {
    let directory = TempDir::new().unwrap();
    let batches = Arc::new(Batches::default());
    let options = EngineOptions { observer: Some(batches.clone()), ..EngineOptions::default() };
    let engine = start(&directory, Clock::system(), options);
    furnish(&engine, Fen(10_000), Settlement::Instant).await;
    batches.0.lock().unwrap().clear();

    let (holds, began, go) = Holds::new();
    let holding = tokio::spawn({
        let engine = engine.clone();
        async move { engine.submit(holds, SOON).await }
    });
    tokio::task::spawn_blocking(move || began.recv().unwrap()).await.unwrap();
    let donations = (0..50).map(|n| donate(&format!("t{n}"), 10));
    let mut waiting: Vec<_> = donations.map(|one| Box::pin(engine.submit(one, SOON))).collect();
    for one in &mut waiting {
        assert_eq!(at_once(one).await, None, "it waits");
    }
    go.send(()).unwrap();
    holding.await.unwrap().unwrap().unwrap();
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    assert_eq!(*batches.0.lock().unwrap(), [1, 50]);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_busy_at_once_and_a_passed_deadline_is_never_begun() {
    let directory = TempDir::new().unwrap();
    let options = EngineOptions { queue_max: 1, ..EngineOptions::default() };
    let engine = start(&directory, Clock::system(), options);
    furnish(&engine, Fen(10_000), Settlement::Instant).await;

    // What the engine tells itself every ten seconds may be in the one place there is; not twice in
    // a row, unless each try takes that long.
    for tried in 0.. {
        assert!(tried < 10, "there is never a place for the late one");
        let (holds, began, go) = Holds::new();
        let holding = tokio::spawn({
            let engine = engine.clone();
            async move { done(&engine, holds).await }
        });
        tokio::task::spawn_blocking(move || began.recv().unwrap()).await.unwrap();
        let late = tokio::spawn({
            let engine = engine.clone();
            async move { engine.submit(donate("late", 10), Duration::from_millis(30)).await }
        });
        while engine.queue_depth() < 1 {
            tokio::task::yield_now().await;
        }
        let refused = engine.submit(donate("refused", 10), SOON).await;
        assert_eq!(refused.unwrap_err(), EngineError::Busy);
        let late = late.await.unwrap().unwrap_err();
        go.send(()).unwrap();
        holding.await.unwrap();
        if late != EngineError::Busy {
            assert_eq!(late, EngineError::Deadline);
            break;
        }
    }

    // The late one takes up the queue until the writer comes to it.
    done(&engine, donate("next", 10)).await;
    assert!(stored(&engine, "late").await.is_none());
    assert!(stored(&engine, "refused").await.is_none());
    assert!(stored(&engine, "next").await.is_some());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_panics_fails_alone() {
    let directory = TempDir::new().unwrap();
    let engine = start(&directory, Clock::system(), EngineOptions::default());
    furnish(&engine, Fen(10_000), Settlement::Instant).await;

    let (holds, began, go) = Holds::new();
    let holding = tokio::spawn({
        let engine = engine.clone();
        async move { engine.submit(holds, SOON).await }
    });
    tokio::task::spawn_blocking(move || began.recv().unwrap()).await.unwrap();
    let mut good = Box::pin(engine.submit(donate("good", 10), SOON));
    let mut bad = Box::pin(engine.submit(Explodes, SOON));
    assert!(at_once(&mut good).await.is_none() && at_once(&mut bad).await.is_none());
    go.send(()).unwrap();
    holding.await.unwrap().unwrap().unwrap();
    assert!(matches!(bad.await, Err(EngineError::Unavailable(_))));
    assert!(!good.await.unwrap().unwrap().repeated);
    assert!(engine.is_running());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deferred_donations_settle_when_the_clock_gets_there() {
    let directory = TempDir::new().unwrap();
    let clock = Clock::system();
    clock.freeze(true);
    let engine = start(&directory, clock.clone(), EngineOptions::default());
    furnish(&engine, Fen(10_000), Settlement::Deferred { delay_s: 60 }).await;
    let placed = done(&engine, donate("t", 10)).await;
    assert_eq!(placed.donation.status, DonationStatus::Placed);
    assert_eq!(engine.run_due().await.unwrap().settlements, 0);

    clock.advance(SignedDuration::from_secs(60));
    engine.run_due().await.unwrap();
    let settled = stored(&engine, "t").await.unwrap();
    assert_eq!(settled.status, DonationStatus::Paid);
    assert_eq!(settled.settle_at, None);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_ends_with_its_window_and_gives_back_what_is_left() {
    let directory = TempDir::new().unwrap();
    let clock = Clock::system();
    let engine = start(&directory, clock.clone(), EngineOptions::default());
    furnish(&engine, Fen(10_000), Settlement::Instant).await;
    done(&engine, donate("t", 10)).await;
    clock.advance(SignedDuration::from_hours(2));
    engine.run_due().await.unwrap();
    let no = ActivityNo::from("activity");
    let (activity, frozen, held) =
        engine.read(move |reader| reader.activity(&no)).await.unwrap().unwrap();
    assert_eq!((activity.status, frozen, held), (ActivityStatus::Ended, Fen(0), Fen(0)));
    let report = engine.read(|reader| reader.verify()).await.unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_answers_what_was_accepted_and_refuses_what_comes_after() {
    let directory = TempDir::new().unwrap();
    let engine = start(&directory, Clock::system(), EngineOptions::default());
    furnish(&engine, Fen(10_000), Settlement::Instant).await;
    let accepted: Vec<_> = (0..100)
        .map(|n| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.submit(donate(&format!("t{n}"), 10), SOON).await })
        })
        .collect();
    engine.stop().await;
    let after = engine.submit(donate("after", 10), SOON).await;
    assert_eq!(after.unwrap_err(), EngineError::Stopped);

    let mut acknowledged = Vec::new();
    for (n, one) in accepted.into_iter().enumerate() {
        match one.await.unwrap() {
            Ok(outcome) => {
                outcome.unwrap();
                acknowledged.push(format!("t{n}"));
            }
            Err(error) => assert_eq!(error, EngineError::Stopped),
        }
    }
    drop(engine);
    let engine = start(&directory, Clock::system(), EngineOptions::default());
    for transcode in acknowledged {
        assert!(stored(&engine, &transcode).await.is_some(), "{transcode} was acknowledged");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_waits_for_room_in_a_full_queue() {
    let directory = TempDir::new().unwrap();
    let clock = Clock::system();
    clock.freeze(true);
    let options = EngineOptions { queue_max: 1, batch_max: 1, ..EngineOptions::default() };
    let engine = start(&directory, clock, options);
    furnish(&engine, Fen(10_000), Settlement::Deferred { delay_s: 60 }).await;
    for n in 0..30 {
        done(&engine, donate(&format!("t{n}"), 10)).await;
    }
    let later = SignedDuration::from_secs(60);
    let ran = engine.run_due_after(|clock| clock.advance(later)).await.unwrap();
    assert_eq!(ran.settlements, 30);
    engine.stop().await;
}

/// Moves the clock on at each batch, once it is told to begin.
#[derive(Debug)]
struct Hastens {
    clock: Clock,
    begun: AtomicBool,
}

impl BatchObserver for Hastens {
    fn batch(&self, _: usize, _: Duration, _: Duration, _: Duration) {
        if self.begun.load(Ordering::Acquire) {
            self.clock.advance(SignedDuration::from_secs(60));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_takes_up_what_was_due_when_it_began_and_ends() {
    let directory = TempDir::new().unwrap();
    let clock = Clock::system();
    clock.freeze(true);
    let hastens = Arc::new(Hastens { clock: clock.clone(), begun: AtomicBool::new(false) });
    let options = EngineOptions { observer: Some(hastens.clone()), ..EngineOptions::default() };
    let engine = start(&directory, clock.clone(), options);
    furnish(&engine, Fen(10_000), Settlement::Deferred { delay_s: 60 }).await;
    done(&engine, donate("first", 10)).await;
    clock.advance(SignedDuration::from_secs(30));
    done(&engine, donate("second", 10)).await;

    let later = SignedDuration::from_secs(30);
    let ran = engine.run_due_after(|clock| {
        clock.advance(later);
        hastens.begun.store(true, Ordering::Release);
    });
    assert_eq!(ran.await.unwrap().settlements, 1);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_activity_whose_window_is_over_ends_in_one_look() {
    let directory = TempDir::new().unwrap();
    let clock = Clock::system();
    clock.freeze(true);
    let engine = start(&directory, clock.clone(), EngineOptions::default());
    furnish(&engine, Fen(10_000), Settlement::Instant).await;
    let more = 1_000;
    let making: Vec<_> = (0..more)
        .map(|n| {
            let (engine, now) = (engine.clone(), clock.now());
            tokio::spawn(async move {
                let activity_no = ActivityNo::from(format!("a{n}").as_str());
                let create = CreateActivity {
                    activity_no: Some(activity_no.clone()),
                    org_no: OrgNo::from("org"),
                    kind: ActivityKind::Points,
                    name: "one of many".to_owned(),
                    starts_at: now - SignedDuration::from_hours(1),
                    ends_at: now + SignedDuration::from_hours(1),
                    projects: vec![ProjectNo::from("project")],
                    rules: Vec::new(),
                    limits: UserLimits::default(),
                    channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
                };
                done(&engine, create).await;
                done(&engine, SetStatus { activity_no, status: ActivityStatus::Running }).await;
            })
        })
        .collect();
    for one in making {
        one.await.unwrap();
    }
    let later = SignedDuration::from_hours(2);
    let ran = engine.run_due_after(|clock| clock.advance(later)).await.unwrap();
    assert_eq!(ran.activities_ended, more + 1);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_bounded_and_one_whose_asker_has_gone_is_not_put() {
    let directory = TempDir::new().unwrap();
    let (store, _) = Store::open(&StoreOptions { readers: 1, ..kept_in(&directory) }).unwrap();
    let engine = Engine::start(store, Clock::system(), EngineOptions::default()).unwrap();
    let (began, has_begun) = channel();
    let (go, let_go) = channel::<()>();
    let holding = tokio::spawn({
        let engine = engine.clone();
        let hold = move |_: &_| {
            began.send(()).unwrap();
            let_go.recv().unwrap();
            Ok(())
        };
        async move { engine.read(hold).await }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();

    let put = Arc::new(AtomicBool::new(false));
    let gone = engine.read({
        let put = put.clone();
        move |_| {
            put.store(true, Ordering::Release);
            Ok(())
        }
    });
    assert!(tokio::time::timeout(Duration::from_millis(30), gone).await.is_err());

    // Each is told at once where it may not wait, and waits where it may.
    let mut asked: Vec<_> = (0..100).map(|_| Box::pin(engine.read(|_| Ok(())))).collect();
    let mut busy = 0;
    for one in &mut asked {
        if let Some(answer) = at_once(one).await {
            assert_eq!(answer, Err(EngineError::Busy));
            busy += 1;
        }
    }
    assert_eq!(busy, 100 - 63, "one connection has 64 questions, one of them being answered");
    drop(asked);

    go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    engine.read(|_| Ok(())).await.unwrap();
    assert!(!put.load(Ordering::Acquire));
    engine.stop().await;
}
