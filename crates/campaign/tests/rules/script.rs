//! Random commands: few names and few amounts, so that they collide.

use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

/// Midnight of 2026-11-21 in Shanghai.
pub const START: i64 = 1_795_190_400;
pub const HOUR: i64 = 3_600;
/// What the scripts' book channels do with these amounts.
pub const FAILS: i64 = 5;
pub const REFUSED: i64 = 7;
pub const UNAVAILABLE: i64 = 3;
pub const FLOWERS_PER_DAY: u32 = 5;

/// Commands that are decided together, after some time has passed.
#[derive(Clone, Debug)]
pub struct Batch {
    pub pass_s: i64,
    pub ops: Vec<Op>,
}

#[derive(Clone, Debug)]
pub enum Op {
    CreateOrganization { org: u8 },
    CreateProject { project: u8 },
    CreateApplication { app: u8, org: u8 },
    AssignBid { bid: u8, app: u8 },
    CreateActivity { activity: u8, plan: Plan },
    Deposit { org: u8, money: i64 },
    Withdraw { org: u8, money: i64 },
    Fund { activity: u8, money: i64 },
    SetStatus { activity: u8, to: ActivityStatus },
    SetLimits { activity: u8, limits: UserLimits },
    SetProjects { activity: u8, projects: Vec<u8> },
    SetEnd { activity: u8, at_h: i64 },
    End { activity: u8, only_if_over: bool },
    Donate(Gift),
    Settle { nth: usize },
    Refund { nth: usize },
    Grant(Thanks),
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub org: u8,
    pub projects: Vec<u8>,
    pub limits: UserLimits,
    /// `None` settles instantly.
    pub delay_s: Option<u32>,
    pub starts_h: i64,
    pub ends_h: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Gift {
    pub key: u8,
    pub bid: u8,
    pub app: u8,
    pub org: u8,
    pub activity: u8,
    pub project: u8,
    pub user: u8,
    pub reward: u32,
    pub money: i64,
}

#[derive(Clone, Debug)]
pub struct Thanks {
    pub app: u8,
    pub code: u8,
    pub user: u8,
    pub num: u32,
    pub nth: Option<usize>,
    pub reward_key: Option<u8>,
    pub too_late: bool,
    /// Asks as it is written, even where the donation is another's.
    pub meddles: bool,
}

/// A donation that stood before the batch, and whose it was.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub id: Id,
    pub app: u8,
    pub user: u8,
}

impl Op {
    /// Points `nth` at a donation there is, and thanks mostly to its donor. What is beyond `STRAY`
    /// stays as it is, so that unknown and other people's donations are asked for too.
    pub fn aimed(&self, known: &[Known]) -> Self {
        let aim =
            |nth: usize| if nth < STRAY && !known.is_empty() { nth % known.len() } else { nth };
        match self.clone() {
            Self::Settle { nth } => Self::Settle { nth: aim(nth) },
            Self::Refund { nth } => Self::Refund { nth: aim(nth) },
            Self::Grant(mut thanks) => {
                thanks.nth = thanks.nth.map(aim);
                let named = thanks.nth.and_then(|nth| known.get(nth));
                if let Some(named) = named.filter(|_| !thanks.meddles) {
                    (thanks.app, thanks.user) = (named.app, named.user);
                }
                Self::Grant(thanks)
            }
            other => other,
        }
    }
}

