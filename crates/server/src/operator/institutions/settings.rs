//! Taking an institution in, changing it, and shutting it out.

use axum::http::StatusCode;
use huodong_campaign::{
    CreateInstitution, InstitutionId, OwnerId, ReplaceCertificate, RevokeInstitution,
    UpdateInstitution,
};
use huodong_wire::lakala::Certificate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Institution;
use crate::App;
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::partners::overlap_end;
use crate::operator::problem::Problem;
use crate::operator::values::{
    MemberPrefix, Name, Number, OwnerNumber, at_most, given, maybe_at_most,
};

/// Owners one institution may act for; the rules say the same, after the list is read.
const OWNERS_MAX: usize = 1_000;

/// What an institution is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NewInstitution {
    /// What it signs as; made where none is given.
    appid: Option<Number>,
    /// Its number in callbacks (orgId).
    org_id: Number,
    /// Its name.
    name: Name,
    /// The certificate its calls are to be verified with, in PEM: X.509, RSA of 2048 bits or more,
    /// not expired.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    certificate: String,
    /// What its members' ids begin with.
    member_prefix: MemberPrefix,
    /// On whose behalf it may hand coupons out (owner_id).
    #[serde(deserialize_with = "at_most::<OWNERS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 1_000)]
    owners: Vec<OwnerNumber>,
    /// Calls a second; the server's default where none is given.
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<std::num::NonZeroU32>,
}

/// Takes in an institution. The answer has its certificate's serial number.
#[utoipa::path(
    post, path = "/institutions", operation_id = "create_institution", tag = "institutions",
    security(("token" = ["admin"])),
    request_body(content = NewInstitution, example = json!({
        "appid": "OP00000003", "org_id": "86802221ca93cd", "name": "示例银行",
        "certificate": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
        "member_prefix": "AAA", "owners": ["80000007"]})),
    responses((status = 201, description = "Made", body = Institution), Changing)
)]
pub(in crate::operator) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewInstitution>,
) -> Result<(StatusCode, axum::Json<Institution>), Problem> {
    let command = CreateInstitution {
        appid: new.appid.map(|it| InstitutionId::from(it.into_string())),
        org_id: new.org_id.into_string().into(),
        name: new.name.into_string(),
        certificate: checked(operator.app(), &new.certificate)?,
        member_prefix: new.member_prefix.into_string().into(),
        owners: owners(new.owners),
        rate_per_s: new.rate_per_s.map(Into::into),
    };
    let made = operator.change_partners(command).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// What to change of an institution; what is left out stays, what is given is replaced as a whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct InstitutionChanges {
    /// Its name.
    name: Option<Name>,
    /// What its members' ids begin with.
    member_prefix: Option<MemberPrefix>,
    /// On whose behalf it may hand coupons out (owner_id).
    #[serde(default, deserialize_with = "maybe_at_most::<OWNERS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 1_000)]
    owners: Option<Vec<OwnerNumber>>,
    /// Calls a second; `null` is the server's default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<Option<std::num::NonZeroU32>>,
}

/// Changes an institution's settings.
#[utoipa::path(
    patch, path = "/institutions/{appid}", operation_id = "update_institution",
    tag = "institutions", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    request_body(content = InstitutionChanges, example = json!(
        {"owners": ["80000007", "80000008"]})),
    responses((status = 200, description = "As it is now", body = Institution), Changing)
)]
pub(in crate::operator) async fn update(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
    Json(changes): Json<InstitutionChanges>,
) -> Result<axum::Json<Institution>, Problem> {
    let command = UpdateInstitution {
        appid: InstitutionId::from(appid),
        name: changes.name.map(Name::into_string),
        member_prefix: changes.member_prefix.map(|it| it.into_string().into()),
        owners: changes.owners.map(owners),
        rate_per_s: changes.rate_per_s.map(|rate| rate.map(Into::into)),
    };
    let changed = operator.change_partners(command).await?;
    Ok(axum::Json(changed.into()))
}

/// An institution's next certificate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NextCertificate {
    /// The certificate, in PEM: X.509, RSA of 2048 bits or more, not expired.
    certificate: String,
    /// For how many seconds the present one is accepted beside it, by the real clock.
    #[serde(default)]
    #[schema(maximum = 2_592_000)]
    overlap_s: u32,
}

/// Gives an institution another certificate. The present one is accepted beside it for the
/// overlap, the one before that no longer.
#[utoipa::path(
    post, path = "/institutions/{appid}/replace-certificate", operation_id = "replace_certificate",
    tag = "institutions", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    request_body(content = NextCertificate, example = json!({
        "certificate": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
        "overlap_s": 86_400})),
    responses((status = 200, description = "As it is now", body = Institution), Changing)
)]
pub(in crate::operator) async fn replace_certificate(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
    Json(next): Json<NextCertificate>,
) -> Result<axum::Json<Institution>, Problem> {
    let app = operator.app();
    let command = ReplaceCertificate {
        appid: InstitutionId::from(appid),
        certificate: checked(app, &next.certificate)?,
        previous_until: overlap_end(app, next.overlap_s)?,
    };
    let changed = operator.change_partners(command).await?;
    Ok(axum::Json(changed.into()))
}

/// Shuts an institution out, at once and for good. Its coupons stay, and what it is owed is still
/// sent to it.
#[utoipa::path(
    post, path = "/institutions/{appid}/revoke", operation_id = "revoke_institution",
    tag = "institutions", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    responses((status = 200, description = "Shut out", body = Institution), Changing)
)]
pub(in crate::operator) async fn revoke(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
) -> Result<axum::Json<Institution>, Problem> {
    let command = RevokeInstitution { appid: InstitutionId::from(appid) };
    let revoked = operator.change_partners(command).await?;
    Ok(axum::Json(revoked.into()))
}

/// The certificate in this text, if it is one that calls can be verified with, and nothing else
/// that may stand beside it: not a private key that was pasted along.
fn checked(app: &App, pem: &str) -> Result<String, Problem> {
    let wrong = |says: String| Problem::invalid("certificate", format!("certificate: {says}"));
    let certificate = Certificate::from_pem(pem).map_err(|error| wrong(error.to_string()))?;
    if certificate.not_after() < app.engine.clock().real() {
        let ended = crate::operator::values::Time(certificate.not_after());
        return Err(wrong(format!("it has expired, at {ended}")));
    }
    Ok(certificate.pem().to_owned())
}

fn owners(given: Vec<OwnerNumber>) -> Vec<OwnerId> {
    given.into_iter().map(|it| OwnerId::from(it.into_string())).collect()
}
