use serde::Serialize;
use thiserror::Error;

use super::{Coupon, CouponStatus, Redemption, let_go};
use crate::{Audited, CallbackEvent, Command, Fen, Id, OwnerId, Wanted, World, owe};

/// Uses a coupon, as a till or a payment system does (核销). Safe to repeat under its reference.
#[derive(Clone, Debug, Serialize)]
pub struct Redeem {
    /// Which.
    pub coupon: Id,
    /// At whose till; a coupon of another owner is refused.
    pub owner_id: OwnerId,
    /// What is to pay before the discount.
    pub org_amount: Fen,
    /// The till's own name for it.
    pub reference: Box<str>,
}

/// A coupon that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedeemedCoupon {
    /// As it is now.
    pub coupon: Coupon,
    /// It was done before, under the same reference; nothing was changed.
    pub repeated: bool,
}

/// Why a coupon could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedeemRefusal {
    /// There is no such coupon.
    #[error("the coupon is unknown")]
    Unknown,
    /// It was handed out for another owner.
    #[error("the coupon is not of this owner_id")]
    Foreign,
    /// It was not issued (yet).
    #[error("the coupon was not issued; it is {0:?}")]
    NotIssued(CouponStatus),
    /// It was used before.
    #[error("the coupon was used before")]
    Used,
    /// Its validity is over.
    #[error("the coupon has expired")]
    Expired,
    /// The amount is zero.
    #[error("org_amount must be above zero")]
    NoMoney,
    /// The amount is less than the coupon asks for.
    #[error("org_amount is below the coupon's minimum spend of {0} fen")]
    BelowMinimum(Fen),
}

impl Command for Redeem {
    type Done = RedeemedCoupon;
    type Refusal = RedeemRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.coupons.insert(self.coupon);
    }

    fn decide(&self, world: &mut World) -> Result<RedeemedCoupon, RedeemRefusal> {
        let coupon = world.coupons.get(&self.coupon).ok_or(RedeemRefusal::Unknown)?;
        if coupon.owner_id != self.owner_id {
            return Err(RedeemRefusal::Foreign);
        }
        match coupon.status {
            CouponStatus::Issued => {}
            CouponStatus::Used if self.was_this(coupon) => {
                return Ok(RedeemedCoupon { coupon: coupon.clone(), repeated: true });
            }
            CouponStatus::Used => return Err(RedeemRefusal::Used),
            CouponStatus::Expired => return Err(RedeemRefusal::Expired),
            other @ (CouponStatus::Process | CouponStatus::Failed) => {
                return Err(RedeemRefusal::NotIssued(other));
            }
        }
        let now = world.now;
        // It may be over before the timer has come to it.
        if coupon.expires_at.is_some_and(|at| at <= now) {
            return Err(RedeemRefusal::Expired);
        }
        if !self.org_amount.is_positive() {
            return Err(RedeemRefusal::NoMoney);
        }
        let coupon = coupon.clone();
        let activity = world.activities.get(&coupon.activity_no);
        let activity = activity.expect("a coupon's activity is loaded with it");
        let offer = activity.coupon.as_ref().expect("a coupon's activity hands coupons out");
        if self.org_amount < offer.terms.minimum_spend {
            return Err(RedeemRefusal::BelowMinimum(offer.terms.minimum_spend));
        }
        let promo_amount = offer.terms.discount.on(self.org_amount).min(coupon.value);
        let_go(world, &coupon, promo_amount);
        let slot = world.coupons.change(&self.coupon).expect("found above");
        slot.status = CouponStatus::Used;
        slot.closed_at = Some(now);
        slot.redeemed = Some(Redemption {
            reference: self.reference.clone(),
            org_amount: self.org_amount,
            promo_amount,
        });
        let coupon = slot.clone();
        owe(world, &coupon, CallbackEvent::WriteOff, &coupon.write_off_notify);
        Ok(RedeemedCoupon { coupon, repeated: false })
    }
}

impl Redeem {
    fn was_this(&self, coupon: &Coupon) -> bool {
        coupon.redeemed.as_ref().is_some_and(|before| {
            before.reference == self.reference && before.org_amount == self.org_amount
        })
    }
}

impl Audited for Redeem {
    const ACTION: &'static str = "coupon.redeem";

    fn subject(&self, done: &RedeemedCoupon) -> String {
        done.coupon.id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }

    fn is_change(&self, done: &RedeemedCoupon) -> bool {
        !done.repeated
    }
}
