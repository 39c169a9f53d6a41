use huodong_wire::lakala::{Callback, IssueCallback, TradeStatus, UsageStatus, WriteOffCallback};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::CallbackError;

/// What a callback tells. Amounts are fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user has a coupon.
    Issued(Issued),
    /// An issue failed for good.
    IssueFailed(IssueFailed),
    /// A coupon was paid with.
    Used(Used),
    /// A coupon's validity ended unused, or the platform voided it.
    Expired(Expired),
}

/// A user has a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The partner's orgId.
    pub org_id: String,
    /// The platform's number for the issue.
    pub trade_no: String,
    /// What the coupon is worth, in fen.
    pub amount: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// An issue failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueFailed {
    /// The partner's orgId.
    pub org_id: String,
    /// The platform's number for the issue.
    pub trade_no: String,
    /// What the coupon would have been worth, in fen.
    pub amount: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// Which coupon it is, as the issue said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// The member.
    pub member_id: String,
    /// The owner.
    pub owner_id: String,
    /// The user's openid.
    pub channel_openid: String,
    /// The promotion.
    pub promotion_id: String,
    /// The coupon's number in the user's wallet.
    pub third_coupon_id: String,
    /// The activity.
    pub activity_id: String,
}

/// A coupon was paid with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The platform's number for the issue.
    pub trade_no: String,
    /// The partner's number for the issue.
    pub mer_order_id: String,
    /// Which coupon.
    pub coupon: Coupon,
    /// The discount, in fen. The document lets it be empty.
    pub promo_amount: Option<u64>,
    /// What was paid after the discount, in fen. The document lets it be empty.
    pub total_amount: Option<u64>,
    /// What would have been paid without it, in fen. The document lets it be empty.
    pub org_amount: Option<u64>,
    /// When. The document lets it be empty.
    pub used_at: Option<Timestamp>,
}

/// A coupon's validity ended unused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The platform's number for the issue.
    pub trade_no: String,
    /// The partner's number for the issue.
    pub mer_order_id: String,
    /// Which coupon.
    pub coupon: Coupon,
}

impl Event {
    /// The platform's number for the issue: what to record the event under.
    pub fn trade_no(&self) -> &str {
        match self {
            Self::Issued(Issued { trade_no, .. })
            | Self::IssueFailed(IssueFailed { trade_no, .. })
            | Self::Used(Used { trade_no, .. })
            | Self::Expired(Expired { trade_no, .. }) => trade_no,
        }
    }
}

impl TryFrom<Callback<'static>> for Event {
    type Error = CallbackError;

    fn try_from(callback: Callback<'static>) -> Result<Self, CallbackError> {
        match callback {
            Callback::Issue(callback) => of_issue(callback),
            Callback::WriteOff(callback) => of_coupon(callback),
        }
    }
}

fn of_issue(callback: IssueCallback<'static>) -> Result<Event, CallbackError> {
    let org_id = callback.org_id.into_owned();
    let trade_no = callback.call_trade_no.into_owned();
    let amount = callback.amount;
    let created_at = at(callback.trade_create_time)?;
    match callback.trade_status {
        TradeStatus::Success => {
            let issued_at = callback.trade_payment_time.ok_or(CallbackError::NoPaymentTime)?;
            let issued_at = at(issued_at)?;
            Ok(Event::Issued(Issued { org_id, trade_no, amount, created_at, issued_at }))
        }
        TradeStatus::Fail => {
            let reason = callback.fail_msg.into_owned();
            Ok(Event::IssueFailed(IssueFailed { org_id, trade_no, amount, created_at, reason }))
        }
        other @ (TradeStatus::Process | TradeStatus::Unknown(_)) => {
            Err(CallbackError::UnknownStatus(other.to_string()))
        }
    }
}

fn of_coupon(callback: WriteOffCallback<'static>) -> Result<Event, CallbackError> {
    let trade_no = callback.trade_no.into_owned();
    let mer_order_id = callback.mer_order_id.into_owned();
    let coupon = Coupon {
        member_id: callback.member_id.into_owned(),
        owner_id: callback.owner_id.into_owned(),
        channel_openid: callback.channel_openid.into_owned(),
        promotion_id: callback.promotion_id.into_owned(),
        third_coupon_id: callback.third_coupon_id.into_owned(),
        activity_id: callback.activity_id.into_owned(),
    };
    match callback.usage {
        UsageStatus::Used => Ok(Event::Used(Used {
            trade_no,
            mer_order_id,
            coupon,
            promo_amount: callback.promo_amount,
            total_amount: callback.total_amount,
            org_amount: callback.org_amount,
            used_at: callback.gmt_used.map(at).transpose()?,
        })),
        UsageStatus::Expired => Ok(Event::Expired(Expired { trade_no, mer_order_id, coupon })),
        UsageStatus::Unknown(status) => Err(CallbackError::UnknownStatus(status)),
    }
}

/// Shanghai's wall time has one offset all year.
fn at(time: DateTime) -> Result<Timestamp, CallbackError> {
    Offset::constant(8).to_timestamp(time).map_err(|_| CallbackError::TimeOutOfRange)
}
