use jiff::{SignedDuration, Timestamp};

use super::{Coupon, CouponStatus, FailReason, let_go, restock};
use crate::{CallbackEvent, Channel, Command, Id, Validity, Wanted, World, owe};

/// Lets the book channel decide on a coupon that is due. Done tells whether it did: one that is
/// not due, or was decided before, is left alone, so asking twice does no harm.
#[derive(Clone, Debug)]
pub struct SettleCoupon {
    /// Which.
    pub coupon: Id,
}

impl Command for SettleCoupon {
    type Done = bool;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.coupons.insert(self.coupon);
    }

    fn decide(&self, world: &mut World) -> Result<bool, Self::Refusal> {
        let now = world.now;
        let due = world.coupons.get(&self.coupon).is_some_and(|coupon| {
            coupon.status == CouponStatus::Process && coupon.settle_at.is_some_and(|at| at <= now)
        });
        if due {
            settle(world, self.coupon);
        }
        Ok(due)
    }
}

/// Issues a coupon that is in process, or fails it, as its channel says. One whose validity is over
/// by then fails too: nobody is told that they have what they cannot use. That its activity was
/// paused or has ended meanwhile changes nothing; the order was taken before.
pub(super) fn settle(world: &mut World, id: Id) -> Coupon {
    let coupon = world.coupons.get(&id).expect("the caller has seen it").clone();
    let activity = world.activities.get(&coupon.activity_no);
    let activity = activity.expect("a coupon's activity is loaded with it");
    let offer = activity.coupon.as_ref().expect("a coupon's activity hands coupons out");
    let (validity, now) = (offer.terms.validity, world.now);
    let Channel::Book(rule) = &activity.channel;
    let expires_at = expiry(validity, now);
    let failed = if !rule.pays(id, coupon.value) {
        Some(FailReason::Channel)
    } else if expires_at <= now {
        Some(FailReason::Over)
    } else {
        None
    };
    if failed.is_some() {
        let_go(world, &coupon, crate::Fen::ZERO);
        restock(world, &coupon.activity_no);
        if let Some(usage) = world.usages.change(&coupon.user_key()) {
            *usage = usage.give_back(crate::day_of(coupon.placed_at), coupon.value);
        }
    }
    let slot = world.coupons.change(&id).expect("found above");
    slot.settle_at = None;
    slot.decided_at = Some(now);
    slot.failed = failed;
    if failed.is_some() {
        slot.status = CouponStatus::Failed;
    } else {
        slot.status = CouponStatus::Issued;
        slot.expires_at = Some(expires_at);
    }
    let coupon = slot.clone();
    outcome_known(world, &coupon);
    coupon
}

/// The institution is to hear that its coupon was issued, or not.
pub(super) fn outcome_known(world: &mut World, coupon: &Coupon) {
    if let Some(address) = &coupon.post_notify {
        owe(world, coupon, CallbackEvent::IssueResult, address);
    }
}

fn expiry(validity: Validity, issued_at: Timestamp) -> Timestamp {
    match validity {
        Validity::Until(until) => until,
        Validity::Days(days) => issued_at
            .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
            .unwrap_or(Timestamp::MAX),
    }
}
