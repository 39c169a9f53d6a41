//! An engine with an institution that hands coupons out, and whose callbacks the tests' own envoy
//! carries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use huodong_campaign::{
    ActivityNo, ActivityStatus, Attempt, AttemptOutcome, BookRule, Callback, CallbackEvent,
    CallbackState, Channel, Claimed, Command, CouponKey, CouponTerms, CreateCouponActivity,
    CreateInstitution, CreateOrganization, Deposit, Discount, Fen, FundActivity, Id, InstitutionId,
    Issue, Issued, NewOffer, OpenId, OrgNo, OwnerId, PromotionId, SetStatus, Settlement,
    UserLimits, Validity, Wanted, World,
};
use huodong_engine::{
    Attempted, Clock, DeliveryOptions, Engine, EngineError, EngineOptions, Envoy, Prepared,
    Preparing,
};
use huodong_store::{CallbackFilter, PageRequest, Place, Store, StoreOptions};
use huodong_testing::Database;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::watch;

/// How long anything may take before a test gives up. Far more than it takes.
pub const SOON: Duration = Duration::from_secs(60);

/// Ten in the morning, in Shanghai.
pub fn start() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

pub fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

pub fn frozen() -> Clock {
    let clock = Clock::system();
    clock.freeze(true);
    clock.set(start());
    clock
}

/// The store that stands for a directory: in it, or a shared one where the tests are told to use
/// such.
pub fn kept_in(directory: &TempDir) -> StoreOptions {
    match database_at(directory) {
        Some(database) => shared(database.url()),
        None => StoreOptions::at(directory.path()),
    }
}

fn database_at(directory: &TempDir) -> Option<Arc<Database>> {
    let begin = |url: &str| drop(Store::open(&shared(url)).unwrap());
    huodong_testing::database_at(directory.path(), begin)
}

fn shared(url: &str) -> StoreOptions {
    StoreOptions::of(Place::Postgres(url.parse().unwrap()))
}

/// Changes rows behind the store's back.
pub fn tamper(directory: &TempDir, update: &str) {
    let changed = match database_at(directory) {
        Some(database) => database.psql(&format!("{update} RETURNING 1")).lines().count(),
        None => {
            let path = directory.path().join("huodong.db");
            rusqlite::Connection::open(path).unwrap().execute(update, ()).unwrap()
        }
    };
    assert!(changed > 0, "{update}");
}

pub fn open(directory: &TempDir, clock: &Clock, options: EngineOptions) -> Engine {
    let (store, _) = Store::open(&kept_in(directory)).unwrap();
    Engine::start(store, clock.clone(), options).unwrap()
}

/// What receivers on this machine need, and time enough for their answers on a slow one.
pub fn to_this_machine() -> DeliveryOptions {
    DeliveryOptions {
        allow_http: true,
        allow_private: true,
        connect_timeout: SOON,
        timeout: SOON,
        ..DeliveryOptions::default()
    }
}

/// An attempt as the envoy heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub callback: Id,
    pub outcome: AttemptOutcome,
    pub late: Duration,
}

/// Says the callback's number, and wants to hear SUCCESS.
#[derive(Debug, Default)]
pub struct Scribe {
    heard: Mutex<Vec<Heard>>,
    count: watch::Sender<usize>,
    /// What it refuses to write, or panics at.
    pub refuses: Mutex<Option<&'static str>>,
    pub panics: Mutex<bool>,
}

impl Envoy for Scribe {
    fn prepare<'a>(&'a self, claimed: &'a Claimed) -> Preparing<'a> {
        let (callback, coupon) = (&claimed.callback, &claimed.coupon);
        assert_eq!(callback.coupon, coupon.id);
        let address = match callback.event {
            CallbackEvent::IssueResult => coupon.post_notify.clone().unwrap(),
            CallbackEvent::WriteOff => coupon.write_off_notify.clone(),
        };
        let refused = *self.refuses.lock().unwrap();
        let panics = *self.panics.lock().unwrap();
        Box::pin(async move {
            assert!(!panics, "as the test wants it");
            if let Some(why) = refused {
                return Err(why.to_owned());
            }
            let headers = vec![("content-type", "text/plain".to_owned())];
            let body = callback.id.to_string().into_bytes();
            Ok(Prepared { address: address.into(), headers, body })
        })
    }

