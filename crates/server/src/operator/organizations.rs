//! Enterprises that fund activities, and their money.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{
    self as campaign, CreateOrganization, Deposit, Fen, OrgNo, Posted, Referenced, Withdraw,
};
use huodong_store::{Reader, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Administers, MovesMoney, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Getting, Reading};
use super::list::{List, Listing, Paging, try_shown};
use super::problem::Problem;
use super::values::{Money, Name, Number, Reference, Time};

/// An enterprise that funds activities.
#[derive(Serialize, ToSchema)]
pub(super) struct Organization {
    /// Its number.
    #[schema(example = "org1")]
    org_no: String,
    /// Its name.
    #[schema(example = "示例公益企业")]
    name: String,
    /// The merchant number its payments run under.
    #[schema(example = "1900000109")]
    merchant_no: String,
    /// Its money that no activity holds, in fen.
    balance: i64,
    /// Its account in the ledger.
    account: String,
    /// When it joined.
    created_at: Time,
}

impl Organization {
    fn new(it: campaign::Organization, balance: Fen) -> Self {
        Self {
            org_no: it.org_no.to_string(),
            name: it.name,
            merchant_no: it.merchant_no,
            balance: balance.0,
            account: it.account.to_string(),
            created_at: Time(it.created_at),
        }
    }

    fn read(reader: &Reader, it: campaign::Organization) -> Result<Self, StoreError> {
        let account = reader.account(it.account)?;
        Ok(Self::new(it, account.map_or(Fen::ZERO, |account| account.balance)))
    }
}

impl Record for Organization {
    const LIST: &'static str = "organizations";
    const COLUMNS: &'static [&'static str] =
        &["org_no", "name", "merchant_no", "balance", "account", "created_at"];
}

/// Organizations have no filter.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {}

/// Lists organizations.
#[utoipa::path(
    get, path = "/organizations", operation_id = "list_organizations", tag = "organizations",
    params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Organization> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, _, page| {
        try_shown(reader.organizations(page)?, |it| Organization::read(reader, it))
    })
    .await
}

/// What an organization is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrganization {
    /// Its number; made where none is given.
    org_no: Option<Number>,
    /// Its name.
    name: Name,
    /// Its merchant number.
    merchant_no: Number,
}

/// Takes in an organization.
#[utoipa::path(
    post, path = "/organizations", operation_id = "create_organization", tag = "organizations",
    security(("token" = ["admin"])),
    request_body(content = NewOrganization, example = json!(
        {"org_no": "org1", "name": "示例公益企业", "merchant_no": "1900000109"})),
    responses((status = 201, description = "Made", body = Organization), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewOrganization>,
) -> Result<(StatusCode, axum::Json<Organization>), Problem> {
    let command = CreateOrganization {
        org_no: new.org_no.map(|it| OrgNo::from(it.into_string())),
        name: new.name.into_string(),
        merchant_no: new.merchant_no.into_string(),
    };
    let made = operator.change(command).await?;
    Ok((StatusCode::CREATED, axum::Json(Organization::new(made, Fen::ZERO))))
}

/// Shows an organization.
#[utoipa::path(
    get, path = "/organizations/{org_no}", operation_id = "get_organization",
    tag = "organizations",
    params(("org_no" = String, Path, description = "Its number")),
    responses(
        (status = 200, description = "It", body = Organization),
        Getting,
    )
)]
pub(super) async fn get(
    operator: Operator<Reads>,
    Named(org_no): Named<String>,
) -> Result<axum::Json<Organization>, Problem> {
    let number = OrgNo::from(org_no.as_str());
    let shown = operator.find("org_no", &org_no, move |reader| {
        let found = reader.organization(&number)?;
        found.map(|it| Organization::read(reader, it)).transpose()
    });
    Ok(axum::Json(shown.await?))
}

/// How much money moves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Amount {
    /// In fen.
    pub(super) money: Money,
    /// The caller's own name for this movement, new for each. The same again with the same
    /// reference moves nothing and is answered `repeated`.
    #[schema(example = "bank-20261121-0001")]
    pub(super) reference: Option<Reference>,
}

/// An organization's balance after money moved.
#[derive(Serialize, ToSchema)]
pub(super) struct Balance {
    /// Whose.
    org_no: String,
    /// Its money that no activity holds, in fen, as it is now.
    balance: i64,
    /// It was done before, under the same reference; nothing was moved now.
    repeated: bool,
}

/// Books money that arrived for an organization.
///
/// Send a `reference` and the call is safe to repeat. Without one each call books once more: after
/// a problem that leaves the outcome open, look at the balance, the transfers or the audit log
/// first.
#[utoipa::path(
    post, path = "/organizations/{org_no}/deposit", operation_id = "deposit",
    tag = "organizations", security(("token" = ["finance", "admin"])),
    params(("org_no" = String, Path, description = "Whose")),
    request_body(content = Amount, example = json!(
        {"money": 100_000, "reference": "bank-20261121-0001"})),
    responses((status = 200, description = "The new balance", body = Balance), Changing)
)]
pub(super) async fn deposit(
    operator: Operator<MovesMoney>,
    Named(org_no): Named<String>,
    Json(amount): Json<Amount>,
) -> Result<axum::Json<Balance>, Problem> {
    let command = Deposit { org_no: OrgNo::from(org_no.as_str()), money: amount.money.into() };
    let command = Referenced::new(amount.reference.map(Reference::into_string), command);
    let Posted { balance, repeated } = operator.change(command).await?;
    Ok(axum::Json(Balance { org_no, balance: balance.0, repeated }))
}

/// Pays an organization's unused money out.
///
/// Send a `reference` and the call is safe to repeat; see deposit.
#[utoipa::path(
    post, path = "/organizations/{org_no}/withdraw", operation_id = "withdraw",
    tag = "organizations", security(("token" = ["finance", "admin"])),
    params(("org_no" = String, Path, description = "Whose")),
    request_body(content = Amount, example = json!(
        {"money": 100_000, "reference": "bank-20261121-0001"})),
    responses((status = 200, description = "The new balance", body = Balance), Changing)
)]
pub(super) async fn withdraw(
    operator: Operator<MovesMoney>,
    Named(org_no): Named<String>,
    Json(amount): Json<Amount>,
) -> Result<axum::Json<Balance>, Problem> {
    let command = Withdraw { org_no: OrgNo::from(org_no.as_str()), money: amount.money.into() };
    let command = Referenced::new(amount.reference.map(Reference::into_string), command);
    let Posted { balance, repeated } = operator.change(command).await?;
    Ok(axum::Json(Balance { org_no, balance: balance.0, repeated }))
}
