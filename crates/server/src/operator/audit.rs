//! The audit log: who changed what.

use axum::response::Response;
use huodong_campaign::AuditEntry;
use huodong_store::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Operator, Reads};
use super::csv::Record;
use super::document::Reading;
use super::list::{List, Listing, Paging, shown};
use super::problem::Problem;
use super::values::Time;

/// One change.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLine {
    /// Its number.
    id: String,
    /// When, by the business clock.
    at: Time,
    /// Who: the name of a token, or `system`.
    #[schema(example = "alice")]
    actor: String,
    /// The request's trace id.
    trace_id: String,
    /// What was done.
    #[schema(example = "activity.fund")]
    action: String,
    /// To what: its number.
    #[schema(example = "a1")]
    subject: String,
    /// The particulars, without secrets.
    #[schema(value_type = Object, example = json!({"activity_no": "a1", "money": 50_000}))]
    detail: serde_json::Value,
}

impl From<AuditEntry> for AuditLine {
    fn from(it: AuditEntry) -> Self {
        let detail = serde_json::from_str(&it.detail);
        Self {
            id: it.id.to_string(),
            at: Time(it.at),
            actor: it.actor.name,
            trace_id: it.actor.trace_id,
            action: it.action,
            subject: it.subject,
            detail: detail.unwrap_or(serde_json::Value::String(it.detail)),
        }
    }
}

impl Record for AuditLine {
    const LIST: &'static str = "audit";
    const COLUMNS: &'static [&'static str] =
        &["id", "at", "actor", "trace_id", "action", "subject", "detail"];
}

/// Which changes. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Made with this token.
    actor: Option<String>,
    /// This action, as `noun.verb`.
    #[param(example = "activity.fund")]
    action: Option<String>,
    /// Made to this.
    subject: Option<String>,
}

/// Lists changes.
#[utoipa::path(
    get, path = "/audit", operation_id = "list_audit", tag = "operators", params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<AuditLine> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter = AuditFilter {
            actor: filter.actor.clone(),
            action: filter.action.clone(),
            subject: filter.subject.clone(),
        };
        Ok(shown(reader.audit_log(&filter, page)?, AuditLine::from))
    })
    .await
}
