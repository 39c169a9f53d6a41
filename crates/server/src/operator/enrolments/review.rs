//! Deciding on enrolments. Of two who decide at once, one does, and the other hears who it was.

use huodong_campaign::{self as campaign, DecideEnrolment, DecideRefusal, Decision};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::{Enrolment, known};
use super::words::EnrolmentStatus;
use crate::operator::auth::{Operator, Reviews};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::problem::{Kind, Problem};
use crate::operator::values::{Reason, Time};

/// An enrolment that is decided.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct DecidedEnrolment {
    #[serde(flatten)]
    enrolment: Enrolment,
    /// The same token has decided the same before; nothing was changed now.
    repeated: bool,
}

/// Nothing is to be said of an approval.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct Approval {}

/// Approves an enrolment that is pending, for good: the merchant has the rate.
///
/// Safe to repeat. Where another has decided, the problem says who, when and how.
#[utoipa::path(
    post, path = "/enrolments/{number}/approve", operation_id = "approve_enrolment",
    tag = "enrolments", security(("token" = ["reviewer", "admin"])),
    params(("number" = String, Path, description = "Its `number` or its `id`")),
    request_body(content = Option<Approval>),
    responses((status = 200, description = "Approved", body = DecidedEnrolment), Changing)
)]
pub(in crate::operator) async fn approve(
    operator: Operator<Reviews>,
    Named(named): Named<String>,
    Json(Approval {}): Json<Approval>,
) -> Result<axum::Json<DecidedEnrolment>, Problem> {
    decide(&operator, &named, Decision::Approve).await
}

/// Why an enrolment is rejected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct Rejection {
    /// For the merchant, and whoever looks at it later.
    reason: Reason,
}

/// Rejects an enrolment that is pending, for good; the merchant can be enrolled again.
///
/// Safe to repeat with the same reason. Where another has decided, the problem says who, when and
/// how.
#[utoipa::path(
    post, path = "/enrolments/{number}/reject", operation_id = "reject_enrolment",
    tag = "enrolments", security(("token" = ["reviewer", "admin"])),
    params(("number" = String, Path, description = "Its `number` or its `id`")),
    request_body(content = Rejection, example = json!({"reason": "门头照不清晰"})),
    responses((status = 200, description = "Rejected", body = DecidedEnrolment), Changing)
)]
pub(in crate::operator) async fn reject(
    operator: Operator<Reviews>,
    Named(named): Named<String>,
    Json(rejection): Json<Rejection>,
) -> Result<axum::Json<DecidedEnrolment>, Problem> {
    let reason = rejection.reason.into_string().into();
    decide(&operator, &named, Decision::Reject { reason }).await
}

async fn decide(
    operator: &Operator<Reviews>,
    named: &str,
    decision: Decision,
) -> Result<axum::Json<DecidedEnrolment>, Problem> {
    let enrolment = known(named)?;
    let by = operator.token().name.clone();
    match operator.submit(DecideEnrolment { enrolment, decision, by }).await? {
        Ok(done) => {
            let (enrolment, repeated) = (done.enrolment.into(), done.repeated);
            Ok(axum::Json(DecidedEnrolment { enrolment, repeated }))
        }
        Err(DecideRefusal::AlreadyDecided { .. }) => {
            let found = operator.find("number", named, move |reader| reader.enrolment(enrolment));
            Err(decided_before(&found.await?))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// What the second of two reviewers wants to know.
fn decided_before(it: &campaign::Enrolment) -> Problem {
    let how = match it.status.into() {
        EnrolmentStatus::Pending => "is pending",
        EnrolmentStatus::Approved => "was approved",
        EnrolmentStatus::Rejected => "was rejected",
    };
    let by = it.decided_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let at = it.decided_at.map(|at| format!(", at {}", Time(at))).unwrap_or_default();
    let why = it.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let detail = format!("the enrolment {how}{by}{at}{why}");
    Problem::new(Kind::WrongState, detail).about("status")
}
