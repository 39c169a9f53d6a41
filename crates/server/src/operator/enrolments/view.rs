//! An enrolment as lists show it.

use axum::response::Response;
use huodong_campaign::{self as campaign, CertId, Id, MercId};
use huodong_store::EnrolmentFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::words::{EnrolmentStatus, RateActivity};
use crate::operator::auth::{Operator, Reads};
use crate::operator::csv::Record;
use crate::operator::document::Reading;
use crate::operator::donations::order_number;
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::problem::Problem;
use crate::operator::values::Time;

/// A merchant's application for a preferential rate.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Enrolment {
    /// Its number: 28 digits that begin with the time, the same as the initiator was told
    /// (reqMsgId).
    #[schema(example = "2026112110030456700000000001")]
    number: String,
    /// The same, as the audit log has it.
    #[schema(example = "228184215552000001")]
    id: String,
    /// Where it stands.
    status: EnrolmentStatus,
    /// What the merchant enrols for (activityId).
    activity: RateActivity,
    /// The merchant (mercId).
    merc_id: String,
    /// What kind the merchant was then, by the vendor's number.
    #[schema(minimum = 0, maximum = 5)]
    merchant_type: u8,
    /// The initiator that has enrolled it.
    cert_id: String,
    /// Who has entered it, in the initiator's words (creator).
    creator: String,
    /// 银联微信第三方商户号 (thirdMercIdCups).
    third_merc_id_cups: Option<String>,
    /// 网联微信第三方商户号 (thirdMercIdNucc).
    third_merc_id_nucc: Option<String>,
    /// What the initiator has added, with photos (补充说明, supplementaryRemark).
    supplementary_remark: Option<String>,
    /// How many photos it carries.
    photo_count: usize,
    /// When it was made.
    placed_at: Time,
    /// The call it came with (reqId).
    req_id: String,
    /// Who has decided: the name of a token.
    decided_by: Option<String>,
    /// When.
    decided_at: Option<Time>,
    /// Why it was rejected.
    reason: Option<String>,
}

impl From<campaign::Enrolment> for Enrolment {
    fn from(it: campaign::Enrolment) -> Self {
        Self {
            number: crate::order_number(it.id),
            id: it.id.to_string(),
            status: it.status.into(),
            activity: it.key.activity.into(),
            merc_id: it.key.merc_id.to_string(),
            merchant_type: it.merchant_kind.number(),
            cert_id: it.cert_id.to_string(),
            creator: it.creator.into(),
            third_merc_id_cups: it.third_merc_id_cups.map(Into::into),
            third_merc_id_nucc: it.third_merc_id_nucc.map(Into::into),
            supplementary_remark: it.supplementary_remark.map(Into::into),
            photo_count: it.photos.values().map(Vec::len).sum(),
            placed_at: Time(it.placed_at),
            req_id: it.req_id.into(),
            decided_by: it.decided_by.map(|by| by.to_string()),
            decided_at: it.decided_at.map(Time),
            reason: it.reason.map(Into::into),
        }
    }
}

impl Record for Enrolment {
    const LIST: &'static str = "enrolments";
    const COLUMNS: &'static [&'static str] = &[
        "number",
        "id",
        "status",
        "activity",
        "merc_id",
        "merchant_type",
        "cert_id",
        "creator",
        "third_merc_id_cups",
        "third_merc_id_nucc",
        "supplementary_remark",
        "photo_count",
        "placed_at",
        "req_id",
        "decided_by",
        "decided_at",
        "reason",
    ];
}

/// Which enrolments. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct WhichEnrolments {
    /// That stand here: `pending` ones are what is to be decided.
    #[param(inline)]
    status: Option<EnrolmentStatus>,
    /// For this.
    #[param(inline)]
    activity: Option<RateActivity>,
    /// Of this merchant.
    merc_id: Option<String>,
    /// Made by this initiator.
    cert_id: Option<String>,
    /// Made at or after this moment …
    #[param(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    from: Option<Time>,
    /// … and before this one.
    #[param(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    until: Option<Time>,
}

/// Lists enrolments. What is to be decided: `?status=pending`.
#[utoipa::path(
    get, path = "/enrolments", operation_id = "list_enrolments", tag = "enrolments",
    params(WhichEnrolments, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Enrolment> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<WhichEnrolments>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter = EnrolmentFilter {
            cert_id: filter.cert_id.as_deref().map(CertId::from),
            merc_id: filter.merc_id.as_deref().map(MercId::from),
            activity: filter.activity.map(Into::into),
            status: filter.status.map(Into::into),
            from: filter.from.map(|time| time.0),
            until: filter.until.map(|time| time.0),
        };
        Ok(shown(reader.enrolments(&filter, page)?, Enrolment::from))
    })
    .await
}

/// The enrolment a path names, in either spelling of its number.
pub(super) fn known(named: &str) -> Result<Id, Problem> {
    order_number(named).ok_or_else(|| Problem::unknown("number", named))
}
