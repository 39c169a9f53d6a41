//! A database to measure on: an organization with very much money, an application, activities, and
//! as many orders at rest as asked for. Made by the very commands the server carries out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use huodong_campaign::{
    Activity, ActivityKind, ActivityNo, ActivityStatus, Actor, AppId, AssignBid, Audited, Bid,
    BookRule, Channel, Command, CreateActivity, CreateApplication, CreateOrganization,
    CreateProject, Deposit, Donate, DonationKey, Fen, FundActivity, Operated, OrgNo, ProjectNo,
    SetStatus, Settlement, ThirdUid, UserLimits,
};
use huodong_engine::source::monotonic;
use huodong_engine::{Chance, Clock, Engine, EngineError, EngineOptions};
use huodong_server::{App, Metrics};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;

use super::coupon_partner;
use super::order::{Orders, REWARD, REWARD_TIME, Target};
use crate::credentials::{self, Credentials, Gongyi};
use crate::failure::{Context as _, Failure};
use crate::files::write_private;
use crate::settings::{Installation, master_key, open_store};

/// What each activity is funded with: more than any run can spend.
const MONEY_EACH: Fen = Fen(10_000_000_000_000_000);
/// Orders under way at once while filling.
const UNDER_WAY: usize = 8_192;
pub(super) const DEADLINE: Duration = Duration::from_secs(120);
/// How often progress is told, in orders.
const PROGRESS: u64 = 1_000_000;

/// Makes a database to measure on and a credentials file for `huodong bench donate` and `coupon`.
/// Serve it afterwards with the same --data and master key.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  export HUODONG_MASTER_KEY=$(huodong master-key)
  huodong bench fill --data /tmp/bench --orders 10000000 --credentials /tmp/bench.json
  huodong serve --data /tmp/bench &
  huodong bench donate --credentials /tmp/bench.json --connections 64")]
pub(crate) struct Fill {
    #[command(flatten)]
    installation: Installation,
    /// Donations at rest.
    #[arg(long, default_value_t = 0)]
    orders: u64,
    /// Activities they are spread over.
    #[arg(long, default_value_t = 1)]
    activities: u32,
    /// How much each activity has, in fen.
    #[arg(long, default_value_t = MONEY_EACH.0)]
    money: i64,
    /// Give each activity a limit for each user, so that usage is counted.
    #[arg(long)]
    user_limits: bool,
    /// Where the credentials go.
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,
    /// The base_url the credentials name.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    base_url: String,
}

