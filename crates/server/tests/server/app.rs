//! A whole running server with a demo world, and callers that sign.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use huodong_campaign::{
    ActivityKind, ActivityNo, ActivityStatus, AppId, AssignBid, BehaviourRule, Bid, BookRule,
    Channel, Command, CreateActivity, CreateApplication, CreateOrganization, CreateProject,
    Deposit, EndActivity, Fen, FundActivity, OrgNo, ProjectNo, SetStatus, Settlement, UserLimits,
};
use huodong_engine::{Chance, Clock, Engine, EngineOptions};
use huodong_server::{
    App, ListenOptions, MasterKey, Metrics, Nonces, Settings, bind, router, serve,
};
use huodong_store::{Place, Store, StoreOptions};
use huodong_testing::Database;
use huodong_wire::gongyi::{Api, sign};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take before a test gives up, or a server that is not to be late. Far more
/// than it takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const ORG: &str = "110058";
pub const APP: &str = "demo_app";
pub const SECRET: &str = "secret_0123456789";
pub const BID: &str = "12345";
/// The second bid of the same application.
pub const BID_2: &str = "12346";
pub const PROJECT: &str = "224328";
/// Bound to every activity too.
pub const PROJECT_2: &str = "50000636";
/// Exists, bound to no activity.
pub const PROJECT_UNBOUND: &str = "999";
/// Another organization's.
pub const OTHER_APP: &str = "other_app";
pub const OTHER_BID: &str = "99999";
/// What the running activities begin with.
pub const FUNDS: i64 = 1_000_000;
/// Flowers of a user and day.
pub const FLOWERS_PER_DAY: u32 = 10;

/// The activities of [`ORG`], all bound to both projects.
pub mod activity {
    pub const INSTANT: &str = "instant";
    /// Settles after 60 seconds.
    pub const DEFERRED: &str = "deferred";
    pub const DRAFT: &str = "draft";
    pub const PAUSED: &str = "paused";
    pub const ENDED: &str = "ended";
    /// Begins tomorrow.
    pub const FUTURE: &str = "future";
    /// One donation a user.
    pub const LIMITED: &str = "limited";
    /// Money for exactly one donation of 5000.
    pub const ONE_LEFT: &str = "one-left";
    /// Another organization's, running.
    pub const OTHERS: &str = "others";
}

/// Amounts for which the demo channel does something else than pay.
pub const FAILS: i64 = 13;
pub const REFUSED: i64 = 4;
pub const UNAVAILABLE: i64 = 47;

/// How the server is started.
pub struct Setup {
    pub settings: Settings,
    pub engine: EngineOptions,
    pub clock: Clock,
    /// How long the server pretends to have been running, as far as nonces go.
    pub age_s: i64,
    /// Whether it has a database of its own, whichever store other tests use.
    pub embedded: bool,
    /// The address of the database it shares, where that is not its directory's.
    pub url: Option<String>,
    /// The last word on the app, before it serves.
    pub prepare: fn(&mut App),
}

