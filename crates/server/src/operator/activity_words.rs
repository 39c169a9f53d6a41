//! An activity's settings as the API spells them, checked where they are read.

use huodong_campaign as campaign;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Money, Name, Remark, at_most, words};

/// Amounts a book rule may single out, of each sort.
const AMOUNTS_MAX: usize = 100;
/// The longest a deferred settlement may take: 30 days.
const DELAY_S_MAX: u32 = 30 * 86_400;

words! {
    /// What kind of campaign, with the vendor's number: `walk` (1, 一块走捐步), `points` (2, 积分捐),
    /// `direct` (4, 企业直接捐赠), `behaviour` (5, 行为捐); and `coupon`, which hands out coupons.
    ActivityKind { Walk, Points, Direct, Behaviour, Coupon }

    /// Where an activity stands, with the vendor's number: `draft` (1, 未上线), `running` (2, 进行中),
    /// `paused` (3, 暂停中), `ended` (4, 已结束). It moves draft → running ⇄ paused → ended.
    ActivityStatus { Draft, Running, Paused, Ended }
}

/// How much one user may take from one activity, in orders (donations or coupons) and in money. What
/// is left out is no limit.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserLimits {
    /// Orders for the activity's whole life.
    count_total: Option<u32>,
    /// Orders on one Shanghai day.
    count_day: Option<u32>,
    /// Money for the activity's whole life, in fen.
    money_total: Option<Money>,
    /// Money on one Shanghai day, in fen.
    money_day: Option<Money>,
}

impl From<UserLimits> for campaign::UserLimits {
    fn from(it: UserLimits) -> Self {
        Self {
            count_total: it.count_total,
            count_day: it.count_day,
            money_total: it.money_total.map(Into::into),
            money_day: it.money_day.map(Into::into),
        }
    }
}

impl From<campaign::UserLimits> for UserLimits {
    fn from(it: campaign::UserLimits) -> Self {
        Self {
            count_total: it.count_total,
            count_day: it.count_day,
            money_total: it.money_total.map(Into::into),
            money_day: it.money_day.map(Into::into),
        }
    }
}

/// A rule of a behaviour campaign, shown to donors (the vendor's `xwj_rule`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    /// What the behaviour is called.
    #[schema(example = "步行")]
    content: Name,
    /// What it is.
    #[schema(example = "每天步行一万步")]
    title: Remark,
}

impl From<NewRule> for campaign::BehaviourRule {
    fn from(it: NewRule) -> Self {
        Self { content: it.content.into_string(), title: it.title.into_string() }
    }
}

/// A rule of a behaviour campaign, shown to donors (the vendor's `xwj_rule`).
#[derive(Serialize, ToSchema)]
pub(super) struct BehaviourRule {
    /// What the behaviour is called.
    content: String,
    /// What it is.
    title: String,
}

impl From<campaign::BehaviourRule> for BehaviourRule {
    fn from(it: campaign::BehaviourRule) -> Self {
        Self { content: it.content, title: it.title }
    }
}

/// What executes an activity's orders, which are donations or coupons.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"book": {"settlement": {"deferred": {"delay_s": 30}}}}))]
pub(super) enum Channel {
    /// Settled here, by a rule.
    Book(BookRule),
}

/// How the book channel, which has no bank behind it, decides.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BookRule {
    /// When an order settles.
    settlement: Settlement,
    /// How many of 10,000 orders fail when they settle.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    fail_per_10000: u16,
    /// Orders of exactly these amounts, in fen (for a coupon what it is worth at most), fail when they settle.
    #[serde(default, deserialize_with = "at_most::<AMOUNTS_MAX, _, _>")]
    #[schema(max_items = 100)]
    fail_money: Vec<Money>,
    /// Orders of exactly these amounts, in fen (for a coupon what it is worth at most), are refused for good; nothing is placed.
    #[serde(default, deserialize_with = "at_most::<AMOUNTS_MAX, _, _>")]
    #[schema(max_items = 100)]
    refuse_money: Vec<Money>,
    /// Orders of exactly these amounts, in fen (for a coupon what it is worth at most), find the channel down; nothing is placed.
    #[serde(default, deserialize_with = "at_most::<AMOUNTS_MAX, _, _>")]
    #[schema(max_items = 100)]
    unavailable_money: Vec<Money>,
}

/// When an order settles.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Settlement {
    /// As it is placed: its answer says 11 or 13, a coupon's SUCCESS or FAIL.
    Instant,
    /// Later, by the business clock: its answer says 2, a coupon's PROCESS, and the caller polls.
    Deferred {
        /// How many seconds later.
        delay_s: Delay,
    },
}

/// Seconds, at most 30 days.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32")]
#[schema(maximum = 2_592_000)]
pub(super) struct Delay(u32);

impl TryFrom<u32> for Delay {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        let most = || format!("must be at most {DELAY_S_MAX} (30 days)");
        (seconds <= DELAY_S_MAX).then_some(Self(seconds)).ok_or_else(most)
    }
}

impl Channel {
    /// What an activity has that does not say: every order succeeds at once.
    pub(super) fn simplest() -> campaign::Channel {
        campaign::Channel::Book(campaign::BookRule::all_succeed(campaign::Settlement::Instant))
    }
}

impl From<Channel> for campaign::Channel {
    fn from(Channel::Book(rule): Channel) -> Self {
        let settlement = match rule.settlement {
            Settlement::Instant => campaign::Settlement::Instant,
            Settlement::Deferred { delay_s } => {
                campaign::Settlement::Deferred { delay_s: delay_s.0 }
            }
        };
        let fen = |amounts: Vec<Money>| amounts.into_iter().map(Into::into).collect();
        Self::Book(campaign::BookRule {
            settlement,
            fail_per_10000: rule.fail_per_10000,
            fail_money: fen(rule.fail_money),
            refuse_money: fen(rule.refuse_money),
            unavailable_money: fen(rule.unavailable_money),
        })
    }
}

impl From<campaign::Channel> for Channel {
    fn from(campaign::Channel::Book(rule): campaign::Channel) -> Self {
        let settlement = match rule.settlement {
            campaign::Settlement::Instant => Settlement::Instant,
            campaign::Settlement::Deferred { delay_s } => {
                Settlement::Deferred { delay_s: Delay(delay_s) }
            }
        };
        let money = |amounts: Vec<campaign::Fen>| amounts.into_iter().map(Into::into).collect();
        Self::Book(BookRule {
            settlement,
            fail_per_10000: rule.fail_per_10000,
            fail_money: money(rule.fail_money),
            refuse_money: money(rule.refuse_money),
            unavailable_money: money(rule.unavailable_money),
        })
    }
}
