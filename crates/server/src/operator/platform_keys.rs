//! What the platform signs with, and the gateway's callers seal for. Private keys are made here, kept sealed, and never shown.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{PlatformKey as StoredKey, PlatformSerial, RetireKey, SignWith};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Administers, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Reading};
use super::list::{List, Listing, Paging};
use super::organizations::Filter;
use super::problem::{Kind, Problem};
use super::values::{Time, words};
use crate::platform;

/// How long a new key's certificate is valid where nothing else is asked for.
const YEARS_DEFAULT: u16 = 10;
/// The longest that may be asked for.
const YEARS_MAX: u16 = 30;

words! {
    /// What a platform key is for: `reply` (answers to institutions' calls), `notify` (callbacks),
    /// `gateway_rsa` or `gateway_sm2` (initiators' calls and the answers to them).
    KeyPurpose { Reply, Notify, GatewayRsa, GatewaySm2 }

    /// How far along a platform key is: `published` (partners may have its certificate, nothing is
    /// signed with it), `signing` (one for each purpose), `retired`.
    KeyStatus { Published, Signing, Retired }
}

/// A key of the platform's, by its certificate. Give partners the certificates of all that are
/// published or signing. What is sealed for a key of the gateway's is opened until that is retired.
#[derive(Serialize, ToSchema)]
pub(super) struct PlatformKey {
    /// Its certificate's serial number, in lowercase hex, as replies to institutions name it
    /// (Lklapi-Serial).
    #[schema(example = "4d1c8f0a2b3c4d5e6f708192a3b4c5d6")]
    serial_no: String,
    /// What it is for.
    purpose: KeyPurpose,
    /// How far along it is.
    status: KeyStatus,
    /// Its certificate, in PEM.
    certificate: String,
    /// When that ends.
    valid_until: Time,
    /// When it was made.
    created_at: Time,
}

impl From<StoredKey> for PlatformKey {
    fn from(it: StoredKey) -> Self {
        Self {
            serial_no: it.serial.to_string(),
            purpose: it.purpose.into(),
            status: it.status.into(),
            certificate: it.certificate,
            valid_until: Time(it.not_after),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for PlatformKey {
    const LIST: &'static str = "platform-keys";
    const COLUMNS: &'static [&'static str] =
        &["serial_no", "purpose", "status", "certificate", "valid_until", "created_at"];
}

/// Lists platform keys, by their serial numbers.
#[utoipa::path(
    get, path = "/platform-keys", operation_id = "list_platform_keys", tag = "platform keys",
    params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<PlatformKey> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    let keys = operator.read(|reader| reader.platform_keys()).await?;
    let mut rows: Vec<PlatformKey> = keys.into_iter().map(Into::into).collect();
    rows.sort_by(|a, b| a.serial_no.cmp(&b.serial_no));
    list.answer_sorted(rows, |key: &PlatformKey| key.serial_no.clone())
}

/// What a platform key is made for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlatformKey {
    /// What it is to be for.
    purpose: KeyPurpose,
    /// For how many years its certificate is valid; 10 where none is given.
    #[schema(minimum = 1, maximum = 30, default = 10)]
    years: Option<u16>,
}

/// Makes a platform key (SM2 for `gateway_sm2`, RSA-2048 for all else) and its certificate, for
/// partners to take in.
///
/// To rotate: make one, give its certificate to all partners, let it sign, and retire the old one
/// once nothing signed by it, or sealed for it, is on its way. The first key of a purpose signs at once.
#[utoipa::path(
    post, path = "/platform-keys", operation_id = "create_platform_key", tag = "platform keys",
    security(("token" = ["admin"])),
    request_body(content = NewPlatformKey, example = json!({"purpose": "reply"})),
    responses((status = 201, description = "Made", body = PlatformKey), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewPlatformKey>,
) -> Result<(StatusCode, axum::Json<PlatformKey>), Problem> {
    let years = new.years.unwrap_or(YEARS_DEFAULT);
    if !(1..=YEARS_MAX).contains(&years) {
        return Err(Problem::invalid("years", format!("years must be 1 to {YEARS_MAX}")));
    }
    let app = operator.app();
    let (now, chance) = (app.engine.clock().real(), app.chance);
    // Finding primes takes a core for a while.
    let purpose = new.purpose.into();
    let made = tokio::task::spawn_blocking(move || platform::make(purpose, years, now, chance));
    let made = made.await.map_err(|error| unmade(&error))?.map_err(|error| unmade(&error))?;
    let command = app
        .add_platform_key(purpose, &made.private_key_pem, &made.certificate_pem)
        .map_err(|error| unmade(&error))?;
    let added = operator.change_partners(command).await?;
    Ok((StatusCode::CREATED, axum::Json(added.into())))
}

fn unmade(error: &impl std::error::Error) -> Problem {
    tracing::error!(%error, "no platform key could be made");
    Problem::new(Kind::Internal, "no key could be made; nothing was done")
}

/// Lets a published key sign from now on. The one that did stays published, so that it can sign
/// again should something be wrong.
#[utoipa::path(
    post, path = "/platform-keys/{serial_no}/sign-with", operation_id = "sign_with_platform_key",
    tag = "platform keys", security(("token" = ["admin"])),
    params(("serial_no" = String, Path, description = "Its certificate's serial number")),
    responses((status = 200, description = "It signs", body = PlatformKey), Changing)
)]
pub(super) async fn sign_with(
    operator: Operator<Administers>,
    Named(serial_no): Named<String>,
) -> Result<axum::Json<PlatformKey>, Problem> {
    let command = SignWith { serial: PlatformSerial::from(serial_no.to_ascii_lowercase()) };
    Ok(axum::Json(operator.change_partners(command).await?.into()))
}

/// Ends a key that no longer signs, for good.
#[utoipa::path(
    post, path = "/platform-keys/{serial_no}/retire", operation_id = "retire_platform_key",
    tag = "platform keys", security(("token" = ["admin"])),
    params(("serial_no" = String, Path, description = "Its certificate's serial number")),
    responses((status = 200, description = "Retired", body = PlatformKey), Changing)
)]
pub(super) async fn retire(
    operator: Operator<Administers>,
    Named(serial_no): Named<String>,
) -> Result<axum::Json<PlatformKey>, Problem> {
    let command = RetireKey { serial: PlatformSerial::from(serial_no.to_ascii_lowercase()) };
    Ok(axum::Json(operator.change_partners(command).await?.into()))
}
