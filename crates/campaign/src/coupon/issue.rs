use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::settle::outcome_known;
use super::{Coupon, CouponKey, CouponStatus, FailReason, Grant, grantable, user_key};
use crate::{
    Activity, ActivityNo, BookRule, Channel, Command, CouponOffer, Id, Institution,
    InstitutionStatus, OpenId, OwnerId, PromotionId, Settlement, TransferReason, Wanted, World,
};

/// Hands a coupon out (发放优惠券). Safe to repeat: the key decides.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The caller's key.
    pub key: CouponKey,
    /// Of which activity.
    pub activity_no: ActivityNo,
    /// What for.
    pub promotion_id: PromotionId,
    /// On whose behalf.
    pub owner_id: OwnerId,
    /// To whom.
    pub member_id: Box<str>,
    /// To whom, as WeChat knows them.
    pub openid: OpenId,
    /// Where the outcome is to be told.
    pub post_notify: Option<Box<str>>,
    /// Where its use or expiry is to be told.
    pub write_off_notify: Box<str>,
}

/// A coupon order that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// As it is now.
    pub coupon: Coupon,
    /// True when an earlier call placed it.
    pub repeated: bool,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssueRefusal {
    /// The key was used with another value of this field.
    #[error("mer_order_id was used before with another {0}")]
    KeyReused(&'static str),
    /// The institution is not let in.
    #[error("the institution is unknown")]
    UnknownInstitution,
    /// There is no such activity, or not for this institution.
    #[error("activity_id is unknown")]
    UnknownActivity,
    /// The activity hands out something else.
    #[error("promotion_id is unknown")]
    UnknownPromotion,
    /// The institution hands nothing out on behalf of this owner.
    #[error("owner_id is unknown")]
    UnknownOwner,
    /// The member is not one of the institution's.
    #[error("member_id does not begin with the institution's prefix")]
    MemberPrefix,
    /// The channel failed for now.
    #[error("the channel is unavailable")]
    ChannelUnavailable,
}

impl Command for Issue {
    type Done = Issued;
    type Refusal = IssueRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.coupon_keys.push(&self.key);
        wanted.institutions.insert(&self.key.appid);
        wanted.activities.insert(&self.activity_no);
        wanted.usages.push(user_key(&self.activity_no, &self.openid));
    }

    fn decide(&self, world: &mut World) -> Result<Issued, IssueRefusal> {
        // Before the key is looked at, so that a revoked institution is shown nothing any more.
        self.active_institution(world)?;
        if let Some(id) = world.coupon_keys.get(&self.key) {
            let coupon = world.coupons.get(id).expect("a key's coupon is loaded with it");
            return match self.differs_from(coupon) {
                Some(field) => Err(IssueRefusal::KeyReused(field)),
                None => Ok(Issued { coupon: coupon.clone(), repeated: true }),
            };
        }
        let (activity, offer) = self.may_hand_out(world)?;
        let Channel::Book(rule) = &activity.channel;
        let value = offer.terms.discount.at_most();
        let usage = world.usages.get(&user_key(&self.activity_no, &self.openid));
        let usage = usage.copied().unwrap_or_default();
        let frozen = world.balance(activity.frozen);
        let grant = grantable(activity, offer, frozen, usage, world.now);
        if grant.is_ok() && rule.unavailable_money.contains(&value) {
            return Err(IssueRefusal::ChannelUnavailable);
        }
        let settles = Settles::of(rule, world.now);
        let coupon = match grant {
            Err(reason) => self.fail(world, reason),
            Ok(grant) => self.place(world, grant, settles),
        };
        Ok(Issued { coupon, repeated: false })
    }
}

/// When the channel decides.
enum Settles {
    Now,
    At(Timestamp),
}

impl Settles {
    fn of(rule: &BookRule, now: Timestamp) -> Self {
        match rule.settlement {
            Settlement::Instant => Self::Now,
            Settlement::Deferred { delay_s } => {
                let at = now.checked_add(SignedDuration::from_secs(delay_s.into()));
                Self::At(at.unwrap_or(Timestamp::MAX))
            }
        }
    }
}

