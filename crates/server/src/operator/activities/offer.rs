//! What a coupon activity hands out: as it is made, and changed.

use huodong_campaign::{
    self as campaign, ActivityNo, ActivityRefusal, AlipayPid, CertId, InstitutionId, PromotionId,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Activity;
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::offer_words::CouponTerms;
use crate::operator::problem::Problem;
use crate::operator::values::{Number, ShortNumber, at_most, maybe_at_most};

/// Institutions that may hand out one activity's coupons; the rules say the same.
const ISSUERS_MAX: usize = 100;
/// Initiators that may; the same.
const INITIATORS_MAX: usize = 100;
/// Their merchants that may; the same.
const MERCHANTS_MAX: usize = 100;

/// What a new coupon activity is to hand out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NewOffer {
    /// Its promotion_id; for the activity's whole life.
    promotion_id: ShortNumber,
    /// The WeChat batch; for the activity's whole life.
    batch_code: Number,
    /// What its coupons are worth, and how long.
    terms: CouponTerms,
    /// The institutions that may hand it out, by their appids.
    #[serde(deserialize_with = "at_most::<ISSUERS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 100)]
    issuers: Vec<Number>,
    /// The initiators that may hand it out through Alipay, by their certIds; nobody where none are
    /// given.
    #[serde(default, deserialize_with = "at_most::<INITIATORS_MAX, _, _>")]
    #[schema(max_items = 100)]
    initiators: Vec<Number>,
    /// Which of their merchants may, by what Alipay knows them as (PID); any where none are given.
    #[serde(default, deserialize_with = "at_most::<MERCHANTS_MAX, _, _>")]
    #[schema(max_items = 100)]
    merchants: Vec<Number>,
    /// How many coupons there are.
    stock: u32,
}

impl From<NewOffer> for campaign::NewOffer {
    fn from(it: NewOffer) -> Self {
        Self {
            promotion_id: PromotionId::from(it.promotion_id.into_string()),
            batch_code: it.batch_code.into_string().into(),
            terms: it.terms.into(),
            issuers: institutions(it.issuers),
            initiators: initiators(it.initiators),
            merchants: merchants(it.merchants),
            stock: it.stock,
        }
    }
}

/// A refusal of a new coupon activity: what is about the offer is in a field of it.
pub(super) fn in_the_offer(refusal: ActivityRefusal) -> Problem {
    let in_it = matches!(
        refusal,
        ActivityRefusal::Offer(_)
            | ActivityRefusal::UnknownIssuer(_)
            | ActivityRefusal::UnknownInitiator(_)
    );
    let problem = Problem::from(refusal);
    if in_it { problem.within("offer") } else { problem }
}

/// What to change of an offer; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct OfferChanges {
    /// What its coupons are worth, and how long; only before the activity starts.
    terms: Option<CouponTerms>,
    /// The institutions that may hand it out; replaces all. Coupons that are out stay valid.
    #[serde(default, deserialize_with = "maybe_at_most::<ISSUERS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 100)]
    issuers: Option<Vec<Number>>,
    /// The initiators that may hand it out through Alipay; replaces all.
    #[serde(default, deserialize_with = "maybe_at_most::<INITIATORS_MAX, _, _>")]
    #[schema(max_items = 100)]
    initiators: Option<Vec<Number>>,
    /// Which of their merchants may, by their PIDs; replaces all, and none is any.
    #[serde(default, deserialize_with = "maybe_at_most::<MERCHANTS_MAX, _, _>")]
    #[schema(max_items = 100)]
    merchants: Option<Vec<Number>>,
    /// Coupons to add to its stock. Not safe to repeat: look at `stock_left` after a problem that
    /// leaves the outcome open.
    add_stock: Option<u32>,
}

/// Changes what a coupon activity hands out, until it has ended.
#[utoipa::path(
    patch, path = "/activities/{activity_no}/offer", operation_id = "update_offer",
    tag = "activities", security(("token" = ["admin"])),
    params(("activity_no" = String, Path, description = "Which")),
    request_body(content = OfferChanges, example = json!({"add_stock": 500})),
    responses((status = 200, description = "As it is now", body = Activity), Changing)
)]
pub(in crate::operator) async fn update_offer(
    operator: Operator<Administers>,
    Named(activity_no): Named<String>,
    Json(changes): Json<OfferChanges>,
) -> Result<axum::Json<Activity>, Problem> {
    let command = campaign::UpdateOffer {
        activity_no: ActivityNo::from(activity_no),
        terms: changes.terms.map(Into::into),
        issuers: changes.issuers.map(institutions),
        initiators: changes.initiators.map(initiators),
        merchants: changes.merchants.map(merchants),
        add_stock: changes.add_stock,
    };
    Ok(axum::Json(operator.change(command).await?.into()))
}

fn institutions(given: Vec<Number>) -> Vec<InstitutionId> {
    given.into_iter().map(|it| InstitutionId::from(it.into_string())).collect()
}

fn initiators(given: Vec<Number>) -> Vec<CertId> {
    given.into_iter().map(|it| CertId::from(it.into_string())).collect()
}

fn merchants(given: Vec<Number>) -> Vec<AlipayPid> {
    given.into_iter().map(|it| AlipayPid::from(it.into_string())).collect()
}
