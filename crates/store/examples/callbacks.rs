//! Measures coupons and their callbacks in the store: how fast coupons are issued, and what looking
//! for callbacks that are due costs while many wait, without queue or HTTP.
//!
//! ```text
//! cargo run --release -p huodong-store --example callbacks -- \
//!     coupons=1000000 batch=256 receivers=1 looks=200 directory=/var/tmp/callbacks
//! ```
//!
//! Each of these may be left out. Each coupon owes one callback, to one of the receivers in turn.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use huodong_campaign::*;
use huodong_store::{Room, Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};

fn main() {
    let given: HashMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect();
    let number = |name: &str, default: u64| {
        given.get(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let directory = given.get("directory").map_or_else(
        || std::env::temp_dir().join(format!("huodong-callbacks-{}", std::process::id())),
        PathBuf::from,
    );
    let mut bench = Bench::new(&StoreOptions::at(&directory), number("receivers", 1));
    bench.issue(number("coupons", 1_000_000), number("batch", 256));
    bench.look(number("looks", 200));
    drop(bench);
    if !given.contains_key("directory") {
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

struct Bench {
    store: Store,
    receivers: u64,
    now: Timestamp,
}

impl Bench {
    fn new(options: &StoreOptions, receivers: u64) -> Self {
        let (store, _) = Store::open(options).unwrap();
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        let mut bench = Self { store, receivers, now };
        let org_no = OrgNo::from("org");
        bench.command(CreateOrganization {
            org_no: Some(org_no.clone()),
            name: "An enterprise".to_owned(),
            merchant_no: "1".to_owned(),
        });
        bench.command(Deposit { org_no: org_no.clone(), money: Fen(1 << 60) });
        let appid = InstitutionId::from("inst");
        bench.command(CreateInstitution {
            appid: Some(appid.clone()),
            org_id: "1".into(),
            name: "An institution".to_owned(),
            certificate: String::new(),
            member_prefix: "".into(),
            owners: vec![OwnerId::from("owner")],
            rate_per_s: None,
        });
        let activity_no = ActivityNo::from("gifts");
        bench.command(CreateCouponActivity {
            activity_no: Some(activity_no.clone()),
            org_no,
            name: "Coupons".to_owned(),
            starts_at: now - SignedDuration::from_hours(1),
            ends_at: now + SignedDuration::from_hours(1000),
            limits: UserLimits::default(),
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
            offer: NewOffer {
                promotion_id: PromotionId::from("promotion"),
                batch_code: "batch".into(),
                terms: CouponTerms {
                    discount: Discount::Fixed { money: Fen(1) },
                    minimum_spend: Fen::ZERO,
                    validity: Validity::Days(30),
                },
                issuers: vec![appid],
                initiators: Vec::new(),
                merchants: Vec::new(),
                stock: u32::MAX,
            },
        });
        bench.command(FundActivity { activity_no: activity_no.clone(), money: Fen(1 << 40) });
        bench.command(SetStatus { activity_no, status: ActivityStatus::Running });
        bench
    }

    fn issue(&mut self, coupons: u64, batch: u64) {
        let mut took = Duration::ZERO;
        for first in (0..coupons).step_by(usize::try_from(batch).unwrap()) {
            self.now += SignedDuration::from_millis(10);
            let commands: Vec<Issue> =
                (first..first + batch).map(|n| issue(n, n % self.receivers)).collect();
            let begun = Instant::now();
            self.batch(&commands);
            took += begun.elapsed();
        }
        let rate = coupons as f64 / took.as_secs_f64();
        println!("{coupons} coupons to {} receivers, {batch} a batch: {rate:.0}/s", self.receivers);
    }

    /// Looks, claims what was found and acknowledges it, as delivery does.
    fn look(&mut self, looks: u64) {
        self.now += SignedDuration::from_mins(1);
        let reader = self.store.reader();
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..looks {
            let begun = Instant::now();
            let due = reader.due_callbacks(self.now, &Room::of(256, 32)).unwrap();
            times[0].push(begun.elapsed());
            let begun = Instant::now();
            reader.next_callback_due().unwrap();
            times[1].push(begun.elapsed());
            let until = self.now + SignedDuration::from_secs(60);
            let begun = Instant::now();
            self.command(Claim { callbacks: due.iter().map(|due| due.id).collect(), until });
            times[2].push(begun.elapsed());
            let outcome = Outcome {
                at: self.now,
                took_ms: 5,
                outcome: AttemptOutcome::Acknowledged,
                status: Some(200),
                answer: br#"{"code":"SUCCESS"}"#.to_vec(),
                reason: String::new(),
            };
            let records: Vec<RecordAttempt> = due
                .iter()
                .map(|due| RecordAttempt {
                    callback: due.id,
                    until,
                    due_at: due.due_at,
                    outcome: outcome.clone(),
                })
                .collect();
            let begun = Instant::now();
            self.batch(&records);
            times[3].push(begun.elapsed());
        }
        println!("callbacks: {:?}", reader.callback_counts().unwrap());
        for (what, times) in ["look", "next", "claim", "record"].into_iter().zip(&mut times) {
            times.sort();
            let (half, last) = (times[times.len() / 2], times[times.len() - 1]);
            println!("  {what:>8}: p50 {half:.2?}, worst {last:.2?}");
        }
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
        let first = (self.now.as_millisecond() - 1_577_836_800_000) << 20;
        let mut world = World::new(self.now, first.max(self.store.last_id() + 1));
        let mut wanted = Wanted::default();
        commands.iter().for_each(|command| command.wants(&mut wanted));
        self.store.load(&wanted, &mut world).unwrap();
        let done = commands.iter().map(|command| command.decide(&mut world).unwrap()).collect();
        self.store.save(&world).unwrap();
        done
    }
}

fn issue(n: u64, receiver: u64) -> Issue {
    // splitmix64: keys in no order.
    let mut bits = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    Issue {
        key: CouponKey {
            appid: InstitutionId::from("inst"),
            mer_order_id: format!("{bits:032x}").into(),
        },
        activity_no: ActivityNo::from("gifts"),
        promotion_id: PromotionId::from("promotion"),
        owner_id: OwnerId::from("owner"),
        member_id: format!("member-{}", bits % 1_000_000).into(),
        openid: OpenId::from(format!("openid-{}", bits % 1_000_000)),
        post_notify: Some(format!("https://h{receiver}.example/notify/issued").into()),
        write_off_notify: format!("https://h{receiver}.example/notify/used").into(),
    }
}