impl Default for Setup {
    fn default() -> Self {
        // A morning in Shanghai, so that no test runs over midnight.
        let clock = Clock::system();
        clock.set("2026-11-21T02:00:00Z".parse().unwrap());
        let mut settings = Settings {
            deadline: PATIENCE,
            body_deadline: PATIENCE,
            wechat_timeout: PATIENCE,
            ..Settings::default()
        };
        settings.lakala.delivery.timeout = PATIENCE;
        settings.lakala.delivery.connect_timeout = PATIENCE;
        let engine = EngineOptions::default();
        Self { settings, engine, clock, age_s: 3_600, embedded: false, url: None, prepare: |_| {} }
    }
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

/// The database of servers that share one.
pub fn shared_database(directory: &TempDir) -> Arc<Database> {
    let begin = |url: &str| drop(Store::open(&shared(url)).unwrap());
    huodong_testing::shared_database_at(directory.path(), begin)
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

/// A running server. Dropped, it is gone.
pub struct TestApp {
    pub app: Arc<App>,
    pub address: SocketAddr,
    pub http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    pub directory: Arc<TempDir>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with_settings(change: impl FnOnce(&mut Settings)) -> Self {
        let mut setup = Setup::default();
        change(&mut setup.settings);
        Self::with(setup).await
    }

    pub async fn with(setup: Setup) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), setup, true).await
    }

    /// A node of a database that others can be nodes of, whichever store other tests use.
    pub async fn sharing(setup: Setup) -> Self {
        let directory = tempfile::tempdir().unwrap();
        shared_database(&directory);
        Self::open(Arc::new(directory), setup, true).await
    }

    /// Another node of the same database.
    pub async fn beside(&self, setup: Setup) -> Self {
        Self::open(Arc::clone(&self.directory), setup, false).await
    }

    async fn open(directory: Arc<TempDir>, setup: Setup, first: bool) -> Self {
        let kept = match &setup.url {
            Some(url) => shared(url),
            None if setup.embedded => StoreOptions::at(directory.path()),
            None => kept_in(&directory),
        };
        let (store, _) = Store::open(&kept).unwrap();
        let metrics = Arc::new(Metrics::new());
        let options = EngineOptions { observer: Some(metrics.clone()), ..setup.engine };
        let engine = Engine::start(store, setup.clock, options).unwrap();
        let mut app = App::new(engine, MasterKey::new(&[7; 32]), setup.settings, metrics);
        let (span, most) = (app.settings.freshness_s, app.settings.nonces_max);
        app.nonces =
            Nonces::new(Chance, span, most, app.nonces.began().saturating_sub(setup.age_s));
        if !first {
            app.refresh().await.unwrap();
        } else if app.settings.sandbox {
            huodong_server::seed::plant(&app).await.unwrap();
        } else {
            furnish(&app).await;
            app.refresh().await.unwrap();
        }
        (setup.prepare)(&mut app);
        let app = Arc::new(app);
        app.follow();
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, router(&app), ListenOptions::default(), async {
            let _ = stopped.await;
        });
        let served = tokio::spawn(async {
            serving.await;
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (stop, served) = (Some(stop), Some(served));
        Self { app, address, http, stop, served, directory }
    }

    /// Shuts the server down and waits for it.
    pub async fn stop(&mut self) {
        self.app.health.stop();
        let _ = self.stop.take().unwrap().send(());
        self.served.take().unwrap().await.unwrap();
        self.app.engine.stop().await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn caller(&self) -> Caller<'_> {
        Caller { server: self, appid: APP.to_owned(), secret: SECRET.to_owned() }
    }

    pub fn other_caller(&self) -> Caller<'_> {
        Caller { server: self, appid: OTHER_APP.to_owned(), secret: SECRET.to_owned() }
    }

    /// Calls as the demo application.
    pub async fn call(&self, api: Api, body: &Value) -> Answer {
        self.caller().call(api, body).await
    }

    /// The same, again for as long as it is told to come again because of its deadline.
    pub async fn call_until_in_time(&self, api: Api, body: &Value) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.call(api, body).await;
            if ![15_150_028, 32_240_046].contains(&answer.code) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{}", answer.text);
        }
    }

    /// Has a command carried out.
    pub async fn done<C: Command>(&self, command: C) -> C::Done
    where
        C::Refusal: std::fmt::Debug,
    {
        done(&self.app, command).await
    }

    pub async fn advance(&self, seconds: i64) {
        self.app.engine.clock().advance(SignedDuration::from_secs(seconds));
        self.app.engine.run_due().await.unwrap();
    }

    /// What an activity has left.
    pub async fn frozen(&self, activity_no: &str) -> i64 {
        let activity_no = ActivityNo::from(activity_no);
        let found = self.app.engine.read(move |reader| reader.activity(&activity_no)).await;
        found.unwrap().unwrap().1.0
    }

    /// The ledger sums up to zero.
    pub async fn assert_balanced(&self) {
        let balance = self.app.engine.read(|reader| reader.trial_balance()).await.unwrap();
        assert_eq!(balance.sum, Fen::ZERO, "{balance:?}");
    }
}

/// An application that calls.
pub struct Caller<'a> {
    pub server: &'a TestApp,
    pub appid: String,
    pub secret: String,
}

impl Caller<'_> {
    /// Headers of a call now.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        self.headers_at(now(), &fresh_nonce())
    }

    pub fn headers_at(&self, timestamp: i64, nonce: &str) -> Vec<(&'static str, String)> {
        let timestamp = timestamp.to_string();
        let signature = sign::sign(&self.appid, nonce, &timestamp, &self.secret);
        vec![
            (sign::APPID, self.appid.clone()),
            (sign::NONCE, nonce.to_owned()),
            (sign::TIMESTAMP, timestamp),
            (sign::SIGN, signature),
        ]
    }

    pub async fn call(&self, api: Api, body: &Value) -> Answer {
        self.send(api, self.headers(), body.to_string()).await
    }

    pub async fn send(
        &self,
        api: Api,
        headers: Vec<(&'static str, String)>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let url = self.server.url(api.path());
        let mut request = self.server.http.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        Answer::read(response.text().await.unwrap())
    }
}

/// An answer, its envelope checked.
#[derive(Debug)]
pub struct Answer {
    pub text: String,
    pub code: i64,
    pub msg: String,
    pub op_time: i64,
    pub trace_id: String,
    pub data: Value,
}

impl Answer {
    pub fn read(text: String) -> Self {
        let whole: Value = serde_json::from_str(&text).unwrap();
        let trace_id = whole["trace_id"].as_str().unwrap().to_owned();
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(trace_id.len() == 32 && trace_id.chars().all(hex), "{trace_id}");
        let op_time = whole["op_time"].as_i64().unwrap();
        assert!((now() - op_time).abs() < 60, "{op_time}");
        assert!(whole["data"].is_object(), "{text}");
        Self {
            code: whole["code"].as_i64().unwrap(),
            msg: whole["msg"].as_str().unwrap().to_owned(),
            op_time,
            trace_id,
            data: whole["data"].clone(),
            text,
        }
    }

