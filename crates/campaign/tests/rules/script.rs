//! Random commands: few names and few amounts, so that they collide.

mod coupons;
mod gateway;

use std::collections::BTreeMap;

use huodong_campaign::*;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

pub use coupons::*;
pub use gateway::*;

/// Midnight of 2026-11-21 in Shanghai.
pub const START: i64 = 1_795_190_400;
pub const HOUR: i64 = 3_600;
/// What the scripts' book channels do with these amounts.
pub const FAILS: i64 = 5;
pub const REFUSED: i64 = 7;
pub const UNAVAILABLE: i64 = 3;
pub const FLOWERS_PER_DAY: u32 = 3;

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
    Coupon(CouponOp),
    Callback(CallbackOp),
    Gateway(GatewayOp),
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

/// What stood before the batch: what `nth` counts in.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub donations: Vec<Given>,
    pub coupons: Vec<Asked>,
    /// Which of the coupons have not ended.
    pub open: Vec<usize>,
    /// With the end of the lease each is under.
    pub callbacks: Vec<(Id, Option<i64>)>,
    /// The kinds of merchants.
    pub shops: BTreeMap<u8, MerchantKind>,
    /// Photos, and whose they are.
    pub pictures: Vec<(Id, u8)>,
    /// Enrolments.
    pub filed: Vec<Id>,
    /// What initiators have asked for under each of their numbers.
    pub asked: BTreeMap<(u8, u8), Asks>,
}

/// A coupon, and what was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: Id,
    pub ask: Ask,
    /// The reference it was used under, and the amount.
    pub used: Option<(u8, i64)>,
}

/// A donation, and whose it was.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub id: Id,
    pub app: u8,
    pub user: u8,
}

impl Op {
    /// Points `nth` at what there is, and thanks mostly to a donation's donor. What is beyond
    /// `STRAY` stays as it is, so that the unknown and other people's donations are asked for too.
    pub fn aimed(&self, known: &Known) -> Self {
        let donations = &known.donations;
        let aim = |nth| aim(nth, donations.len());
        match self.clone() {
            Self::Settle { nth } => Self::Settle { nth: aim(nth) },
            Self::Refund { nth } => Self::Refund { nth: aim(nth) },
            Self::Grant(mut thanks) => {
                thanks.nth = thanks.nth.map(aim);
                let named = thanks.nth.and_then(|nth| donations.get(nth));
                if let Some(named) = named.filter(|_| !thanks.meddles) {
                    (thanks.app, thanks.user) = (named.app, named.user);
                }
                Self::Grant(thanks)
            }
            Self::Coupon(op) => Self::Coupon(op.aimed(known)),
            Self::Callback(op) => Self::Callback(op.aimed(known)),
            Self::Gateway(op) => Self::Gateway(op.aimed(known)),
            other => other,
        }
    }
}

fn aim(nth: usize, len: usize) -> usize {
    if nth < STRAY && len > 0 { nth % len } else { nth }
}