    fn acknowledges(&self, answer: &[u8]) -> bool {
        answer == b"SUCCESS"
    }

    fn attempted(&self, attempted: Attempted<'_>) {
        let Attempted { callback, outcome, late, .. } = attempted;
        self.heard.lock().unwrap().push(Heard { callback: callback.id, outcome, late });
        self.count.send_modify(|count| *count += 1);
    }
}

impl Scribe {
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub fn outcomes(&self) -> Vec<AttemptOutcome> {
        self.heard().into_iter().map(|heard| heard.outcome).collect()
    }

    /// Returns when so many attempts were recorded.
    pub async fn has_heard(&self, count: usize) {
        let mut heard = self.count.subscribe();
        let all = tokio::time::timeout(SOON, heard.wait_for(|heard| *heard >= count)).await;
        assert!(all.is_ok(), "{} of {count} attempts were recorded", *self.count.borrow());
    }
}

pub struct Scene {
    pub directory: TempDir,
    pub clock: Clock,
    pub engine: Engine,
    pub scribe: Arc<Scribe>,
}

impl Scene {
    /// With a frozen clock, and coupons that are issued at once.
    pub async fn delivering(options: DeliveryOptions) -> Self {
        let scene = Self::new(Settlement::Instant).await;
        scene.engine.deliver_with(scene.scribe.clone(), options).unwrap();
        scene
    }

    /// The same, with nobody who delivers.
    pub async fn new(settlement: Settlement) -> Self {
        Self::with(settlement, EngineOptions::default()).await
    }

    pub async fn with(settlement: Settlement, options: EngineOptions) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = frozen();
        let engine = open(&directory, &clock, options);
        furnish(&engine, settlement).await;
        Self { directory, clock, engine, scribe: Arc::default() }
    }

    /// Stops this engine and opens the same database again, with nobody who delivers.
    pub async fn reopened(self) -> Self {
        let Self { directory, clock, engine, .. } = self;
        engine.stop().await;
        let engine = open(&directory, &clock, EngineOptions::default());
        Self { directory, clock, engine, scribe: Arc::default() }
    }

    /// A coupon whose issue and end are told there; the callback of its issue is due a second on.
    pub async fn issue(&self, number: usize, address: &str) -> Id {
        done(&self.engine, order(number, address)).await.coupon.id
    }

    /// Many of them, and the number of each one's callback.
    pub async fn issue_many(&self, numbers: std::ops::Range<usize>, address: &str) {
        for first in numbers.clone().step_by(1_000) {
            let these = first..numbers.end.min(first + 1_000);
            done(&self.engine, Many(these.map(|n| order(n, address)).collect())).await;
        }
    }

    /// Moves the clock, and tells how many attempts were made because of that.
    pub async fn advance(&self, by: SignedDuration) -> u64 {
        self.engine.run_due_after(|clock| clock.advance(by)).await.unwrap().callbacks
    }

    /// The coupon's callbacks, the newest first.
    pub async fn callbacks(&self, coupon: Id) -> Vec<Callback> {
        let filter = CallbackFilter { coupon: Some(coupon), ..CallbackFilter::default() };
        let page = PageRequest { before: None, limit: 10 };
        let read = self.engine.read(move |reader| reader.callbacks(&filter, page));
        read.await.unwrap().rows
    }

    /// The one callback of a coupon.
    pub async fn callback(&self, coupon: Id) -> Callback {
        let [callback] = self.callbacks(coupon).await.try_into().unwrap();
        callback
    }

    pub async fn attempts(&self, callback: Id) -> Vec<Attempt> {
        self.engine.read(move |reader| reader.attempts(callback)).await.unwrap()
    }

    /// The state and the attempts of a coupon's one callback.
    pub async fn story(&self, coupon: Id) -> (CallbackState, Vec<Attempt>) {
        let callback = self.callback(coupon).await;
        (callback.state, self.attempts(callback.id).await)
    }
}