impl Fill {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.activities == 0 {
            return Err(Failure::usage("--activities must be above zero"));
        }
        let config = self.installation.settings(Vec::new())?;
        let key = master_key(&config)?;
        crate::runtime()?.block_on(async {
            let (store, _) = open_store(&config)?;
            let options = EngineOptions { batch_max: UNDER_WAY, ..EngineOptions::default() };
            let engine =
                Engine::start(store, Clock::system(), options).cannot("start the engine")?;
            let settings = config.server_settings();
            let app = App::new(engine.clone(), key, settings, Arc::new(Metrics::new()));
            let filled = self.fill(&app).await;
            engine.stop().await;
            filled
        })
    }

    async fn fill(&self, app: &App) -> Result<(), Failure> {
        let engine = &app.engine;
        let partner = self.partner(app).await?;
        let targets = partner.gongyi.activities.iter();
        let orders = Orders {
            seed: u64::from_be_bytes(Chance.bytes()),
            users: 1_000_000,
            targets: targets
                .map(|a| Target {
                    activity_no: a.activity_no.clone(),
                    project_no: a.project_no.clone(),
                })
                .collect(),
        };
        self.donate(engine, &partner.gongyi, orders).await?;
        write_private(&self.credentials, &json!(partner).to_string())?;
        println!("wrote {}", self.credentials.display());
        Ok(())
    }

    /// The organization, its application and its activities, started.
    async fn partner(&self, app: &App) -> Result<Credentials, Failure> {
        let engine = &app.engine;
        let text = |text: &str| text.to_owned();
        let organization = CreateOrganization {
            org_no: None,
            name: text("Bench"),
            merchant_no: text("19680000001"),
        };
        let org_no = operate(engine, organization).await?.org_no;
        let money = Fen(self.money.saturating_mul(self.activities.into()));
        operate(engine, Deposit { org_no: org_no.clone(), money }).await?;
        let project = CreateProject { project_no: None, name: text("Bench") };
        let project_no = operate(engine, project).await?.project_no;

        let appid = AppId::from(format!("bench{}", hex::encode(Chance.bytes::<6>())));
        let secret = hex::encode(Chance.bytes::<16>());
        let sealed_secret = app.seal_secret(&appid, &secret);
        let application = CreateApplication {
            appid: Some(appid.clone()),
            org_no: org_no.clone(),
            name: text("Bench"),
            sealed_secret,
            rate_per_s: Some(u32::MAX),
            flowers_per_day: 1,
        };
        operate(engine, application).await?;
        let bid = operate(engine, AssignBid { bid: None, appid: appid.clone() }).await?.bid;

        let mut activities = Vec::new();
        for number in 1..=self.activities {
            let activity = self.activity(engine, number, &org_no, &project_no).await?;
            activities.push(credentials::Activity {
                activity_no: activity.activity_no.to_string(),
                project_no: project_no.to_string(),
                settlement: text("instant"),
            });
        }
        let gongyi = Gongyi {
            appid: appid.to_string(),
            secret,
            bid: bid.to_string(),
            org_no: org_no.to_string(),
            activities,
        };
        let lakala = Some(coupon_partner::make(app, &org_no, Vec::new()).await?);
        Ok(Credentials { base_url: self.base_url.clone(), gongyi, lakala, ysepay: None })
    }

    async fn activity(
        &self,
        engine: &Engine,
        number: u32,
        org_no: &OrgNo,
        project_no: &ProjectNo,
    ) -> Result<Activity, Failure> {
        // So high that nobody reaches it: what costs is the counting.
        let counted = UserLimits { count_total: Some(u32::MAX), ..UserLimits::default() };
        let create = CreateActivity {
            activity_no: None,
            org_no: org_no.clone(),
            kind: ActivityKind::Points,
            name: format!("Bench {number}"),
            starts_at: Timestamp::UNIX_EPOCH,
            ends_at: Timestamp::from_second(4_102_416_000).expect("the year 2100"),
            projects: vec![project_no.clone()],
            rules: Vec::new(),
            limits: if self.user_limits { counted } else { UserLimits::default() },
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        };
        let activity_no = operate(engine, create).await?.activity_no;
        let fund = FundActivity { activity_no: activity_no.clone(), money: Fen(self.money) };
        operate(engine, fund).await?;
        operate(engine, SetStatus { activity_no, status: ActivityStatus::Running }).await
    }

    async fn donate(
        &self,
        engine: &Engine,
        partner: &Gongyi,
        orders: Orders,
    ) -> Result<(), Failure> {
        let begin = monotonic();
        let shared = Arc::new(Shared {
            next: AtomicU64::new(0),
            count: self.orders,
            orders,
            appid: partner.appid.as_str().into(),
            org_no: partner.org_no.as_str().into(),
            bid: partner.bid.as_str().into(),
            reward_time: REWARD_TIME.parse().cannot("read the orders' time")?,
        });
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..UNDER_WAY {
            tasks.spawn(Arc::clone(&shared).place_some(engine.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.cannot("place orders")??;
        }
        if self.orders > 0 {
            let seconds = begin.elapsed().as_secs_f64();
            #[allow(clippy::cast_precision_loss)]
            let rate = self.orders as f64 / seconds;
            println!("{} orders in {seconds:.1} s, {rate:.0} /s", self.orders);
        }
        Ok(())
    }
}

/// What all tasks that place orders share.
struct Shared {
    next: AtomicU64,
    count: u64,
    orders: Orders,
    appid: AppId,
    org_no: OrgNo,
    bid: Bid,
    reward_time: DateTime,
}

impl Shared {
    async fn place_some(self: Arc<Self>, engine: Engine) -> Result<(), Failure> {
        loop {
            let k = self.next.fetch_add(1, Ordering::Relaxed);
            if k >= self.count {
                return Ok(());
            }
            if k > 0 && k.is_multiple_of(PROGRESS) {
                eprintln!("{k} orders …");
            }
            engine
                .submit(self.order(k), DEADLINE)
                .await
                .cannot("place an order")?
                .map_err(|refusal| Failure::new(format!("an order was refused: {refusal}")))?;
        }
    }

    fn order(&self, k: u64) -> Donate {
        let order = self.orders.order(k);
        let target = &self.orders.targets[order.target];
        Donate {
            key: DonationKey {
                bid: self.bid.clone(),
                reward_transcode: format!("{:032x}", order.key).into_boxed_str(),
            },
            appid: self.appid.clone(),
            org_no: self.org_no.clone(),
            activity_no: ActivityNo::from(target.activity_no.as_str()),
            project_no: ProjectNo::from(target.project_no.as_str()),
            third_uid: ThirdUid::from(format!("user{:010}", order.user)),
            reward: REWARD,
            reward_time: self.reward_time,
            money: Fen(order.money.into()),
        }
    }
}

/// Carries out an operator's command.
pub(super) async fn operate<C>(engine: &Engine, command: C) -> Result<C::Done, Failure>
where
    C: Audited + Command,
    C::Refusal: std::error::Error,
{
    let actor = Actor { name: "huodong-bench".to_owned(), trace_id: String::new() };
    let outcome: Result<_, EngineError> =
        engine.submit(Operated { actor, command }, DEADLINE).await;
    outcome.cannot("reach the database")?.map_err(|refusal| Failure::new(refusal.to_string()))
}
