//! Consults and issues against each other, under load.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use huodong_campaign::{
    ActivityNo, ActivityStatus, AlipayUser, BookRule, CertId, Channel, Command, Consult,
    ConsultRefusal, ConsultResult, CouponStatus, CreateCouponActivity, CreateInitiator, Deposit,
    EnvelopeMode, FailReason, Fen, FundActivity, Issue, IssueRefusal, NewOffer, OpenId, OrgNo,
    SetStatus, Settlement, UserLimits, Wanted, World,
};
use huodong_engine::Engine;

use crate::scene::{Scene, done, order};

const CALLERS: usize = 64;
const CALLS: usize = 40;
const USERS: usize = 150;
/// The stock covers more than the money does.
const STOCK: u32 = 400;
const COVERED: usize = 300;
const EACH: u32 = 3;

/// A consult, and in the same instant the issue it is about.
struct AskThenIssue(Consult, Issue);

impl Command for AskThenIssue {
    type Done = (ConsultResult, Option<FailReason>);
    type Refusal = Unforeseen;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.0.wants(wanted);
        self.1.wants(wanted);
    }

    fn decide(&self, world: &mut World) -> Result<Self::Done, Unforeseen> {
        let results = self.0.decide(world).map_err(Unforeseen::Consult)?;
        let issued = self.1.decide(world).map_err(Unforeseen::Issue)?;
        Ok((results[0], issued.coupon.failed))
    }
}

/// Nobody asks for what is refused like this.
#[derive(Debug)]
#[expect(dead_code, reason = "printed where it should not have come to it")]
enum Unforeseen {
    Consult(ConsultRefusal),
    Issue(IssueRefusal),
}

fn gifts() -> ActivityNo {
    ActivityNo::from("gifts")
}

async fn furnish(engine: &Engine) {
    let cert_id = CertId::from("one");
    let initiator = CreateInitiator {
        cert_id: Some(cert_id.clone()),
        name: "One".to_owned(),
        mode: EnvelopeMode::Rsa,
        public_key: "key".to_owned(),
        plain_replies: false,
        strict_req_id: false,
        rate_per_s: None,
    };
    done(engine, initiator).await;
    let activity_no = ActivityNo::from("activity");
    let made = engine.read(move |reader| reader.activity(&activity_no)).await.unwrap();
    let (made, ..) = made.unwrap();
    let offer = made.coupon.unwrap();
    let activity = CreateCouponActivity {
        activity_no: Some(gifts()),
        org_no: OrgNo::from("org"),
        name: "gifts".to_owned(),
        starts_at: made.starts_at,
        ends_at: made.ends_at,
        limits: UserLimits { count_total: Some(EACH), ..UserLimits::default() },
        channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        offer: NewOffer {
            promotion_id: offer.promotion_id,
            batch_code: offer.batch_code,
            terms: offer.terms,
            issuers: offer.issuers,
            initiators: vec![cert_id],
            merchants: Vec::new(),
            stock: STOCK,
        },
    };
    done(engine, activity).await;
    let money = Fen(100 * i64::try_from(COVERED).unwrap());
    done(engine, Deposit { org_no: OrgNo::from("org"), money }).await;
    done(engine, FundActivity { activity_no: gifts(), money }).await;
    set(engine, ActivityStatus::Running).await;
}

async fn set(engine: &Engine, status: ActivityStatus) {
    done(engine, SetStatus { activity_no: gifts(), status }).await;
}

fn consult(user: usize) -> Consult {
    Consult {
        cert_id: CertId::from("one"),
        merchant: None,
        user: AlipayUser::OpenId(format!("user-{user}").into()),
        activities: vec![gifts()],
    }
}

fn issue(number: usize, user: usize) -> Issue {
    Issue {
        activity_no: gifts(),
        openid: OpenId::from(format!("user-{user}")),
        ..order(number, "https://bank.example.com/notify")
    }
}

/// What an issue comes to where a consult says this and nothing happens in between.
fn follows(result: ConsultResult, failed: Option<FailReason>) -> bool {
    match result {
        ConsultResult::Success => failed.is_none(),
        ConsultResult::OutOfBudget => {
            matches!(failed, Some(FailReason::OutOfMoney | FailReason::OutOfStock))
        }
        ConsultResult::OverLimit => matches!(failed, Some(FailReason::Limit(_))),
        ConsultResult::Other => failed == Some(FailReason::Over),
        ConsultResult::NotStarted | ConsultResult::NotPermitted => false,
    }
}

/// What one caller was told: consults, and how many coupons it got.
async fn call(engine: Engine, caller: usize) -> (HashSet<ConsultResult>, usize) {
    let (mut told, mut got) = (HashSet::new(), 0);
    for call in 0..CALLS {
        let number = caller * CALLS + call;
        // A few come again and again.
        let user = if number.is_multiple_of(3) { number % 5 } else { number / 3 * 7_919 % USERS };
        let failed = if call % 2 == 0 {
            let (result, failed) =
                done(&engine, AskThenIssue(consult(user), issue(number, user))).await;
            assert!(follows(result, failed), "{result:?}, and then {failed:?}");
            told.insert(result);
            failed
        } else {
            let result = done(&engine, consult(user)).await[0];
            let failed = done(&engine, issue(number, user)).await.coupon.failed;
            // Others were in between, but what has run out stays so: nothing is given back here.
            let out = matches!(result, ConsultResult::OutOfBudget | ConsultResult::OverLimit);
            assert!(!out || failed.is_some(), "{result:?}, and then {failed:?}");
            failed
        };
        got += usize::from(failed.is_none());
    }
    (told, got)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_consult_calls_success_an_issue_at_that_instant_grants_and_nothing_else() {
    let scene = Scene::new(Settlement::Instant).await;
    furnish(&scene.engine).await;
    let over = Arc::new(AtomicBool::new(false));
    let operator = tokio::spawn({
        let (engine, over) = (scene.engine.clone(), Arc::clone(&over));
        async move {
            let mut rounds = 0;
            while rounds == 0 || !over.load(Ordering::Acquire) {
                set(&engine, ActivityStatus::Paused).await;
                let number = CALLERS * CALLS + rounds;
                let paused = done(&engine, AskThenIssue(consult(0), issue(number, 0))).await;
                assert_eq!(paused, (ConsultResult::Other, Some(FailReason::Over)));
                set(&engine, ActivityStatus::Running).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
                rounds += 1;
            }
        }
    });
    let callers: Vec<_> =
        (0..CALLERS).map(|caller| tokio::spawn(call(scene.engine.clone(), caller))).collect();
    let (mut told, mut got) = (HashSet::new(), 0);
    for caller in callers {
        let (some, coupons) = caller.await.unwrap();
        told.extend(some);
        got += coupons;
    }
    over.store(true, Ordering::Release);
    operator.await.unwrap();
    assert_eq!(got, COVERED);
    let totals = scene.engine.read(|reader| reader.coupon_totals(&gifts())).await.unwrap();
    let issued = totals.by_status.iter().find(|(status, ..)| *status == CouponStatus::Issued);
    assert_eq!(issued.map(|(_, coupons, _)| *coupons), Some(COVERED as u64));
    for result in [ConsultResult::Success, ConsultResult::OutOfBudget, ConsultResult::OverLimit] {
        assert!(told.contains(&result), "nobody was told {result:?}");
    }
    scene.engine.stop().await;
}
