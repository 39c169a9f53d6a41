//! Funding an activity and moving it along its arrows.

use huodong_campaign::{
    ActivityNo, ActivityStatus, EndActivity, FundActivity, Posted, Referenced, SetStatus,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Activity;
use crate::operator::auth::{Administers, MovesMoney, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::organizations::Amount;
use crate::operator::problem::Problem;
use crate::operator::values::Reference;

/// An activity's money after it was funded.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Funded {
    /// Which.
    activity_no: String,
    /// Its money that no order holds, in fen, as it is now.
    frozen: i64,
    /// It was done before, under the same reference; nothing was moved now.
    repeated: bool,
}

/// Freezes money of the organization for an activity.
///
/// Send a `reference` and the call is safe to repeat. Without one each call freezes once more:
/// after a problem that leaves the outcome open, look at the activity, the transfers or the audit
/// log first.
#[utoipa::path(
    post, path = "/activities/{activity_no}/fund", operation_id = "fund_activity",
    tag = "activities", security(("token" = ["finance", "admin"])),
    params(("activity_no" = String, Path, description = "Which")),
    request_body(content = Amount, example = json!(
        {"money": 50_000, "reference": "plan-2026-1"})),
    responses((status = 200, description = "The new frozen balance", body = Funded), Changing)
)]
pub(in crate::operator) async fn fund(
    operator: Operator<MovesMoney>,
    Named(activity_no): Named<String>,
    Json(amount): Json<Amount>,
) -> Result<axum::Json<Funded>, Problem> {
    let number = ActivityNo::from(activity_no.as_str());
    let command = FundActivity { activity_no: number, money: amount.money.into() };
    let command = Referenced::new(amount.reference.map(Reference::into_string), command);
    let Posted { balance, repeated } = operator.change(command).await?;
    Ok(axum::Json(Funded { activity_no, frozen: balance.0, repeated }))
}

/// Starts an activity, or resumes a paused one.
#[utoipa::path(
    post, path = "/activities/{activity_no}/start", operation_id = "start_activity",
    tag = "activities", security(("token" = ["admin"])),
    params(("activity_no" = String, Path, description = "Which")),
    responses((status = 200, description = "It runs", body = Activity), Changing)
)]
pub(in crate::operator) async fn start(
    operator: Operator<Administers>,
    Named(activity_no): Named<String>,
) -> Result<axum::Json<Activity>, Problem> {
    set_status(&operator, activity_no, ActivityStatus::Running).await
}

/// Pauses a running activity.
#[utoipa::path(
    post, path = "/activities/{activity_no}/pause", operation_id = "pause_activity",
    tag = "activities", security(("token" = ["admin"])),
    params(("activity_no" = String, Path, description = "Which")),
    responses((status = 200, description = "It pauses", body = Activity), Changing)
)]
pub(in crate::operator) async fn pause(
    operator: Operator<Administers>,
    Named(activity_no): Named<String>,
) -> Result<axum::Json<Activity>, Problem> {
    set_status(&operator, activity_no, ActivityStatus::Paused).await
}

async fn set_status(
    operator: &Operator<Administers>,
    activity_no: String,
    status: ActivityStatus,
) -> Result<axum::Json<Activity>, Problem> {
    let command = SetStatus { activity_no: ActivityNo::from(activity_no), status };
    Ok(axum::Json(operator.change(command).await?.into()))
}

/// What ending an activity gave back.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Ended {
    /// Which.
    activity_no: String,
    /// What went back to the organization, in fen. What its orders hold follows if they
    /// fail or expire.
    released: i64,
}

/// Ends an activity for good; what no order holds goes back to its organization.
#[utoipa::path(
    post, path = "/activities/{activity_no}/end", operation_id = "end_activity",
    tag = "activities", security(("token" = ["admin"])),
    params(("activity_no" = String, Path, description = "Which")),
    responses((status = 200, description = "It has ended", body = Ended), Changing)
)]
pub(in crate::operator) async fn end(
    operator: Operator<Administers>,
    Named(activity_no): Named<String>,
) -> Result<axum::Json<Ended>, Problem> {
    let number = ActivityNo::from(activity_no.as_str());
    let released =
        operator.change(EndActivity { activity_no: number, only_if_over: false }).await?.0;
    Ok(axum::Json(Ended { activity_no, released }))
}
