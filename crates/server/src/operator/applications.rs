//! Programs that call the donation API, and their secrets.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use huodong_campaign::{
    self as campaign, AppId, CreateApplication, OrgNo, RevokeApplication, RotateSecret,
    UpdateApplication,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Administers, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Getting, Reading};
use super::list::{List, Listing, Paging, shown};
use super::partners::overlap_end;
use super::problem::Problem;
use super::values::{Name, Number, Time, given, words};
use crate::App;

/// Flowers one user may receive a day where an application does not say.
const FLOWERS_PER_DAY_DEFAULT: u32 = 10;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;

words! {
    /// Whether an application's calls are let in: `revoked` ones never again.
    ApplicationStatus { Active, Revoked }
}

/// A program that calls the donation API for one organization.
#[derive(Serialize, ToSchema)]
pub(super) struct Application {
    /// What it signs as.
    #[schema(example = "demo_app")]
    appid: String,
    /// For whom it calls.
    #[schema(example = "org1")]
    org_no: String,
    /// Its name.
    #[schema(example = "积分商城")]
    name: String,
    /// Whether its calls are let in.
    status: ApplicationStatus,
    /// Calls a second; `null` is the server's default.
    rate_per_s: Option<u32>,
    /// Small red flowers one user may receive on one Shanghai day.
    flowers_per_day: u32,
    /// Until when the secret before the present one still signs, by the real clock.
    previous_secret_valid_until: Option<Time>,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::Application> for Application {
    fn from(it: campaign::Application) -> Self {
        Self {
            appid: it.appid.to_string(),
            org_no: it.org_no.to_string(),
            name: it.name,
            status: it.status.into(),
            rate_per_s: it.rate_per_s,
            flowers_per_day: it.flowers_per_day,
            previous_secret_valid_until: it.previous_secret.map(|old| Time(old.valid_until)),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for Application {
    const LIST: &'static str = "applications";
    const COLUMNS: &'static [&'static str] = &[
        "appid",
        "org_no",
        "name",
        "status",
        "rate_per_s",
        "flowers_per_day",
        "previous_secret_valid_until",
        "created_at",
    ];
}

/// Which applications.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Of this organization.
    org_no: Option<String>,
}

/// Lists applications.
#[utoipa::path(
    get, path = "/applications", operation_id = "list_applications", tag = "applications",
    params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Application> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let org_no = filter.org_no.as_deref().map(OrgNo::from);
        Ok(shown(reader.applications(org_no.as_ref(), page)?, Application::from))
    })
    .await
}

/// What an application is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApplication {
    /// What it signs as; made where none is given.
    appid: Option<Number>,
    /// For whom it calls.
    org_no: Number,
    /// Its name.
    name: Name,
    /// Calls a second; the server's default where none is given.
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<std::num::NonZeroU32>,
    /// Small red flowers one user may receive on one Shanghai day; 10 where none is given.
    #[schema(default = 10)]
    flowers_per_day: Option<u32>,
}

/// An application, and this once its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeApplication {
    #[serde(flatten)]
    about: Application,
    /// What it signs with. It is kept sealed and not shown again.
    secret: String,
}

/// Makes an application. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/applications", operation_id = "create_application", tag = "applications",
    security(("token" = ["admin"])),
    request_body(content = NewApplication, example = json!(
        {"appid": "demo_app", "org_no": "org1", "name": "积分商城", "flowers_per_day": 10})),
    responses((status = 201, description = "Made", body = MadeApplication), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewApplication>,
) -> Result<(StatusCode, axum::Json<MadeApplication>), Problem> {
    let app = operator.app();
    // The secret is sealed for its appid, so that must be known before the rules could make one.
    let appid = new.appid.map_or_else(|| made_appid(app), |it| AppId::from(it.into_string()));
    let (secret, sealed_secret) = made_secret(app, &appid);
    let command = CreateApplication {
        appid: Some(appid),
        org_no: OrgNo::from(new.org_no.into_string()),
        name: new.name.into_string(),
        sealed_secret,
        rate_per_s: new.rate_per_s.map(Into::into),
        flowers_per_day: new.flowers_per_day.unwrap_or(FLOWERS_PER_DAY_DEFAULT),
    };
    let made = operator.change_partners(command).await?;
    Ok((StatusCode::CREATED, axum::Json(MadeApplication { about: made.into(), secret })))
}

