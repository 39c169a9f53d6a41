//! Measures what the layout on disk makes of donations: batches through load, decide and save,
//! without queue or HTTP.
//!
//! ```text
//! cargo run --release -p huodong-store --example layout -- \
//!     donations=2000000 batch=256 prefill=0 activities=1 limits=no extra_sync_us=0 \
//!     cache_mib=256 directory=/var/tmp/layout verify=no
//! ```
//!
//! Each of these may be left out. Prints a line for each million donations, and the slowest batch
//! since the line before.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use huodong_campaign::{
    Activity, ActivityKind, ActivityNo, AppId, AssignBid, Bid, BookRule, Channel, Command,
    CreateActivity, CreateApplication, CreateOrganization, CreateProject, Deposit, Donate,
    DonationKey, Fen, FundActivity, OrgNo, ProjectNo, SetStatus, Settlement, ThirdUid, UserLimits,
    Wanted, World,
};
use huodong_store::{Store, StoreOptions};
use jiff::Timestamp;

/// Batches slower than this are told one by one.
const SLOW: Duration = Duration::from_millis(15);

fn main() {
    let given: HashMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect();
    let number = |name: &str, default: u64| {
        given.get(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let yes = |name: &str| given.get(name).is_some_and(|value| value == "yes");
    let directory = given.get("directory").map_or_else(
        || std::env::temp_dir().join(format!("huodong-layout-{}", std::process::id())),
        PathBuf::from,
    );
    let options = StoreOptions {
        cache_mib: u32::try_from(number("cache_mib", 256)).unwrap(),
        keys_per_run: usize::try_from(number("keys_per_run", 900_000)).unwrap(),
        extra_sync: Duration::from_micros(number("extra_sync_us", 0)),
        ..StoreOptions::at(&directory)
    };
    let batch = number("batch", 256);
    let mut bench = Bench::new(&options, number("activities", 1), yes("limits"));
    let prefill = number("prefill", 0);
    if prefill > 0 {
        println!("prefill");
        bench.run(prefill, 1000);
    }
    println!("{batch} a batch");
    bench.run(number("donations", 2_000_000), batch);
    if yes("verify") {
        let begun = Instant::now();
        let report = bench.store.reader().verify().unwrap();
        println!("verified in {:.1?}", begun.elapsed());
        for (what, rows) in report.checked {
            println!("  {rows:>12} {what}");
        }
        for violation in report.violations {
            println!("  VIOLATION {violation}");
        }
    }
    drop(bench);
    if !given.contains_key("directory") {
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

struct Bench {
    store: Store,
    activities: Vec<ActivityNo>,
    placed: u64,
    random: u64,
}

impl Bench {
    fn new(options: &StoreOptions, activities: u64, limits: bool) -> Self {
        let begun = Instant::now();
        let (store, _) = Store::open(options).unwrap();
        println!("opened in {:.1?}", begun.elapsed());
        let mut bench = Self { store, activities: Vec::new(), placed: 0, random: 1 };
        // A directory used before holds them.
        bench.random = bench.store.last_id().cast_unsigned() | 1;
        let known = bench.store.reader().organization(&OrgNo::from("10001")).unwrap().is_some();
        if !known {
            bench.begin();
        }
        for n in 0..activities {
            let activity_no = ActivityNo::from(format!("2026112100{n:06}"));
            if bench.store.reader().activity(&activity_no).unwrap().is_none() {
                bench.activity(&activity_no, limits);
            }
            bench.activities.push(activity_no);
        }
        bench
    }

    fn begin(&mut self) {
        let org_no = OrgNo::from("10001");
        self.command(CreateOrganization {
            org_no: Some(org_no.clone()),
            name: "An enterprise".to_owned(),
            merchant_no: "1".to_owned(),
        });
        self.command(Deposit { org_no: org_no.clone(), money: Fen(1 << 60) });
        self.command(CreateApplication {
            appid: Some(AppId::from("app-0001")),
            org_no,
            name: "An application".to_owned(),
            sealed_secret: vec![0; 60],
            rate_per_s: None,
            flowers_per_day: 50,
        });
        let bid = Some(Bid::from("bid-0001"));
        self.command(AssignBid { bid, appid: AppId::from("app-0001") });
        let project_no = Some(ProjectNo::from("3000001"));
        self.command(CreateProject { project_no, name: "A project".to_owned() });
    }

    fn activity(&mut self, activity_no: &ActivityNo, limits: bool) -> Activity {
        let limits = UserLimits { count_day: limits.then_some(1000), ..UserLimits::default() };
        self.command(CreateActivity {
            activity_no: Some(activity_no.clone()),
            org_no: OrgNo::from("10001"),
            kind: ActivityKind::Points,
            name: "An activity".to_owned(),
            starts_at: "2020-01-01T00:00:00Z".parse().unwrap(),
            ends_at: "2100-01-01T00:00:00Z".parse().unwrap(),
            projects: vec![ProjectNo::from("3000001")],
            rules: Vec::new(),
            limits,
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        });
        self.command(FundActivity { activity_no: activity_no.clone(), money: Fen(1 << 40) });
        let status = huodong_campaign::ActivityStatus::Running;
        self.command(SetStatus { activity_no: activity_no.clone(), status })
    }

    fn command<C: Command>(&mut self, command: C) -> C::Done
    where
        C::Refusal: std::fmt::Debug,
    {
        self.batch(std::slice::from_ref(&command)).remove(0)
    }

    fn batch<C: Command>(&mut self, commands: &[C]) -> Vec<C::Done>
    where
        C::Refusal: std::fmt::Debug,
    {
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        let first = (now.as_millisecond() - 1_577_836_800_000) << 20;
        let mut world = World::new(now, first.max(self.store.last_id() + 1));
        let mut wanted = Wanted::default();
        commands.iter().for_each(|command| command.wants(&mut wanted));
        self.store.load(&wanted, &mut world).unwrap();
        let done = commands.iter().map(|command| command.decide(&mut world).unwrap()).collect();
        self.store.save(&world).unwrap();
        done
    }

    fn donation(&mut self) -> Donate {
        // splitmix64: the same keys each time, in no order.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let activity = usize::try_from(bits % self.activities.len() as u64).unwrap();
        Donate {
            key: DonationKey {
                bid: Bid::from("bid-0001"),
                reward_transcode: format!("{bits:016x}{:016x}", self.random).into(),
            },
            appid: AppId::from("app-0001"),
            org_no: OrgNo::from("10001"),
            activity_no: self.activities[activity].clone(),
            project_no: ProjectNo::from("3000001"),
            third_uid: ThirdUid::from(format!("user-{}", bits % 1_000_000)),
            reward: 100,
            reward_time: jiff::civil::date(2026, 11, 21).at(10, 0, 0, 0),
            money: Fen(1),
        }
    }

    fn run(&mut self, donations: u64, batch: u64) {
        let mut all = Times::default();
        let mut part = Times::default();
        let end = self.placed + donations;
        while self.placed < end {
            let commands: Vec<Donate> = (0..batch).map(|_| self.donation()).collect();
            let begun = Instant::now();
            let done = self.batch(&commands);
            drop(commands);
            drop(done);
            let took = begun.elapsed();
            if took > SLOW {
                println!("  {:>10}: a batch took {took:.1?}", self.placed);
            }
            all.0.push(took);
            part.0.push(took);
            let before = self.placed / 1_000_000;
            self.placed += batch;
            if self.placed / 1_000_000 > before {
                std::mem::take(&mut part).print(self.placed, batch);
            }
        }
        println!("  in all:");
        all.print(self.placed, batch);
    }
}

/// How long batches took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn print(mut self, placed: u64, batch: u64) {
        let sum: Duration = self.0.iter().sum();
        let rate = (self.0.len() as u64 * batch) as f64 / sum.as_secs_f64();
        self.0.sort();
        let at = |share: f64| self.0[((self.0.len() - 1) as f64 * share) as usize];
        println!(
            "  {placed:>10}: {rate:>8.0}/s, batch p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, worst {:.2?}",
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
        );
    }
}