impl Issue {
    fn differs_from(&self, placed: &Coupon) -> Option<&'static str> {
        [
            ("activity_id", self.activity_no == placed.activity_no),
            ("promotion_id", self.promotion_id == placed.promotion_id),
            ("owner_id", self.owner_id == placed.owner_id),
            ("member_id", self.member_id == placed.member_id),
            ("channel_openid", self.openid == placed.openid),
            ("postNotify", self.post_notify == placed.post_notify),
            ("writeOffNotify", self.write_off_notify == placed.write_off_notify),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    fn active_institution<'w>(&self, world: &'w World) -> Result<&'w Institution, IssueRefusal> {
        let institution = world.institutions.get(&self.key.appid);
        institution
            .filter(|it| it.status == InstitutionStatus::Active)
            .ok_or(IssueRefusal::UnknownInstitution)
    }

    /// The activity and its offer, where this institution may hand it out to this member on behalf
    /// of this owner.
    fn may_hand_out<'w>(
        &self,
        world: &'w World,
    ) -> Result<(&'w Activity, &'w CouponOffer), IssueRefusal> {
        let institution = self.active_institution(world)?;
        let activity = world.activities.get(&self.activity_no);
        let activity = activity.ok_or(IssueRefusal::UnknownActivity)?;
        let offer = activity.coupon.as_ref().ok_or(IssueRefusal::UnknownActivity)?;
        if !offer.issuers.contains(&self.key.appid) {
            return Err(IssueRefusal::UnknownActivity);
        }
        if offer.promotion_id != self.promotion_id {
            return Err(IssueRefusal::UnknownPromotion);
        }
        if !institution.owners.contains(&self.owner_id) {
            return Err(IssueRefusal::UnknownOwner);
        }
        if !self.member_id.starts_with(&*institution.member_prefix) {
            return Err(IssueRefusal::MemberPrefix);
        }
        Ok((activity, offer))
    }

    fn fail(&self, world: &mut World, reason: FailReason) -> Coupon {
        let id = world.take_id();
        let mut coupon = self.coupon(world, id);
        coupon.status = CouponStatus::Failed;
        coupon.failed = Some(reason);
        coupon.decided_at = Some(world.now);
        self.add(world, coupon.clone());
        outcome_known(world, &coupon);
        coupon
    }

    fn place(&self, world: &mut World, grant: Grant, settles: Settles) -> Coupon {
        let id = world.take_id();
        let mut coupon = self.coupon(world, id);
        let activity = world.activities.change(&self.activity_no).expect("it was checked");
        let (frozen, held) = (activity.frozen, activity.held);
        let offer = activity.coupon.as_mut().expect("it was checked");
        offer.stock_left -= 1;
        world.transfer(frozen, held, grant.value, TransferReason::Hold, Some(id));
        if let Some(usage) = grant.usage {
            world.usages.put(coupon.user_key(), usage);
        }
        if let Settles::At(at) = settles {
            coupon.settle_at = Some(at);
        }
        self.add(world, coupon.clone());
        match settles {
            Settles::At(_) => coupon,
            Settles::Now => super::settle::settle(world, id),
        }
    }

    /// As it is before anything is known of it.
    fn coupon(&self, world: &World, id: Id) -> Coupon {
        let activity = world.activities.get(&self.activity_no).expect("it was checked");
        let offer = activity.coupon.as_ref().expect("it was checked");
        Coupon {
            id,
            key: self.key.clone(),
            activity_no: self.activity_no.clone(),
            promotion_id: self.promotion_id.clone(),
            batch_code: offer.batch_code.clone(),
            owner_id: self.owner_id.clone(),
            member_id: self.member_id.clone(),
            openid: self.openid.clone(),
            value: offer.terms.discount.at_most(),
            status: CouponStatus::Process,
            failed: None,
            post_notify: self.post_notify.clone(),
            write_off_notify: self.write_off_notify.clone(),
            placed_at: world.now,
            settle_at: None,
            decided_at: None,
            expires_at: None,
            redeemed: None,
            closed_at: None,
        }
    }

    fn add(&self, world: &mut World, coupon: Coupon) {
        world.coupon_keys.insert(self.key.clone(), coupon.id);
        world.coupons.insert(coupon.id, coupon);
    }
}