const STRAY: usize = 30;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A script that first builds a small world, then does as it likes.
pub fn scripts() -> impl Strategy<Value = Vec<Batch>> {
    let plans = prop::collection::vec(plan(), 3);
    let free = || prop::collection::vec(batch(), 2..12);
    let free = (free(), stubborn(), free());
    (plans, coupon_world(), gateway_world(), free).prop_map(|(plans, coupons, gateway, free)| {
        let mut ops = Vec::new();
        for number in 0..2 {
            ops.push(Op::CreateOrganization { org: number });
            ops.push(Op::CreateProject { project: number });
            ops.push(Op::CreateApplication { app: number, org: number });
            ops.push(Op::AssignBid { bid: number, app: number });
            ops.push(Op::Deposit { org: number, money: 350 });
        }
        for (activity, plan) in (0..).zip(plans) {
            ops.push(Op::CreateActivity { activity, plan });
            ops.push(Op::Fund { activity, money: 40 });
            if activity < 2 {
                ops.push(Op::SetStatus { activity, to: ActivityStatus::Running });
            }
        }
        ops.extend(coupons);
        ops.extend(gateway);
        let mut script = vec![Batch { pass_s: 0, ops }];
        script.extend(free.0.into_iter().chain(free.1).chain(free.2));
        script
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    let pass = prop_oneof![
        3 => Just(0),
        4 => 1..40_i64,
        1 => Just(HOUR),
        1 => Just(13 * HOUR),
        1 => Just(24 * HOUR),
    ];
    (pass, prop::collection::vec(op(), 1..10)).prop_map(|(pass_s, ops)| Batch { pass_s, ops })
}

fn op() -> impl Strategy<Value = Op> {
    let org = 0..3_u8;
    let activity = || 0..8_u8;
    let status = select(vec![
        ActivityStatus::Draft,
        ActivityStatus::Running,
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
        1 => (0..4_u8, plan())
            .prop_map(|(activity, plan)| Op::CreateActivity { activity, plan }),
        2 => (org.clone(), wild_money()).prop_map(|(org, money)| Op::Deposit { org, money }),
        2 => (org, wild_money()).prop_map(|(org, money)| Op::Withdraw { org, money }),
        3 => (activity(), wild_money())
            .prop_map(|(activity, money)| Op::Fund { activity, money }),
        3 => (activity(), status).prop_map(|(activity, to)| Op::SetStatus { activity, to }),
        2 => (activity(), limits())
            .prop_map(|(activity, limits)| Op::SetLimits { activity, limits }),
        1 => (activity(), projects())
            .prop_map(|(activity, projects)| Op::SetProjects { activity, projects }),
        1 => (activity(), -2..100_i64)
            .prop_map(|(activity, at_h)| Op::SetEnd { activity, at_h }),
        2 => (activity(), prop::bool::weighted(0.7))
            .prop_map(|(activity, only_if_over)| Op::End { activity, only_if_over }),
        36 => gift().prop_map(Op::Donate),
        14 => (0..32_usize).prop_map(|nth| Op::Settle { nth }),
        6 => (0..32_usize).prop_map(|nth| Op::Refund { nth }),
        12 => thanks().prop_map(Op::Grant),
        70 => coupon_op().prop_map(Op::Coupon),
        20 => callback_op().prop_map(Op::Callback),
        70 => gateway_op().prop_map(Op::Gateway),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        select(vec![0, 0, 0, 1]),
        projects(),
        limits(),
        delay(),
        select(vec![-2, 0, 0, 0, 0, 1]),
        1..96_i64,
    )
        .prop_map(|(org, projects, limits, delay_s, starts_h, ends_h)| Plan {
            org,
            projects,
            limits,
            delay_s,
            starts_h,
            ends_h,
        })
}

fn delay() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), Just(Some(0)), Just(Some(5)), Just(Some(90_000))]
}

fn projects() -> impl Strategy<Value = Vec<u8>> {
    select(vec![vec![0], vec![0, 1], vec![1, 0], vec![0, 1], vec![0, 1], vec![0, 2], vec![]])
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
    let activity = select(vec![0, 0, 0, 1, 1, 1, 2, 2, 3]);
    let project = select(vec![0, 0, 0, 0, 1, 1, 2]);
    let reward = select(vec![1, 1, 1, 2]);
    // Mostly the bid's own application and organization; now and then somebody else's.
    let who =
        prop_oneof![12 => Just((0, 0, 0)), 3 => Just((1, 1, 1)), 1 => (0..3_u8, 0..3_u8, 0..3_u8)];
    (0..40_u8, who, activity, project, 0..3_u8, reward, money).prop_map(
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
        select(vec![0, 1, 1, 1, 2, 3]),
        prop::option::of(0..32_usize),
        prop::option::weighted(0.2, 0..4_u8),
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

pub fn institution_id(number: u8) -> InstitutionId {
    InstitutionId::from(format!("institution-{number}"))
}

pub fn owner_id(number: u8) -> OwnerId {
    OwnerId::from(format!("owner-{number}"))
}