pub async fn done<C: Command + Sync>(engine: &Engine, command: C) -> C::Done
where
    C::Refusal: std::fmt::Debug,
{
    let command = Again(Arc::new(command));
    loop {
        match engine.submit(command.clone(), SOON).await {
            // Where there is one place, what the engine tells itself now and then may be in it.
            Err(EngineError::Busy) if engine.queue_max() == 1 => tokio::task::yield_now().await,
            outcome => return outcome.unwrap().unwrap(),
        }
    }
}

/// What it gives where it need not wait. If it must, it has begun to.
pub async fn at_once<F: Future + Unpin>(asked: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        given = asked => Some(given),
        () = std::future::ready(()) => None,
    }
}

/// A command that can be submitted more than once.
struct Again<C>(Arc<C>);

impl<C> Clone for Again<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Command + Sync> Command for Again<C> {
    type Done = C::Done;
    type Refusal = C::Refusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.0.wants(wanted);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn decide(&self, world: &mut World) -> Result<C::Done, C::Refusal> {
        self.0.decide(world)
    }
}

/// An institution, and a running coupon activity that lasts for a day and whose coupons do.
pub async fn furnish(engine: &Engine, settlement: Settlement) {
    let org_no = OrgNo::from("org");
    let (name, merchant_no) = ("a name".to_owned(), "m".to_owned());
    done(engine, CreateOrganization { org_no: Some(org_no.clone()), name, merchant_no }).await;
    let money = Fen(100_000_000);
    done(engine, Deposit { org_no: org_no.clone(), money }).await;
    done(
        engine,
        CreateInstitution {
            appid: Some(InstitutionId::from("bank")),
            org_id: "86802221".into(),
            name: "a bank".to_owned(),
            certificate: "its certificate".to_owned(),
            member_prefix: "AAA".into(),
            owners: vec![OwnerId::from("80000007")],
            rate_per_s: None,
        },
    )
    .await;
    let now = engine.clock().now();
    let activity_no = ActivityNo::from("activity");
    done(
        engine,
        CreateCouponActivity {
            activity_no: Some(activity_no.clone()),
            org_no,
            name: "coupons".to_owned(),
            starts_at: now - SignedDuration::from_hours(1),
            ends_at: now + SignedDuration::from_hours(24 * 30),
            limits: UserLimits::default(),
            channel: Channel::Book(BookRule::all_succeed(settlement)),
            offer: NewOffer {
                promotion_id: PromotionId::from("promotion"),
                batch_code: "batch".into(),
                terms: CouponTerms {
                    discount: Discount::Fixed { money: Fen(100) },
                    minimum_spend: Fen::ZERO,
                    validity: Validity::Days(1),
                },
                issuers: vec![InstitutionId::from("bank")],
                initiators: Vec::new(),
                merchants: Vec::new(),
                stock: 1_000_000,
            },
        },
    )
    .await;
    done(engine, FundActivity { activity_no: activity_no.clone(), money }).await;
    done(engine, SetStatus { activity_no, status: ActivityStatus::Running }).await;
}

pub fn order(number: usize, address: &str) -> Issue {
    Issue {
        key: CouponKey {
            appid: InstitutionId::from("bank"),
            mer_order_id: number.to_string().into(),
        },
        activity_no: ActivityNo::from("activity"),
        promotion_id: PromotionId::from("promotion"),
        owner_id: OwnerId::from("80000007"),
        member_id: "AAA200154561278".into(),
        openid: OpenId::from("a user"),
        post_notify: Some(address.into()),
        write_off_notify: address.into(),
    }
}

/// Many orders in one command.
struct Many(Vec<Issue>);

impl Command for Many {
    type Done = Vec<Issued>;
    type Refusal = huodong_campaign::IssueRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.0.iter().for_each(|one| one.wants(wanted));
    }

    fn decide(&self, world: &mut World) -> Result<Vec<Issued>, Self::Refusal> {
        self.0.iter().map(|one| one.decide(world)).collect()
    }
}
