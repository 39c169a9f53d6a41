//! An institution as it is shown.

use axum::response::Response;
use huodong_campaign::{self as campaign, InstitutionId};
use huodong_wire::lakala::Certificate;
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::organizations::Filter;
use crate::operator::problem::Problem;
use crate::operator::values::{Time, words};

words! {
    /// Whether an institution's calls are let in: `revoked` ones never again. What they are owed
    /// is still sent to them.
    InstitutionStatus { Active, Revoked }
}

/// A lakala institution, which hands out coupons.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Institution {
    /// What it signs as.
    #[schema(example = "OP00000003")]
    appid: String,
    /// Its number in callbacks (orgId).
    #[schema(example = "86802221ca93cd")]
    org_id: String,
    /// Its name.
    #[schema(example = "示例银行")]
    name: String,
    /// Whether its calls are let in.
    status: InstitutionStatus,
    /// What its members' ids begin with.
    #[schema(example = "AAA")]
    member_prefix: String,
    /// On whose behalf it may hand coupons out (owner_id).
    #[schema(example = json!(["80000007"]))]
    owners: Vec<String>,
    /// Calls a second; `null` is the server's default.
    rate_per_s: Option<u32>,
    /// The serial number of the certificate its calls are verified with, in lowercase hex.
    #[schema(example = "4d1c8f0a")]
    serial_no: Option<String>,
    /// Until when that certificate is valid.
    certificate_valid_until: Option<Time>,
    /// The certificate, in PEM.
    certificate: String,
    /// The serial number of the certificate before it.
    previous_serial_no: Option<String>,
    /// Until when the certificate before it is accepted too, by the real clock.
    previous_accepted_until: Option<Time>,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::Institution> for Institution {
    fn from(it: campaign::Institution) -> Self {
        // Certificates are checked before they are stored; should one be damaged there, the rest
        // is shown without what it would say.
        let certificate = Certificate::from_pem(&it.certificate).ok();
        let serial = |certificate: &Certificate| certificate.serial_hex().to_owned();
        let previous = it.previous_certificate.as_ref();
        Self {
            appid: it.appid.to_string(),
            org_id: it.org_id.into(),
            name: it.name,
            status: it.status.into(),
            member_prefix: it.member_prefix.into(),
            owners: it.owners.iter().map(ToString::to_string).collect(),
            rate_per_s: it.rate_per_s,
            serial_no: certificate.as_ref().map(serial),
            certificate_valid_until: certificate.map(|it| Time(it.not_after())),
            certificate: it.certificate,
            previous_serial_no: previous
                .and_then(|old| Certificate::from_pem(&old.pem).ok())
                .as_ref()
                .map(serial),
            previous_accepted_until: previous.map(|old| Time(old.valid_until)),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for Institution {
    const LIST: &'static str = "institutions";
    const COLUMNS: &'static [&'static str] = &[
        "appid",
        "org_id",
        "name",
        "status",
        "member_prefix",
        "owners",
        "rate_per_s",
        "serial_no",
        "certificate_valid_until",
        "previous_serial_no",
        "previous_accepted_until",
        "created_at",
    ];
}

/// Lists institutions.
#[utoipa::path(
    get, path = "/institutions", operation_id = "list_institutions", tag = "institutions",
    params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Institution> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, _, page| {
        Ok(shown(reader.institutions(page)?, Institution::from))
    })
    .await
}

/// Shows an institution.
#[utoipa::path(
    get, path = "/institutions/{appid}", operation_id = "get_institution", tag = "institutions",
    params(("appid" = String, Path, description = "What it signs as")),
    responses((status = 200, description = "It", body = Institution), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(appid): Named<String>,
) -> Result<axum::Json<Institution>, Problem> {
    let id = InstitutionId::from(appid.as_str());
    let found = operator.find("appid", &appid, move |reader| reader.institution(&id)).await?;
    Ok(axum::Json(found.into()))
}