/// Shows an application.
#[utoipa::path(
    get, path = "/applications/{appid}", operation_id = "get_application", tag = "applications",
    params(("appid" = String, Path, description = "What it signs as")),
    responses(
        (status = 200, description = "It", body = Application),
        Getting,
    )
)]
pub(super) async fn get(
    operator: Operator<Reads>,
    Named(appid): Named<String>,
) -> Result<axum::Json<Application>, Problem> {
    let number = AppId::from(appid.as_str());
    let found = operator.find("appid", &appid, move |reader| reader.application(&number)).await?;
    Ok(axum::Json(found.into()))
}

/// What to change of an application; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationChanges {
    /// Its name.
    name: Option<Name>,
    /// Calls a second; `null` is the server's default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_per_s: Option<Option<std::num::NonZeroU32>>,
    /// Small red flowers one user may receive on one Shanghai day.
    flowers_per_day: Option<u32>,
}

/// Changes an application's settings.
#[utoipa::path(
    patch, path = "/applications/{appid}", operation_id = "update_application",
    tag = "applications", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    request_body(content = ApplicationChanges, example = json!({"rate_per_s": 200})),
    responses((status = 200, description = "As it is now", body = Application), Changing)
)]
pub(super) async fn update(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
    Json(changes): Json<ApplicationChanges>,
) -> Result<axum::Json<Application>, Problem> {
    let command = UpdateApplication {
        appid: AppId::from(appid),
        name: changes.name.map(Name::into_string),
        rate_per_s: changes.rate_per_s.map(|rate| rate.map(Into::into)),
        flowers_per_day: changes.flowers_per_day,
    };
    let changed = operator.change_partners(command).await?;
    Ok(axum::Json(changed.into()))
}

/// How to rotate a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how many seconds the present secret goes on signing beside the new one.
    #[serde(default)]
    #[schema(maximum = 2_592_000)]
    overlap_s: u32,
}

/// Gives an application a new secret. It is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/applications/{appid}/rotate-secret", operation_id = "rotate_secret",
    tag = "applications", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    request_body(content = Rotation, example = json!({"overlap_s": 3600})),
    responses((status = 200, description = "As it is now", body = MadeApplication), Changing)
)]
pub(super) async fn rotate_secret(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
    Json(rotation): Json<Rotation>,
) -> Result<axum::Json<MadeApplication>, Problem> {
    let app = operator.app();
    let previous_valid_until = overlap_end(app, rotation.overlap_s)?;
    let appid = AppId::from(appid);
    let (secret, sealed_secret) = made_secret(app, &appid);
    let command = RotateSecret { appid, sealed_secret, previous_valid_until };
    let rotated = operator.change_partners(command).await?;
    Ok(axum::Json(MadeApplication { about: rotated.into(), secret }))
}

/// Shuts an application out, at once and for good. Its donations stay.
#[utoipa::path(
    post, path = "/applications/{appid}/revoke", operation_id = "revoke_application",
    tag = "applications", security(("token" = ["admin"])),
    params(("appid" = String, Path, description = "What it signs as")),
    responses((status = 200, description = "Shut out", body = Application), Changing)
)]
pub(super) async fn revoke(
    operator: Operator<Administers>,
    Named(appid): Named<String>,
) -> Result<axum::Json<Application>, Problem> {
    let revoked = operator.change_partners(RevokeApplication { appid: AppId::from(appid) }).await?;
    Ok(axum::Json(revoked.into()))
}

fn made_appid(app: &App) -> AppId {
    AppId::from(format!("gy{}", hex::encode(app.chance.bytes::<8>())))
}

/// A new secret, as text and sealed.
fn made_secret(app: &App, appid: &AppId) -> (String, Vec<u8>) {
    let secret = URL_SAFE_NO_PAD.encode(app.chance.bytes::<SECRET_BYTES>());
    let sealed = app.seal_secret(appid, &secret);
    (secret, sealed)
}