const STRAY: usize = 30;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A script that first builds a small world, then does as it likes.
pub fn scripts() -> impl Strategy<Value = Vec<Batch>> {
    let plans = prop::collection::vec(plan(), 3);
    let free = prop::collection::vec(batch(), 4..24);
    (plans, free).prop_map(|(plans, free)| {
        let mut ops = Vec::new();
        for number in 0..2 {
            ops.push(Op::CreateOrganization { org: number });
            ops.push(Op::CreateProject { project: number });
            ops.push(Op::CreateApplication { app: number, org: number });
            ops.push(Op::AssignBid { bid: number, app: number });
            ops.push(Op::Deposit { org: number, money: 150 });
        }
        for (activity, plan) in (0..).zip(plans) {
            ops.push(Op::CreateActivity { activity, plan });
            ops.push(Op::Fund { activity, money: 40 });
            if activity < 2 {
                ops.push(Op::SetStatus { activity, to: ActivityStatus::Running });
            }
        }
        let mut script = vec![Batch { pass_s: 0, ops }];
        script.extend(free);
        script
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    let pass = prop_oneof![
        3 => Just(0),
        4 => 1..40_i64,
        1 => Just(HOUR),
        2 => Just(13 * HOUR),
    ];
    (pass, prop::collection::vec(op(), 1..8)).prop_map(|(pass_s, ops)| Batch { pass_s, ops })
}

fn op() -> impl Strategy<Value = Op> {
    let org = 0..3_u8;
    let activity = 0..4_u8;
    let status = select(vec![
        ActivityStatus::Draft,
        ActivityStatus::Running,
        ActivityStatus::Running,
        ActivityStatus::Paused,
        ActivityStatus::Ended,
    ]);
    prop_oneof![
        1 => org.clone().prop_map(|org| Op::CreateOrganization { org }),
        1 => (0..3_u8).prop_map(|project| Op::CreateProject { project }),
        1 => (0..3_u8, org.clone()).prop_map(|(app, org)| Op::CreateApplication { app, org }),
        1 => (0..3_u8, 0..3_u8).prop_map(|(bid, app)| Op::AssignBid { bid, app }),
        1 => (activity.clone(), plan())
            .prop_map(|(activity, plan)| Op::CreateActivity { activity, plan }),
        2 => (org.clone(), wild_money()).prop_map(|(org, money)| Op::Deposit { org, money }),
        2 => (org, wild_money()).prop_map(|(org, money)| Op::Withdraw { org, money }),
        3 => (activity.clone(), wild_money())
            .prop_map(|(activity, money)| Op::Fund { activity, money }),
        3 => (activity.clone(), status).prop_map(|(activity, to)| Op::SetStatus { activity, to }),
        2 => (activity.clone(), limits())
            .prop_map(|(activity, limits)| Op::SetLimits { activity, limits }),
        1 => (activity.clone(), projects())
            .prop_map(|(activity, projects)| Op::SetProjects { activity, projects }),
        1 => (activity.clone(), -2..100_i64)
            .prop_map(|(activity, at_h)| Op::SetEnd { activity, at_h }),
        3 => (activity, any::<bool>())
            .prop_map(|(activity, only_if_over)| Op::End { activity, only_if_over }),
        24 => gift().prop_map(Op::Donate),
        14 => (0..32_usize).prop_map(|nth| Op::Settle { nth }),
        6 => (0..32_usize).prop_map(|nth| Op::Refund { nth }),
        8 => thanks().prop_map(Op::Grant),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let delay = prop_oneof![Just(None), Just(Some(0)), Just(Some(5)), Just(Some(90_000))];
    (0..2_u8, projects(), limits(), delay, select(vec![-2, 0, 0, 0, 1]), 1..96_i64).prop_map(
        |(org, projects, limits, delay_s, starts_h, ends_h)| Plan {
            org,
            projects,
            limits,
            delay_s,
            starts_h,
            ends_h,
        },
    )
}

fn projects() -> impl Strategy<Value = Vec<u8>> {
    select(vec![vec![0], vec![1], vec![0, 1], vec![1, 0], vec![0, 1], vec![0, 2], vec![]])
}

fn limits() -> impl Strategy<Value = UserLimits> {
    let count = || prop_oneof![3 => Just(None), 1 => (0..5_u32).prop_map(Some)];
    let money = || prop_oneof![3 => Just(None), 1 => (0..25_i64).prop_map(|fen| Some(Fen(fen)))];
    (count(), count(), money(), money()).prop_map(
        |(count_total, count_day, money_total, money_day)| UserLimits {
            count_total,
            count_day,
            money_total,
            money_day,
        },
    )
}

fn wild_money() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1..80_i64, 1 => select(vec![0, -1, i64::MIN, i64::MAX, i64::MAX - 100])]
}

fn gift() -> impl Strategy<Value = Gift> {
    let money =
        select(vec![1, 1, 2, 2, 10, 10, 20, 40, FAILS, FAILS, FAILS, REFUSED, UNAVAILABLE, 0, 100]);
    // Mostly the bid's own application and organization; now and then somebody else's.
    let who = prop_oneof![8 => (0..2_u8).prop_map(|n| (n, n, n)), 1 => (0..3_u8, 0..3_u8, 0..3_u8)];
    (0..20_u8, who, 0..4_u8, 0..3_u8, 0..3_u8, 1..3_u32, money).prop_map(
        |(key, (bid, app, org), activity, project, user, reward, money)| Gift {
            key,
            bid,
            app,
            org,
            activity,
            project,
            user,
            reward,
            money,
        },
    )
}

fn thanks() -> impl Strategy<Value = Thanks> {
    (
        0..3_u8,
        0..16_u8,
        0..3_u8,
        0..4_u32,
        prop::option::of(0..32_usize),
        prop::option::weighted(0.2, 0..20_u8),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(app, code, user, num, nth, reward_key, too_late, meddles)| Thanks {
            app,
            code,
            user,
            num,
            nth,
            reward_key,
            too_late,
            meddles,
        })
}

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

/// The command behind an op. `known` are the donations that stood before the batch.
pub fn command(op: &Op, now: i64, known: &[Known]) -> Box<dyn Step> {
    let nth = |nth: usize| known.get(nth).map_or(Id(7), |donation| donation.id);
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
    }
}

fn create(activity: u8, plan: Plan) -> CreateActivity {
    let settlement = match plan.delay_s {
        None => Settlement::Instant,
        Some(delay_s) => Settlement::Deferred { delay_s },
    };
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
            settlement,
            fail_per_10000: 0,
            fail_money: vec![Fen(FAILS)],
            refuse_money: vec![Fen(REFUSED)],
            unavailable_money: vec![Fen(UNAVAILABLE)],
        }),
    }
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

pub fn org_no(number: u8) -> OrgNo {
    OrgNo::from(format!("org-{number}"))
}

pub fn project_no(number: u8) -> ProjectNo {
    ProjectNo::from(format!("project-{number}"))
}

pub fn activity_no(number: u8) -> ActivityNo {
    ActivityNo::from(format!("activity-{number}"))
}

pub fn appid(number: u8) -> AppId {
    AppId::from(format!("app-{number}"))
}

pub fn bid_of(number: u8) -> Bid {
    Bid::from(format!("bid-{number}"))
}

pub fn user(number: u8) -> ThirdUid {
    ThirdUid::from(format!("user-{number}"))
}

pub fn transcode(key: u8) -> String {
    format!("trans-{key}")
}

pub fn donation_key(bid: u8, key: u8) -> DonationKey {
    DonationKey { bid: bid_of(bid), reward_transcode: transcode(key).into() }
}

pub fn flower_key(app: u8, code: u8) -> FlowerKey {
    FlowerKey { appid: appid(app), trans_code: TransCode::from(format!("20261121-{code}")) }
}
