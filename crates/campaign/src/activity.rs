mod command;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use command::{CreateActivity, EndActivity, FundActivity, SetStatus, UpdateActivity};
pub(crate) use command::{check_channel, check_window, living};

use crate::{
    AccountId, ActivityNo, CertId, CouponOffer, Fen, Id, InstitutionId, OfferRefusal, OrgNo,
    ProjectNo, UserLimits,
};

/// What kind of campaign; the numbers are the vendor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// 1, 一块走捐步.
    Walk,
    /// 2, 积分捐.
    Points,
    /// 4, 企业直接捐赠.
    Direct,
    /// 5, 行为捐.
    Behaviour,
    /// Hands out coupons; in no table of a vendor's.
    Coupon,
}

/// Where an activity stands. It moves `Draft → Running ⇄ Paused → Ended`, and from `Draft`
/// straight to `Ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityStatus {
    /// 1, 未上线.
    Draft,
    /// 2, 进行中.
    Running,
    /// 3, 暂停中.
    Paused,
    /// 4, 已结束.
    Ended,
}

/// A rule of a behaviour campaign, shown to donors (the vendor's `xwj_rule`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BehaviourRule {
    /// What the behaviour is called.
    pub content: String,
    /// What it is.
    pub title: String,
}

/// When an order of the book channel settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Settlement {
    /// In the transaction that places it.
    Instant,
    /// This many seconds later, by the business clock.
    Deferred {
        /// How many.
        delay_s: u32,
    },
}

/// How the book channel, which has no bank behind it, decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookRule {
    /// When an order settles.
    pub settlement: Settlement,
    /// How many of 10,000 orders fail when they settle.
    #[serde(default)]
    pub fail_per_10000: u16,
    /// Orders of exactly these amounts fail when they settle.
    #[serde(default)]
    pub fail_money: Vec<Fen>,
    /// Orders of exactly these amounts are refused for good; nothing is placed.
    #[serde(default)]
    pub refuse_money: Vec<Fen>,
    /// Orders of exactly these amounts find the channel down; nothing is placed.
    #[serde(default)]
    pub unavailable_money: Vec<Fen>,
}

impl BookRule {
    /// A channel on which every order succeeds.
    pub fn all_succeed(settlement: Settlement) -> Self {
        Self {
            settlement,
            fail_per_10000: 0,
            fail_money: Vec::new(),
            refuse_money: Vec::new(),
            unavailable_money: Vec::new(),
        }
    }

    /// Whether this order is paid when it settles. The share is drawn from the order's number, so
    /// asking again gives the same answer.
    pub fn pays(&self, order: Id, money: Fen) -> bool {
        !self.fail_money.contains(&money) && scatter(order.0) % 10_000 >= self.fail_per_10000.into()
    }

    /// Whether no order of this amount is ever paid.
    pub fn never_pays(&self, money: Fen) -> bool {
        self.fail_money.contains(&money) || self.fail_per_10000 >= 10_000
    }
}

/// Spreads neighbouring order numbers evenly (the finalizer of splitmix64).
fn scatter(number: i64) -> u64 {
    let mut bits = number.cast_unsigned();
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// What executes an activity's orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Channel {
    /// Settled here, by a rule.
    Book(BookRule),
}

/// A campaign of one organization: for donations, or for coupons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its number.
    pub activity_no: ActivityNo,
    /// Who funds it.
    pub org_no: OrgNo,
    /// What kind it is.
    pub kind: ActivityKind,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: ActivityStatus,
    /// Orders are taken from this moment on …
    pub starts_at: Timestamp,
    /// … and until just before this one.
    pub ends_at: Timestamp,
    /// The projects its donations may go to; a coupon activity has none.
    pub projects: Vec<ProjectNo>,
    /// Behaviour rules, for show.
    pub rules: Vec<BehaviourRule>,
    /// What one user may take.
    pub limits: UserLimits,
    /// What executes its orders.
    pub channel: Channel,
    /// What it hands out, where it is a coupon activity.
    pub coupon: Option<CouponOffer>,
    /// Its money that no order holds.
    pub frozen: AccountId,
    /// Its money that placed orders hold.
    pub held: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a command on an activity was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActivityRefusal {
    /// There is one with this number.
    #[error("activity_no {0} is taken")]
    Taken(ActivityNo),
    /// There is none with this number.
    #[error("activity_no {0} is unknown")]
    Unknown(ActivityNo),
    /// Its organization does not exist.
    #[error("org_no {0} is unknown")]
    UnknownOrganization(OrgNo),
    /// One of its projects does not exist.
    #[error("project_no {0} is unknown")]
    UnknownProject(ProjectNo),
    /// One of its issuers does not exist.
    #[error("institution {0} is unknown")]
    UnknownIssuer(InstitutionId),
    /// One of its initiators does not exist.
    #[error("initiator {0} is unknown")]
    UnknownInitiator(CertId),
    /// What a coupon activity hands out breaks a rule.
    #[error(transparent)]
    Offer(#[from] OfferRefusal),
    /// It is of the other kind.
    #[error("the activity is {}", if *.0 { "a coupon activity" } else { "not a coupon activity" })]
    OtherKind(bool),
    /// It has no project, or too many.
    #[error("projects must name 1 to {0} projects")]
    Projects(usize),
    /// The window is empty.
    #[error("ends_at must be after starts_at")]
    EmptyWindow,
    /// A share is above the whole.
    #[error("fail_per_10000 must be at most 10000")]
    FailShare,
    /// It is over.
    #[error("the activity has ended")]
    Ended,
    /// The arrow is not there.
    #[error("an activity that is {from:?} cannot become {to:?}")]
    NoSuchStep {
        /// Where it stands.
        from: ActivityStatus,
        /// Where it was to go.
        to: ActivityStatus,
    },
    /// Usage is counted from the start or not at all, so limits can neither begin nor end now.
    #[error(
        "limits can be changed once the activity has started, but neither introduced nor all removed"
    )]
    LimitsTooLate,
    /// Money is zero or negative.
    #[error("money must be above zero")]
    NoMoney,
    /// The organization holds less.
    #[error("money {asked} is more than the organization's balance {balance}")]
    NotEnough {
        /// What was asked for.
        asked: Fen,
        /// What is there.
        balance: Fen,
    },
}
