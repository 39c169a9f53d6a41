//! What a coupon activity hands out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    AccountId, AccountKind, Activity, ActivityKind, ActivityNo, ActivityRefusal, ActivityStatus,
    AlipayPid, Audited, CertId, Channel, Command, Fen, InstitutionId, OrgNo, PromotionId,
    UserLimits, Wanted, World,
};

/// How many institutions one activity's coupons may be handed out by.
const ISSUERS_MAX: usize = 100;
/// How many initiators may be told that they can hand one activity's coupons out.
const INITIATORS_MAX: usize = 100;
/// How many merchants that can be narrowed down to.
const MERCHANTS_MAX: usize = 100;
/// The largest stock; coupons that come back still fit above it.
const STOCK_MAX: u64 = 1_000_000_000_000;
/// The longest validity that counts from the issue.
const DAYS_MAX: u16 = 3_650;

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    /// This much, or the whole amount where that is less.
    Fixed {
        /// How much.
        money: Fen,
    },
    /// A share of the amount.
    Percent {
        /// How many hundredths are taken off: 20 is what is called 8 折.
        off: u8,
        /// But no more than this.
        at_most: Fen,
    },
}

impl Discount {
    /// The most it can take off.
    pub fn at_most(self) -> Fen {
        match self {
            Self::Fixed { money } => money,
            Self::Percent { at_most, .. } => at_most,
        }
    }

    /// What it takes off this amount; a fraction of a fen is the buyer's.
    pub fn on(self, amount: Fen) -> Fen {
        match self {
            Self::Fixed { money } => money.min(amount),
            Self::Percent { off, at_most } => {
                let share = i128::from(amount.0) * i128::from(off) / 100;
                Fen(i64::try_from(share).unwrap_or(i64::MAX)).min(at_most)
            }
        }
    }
}

/// How long a coupon can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Validity {
    /// Until just before this moment, whenever it was issued.
    Until(Timestamp),
    /// So many times 24 hours from its issue.
    Days(u16),
}

/// What a coupon is worth, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouponTerms {
    /// What it takes off.
    pub discount: Discount,
    /// The least amount it can be used on.
    pub minimum_spend: Fen,
    /// How long it can be used.
    pub validity: Validity,
}

/// What a coupon activity hands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponOffer {
    /// Its id; for the activity's whole life.
    pub promotion_id: PromotionId,
    /// The WeChat batch; for the activity's whole life.
    pub batch_code: Box<str>,
    /// What its coupons are worth, and how long. Fixed once the activity has started: coupons
    /// that are out keep what they were given for.
    pub terms: CouponTerms,
    /// Who may hand it out.
    pub issuers: Vec<InstitutionId>,
    /// Who may hand it out through Alipay; may be nobody.
    pub initiators: Vec<CertId>,
    /// Which of their merchants; empty: any.
    pub merchants: Vec<AlipayPid>,
    /// How many coupons can still be handed out.
    pub stock_left: u64,
    /// What its coupons were redeemed for.
    pub spent: AccountId,
}

/// What a new coupon activity is to hand out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewOffer {
    /// Its id.
    pub promotion_id: PromotionId,
    /// The WeChat batch.
    pub batch_code: Box<str>,
    /// What its coupons are worth, and how long.
    pub terms: CouponTerms,
    /// Who may hand it out.
    pub issuers: Vec<InstitutionId>,
    /// Who may hand it out through Alipay; may be nobody.
    pub initiators: Vec<CertId>,
    /// Which of their merchants; empty: any.
    pub merchants: Vec<AlipayPid>,
    /// How many coupons there are.
    pub stock: u32,
}

