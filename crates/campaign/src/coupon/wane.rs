//! Coupons that end unused.

use serde::Serialize;
use thiserror::Error;

use super::{Coupon, CouponStatus, let_go, restock};
use crate::{Audited, CallbackEvent, Command, Fen, Id, Wanted, World, owe};

/// Ends coupons whose validity is over. Done tells how many did; others are left alone, so asking
/// twice does no harm.
#[derive(Clone, Debug)]
pub struct Expire {
    /// Which.
    pub coupons: Vec<Id>,
}

impl Command for Expire {
    type Done = u64;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.coupons.extend(&self.coupons);
    }

    fn decide(&self, world: &mut World) -> Result<u64, Self::Refusal> {
        let now = world.now;
        let mut expired = 0;
        for id in &self.coupons {
            let due = world.coupons.get(id).is_some_and(|coupon| {
                coupon.status == CouponStatus::Issued
                    && coupon.expires_at.is_some_and(|at| at <= now)
            });
            if due {
                end_unused(world, *id);
                expired += 1;
            }
        }
        Ok(expired)
    }
}

/// Ends a coupon before its time, as if it had expired.
#[derive(Clone, Debug, Serialize)]
pub struct VoidCoupon {
    /// Which.
    pub coupon: Id,
    /// Why, for the audit log.
    pub reason: String,
}

/// Why a coupon could not be voided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VoidRefusal {
    /// There is no such coupon.
    #[error("the coupon is unknown")]
    Unknown,
    /// Only one that was issued and not used can be.
    #[error("only an issued coupon can be voided; this one is {0:?}")]
    NotIssued(CouponStatus),
}

impl Command for VoidCoupon {
    type Done = Coupon;
    type Refusal = VoidRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.coupons.insert(self.coupon);
    }

    fn decide(&self, world: &mut World) -> Result<Coupon, VoidRefusal> {
        let coupon = world.coupons.get(&self.coupon).ok_or(VoidRefusal::Unknown)?;
        if coupon.status != CouponStatus::Issued {
            return Err(VoidRefusal::NotIssued(coupon.status));
        }
        Ok(end_unused(world, self.coupon))
    }
}

impl Audited for VoidCoupon {
    const ACTION: &'static str = "coupon.void";

    fn subject(&self, done: &Coupon) -> String {
        done.id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

fn end_unused(world: &mut World, id: Id) -> Coupon {
    let coupon = world.coupons.get(&id).expect("the caller has seen it").clone();
    let_go(world, &coupon, Fen::ZERO);
    restock(world, &coupon.activity_no);
    let now = world.now;
    let slot = world.coupons.change(&id).expect("found above");
    slot.status = CouponStatus::Expired;
    slot.closed_at = Some(now);
    let coupon = slot.clone();
    owe(world, &coupon, CallbackEvent::WriteOff, &coupon.write_off_notify);
    coupon
}
