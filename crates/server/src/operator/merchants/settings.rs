//! Taking a merchant in and changing it.

use axum::http::StatusCode;
use huodong_campaign::{
    self as campaign, AlipayPid, CertId, CreateMerchant, MercId, UpdateMerchant,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Merchant;
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::problem::Problem;
use crate::operator::values::{MercNumber, Name, Number, given};

/// What kind of merchant, by the vendor's number: 0 企业, 1 小微, 2 个体, 3 事业单位, 4 社会组织, 5
/// 政府机关.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "u8")]
#[schema(value_type = u8, minimum = 0, maximum = 5)]
pub(in crate::operator) struct MerchantType(pub(super) campaign::MerchantKind);

impl MerchantType {
    /// What every other value is told.
    pub(super) const SAYS: &'static str = "must be 0 to 5";
}

impl TryFrom<u8> for MerchantType {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        campaign::MerchantKind::from_number(number).map(Self).ok_or(Self::SAYS)
    }
}

/// What a merchant is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NewMerchant {
    /// Its number (mercId); made where none is given.
    merc_id: Option<MercNumber>,
    /// The initiator it is of.
    cert_id: Number,
    /// Its name.
    name: Name,
    /// What kind it is.
    r#type: MerchantType,
    /// Whether it has confirmed that it wants an account (开户意愿确认); else it cannot enrol.
    #[serde(default)]
    intent_confirmed: bool,
    /// What Alipay knows it as (商户PID); no two merchants of an initiator have the same.
    alipay_pid: Option<Number>,
}

/// Takes in a merchant.
#[utoipa::path(
    post, path = "/merchants", operation_id = "create_merchant", tag = "merchants",
    security(("token" = ["admin"])),
    request_body(content = NewMerchant, example = json!({
        "merc_id": "826584358120002", "cert_id": "826584358120001", "name": "示例食堂",
        "type": 0, "intent_confirmed": true, "alipay_pid": "2088123412341234"})),
    responses((status = 201, description = "Made", body = Merchant), Changing)
)]
pub(in crate::operator) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewMerchant>,
) -> Result<(StatusCode, axum::Json<Merchant>), Problem> {
    let command = CreateMerchant {
        merc_id: new.merc_id.map(|it| MercId::from(it.into_string())),
        cert_id: CertId::from(new.cert_id.into_string()),
        name: new.name.into_string(),
        kind: new.r#type.0,
        intent_confirmed: new.intent_confirmed,
        alipay_pid: new.alipay_pid.map(|it| AlipayPid::from(it.into_string())),
    };
    let made = operator.change(command).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// What to change of a merchant; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct MerchantChanges {
    /// The initiator it is of from now on. What was enrolled before stays as it is; what Alipay
    /// knows it as goes where it is not given beside.
    cert_id: Option<Number>,
    /// Its name.
    name: Option<Name>,
    /// What kind it is. What was enrolled before stays as it is.
    r#type: Option<MerchantType>,
    /// Whether it has confirmed that it wants an account.
    intent_confirmed: Option<bool>,
    /// What Alipay knows it as; `null`: nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    alipay_pid: Option<Option<Number>>,
}

/// Changes a merchant.
#[utoipa::path(
    patch, path = "/merchants/{merc_id}", operation_id = "update_merchant", tag = "merchants",
    security(("token" = ["admin"])),
    params(("merc_id" = String, Path, description = "Its number")),
    request_body(content = MerchantChanges, example = json!({"intent_confirmed": true})),
    responses((status = 200, description = "As it is now", body = Merchant), Changing)
)]
pub(in crate::operator) async fn update(
    operator: Operator<Administers>,
    Named(merc_id): Named<String>,
    Json(changes): Json<MerchantChanges>,
) -> Result<axum::Json<Merchant>, Problem> {
    let command = UpdateMerchant {
        merc_id: MercId::from(merc_id),
        cert_id: changes.cert_id.map(|it| CertId::from(it.into_string())),
        name: changes.name.map(Name::into_string),
        kind: changes.r#type.map(|it| it.0),
        intent_confirmed: changes.intent_confirmed,
        alipay_pid: changes.alipay_pid.map(|pid| pid.map(|it| AlipayPid::from(it.into_string()))),
    };
    Ok(axum::Json(operator.change(command).await?.into()))
}
