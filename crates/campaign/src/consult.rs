//! Whether a user could be given coupons, asked before anything is issued.

use thiserror::Error;

use crate::{
    ActivityNo, AlipayPid, CertId, Channel, Command, CouponOffer, FailReason, ThirdUid, UserKey,
    Wanted, World, grantable,
};

/// How many activities one call may ask about.
pub const CONSULT_MAX: usize = 100;

/// Who would be given a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlipayUser {
    /// By openId.
    OpenId(Box<str>),
    /// By userId.
    UserId(Box<str>),
}

impl AlipayUser {
    /// The id, whichever it is: what coupons are counted by.
    pub fn as_str(&self) -> &str {
        match self {
            Self::OpenId(id) | Self::UserId(id) => id,
        }
    }
}

/// Asks of each activity whether an issue at this instant would grant the user a coupon. It changes
/// nothing.
#[derive(Clone, Debug)]
pub struct Consult {
    /// Who calls.
    pub cert_id: CertId,
    /// The merchant that would hand the coupons out.
    pub merchant: Option<AlipayPid>,
    /// Who would be given them.
    pub user: AlipayUser,
    /// What is asked about.
    pub activities: Vec<ActivityNo>,
}

/// What is said of one activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsultResult {
    /// An issue at this instant would grant.
    Success,
    /// It is unknown, no coupon activity, paused or over.
    Other,
    /// The initiator or the merchant may not hand it out.
    NotPermitted,
    /// It has not started.
    NotStarted,
    /// Stock or money does not cover one more.
    OutOfBudget,
    /// The user has reached a limit.
    OverLimit,
}

/// Why nothing was said of any activity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConsultRefusal {
    /// The initiator is not let in.
    #[error("the initiator is unknown")]
    UnknownInitiator,
    /// Nothing is asked, or too much.
    #[error("1 to {CONSULT_MAX} activities can be asked about")]
    Activities,
    /// There is no such merchant, or it is another's.
    #[error("the merchant is not one of the initiator's")]
    UnknownMerchant,
    /// The channel behind this activity refuses for good.
    #[error("the channel behind activity {0} refuses")]
    ChannelRefuses(ActivityNo),
    /// The channel behind this activity fails for now.
    #[error("the channel behind activity {0} is unavailable")]
    ChannelUnavailable(ActivityNo),
}

impl Command for Consult {
    /// In the order they were asked about.
    type Done = Vec<ConsultResult>;
    type Refusal = ConsultRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
        wanted.alipay_pids.extend(&self.merchant);
        for activity_no in &self.activities {
            wanted.activities.insert(activity_no);
            wanted.usages.push(self.user_key(activity_no));
        }
    }

    fn decide(&self, world: &mut World) -> Result<Vec<ConsultResult>, ConsultRefusal> {
        if !crate::initiator::is_active(world, &self.cert_id) {
            return Err(ConsultRefusal::UnknownInitiator);
        }
        if !(1..=CONSULT_MAX).contains(&self.activities.len()) {
            return Err(ConsultRefusal::Activities);
        }
        if self.merchant.as_ref().is_some_and(|pid| !self.is_own(world, pid)) {
            return Err(ConsultRefusal::UnknownMerchant);
        }
        self.activities.iter().map(|activity_no| self.ask(world, activity_no)).collect()
    }
}

impl Consult {
    fn ask(
        &self,
        world: &World,
        activity_no: &ActivityNo,
    ) -> Result<ConsultResult, ConsultRefusal> {
        let activity = world.activities.get(activity_no);
        let Some((activity, offer)) = activity.and_then(|it| Some((it, it.coupon.as_ref()?)))
        else {
            return Ok(ConsultResult::Other);
        };
        let usage = world.usages.get(&self.user_key(activity_no)).copied().unwrap_or_default();
        let frozen = world.balance(activity.frozen);
        let granted = grantable(activity, offer, frozen, usage, world.now);
        if granted == Err(FailReason::Over) {
            return Ok(ConsultResult::Other);
        }
        if !self.may_hand_out(offer) {
            return Ok(ConsultResult::NotPermitted);
        }
        let grant = match granted {
            Ok(grant) => grant,
            Err(FailReason::Over) => return Ok(ConsultResult::Other),
            Err(FailReason::NotStarted) => return Ok(ConsultResult::NotStarted),
            Err(FailReason::OutOfStock | FailReason::OutOfMoney) => {
                return Ok(ConsultResult::OutOfBudget);
            }
            Err(FailReason::Limit(_)) => return Ok(ConsultResult::OverLimit),
            Err(FailReason::Channel) => {
                return Err(ConsultRefusal::ChannelRefuses(activity_no.clone()));
            }
        };
        let Channel::Book(rule) = &activity.channel;
        if rule.unavailable_money.contains(&grant.value) {
            return Err(ConsultRefusal::ChannelUnavailable(activity_no.clone()));
        }
        // An order would be taken, and fail when it settles.
        if rule.never_pays(grant.value) {
            return Err(ConsultRefusal::ChannelRefuses(activity_no.clone()));
        }
        Ok(ConsultResult::Success)
    }

    fn is_own(&self, world: &World, pid: &AlipayPid) -> bool {
        world.alipay_pids.contains(&(self.cert_id.clone(), pid.clone()))
    }

    fn may_hand_out(&self, offer: &CouponOffer) -> bool {
        let merchant_may = offer.merchants.is_empty()
            || self.merchant.as_ref().is_some_and(|pid| offer.merchants.contains(pid));
        offer.initiators.contains(&self.cert_id) && merchant_may
    }

    fn user_key(&self, activity_no: &ActivityNo) -> UserKey {
        let user = ThirdUid::from(self.user.as_str());
        UserKey { activity_no: activity_no.clone(), user }
    }
}
