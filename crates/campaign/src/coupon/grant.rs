//! Whether one more coupon can be given, and why not: what issuing decides by, and what a consult
//! is answered from.

use jiff::Timestamp;

use crate::{
    Activity, ActivityStatus, Channel, CouponOffer, Fen, LimitReached, UserUsage, Validity, day_of,
};

/// Why an order for a coupon failed. It stands under its key all the same: a caller that was told
/// FAIL must never find a coupon there later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailReason {
    /// The activity is not online yet, or before its window.
    NotStarted,
    /// It is paused, has ended or is past its window, or its coupons' validity is over.
    Over,
    /// There is no coupon left.
    OutOfStock,
    /// The frozen money does not cover one more.
    OutOfMoney,
    /// The user has reached a limit.
    Limit(LimitReached),
    /// The channel behind the activity refused or failed.
    Channel,
}

/// What one more coupon would be, and do to its user's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it is worth at most; what it holds.
    pub value: Fen,
    /// The usage afterwards; `None` where the activity counts none.
    pub usage: Option<UserUsage>,
}

/// Whether a coupon of this activity can be given now, by rules that look at nobody's identity.
/// `frozen` is the balance of the activity's frozen account, `usage` what the user holds of it.
pub fn grantable(
    activity: &Activity,
    offer: &CouponOffer,
    frozen: Fen,
    usage: UserUsage,
    now: Timestamp,
) -> Result<Grant, FailReason> {
    match activity.status {
        ActivityStatus::Draft => return Err(FailReason::NotStarted),
        ActivityStatus::Paused | ActivityStatus::Ended => return Err(FailReason::Over),
        ActivityStatus::Running => {}
    }
    if now < activity.starts_at {
        return Err(FailReason::NotStarted);
    }
    let invalid = matches!(offer.terms.validity, Validity::Until(until) if until <= now);
    if now >= activity.ends_at || invalid {
        return Err(FailReason::Over);
    }
    if offer.stock_left == 0 {
        return Err(FailReason::OutOfStock);
    }
    let value = offer.terms.discount.at_most();
    if frozen < value {
        return Err(FailReason::OutOfMoney);
    }
    let usage = if activity.limits.any() {
        let taken = usage.take(day_of(now), value, &activity.limits);
        Some(taken.map_err(FailReason::Limit)?)
    } else {
        None
    };
    let Channel::Book(rule) = &activity.channel;
    if rule.refuse_money.contains(&value) {
        return Err(FailReason::Channel);
    }
    Ok(Grant { value, usage })
}
