//! What a till or payment system does with a coupon (核销), and what an operator does to take one
//! back.

use huodong_campaign::{self as campaign, Fen, OwnerId, Redeem, RedeemRefusal, VoidCoupon};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Coupon;
use super::view::known;
use crate::operator::auth::{MovesMoney, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::problem::{Kind, Problem};
use crate::operator::values::{Money, OwnerNumber, Reference, Remark, Time};

/// What a coupon is used on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct Purchase {
    /// At whose till; a coupon of another owner is refused.
    #[schema(example = "80000007")]
    owner_id: OwnerNumber,
    /// What is to pay before the discount, in fen.
    org_amount: Money,
    /// The till's own name for this use. The same again, with the same amount, is answered as the
    /// first time.
    #[schema(example = "till-7-000123")]
    reference: Reference,
}

/// A coupon that was used; the amounts are in it.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Redeemed {
    #[serde(flatten)]
    coupon: Coupon,
    /// It was done before, under the same reference; nothing was changed now.
    repeated: bool,
}

/// Uses a coupon on a purchase, as a till or a payment system does.
///
/// What it takes off (`promo_amount`) is spent, what it held beyond that goes back to the activity,
/// and the institution is told. Safe to repeat under its `reference`.
#[utoipa::path(
    post, path = "/coupons/{coupon}/redeem", operation_id = "redeem_coupon", tag = "coupons",
    security(("token" = ["finance", "admin"])),
    params(("coupon" = String, Path,
        description = "Its `id`, its `trade_no` or its `third_coupon_id`")),
    request_body(content = Purchase, example = json!(
        {"owner_id": "80000007", "org_amount": 10_000, "reference": "till-7-000123"})),
    responses((status = 200, description = "Used", body = Redeemed), Changing)
)]
pub(in crate::operator) async fn redeem(
    operator: Operator<MovesMoney>,
    Named(named): Named<String>,
    Json(purchase): Json<Purchase>,
) -> Result<axum::Json<Redeemed>, Problem> {
    let coupon = known(&named)?;
    let command = Redeem {
        coupon,
        owner_id: OwnerId::from(purchase.owner_id.into_string()),
        org_amount: purchase.org_amount.into(),
        reference: purchase.reference.into_string().into(),
    };
    let asked = command.clone();
    match operator.submit(command).await? {
        Ok(done) => {
            let (coupon, repeated) = (done.coupon.into(), done.repeated);
            Ok(axum::Json(Redeemed { coupon, repeated }))
        }
        Err(refusal) => {
            let found = operator.read(move |reader| reader.coupon(coupon)).await?;
            Err(match found.and_then(|coupon| explained(&refusal, &coupon, &asked)) {
                Some(detail) => Problem::new(Kind::WrongState, detail).about("status"),
                None => refusal.into(),
            })
        }
    }
}

/// What someone at a till wants to know about a coupon that is over.
fn explained(refusal: &RedeemRefusal, coupon: &campaign::Coupon, asked: &Redeem) -> Option<String> {
    let at = |at: Option<jiff::Timestamp>| at.map(|at| Time(at).to_string()).unwrap_or_default();
    match refusal {
        RedeemRefusal::Used => {
            let before = coupon.redeemed.as_ref()?;
            let Fen(amount) = before.org_amount;
            let hint = if before.reference == asked.reference {
                "; under one reference the amount must be the same"
            } else {
                ""
            };
            let (at, reference) = (at(coupon.closed_at), &before.reference);
            Some(format!(
                "the coupon was used before: at {at}, on {amount} fen, reference {reference}{hint}",
            ))
        }
        // It may have been voided before it would have expired.
        RedeemRefusal::Expired => {
            let ended = coupon.closed_at.min(coupon.expires_at).or(coupon.expires_at);
            Some(format!("the coupon has expired, at {}", at(ended)))
        }
        _ => None,
    }
}

/// Why a coupon is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct VoidReason {
    /// For the audit log.
    reason: Remark,
}

/// Ends an issued coupon at once, as if it had expired: its money and its place in the stock are
/// given back, and the institution is told EXPIRED.
///
/// Safe to repeat: a second time is refused, as the coupon is no longer issued.
#[utoipa::path(
    post, path = "/coupons/{coupon}/void", operation_id = "void_coupon", tag = "coupons",
    security(("token" = ["finance", "admin"])),
    params(("coupon" = String, Path,
        description = "Its `id`, its `trade_no` or its `third_coupon_id`")),
    request_body(content = VoidReason, example = json!({"reason": "发错了"})),
    responses((status = 200, description = "As it is now", body = Coupon), Changing)
)]
pub(in crate::operator) async fn void(
    operator: Operator<MovesMoney>,
    Named(named): Named<String>,
    Json(asked): Json<VoidReason>,
) -> Result<axum::Json<Coupon>, Problem> {
    let command = VoidCoupon { coupon: known(&named)?, reason: asked.reason.into_string() };
    Ok(axum::Json(operator.change(command).await?.into()))
}
