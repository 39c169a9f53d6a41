//! What happened in an activity: its orders summed up, and what one user took.

use huodong_campaign::{self as campaign, ActivityNo, Fen, ThirdUid, UserKey, UserUsage, day_of};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::spent;
use crate::operator::activity_words::UserLimits;
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::coupons::CouponStatus;
use crate::operator::document::Getting;
use crate::operator::donations::DonationStatus;
use crate::operator::problem::Problem;

/// An activity's orders summed up.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Totals {
    /// Which.
    activity_no: String,
    /// Its money that no order holds, in fen.
    frozen: i64,
    /// Its money that placed donations and living coupons hold, in fen.
    held: i64,
    /// What its coupons were redeemed for, in fen, where it is a coupon activity.
    spent: Option<i64>,
    /// For each status that occurs.
    donations: Vec<StatusTotal>,
    /// For each status that occurs.
    coupons: Vec<CouponTotal>,
}

/// The donations of one status.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct StatusTotal {
    /// The status.
    status: DonationStatus,
    /// How many.
    count: u64,
    /// How much, in fen.
    money: i64,
}

/// The coupons of one status.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct CouponTotal {
    /// The status.
    status: CouponStatus,
    /// How many.
    count: u64,
    /// How much they are worth at most, in fen.
    value: i64,
}

/// Sums an activity's donations or coupons up, by status.
#[utoipa::path(
    get, path = "/activities/{activity_no}/totals", operation_id = "get_activity_totals",
    tag = "activities",
    params(("activity_no" = String, Path, description = "Which")),
    responses(
        (status = 200, description = "Totals", body = Totals),
        Getting,
    )
)]
pub(in crate::operator) async fn totals(
    operator: Operator<Reads>,
    Named(activity_no): Named<String>,
) -> Result<axum::Json<Totals>, Problem> {
    let number = ActivityNo::from(activity_no.as_str());
    let name = activity_no.clone();
    let found =
        operator.find("activity_no", &activity_no, move |reader| {
            let Some((activity, frozen, held)) = reader.activity(&number)? else { return Ok(None) };
            // An activity has orders of one sort; of the other there are none to look for.
            let (donations, coupons) = if activity.coupon.is_some() {
                (Vec::new(), reader.coupon_totals(&number)?.by_status)
            } else {
                (reader.donation_totals(&number)?.by_status, Vec::new())
            };
            let donation = |(status, count, money): (campaign::DonationStatus, u64, Fen)| {
                StatusTotal { status: status.into(), count, money: money.0 }
            };
            let coupon = |(status, count, value): (campaign::CouponStatus, u64, Fen)| CouponTotal {
                status: status.into(),
                count,
                value: value.0,
            };
            Ok(Some(Totals {
                activity_no: name,
                frozen: frozen.0,
                held: held.0,
                spent: spent(reader, &activity)?.map(|money| money.0),
                donations: donations.into_iter().map(donation).collect(),
                coupons: coupons.into_iter().map(coupon).collect(),
            }))
        });
    Ok(axum::Json(found.await?))
}

/// What one user took from an activity. Failed and refunded donations and failed coupons do not
/// count.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Usage {
    /// From which.
    activity_no: String,
    /// Who, as the application names them; of a coupon activity their openid.
    third_uid: String,
    /// False when the activity has no limits: then nothing is counted.
    counted: bool,
    /// Orders in all.
    count_total: u32,
    /// Money in all, in fen.
    money_total: i64,
    /// Orders today, in Shanghai, by the business clock.
    count_today: u32,
    /// Money today, in fen.
    money_today: i64,
    /// The activity's limits.
    limits: UserLimits,
}

/// Shows what one user took from an activity.
#[utoipa::path(
    get, path = "/activities/{activity_no}/users/{third_uid}", operation_id = "get_user_usage",
    tag = "activities",
    params(
        ("activity_no" = String, Path, description = "From which"),
        ("third_uid" = String, Path,
            description = "Who: as the application names them, or their openid"),
    ),
    responses(
        (status = 200, description = "Their usage; zero where they took nothing", body = Usage),
        Getting,
    )
)]
pub(in crate::operator) async fn user_usage(
    operator: Operator<Reads>,
    Named((activity_no, third_uid)): Named<(String, String)>,
) -> Result<axum::Json<Usage>, Problem> {
    let number = ActivityNo::from(activity_no.as_str());
    let key = UserKey { activity_no: number, user: ThirdUid::from(third_uid.as_str()) };
    let found = operator.find("activity_no", &activity_no, move |reader| {
        let Some((activity, _, _)) = reader.activity(&key.activity_no)? else { return Ok(None) };
        Ok(Some((activity.limits, reader.user_usage(&key)?)))
    });
    let (limits, usage) = found.await?;
    let usage = on_day(usage, day_of(operator.app().engine.clock().now()));
    Ok(axum::Json(Usage {
        activity_no,
        third_uid,
        counted: limits.any(),
        count_total: usage.count_total,
        money_total: usage.money_total.0,
        count_today: usage.count_day,
        money_today: usage.money_day.0,
        limits: limits.into(),
    }))
}

/// The usage with its day's fields as of `day`; they are kept for the day of the last donation.
fn on_day(usage: UserUsage, day: i32) -> UserUsage {
    if usage.day == day { usage } else { UserUsage { count_day: 0, money_day: Fen::ZERO, ..usage } }
}
