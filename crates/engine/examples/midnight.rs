//! Coupons that all end at the same moment: how long their expiry takes, and what a caller feels
//! meanwhile.
//!
//!     cargo run --release -p huodong-engine --example midnight -- 1000000
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use huodong_campaign::{
    ActivityNo, ActivityStatus, BookRule, Channel, Command, CouponKey, CouponTerms,
    CreateCouponActivity, CreateInstitution, CreateOrganization, Deposit, Discount, Fen,
    FundActivity, InstitutionId, Issue, NewOffer, OpenId, OrgNo, OwnerId, PromotionId, SetStatus,
    Settlement, UserLimits, Validity,
};
use huodong_engine::source::monotonic;
use huodong_engine::{Clock, Engine, EngineOptions};
use huodong_store::{Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

const AT_ONCE: u32 = 1_000;
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let coupons: u32 = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let directory = tempfile::TempDir::new().unwrap();
    let (store, _) = Store::open(&StoreOptions::at(directory.path())).unwrap();
    let clock = Clock::system();
    clock.freeze(true);
    let engine = Engine::start(store, clock.clone(), EngineOptions::default()).unwrap();
    let midnight = clock.now() + SignedDuration::from_hours(24);
    prepare(&engine, clock.now(), midnight, coupons).await;

    let began = monotonic();
    for first in (0..coupons).step_by(AT_ONCE as usize) {
        let mut running = JoinSet::new();
        for number in first..coupons.min(first + AT_ONCE) {
            let engine = engine.clone();
            running.spawn(async move { done(&engine, issue("ends", number)).await });
        }
        while let Some(joined) = running.join_next().await {
            joined.unwrap();
        }
    }
    println!("issued {coupons} in {:.1} s", began.elapsed().as_secs_f64());

    let over = Arc::new(AtomicBool::new(false));
    let caller = tokio::spawn({
        let (engine, over) = (engine.clone(), Arc::clone(&over));
        async move {
            let mut waits = Vec::new();
            for number in 0.. {
                if over.load(Ordering::Acquire) {
                    break;
                }
                let asked = monotonic();
                done(&engine, issue("goes-on", number)).await;
                waits.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            waits.sort_unstable();
            waits
        }
    });
    let began = monotonic();
    let mut expired = 0;
    engine
        .run_due_after(|clock| clock.set(midnight))
        .await
        .map_or_else(|error| panic!("{error}"), |ran| expired += ran.coupons_expired);
    while expired < u64::from(coupons) {
        expired += engine.run_due().await.unwrap().coupons_expired;
    }
    let took = began.elapsed();
    over.store(true, Ordering::Release);
    let waits = caller.await.unwrap();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "expired {expired} in {:.1} s: {:.0}/s",
        took.as_secs_f64(),
        f64::from(coupons) / took.as_secs_f64()
    );
    println!(
        "meanwhile {} issues, one after the other: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        waits.len(),
        at(50),
        at(99),
        at(100),
    );
    let report = engine.read(huodong_store::Reader::verify).await.unwrap();
    println!("audit: {report:?}");
    engine.stop().await;
}

async fn done<C: Command>(engine: &Engine, command: C) -> C::Done
where
    C::Refusal: std::fmt::Debug,
{
    engine.submit(command, DEADLINE).await.unwrap().unwrap()
}

fn issue(activity: &str, number: u32) -> Issue {
    Issue {
        key: CouponKey {
            appid: InstitutionId::from("bank"),
            mer_order_id: format!("{activity}-{number}").into(),
        },
        activity_no: ActivityNo::from(activity),
        promotion_id: PromotionId::from("promotion"),
        owner_id: OwnerId::from("owner"),
        member_id: "AAA2001545612".into(),
        openid: OpenId::from(format!("o{number}")),
        post_notify: None,
        write_off_notify: "https://bank.example.com/write-off".into(),
    }
}

async fn prepare(engine: &Engine, now: Timestamp, midnight: Timestamp, coupons: u32) {
    let org_no = OrgNo::from("org");
    let (name, merchant_no) = ("org".to_owned(), String::new());
    done(engine, CreateOrganization { org_no: Some(org_no.clone()), name, merchant_no }).await;
    let money = Fen(1_000_000_000_000);
    done(engine, Deposit { org_no: org_no.clone(), money }).await;
    let institution = CreateInstitution {
        appid: Some(InstitutionId::from("bank")),
        org_id: "bank".into(),
        name: "bank".to_owned(),
        certificate: String::new(),
        member_prefix: "AAA".into(),
        owners: vec![OwnerId::from("owner")],
        rate_per_s: None,
    };
    done(engine, institution).await;
    for (activity, validity) in
        [("ends", Validity::Until(midnight)), ("goes-on", Validity::Days(30))]
    {
        let activity_no = ActivityNo::from(activity);
        let create = CreateCouponActivity {
            activity_no: Some(activity_no.clone()),
            org_no: org_no.clone(),
            name: activity.to_owned(),
            starts_at: now,
            ends_at: now + SignedDuration::from_hours(24 * 365),
            limits: UserLimits { count_total: Some(1), ..UserLimits::default() },
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
            offer: NewOffer {
                promotion_id: PromotionId::from("promotion"),
                batch_code: "batch".into(),
                terms: CouponTerms {
                    discount: Discount::Fixed { money: Fen(100) },
                    minimum_spend: Fen::ZERO,
                    validity,
                },
                issuers: vec![InstitutionId::from("bank")],
                initiators: Vec::new(),
                merchants: Vec::new(),
                stock: coupons.max(1_000_000),
            },
        };
        done(engine, create).await;
        let money = Fen(400_000_000_000);
        done(engine, FundActivity { activity_no: activity_no.clone(), money }).await;
        done(engine, SetStatus { activity_no, status: ActivityStatus::Running }).await;
    }
}