/// What is wrong with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OfferRefusal {
    /// It takes nothing off.
    #[error("discount must be above zero")]
    NoDiscount,
    /// More than the whole is taken off.
    #[error("off must be 1 to 100")]
    OffShare,
    /// The least amount is negative.
    #[error("minimum_spend must not be negative")]
    MinimumSpend,
    /// It cannot be used at all, or for longer than is kept.
    #[error("validity must be 1 to {DAYS_MAX} days, or end after the activity starts")]
    Validity,
    /// Nobody may hand it out, or too many.
    #[error("issuers must name 1 to {ISSUERS_MAX} institutions")]
    Issuers,
    /// Too many may hand it out through Alipay.
    #[error("initiators must name at most {INITIATORS_MAX} initiators")]
    Initiators,
    /// It is narrowed down to too many.
    #[error("merchants must name at most {MERCHANTS_MAX} merchants")]
    Merchants,
    /// The activity has started, so coupons may be out.
    #[error("terms cannot be changed once the activity has started")]
    TermsTooLate,
    /// More coupons than anybody hands out.
    #[error("stock must be at most {STOCK_MAX}")]
    TooMuchStock,
}

/// Makes a coupon activity, not yet online and without money.
#[derive(Clone, Debug, Serialize)]
pub struct CreateCouponActivity {
    /// Its number; made from the sequence where none is given.
    pub activity_no: Option<ActivityNo>,
    /// Who funds it.
    pub org_no: OrgNo,
    /// Its name.
    pub name: String,
    /// Coupons are issued from this moment on …
    pub starts_at: Timestamp,
    /// … and until just before this one.
    pub ends_at: Timestamp,
    /// What one user may take.
    pub limits: UserLimits,
    /// What executes its orders.
    pub channel: Channel,
    /// What it hands out.
    pub offer: NewOffer,
}

impl Command for CreateCouponActivity {
    type Done = Activity;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.extend(&self.activity_no);
        wanted.organizations.insert(&self.org_no);
        wanted.institutions.extend(&self.offer.issuers);
        wanted.initiators.extend(&self.offer.initiators);
    }

    fn decide(&self, world: &mut World) -> Result<Activity, ActivityRefusal> {
        if let Some(activity_no) = &self.activity_no
            && world.activities.contains(activity_no)
        {
            return Err(ActivityRefusal::Taken(activity_no.clone()));
        }
        if !world.organizations.contains(&self.org_no) {
            return Err(ActivityRefusal::UnknownOrganization(self.org_no.clone()));
        }
        crate::activity::check_window(self.starts_at, self.ends_at)?;
        crate::activity::check_channel(&self.channel)?;
        check_terms(&self.offer.terms, self.starts_at)?;
        check_issuers(world, &self.offer.issuers)?;
        check_initiators(world, &self.offer.initiators)?;
        check_merchants(&self.offer.merchants)?;
        let activity_no = self
            .activity_no
            .clone()
            .unwrap_or_else(|| ActivityNo::from(world.take_id().to_string()));
        let owner = activity_no.as_str();
        let activity = Activity {
            activity_no: activity_no.clone(),
            org_no: self.org_no.clone(),
            kind: ActivityKind::Coupon,
            name: self.name.clone(),
            status: ActivityStatus::Draft,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            projects: Vec::new(),
            rules: Vec::new(),
            limits: self.limits,
            channel: self.channel.clone(),
            frozen: world.open_account(AccountKind::Frozen, owner),
            held: world.open_account(AccountKind::Held, owner),
            coupon: Some(CouponOffer {
                promotion_id: self.offer.promotion_id.clone(),
                batch_code: self.offer.batch_code.clone(),
                terms: self.offer.terms,
                issuers: self.offer.issuers.clone(),
                initiators: self.offer.initiators.clone(),
                merchants: self.offer.merchants.clone(),
                stock_left: self.offer.stock.into(),
                spent: world.open_account(AccountKind::Spent, owner),
            }),
            created_at: world.now,
        };
        world.activities.insert(activity_no, activity.clone());
        Ok(activity)
    }
}

impl Audited for CreateCouponActivity {
    const ACTION: &'static str = "activity.create";

