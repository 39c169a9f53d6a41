//! What happened in an activity: its donations summed up, and what one user took.

use huodong_campaign::{ActivityNo, Fen, ThirdUid, UserKey, UserUsage, day_of};
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::activity_words::UserLimits;
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::document::Getting;
use crate::operator::donations::DonationStatus;
use crate::operator::problem::Problem;

/// An activity's donations summed up.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Totals {
    /// Which.
    activity_no: String,
    /// Its money that no donation holds, in fen.
    frozen: i64,
    /// Its money that placed donations hold, in fen.
    held: i64,
    /// For each status that occurs.
    donations: Vec<StatusTotal>,
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

/// Sums an activity's donations up, by status.
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
    let found = operator
        .read(move |reader| match reader.activity(&number)? {
            Some(activity) => Ok(Some((activity, reader.donation_totals(&number)?))),
            None => Ok(None),
        })
        .await?;
    let ((_, frozen, held), totals) =
        found.ok_or_else(|| Problem::unknown("activity_no", &activity_no))?;
    let total = |(status, count, money): (_, u64, Fen)| StatusTotal {
        status: DonationStatus::from(status),
        count,
        money: money.0,
    };
    let donations = totals.by_status.into_iter().map(total).collect();
    Ok(axum::Json(Totals { activity_no, frozen: frozen.0, held: held.0, donations }))
}

/// What one user took from an activity. Failed and refunded donations do not count.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Usage {
    /// From which.
    activity_no: String,
    /// Who, as the application names them.
    third_uid: String,
    /// False when the activity has no limits: then nothing is counted.
    counted: bool,
    /// Donations in all.
    count_total: u32,
    /// Money in all, in fen.
    money_total: i64,
    /// Donations today, in Shanghai, by the business clock.
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
        ("third_uid" = String, Path, description = "Who, as the application names them"),
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
    let found = operator
        .read(move |reader| match reader.activity(&key.activity_no)? {
            Some((activity, _, _)) => Ok(Some((activity.limits, reader.user_usage(&key)?))),
            None => Ok(None),
        })
        .await?;
    let (limits, usage) = found.ok_or_else(|| Problem::unknown("activity_no", &activity_no))?;
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