    /// It is a refusal with this code, for this reason.
    #[track_caller]
    pub fn assert_refused(&self, code: i64, msg: &str) {
        assert_eq!((self.code, self.msg.as_str()), (code, msg));
    }

    #[track_caller]
    pub fn success(self) -> Value {
        assert_eq!((self.code, self.msg.as_str()), (0, "Success"), "{}", self.text);
        self.data
    }
}

/// A donation of 50 yuan to the instant activity, with a key of its own.
pub fn donation() -> Value {
    json!({
        "activity_no": activity::INSTANT,
        "project_no": PROJECT,
        "third_uid": "user_001",
        "reward": 1000,
        "reward_transcode": fresh_nonce(),
        "reward_time": "2025-08-01 12:00:00",
        "money": 5000,
        "bid": BID,
    })
}

/// The same with one field changed.
pub fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

/// The same without one field.
pub fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field).unwrap();
    body
}

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// 32 letters and digits nobody used before.
pub fn fresh_nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("n{:031}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn done<C: Command>(app: &App, command: C) -> C::Done
where
    C::Refusal: std::fmt::Debug,
{
    app.engine.submit(command, PATIENCE).await.unwrap().unwrap()
}

async fn furnish(app: &App) {
    for (org, appid, bids) in
        [(ORG, APP, &[BID, BID_2][..]), ("220000", OTHER_APP, &[OTHER_BID][..])]
    {
        let org_no = OrgNo::from(org);
        let name = "示例企业".to_owned();
        let merchant_no = "19680000001".to_owned();
        done(app, CreateOrganization { org_no: Some(org_no.clone()), name, merchant_no }).await;
        done(app, Deposit { org_no: org_no.clone(), money: Fen(100 * FUNDS) }).await;
        let appid = AppId::from(appid);
        let application = CreateApplication {
            appid: Some(appid.clone()),
            org_no,
            name: "an application".to_owned(),
            sealed_secret: app.seal_secret(&appid, SECRET),
            rate_per_s: None,
            flowers_per_day: FLOWERS_PER_DAY,
        };
        done(app, application).await;
        for bid in bids {
            done(app, AssignBid { bid: Some(Bid::from(*bid)), appid: appid.clone() }).await;
        }
    }
    for project in [PROJECT, PROJECT_2, PROJECT_UNBOUND] {
        let project_no = Some(ProjectNo::from(project));
        done(app, CreateProject { project_no, name: "示例项目".to_owned() }).await;
    }
    for activity_no in [
        activity::INSTANT,
        activity::DEFERRED,
        activity::DRAFT,
        activity::PAUSED,
        activity::ENDED,
        activity::FUTURE,
        activity::LIMITED,
        activity::ONE_LEFT,
        activity::OTHERS,
    ] {
        create_activity(app, activity_no).await;
    }
}

async fn create_activity(app: &App, name: &str) {
    let day = SignedDuration::from_hours(24);
    let now = app.engine.clock().now();
    let activity_no = ActivityNo::from(name);
    let settlement = match name {
        activity::DEFERRED => Settlement::Deferred { delay_s: 60 },
        _ => Settlement::Instant,
    };
    let limits = match name {
        activity::LIMITED => UserLimits { count_total: Some(1), ..UserLimits::default() },
        _ => UserLimits::default(),
    };
    let create = CreateActivity {
        activity_no: Some(activity_no.clone()),
        org_no: OrgNo::from(if name == activity::OTHERS { "220000" } else { ORG }),
        kind: ActivityKind::Points,
        name: format!("活动 {name}"),
        starts_at: if name == activity::FUTURE { now + day } else { now - day },
        ends_at: now + day * 30,
        projects: vec![ProjectNo::from(PROJECT), ProjectNo::from(PROJECT_2)],
        rules: vec![BehaviourRule {
            content: "步行".to_owned(), title: "少开一天车".to_owned()
        }],
        limits,
        channel: Channel::Book(BookRule {
            fail_money: vec![Fen(FAILS)],
            refuse_money: vec![Fen(REFUSED)],
            unavailable_money: vec![Fen(UNAVAILABLE)],
            ..BookRule::all_succeed(settlement)
        }),
    };
    done(app, create).await;
    let money = Fen(if name == activity::ONE_LEFT { 5000 } else { FUNDS });
    done(app, FundActivity { activity_no: activity_no.clone(), money }).await;
    let status =
        async |status| done(app, SetStatus { activity_no: activity_no.clone(), status }).await;
    if name == activity::DRAFT {
        return;
    }
    status(ActivityStatus::Running).await;
    if name == activity::PAUSED {
        status(ActivityStatus::Paused).await;
    }
    if name == activity::ENDED {
        done(app, EndActivity { activity_no, only_if_over: false }).await;
    }
}