    fn subject(&self, done: &Activity) -> String {
        done.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes what a coupon activity hands out; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateOffer {
    /// Which activity.
    pub activity_no: ActivityNo,
    /// What its coupons are worth, and how long; only before it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<CouponTerms>,
    /// Who may hand it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuers: Option<Vec<InstitutionId>>,
    /// Who may hand it out through Alipay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiators: Option<Vec<CertId>>,
    /// Which of their merchants; empty: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchants: Option<Vec<AlipayPid>>,
    /// Coupons to add to its stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_stock: Option<u32>,
}

impl Command for UpdateOffer {
    type Done = Activity;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.insert(&self.activity_no);
        wanted.institutions.extend(self.issuers.iter().flatten());
        wanted.initiators.extend(self.initiators.iter().flatten());
    }

    fn decide(&self, world: &mut World) -> Result<Activity, ActivityRefusal> {
        let activity = crate::activity::living(world, &self.activity_no)?;
        let mut offer = activity.coupon.clone().ok_or(ActivityRefusal::OtherKind(false))?;
        if let Some(terms) = self.terms {
            if activity.status != ActivityStatus::Draft {
                return Err(OfferRefusal::TermsTooLate.into());
            }
            check_terms(&terms, activity.starts_at)?;
            offer.terms = terms;
        }
        if let Some(issuers) = &self.issuers {
            check_issuers(world, issuers)?;
            offer.issuers.clone_from(issuers);
        }
        if let Some(initiators) = &self.initiators {
            check_initiators(world, initiators)?;
            offer.initiators.clone_from(initiators);
        }
        if let Some(merchants) = &self.merchants {
            check_merchants(merchants)?;
            offer.merchants.clone_from(merchants);
        }
        if let Some(more) = self.add_stock {
            let stock = offer.stock_left.checked_add(more.into());
            let stock = stock.filter(|stock| *stock <= STOCK_MAX);
            offer.stock_left = stock.ok_or(OfferRefusal::TooMuchStock)?;
        }
        let slot = world.activities.change(&self.activity_no).expect("found above");
        slot.coupon = Some(offer);
        Ok(slot.clone())
    }
}

impl Audited for UpdateOffer {
    const ACTION: &'static str = "activity.update_offer";

    fn subject(&self, _done: &Activity) -> String {
        self.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

fn check_terms(terms: &CouponTerms, starts_at: Timestamp) -> Result<(), OfferRefusal> {
    if !terms.discount.at_most().is_positive() {
        return Err(OfferRefusal::NoDiscount);
    }
    if matches!(terms.discount, Discount::Percent { off, .. } if !(1..=100).contains(&off)) {
        return Err(OfferRefusal::OffShare);
    }
    if terms.minimum_spend < Fen::ZERO {
        return Err(OfferRefusal::MinimumSpend);
    }
    let valid = match terms.validity {
        Validity::Until(until) => until > starts_at,
        Validity::Days(days) => (1..=DAYS_MAX).contains(&days),
    };
    if valid { Ok(()) } else { Err(OfferRefusal::Validity) }
}

fn check_issuers(world: &World, issuers: &[InstitutionId]) -> Result<(), ActivityRefusal> {
    if issuers.is_empty() || issuers.len() > ISSUERS_MAX {
        return Err(OfferRefusal::Issuers.into());
    }
    match issuers.iter().find(|issuer| !world.institutions.contains(*issuer)) {
        Some(unknown) => Err(ActivityRefusal::UnknownIssuer(unknown.clone())),
        None => Ok(()),
    }
}

fn check_initiators(world: &World, initiators: &[CertId]) -> Result<(), ActivityRefusal> {
    if initiators.len() > INITIATORS_MAX {
        return Err(OfferRefusal::Initiators.into());
    }
    match initiators.iter().find(|initiator| !world.initiators.contains(*initiator)) {
        Some(unknown) => Err(ActivityRefusal::UnknownInitiator(unknown.clone())),
        None => Ok(()),
    }
}

fn check_merchants(merchants: &[AlipayPid]) -> Result<(), OfferRefusal> {
    if merchants.len() > MERCHANTS_MAX { Err(OfferRefusal::Merchants) } else { Ok(()) }
}
