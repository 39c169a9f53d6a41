//! What a coupon activity hands out, as the API spells it.

use huodong_campaign::{self as campaign, Fen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Money, Time};

/// The longest validity that counts from the issue; the rules say the same.
const DAYS_MAX: u16 = 3_650;

/// What a coupon is worth, and how long.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CouponTerms {
    /// What it takes off.
    discount: Discount,
    /// The least amount it can be used on, in fen; any where none is given.
    minimum_spend: Option<Money>,
    /// How long it can be used.
    validity: Validity,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Discount {
    /// An amount, or the whole price where that is less.
    Fixed {
        /// How much, in fen.
        money: Money,
    },
    /// A share of the price, rounded down to the fen.
    Percent {
        /// How many hundredths are taken off: 20 is what is called 8 折.
        #[schema(minimum = 1, maximum = 100, example = 20)]
        off: u8,
        /// But no more than this, in fen; it is what each coupon holds of the activity's money.
        at_most: Money,
    },
}

/// How long a coupon can be used.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Validity {
    /// Until just before this moment, whenever it was issued.
    Until(Time),
    /// So many times 24 hours from its issue.
    Days(Days),
}

/// Days, 1 to 3650.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u16")]
#[schema(minimum = 1, maximum = 3_650)]
pub(super) struct Days(u16);

impl TryFrom<u16> for Days {
    type Error = String;

    fn try_from(days: u16) -> Result<Self, Self::Error> {
        let most = || format!("must be 1 to {DAYS_MAX}");
        (1..=DAYS_MAX).contains(&days).then_some(Self(days)).ok_or_else(most)
    }
}

impl From<CouponTerms> for campaign::CouponTerms {
    fn from(it: CouponTerms) -> Self {
        Self {
            discount: match it.discount {
                Discount::Fixed { money } => campaign::Discount::Fixed { money: money.into() },
                Discount::Percent { off, at_most } => {
                    campaign::Discount::Percent { off, at_most: at_most.into() }
                }
            },
            minimum_spend: it.minimum_spend.map_or(Fen::ZERO, Into::into),
            validity: match it.validity {
                Validity::Until(until) => campaign::Validity::Until(until.0),
                Validity::Days(days) => campaign::Validity::Days(days.0),
            },
        }
    }
}

impl From<campaign::CouponTerms> for CouponTerms {
    fn from(it: campaign::CouponTerms) -> Self {
        Self {
            discount: match it.discount {
                campaign::Discount::Fixed { money } => Discount::Fixed { money: money.into() },
                campaign::Discount::Percent { off, at_most } => {
                    Discount::Percent { off, at_most: at_most.into() }
                }
            },
            minimum_spend: it.minimum_spend.is_positive().then(|| it.minimum_spend.into()),
            validity: match it.validity {
                campaign::Validity::Until(until) => Validity::Until(Time(until)),
                campaign::Validity::Days(days) => Validity::Days(Days(days)),
            },
        }
    }
}

/// What a coupon activity hands out.
#[derive(Serialize, ToSchema)]
pub(super) struct Offer {
    /// Its promotion_id.
    #[schema(example = "WX1623452352312523523")]
    promotion_id: String,
    /// The WeChat batch.
    #[schema(example = "1254325364564365")]
    batch_code: String,
    /// What its coupons are worth, and how long.
    terms: CouponTerms,
    /// The institutions that may hand it out, by their appids.
    issuers: Vec<String>,
    /// The initiators that may hand it out through Alipay, by their certIds.
    initiators: Vec<String>,
    /// Which of their merchants may, by what Alipay knows them as (PID); any where it is empty.
    merchants: Vec<String>,
    /// How many coupons can still be handed out.
    stock_left: u64,
    /// The activity's account for what its coupons were redeemed for.
    spent_account: String,
}

impl From<campaign::CouponOffer> for Offer {
    fn from(it: campaign::CouponOffer) -> Self {
        Self {
            promotion_id: it.promotion_id.to_string(),
            batch_code: it.batch_code.into(),
            terms: it.terms.into(),
            issuers: it.issuers.iter().map(ToString::to_string).collect(),
            initiators: it.initiators.iter().map(ToString::to_string).collect(),
            merchants: it.merchants.iter().map(ToString::to_string).collect(),
            stock_left: it.stock_left,
            spent_account: it.spent.to_string(),
        }
    }
}
