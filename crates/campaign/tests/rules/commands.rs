//! The commands behind a script's words.

mod coupons;
mod gateway;

use huodong_campaign::*;
use jiff::SignedDuration;

use self::coupons::{callback_command, coupon_command};
use self::gateway::gateway_command;
pub use self::gateway::{consult, reviewer};

use crate::script::*;

/// A command of any type, ready to be run in a batch.
pub trait Step {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>);
    fn run(&self, world: &mut World) -> Result<Done, String>;
}

/// What a step that was done tells.
#[derive(Clone, Debug)]
pub enum Done {
    Balance(Fen),
    Donated(Donated),
    Settled(bool),
    Refunded(Donation),
    Granted(Granted),
    Issued(Issued),
    Redeemed(RedeemedCoupon),
    Voided(Coupon),
    Counted(u64),
    Claimed(Vec<Claimed>),
    Recorded(Option<Callback>),
    Resent(Vec<Id>),
    Imported(Vec<Imported>),
    Uploaded(Photo),
    Enrolled(Enrolment),
    Decided(DecidedEnrolment),
    Consulted(Vec<ConsultResult>),
    Answered(Answered),
    Other,
}

struct Told<C: Command>(C, fn(C::Done) -> Done);

impl<C: Command<Refusal: std::fmt::Debug>> Step for Told<C> {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.0.wants(wanted);
    }

    fn run(&self, world: &mut World) -> Result<Done, String> {
        self.0.decide(world).map(self.1).map_err(|refusal| format!("{refusal:?}"))
    }
}

fn by_operator<C>(command: C, told: fn(C::Done) -> Done) -> Box<dyn Step>
where
    C: Audited<Refusal: std::fmt::Debug>,
{
    let actor = Actor { name: "tester".to_owned(), trace_id: "0".repeat(32) };
    Box::new(Told(Operated { actor, command }, told))
}

/// The command behind an op.
pub fn command(op: &Op, now: i64, known: &Known) -> Box<dyn Step> {
    let nth = |nth: usize| known.donations.get(nth).map_or(Id(7), |donation| donation.id);
    match op.clone() {
        Op::CreateOrganization { org } => by_operator(
            CreateOrganization {
                org_no: Some(org_no(org)),
                name: format!("organization {org}"),
                merchant_no: "1968".to_owned(),
            },
            |_| Done::Other,
        ),
        Op::CreateProject { project } => by_operator(
            CreateProject { project_no: Some(project_no(project)), name: "project".to_owned() },
            |_| Done::Other,
        ),
        Op::CreateApplication { app, org } => by_operator(
            CreateApplication {
                appid: Some(appid(app)),
                org_no: org_no(org),
                name: "application".to_owned(),
                sealed_secret: vec![app],
                rate_per_s: None,
                flowers_per_day: FLOWERS_PER_DAY,
            },
            |_| Done::Other,
        ),
        Op::AssignBid { bid, app } => {
            by_operator(AssignBid { bid: Some(bid_of(bid)), appid: appid(app) }, |_| Done::Other)
        }
        Op::CreateActivity { activity, plan } => {
            by_operator(create(activity, plan), |_| Done::Other)
        }
        Op::Deposit { org, money } => {
            by_operator(Deposit { org_no: org_no(org), money: Fen(money) }, Done::Balance)
        }
        Op::Withdraw { org, money } => {
            by_operator(Withdraw { org_no: org_no(org), money: Fen(money) }, Done::Balance)
        }
        Op::Fund { activity, money } => by_operator(
            FundActivity { activity_no: activity_no(activity), money: Fen(money) },
            Done::Balance,
        ),
        Op::SetStatus { activity, to } => {
            by_operator(SetStatus { activity_no: activity_no(activity), status: to }, |_| {
                Done::Other
            })
        }
        Op::SetLimits { activity, limits } => {
            by_operator(UpdateActivity { limits: Some(limits), ..no_change(activity) }, |_| {
                Done::Other
            })
        }
        Op::SetProjects { activity, projects } => {
            let projects = projects.into_iter().map(project_no).collect();
            by_operator(UpdateActivity { projects: Some(projects), ..no_change(activity) }, |_| {
                Done::Other
            })
        }
        Op::SetEnd { activity, at_h } => by_operator(
            UpdateActivity { ends_at: Some(at(START + at_h * HOUR)), ..no_change(activity) },
            |_| Done::Other,
        ),
        Op::End { activity, only_if_over } => by_operator(
            EndActivity { activity_no: activity_no(activity), only_if_over },
            Done::Balance,
        ),
        Op::Donate(gift) => Box::new(Told(donate(&gift), Done::Donated)),
        Op::Settle { nth: n } => Box::new(Told(Settle { donation: nth(n) }, Done::Settled)),
        Op::Refund { nth: n } => {
            by_operator(Refund { donation: nth(n), reason: "asked".to_owned() }, Done::Refunded)
        }
        Op::Grant(thanks) => {
            let donation = thanks.nth.map(nth);
            Box::new(Told(grant(&thanks, now, donation), Done::Granted))
        }
        Op::Coupon(op) => coupon_command(&op, known),
        Op::Callback(op) => callback_command(&op, now, known),
        Op::Gateway(op) => gateway_command(&op, now, known),
    }
}

fn create(activity: u8, plan: Plan) -> CreateActivity {
    CreateActivity {
        activity_no: Some(activity_no(activity)),
        org_no: org_no(plan.org),
        kind: ActivityKind::Points,
        name: format!("activity {activity}"),
        starts_at: at(START + plan.starts_h * HOUR),
        ends_at: at(START + plan.ends_h * HOUR),
        projects: plan.projects.into_iter().map(project_no).collect(),
        rules: Vec::new(),
        limits: plan.limits,
        channel: Channel::Book(BookRule {
            settlement: settlement(plan.delay_s),
            fail_per_10000: 0,
            fail_money: vec![Fen(FAILS)],
            refuse_money: vec![Fen(REFUSED)],
            unavailable_money: vec![Fen(UNAVAILABLE)],
        }),
    }
}

fn settlement(delay_s: Option<u32>) -> Settlement {
    delay_s.map_or(Settlement::Instant, |delay_s| Settlement::Deferred { delay_s })
}

fn no_change(activity: u8) -> UpdateActivity {
    UpdateActivity {
        activity_no: activity_no(activity),
        name: None,
        starts_at: None,
        ends_at: None,
        projects: None,
        rules: None,
        limits: None,
        channel: None,
    }
}

fn donate(gift: &Gift) -> Donate {
    Donate {
        key: donation_key(gift.bid, gift.key),
        appid: appid(gift.app),
        org_no: org_no(gift.org),
        activity_no: activity_no(gift.activity),
        project_no: project_no(gift.project),
        third_uid: user(gift.user),
        reward: gift.reward,
        reward_time: jiff::civil::date(2026, 11, 21).at(9, 0, 0, 0),
        money: Fen(gift.money),
    }
}

fn grant(thanks: &Thanks, now: i64, donation: Option<Id>) -> GrantFlowers {
    let expires_at = at(now).checked_add(SignedDuration::from_secs(600)).unwrap();
    GrantFlowers {
        key: flower_key(thanks.app, thanks.code),
        open_id: OpenId::from(user(thanks.user).as_str()),
        num: thanks.num,
        starts_at: at(START),
        expires_at: if thanks.too_late { at(now - 1) } else { expires_at },
        donation,
        reward_transcode: thanks.reward_key.map(|key| transcode(key).into()),
    }
}
