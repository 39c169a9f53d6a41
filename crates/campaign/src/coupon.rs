mod grant;
mod issue;
mod offer;
mod redeem;
mod settle;
mod wane;

use jiff::Timestamp;

pub use grant::{FailReason, Grant, grantable};
pub use issue::{Issue, IssueRefusal, Issued};
pub use offer::{
    CouponOffer, CouponTerms, CreateCouponActivity, Discount, NewOffer, OfferRefusal, UpdateOffer,
    Validity,
};
pub use redeem::{Redeem, RedeemRefusal, RedeemedCoupon};
pub use settle::SettleCoupon;
pub use wane::{Expire, VoidCoupon, VoidRefusal};

use crate::{
    ActivityNo, ActivityStatus, Fen, Id, InstitutionId, OpenId, OwnerId, PromotionId, ThirdUid,
    TransferReason, UserKey, World,
};

/// Where a coupon stands. It moves `Process → Issued | Failed` and `Issued → Used | Expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CouponStatus {
    /// PROCESS: its money is held, its channel has not answered.
    Process,
    /// SUCCESS: the user has it.
    Issued,
    /// FAIL: the user does not have it, and never will.
    Failed,
    /// USED: it was redeemed.
    Used,
    /// EXPIRED: it ended unused.
    Expired,
}

impl CouponStatus {
    /// True while the coupon holds money and stock.
    pub fn holds(self) -> bool {
        matches!(self, Self::Process | Self::Issued)
    }

    /// True while the coupon counts against its user's limits: one that was given counts for
    /// ever, used or not.
    pub fn counts(self) -> bool {
        self != Self::Failed
    }
}

/// How a caller finds its coupon again: one key, one effect, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CouponKey {
    /// Who calls.
    pub appid: InstitutionId,
    /// The caller's number for it.
    pub mer_order_id: Box<str>,
}

/// What a coupon was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The till's own name for it, by which repeating it is safe.
    pub reference: Box<str>,
    /// What was to pay before the discount.
    pub org_amount: Fen,
    /// The discount.
    pub promo_amount: Fen,
}

impl Redemption {
    /// What was left to pay.
    pub fn total_amount(&self) -> Fen {
        Fen(self.org_amount.0 - self.promo_amount.0)
    }
}

/// One order for a coupon, and the coupon it granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Its number.
    pub id: Id,
    /// The caller's key.
    pub key: CouponKey,
    /// Of which activity.
    pub activity_no: ActivityNo,
    /// What it is a coupon for; the activity's.
    pub promotion_id: PromotionId,
    /// The WeChat batch; the activity's.
    pub batch_code: Box<str>,
    /// On whose behalf it was handed out.
    pub owner_id: OwnerId,
    /// Whom the caller gave it to.
    pub member_id: Box<str>,
    /// The same user, as WeChat knows them.
    pub openid: OpenId,
    /// What it is worth at most; held while it lives.
    pub value: Fen,
    /// Where it stands.
    pub status: CouponStatus,
    /// Why it failed, where it did.
    pub failed: Option<FailReason>,
    /// Where the outcome of issuing is to be told.
    pub post_notify: Option<Box<str>>,
    /// Where its use or expiry is to be told.
    pub write_off_notify: Box<str>,
    /// When it was asked for.
    pub placed_at: Timestamp,
    /// When its channel is to decide; `None` once it has.
    pub settle_at: Option<Timestamp>,
    /// When it was issued or failed.
    pub decided_at: Option<Timestamp>,
    /// When it ends unused; set when it is issued.
    pub expires_at: Option<Timestamp>,
    /// What it was used for.
    pub redeemed: Option<Redemption>,
    /// When it was used or expired.
    pub closed_at: Option<Timestamp>,
}

impl Coupon {
    /// Whose usage it counts in.
    pub fn user_key(&self) -> UserKey {
        user_key(&self.activity_no, &self.openid)
    }
}

/// Users of coupon activities are counted by their openid, which is what an institution cannot make
/// up.
fn user_key(activity_no: &ActivityNo, openid: &OpenId) -> UserKey {
    UserKey { activity_no: activity_no.clone(), user: ThirdUid::from(openid.as_str()) }
}

/// Ends a coupon's hold on its money: `spent` is spent, the rest goes back.
fn let_go(world: &mut World, coupon: &Coupon, spent: Fen) {
    let activity = world.activities.get(&coupon.activity_no);
    let activity = activity.expect("a coupon's activity is loaded with it");
    let held = activity.held;
    // What an ended activity gets back is the organization's again.
    let back = if activity.status == ActivityStatus::Ended {
        let organization = world.organizations.get(&activity.org_no);
        organization.expect("an activity's organization is loaded with it").account
    } else {
        activity.frozen
    };
    let offer = activity.coupon.as_ref().expect("a coupon's activity hands coupons out");
    let spent_account = offer.spent;
    let order = Some(coupon.id);
    if spent.is_positive() {
        world.transfer(held, spent_account, spent, TransferReason::Spend, order);
    }
    let rest = Fen(coupon.value.0 - spent.0);
    if rest.is_positive() {
        world.transfer(held, back, rest, TransferReason::Return, order);
    }
}

/// Puts a coupon that nobody used back on the shelf.
fn restock(world: &mut World, activity_no: &ActivityNo) {
    let activity = world.activities.change(activity_no);
    let activity = activity.expect("a coupon's activity is loaded with it");
    let offer = activity.coupon.as_mut().expect("a coupon's activity hands coupons out");
    offer.stock_left = offer.stock_left.checked_add(1).expect("it was taken from there");
}
