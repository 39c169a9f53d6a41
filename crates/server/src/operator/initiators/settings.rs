//! Taking an initiator in, changing it, and shutting it out.

use axum::http::StatusCode;
use huodong_campaign::{
    self as campaign, CertId, CreateInitiator, ReplaceInitiatorKey, RevokeInitiator,
    UpdateInitiator,
};
use huodong_wire::ysepay::PublicKey;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{EnvelopeMode, Initiator};
use crate::directory::mode_of;
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::partners::overlap_end;
use crate::operator::problem::Problem;
use crate::operator::values::{Name, Number, given};

/// What an initiator is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NewInitiator {
    /// What it calls as; made where none is given.
    cert_id: Option<Number>,
    /// Its name.
    name: Name,
    /// How its calls and the answers to them are signed and sealed.
    mode: EnvelopeMode,
    /// The key its calls are to be verified with, in PEM: a public key or a certificate, of this
    /// mode; RSA of 1024 to 4096 bits.
    #[schema(example = "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n")]
    public_key: String,
    /// Whether answers are to be plain JSON; else they are the base64 text of it, as the vendor's
    /// are.
    #[serde(default)]
    plain_replies: bool,
    /// Whether a reqId must end in the time it was made at (yyMMddHHmmss), as the document says
    /// and live clients do not do.
    #[serde(default)]
    strict_req_id: bool,
    /// Calls a second; the server's default where none is given.
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<std::num::NonZeroU32>,
}

/// Takes in an initiator.
#[utoipa::path(
    post, path = "/initiators", operation_id = "create_initiator", tag = "initiators",
    security(("token" = ["admin"])),
    request_body(content = NewInitiator, example = json!({
        "cert_id": "826584358120001", "name": "示例服务商", "mode": "sm2",
        "public_key": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n"})),
    responses((status = 201, description = "Made", body = Initiator), Changing)
)]
pub(in crate::operator) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewInitiator>,
) -> Result<(StatusCode, axum::Json<Initiator>), Problem> {
    let mode = new.mode.into();
    let command = CreateInitiator {
        cert_id: new.cert_id.map(|it| CertId::from(it.into_string())),
        name: new.name.into_string(),
        mode,
        public_key: checked(&new.public_key, mode)?,
        plain_replies: new.plain_replies,
        strict_req_id: new.strict_req_id,
        rate_per_s: new.rate_per_s.map(Into::into),
    };
    let made = operator.change_partners(command).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// What to change of an initiator; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct InitiatorChanges {
    /// Its name.
    name: Option<Name>,
    /// Whether answers are plain JSON.
    plain_replies: Option<bool>,
    /// Whether a reqId must end in the time it was made at.
    strict_req_id: Option<bool>,
    /// Calls a second; `null` is the server's default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<Option<std::num::NonZeroU32>>,
}

/// Changes an initiator's settings.
#[utoipa::path(
    patch, path = "/initiators/{cert_id}", operation_id = "update_initiator", tag = "initiators",
    security(("token" = ["admin"])),
    params(("cert_id" = String, Path, description = "What it calls as")),
    request_body(content = InitiatorChanges, example = json!({"plain_replies": true})),
    responses((status = 200, description = "As it is now", body = Initiator), Changing)
)]
pub(in crate::operator) async fn update(
    operator: Operator<Administers>,
    Named(cert_id): Named<String>,
    Json(changes): Json<InitiatorChanges>,
) -> Result<axum::Json<Initiator>, Problem> {
    let command = UpdateInitiator {
        cert_id: CertId::from(cert_id),
        name: changes.name.map(Name::into_string),
        plain_replies: changes.plain_replies,
        strict_req_id: changes.strict_req_id,
        rate_per_s: changes.rate_per_s.map(|rate| rate.map(Into::into)),
    };
    let changed = operator.change_partners(command).await?;
    Ok(axum::Json(changed.into()))
}

/// An initiator's next key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NextKey {
    /// The key, in PEM: a public key or a certificate; RSA of 1024 to 4096 bits.
    public_key: String,
    /// The key's mode, which then is the initiator's; where none is given, the one it has. No
    /// overlap goes with another mode.
    mode: Option<EnvelopeMode>,
    /// For how many seconds the present one is accepted beside it, by the real clock.
    #[serde(default)]
    #[schema(maximum = 2_592_000)]
    overlap_s: u32,
}

/// Gives an initiator another key. The present one is accepted beside it for the overlap, the one
/// before that no longer.
#[utoipa::path(
    post, path = "/initiators/{cert_id}/replace-key", operation_id = "replace_initiator_key",
    tag = "initiators", security(("token" = ["admin"])),
    params(("cert_id" = String, Path, description = "What it calls as")),
    request_body(content = NextKey, example = json!({
        "public_key": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n",
        "overlap_s": 86_400})),
    responses((status = 200, description = "As it is now", body = Initiator), Changing)
)]
pub(in crate::operator) async fn replace_key(
    operator: Operator<Administers>,
    Named(named): Named<String>,
    Json(next): Json<NextKey>,
) -> Result<axum::Json<Initiator>, Problem> {
    let cert_id = CertId::from(named.as_str());
    let mode = match next.mode {
        Some(mode) => mode.into(),
        None => {
            let asked = cert_id.clone();
            operator.find("cert_id", &named, move |reader| reader.initiator(&asked)).await?.mode
        }
    };
    let command = ReplaceInitiatorKey {
        cert_id,
        mode,
        public_key: checked(&next.public_key, mode)?,
        previous_until: overlap_end(operator.app(), next.overlap_s)?,
    };
    let changed = operator.change_partners(command).await?;
    Ok(axum::Json(changed.into()))
}

/// Shuts an initiator out, at once and for good. Its merchants, photos and enrolments stay.
#[utoipa::path(
    post, path = "/initiators/{cert_id}/revoke", operation_id = "revoke_initiator",
    tag = "initiators", security(("token" = ["admin"])),
    params(("cert_id" = String, Path, description = "What it calls as")),
    responses((status = 200, description = "Shut out", body = Initiator), Changing)
)]
pub(in crate::operator) async fn revoke(
    operator: Operator<Administers>,
    Named(cert_id): Named<String>,
) -> Result<axum::Json<Initiator>, Problem> {
    let command = RevokeInitiator { cert_id: CertId::from(cert_id) };
    let revoked = operator.change_partners(command).await?;
    Ok(axum::Json(revoked.into()))
}

/// The key in this text, if it is one of this mode, and nothing else that may stand beside it: not
/// a private key that was pasted along.
fn checked(pem: &str, mode: campaign::EnvelopeMode) -> Result<String, Problem> {
    let wrong = |says: String| Problem::invalid("public_key", format!("public_key: {says}"));
    let key = PublicKey::from_pem(pem).map_err(|error| wrong(error.to_string()))?;
    let wanted = mode_of(mode);
    if key.mode() == wanted {
        Ok(key.to_pem())
    } else {
        Err(wrong(format!("it is a key of mode {}, not of {wanted}", key.mode())))
    }
}
