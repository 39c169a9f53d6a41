//! A merchant as it is shown.

use axum::response::Response;
use huodong_campaign::{self as campaign, CertId, MercId};
use huodong_store::MerchantFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::problem::Problem;
use crate::operator::values::{Time, words};

words! {
    /// What kind of merchant, with the vendor's number: `enterprise` (0, 企业), `micro` (1, 小微),
    /// `individual` (2, 个体), `institution` (3, 事业单位), `social_organization` (4, 社会组织),
    /// `government` (5, 政府机关).
    MerchantKind {
        Enterprise, Micro, Individual, Institution, SocialOrganization, Government,
    }
}

/// A merchant of an initiator's.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Merchant {
    /// Its number (mercId).
    #[schema(example = "826584358120002")]
    merc_id: String,
    /// The initiator it is of.
    cert_id: String,
    /// Its name.
    #[schema(example = "示例食堂")]
    name: String,
    /// What kind it is, by the vendor's number: 0 企业, 1 小微, 2 个体, 3 事业单位, 4 社会组织,
    /// 5 政府机关.
    #[schema(minimum = 0, maximum = 5)]
    r#type: u8,
    /// The same in a word.
    kind: MerchantKind,
    /// Whether it has confirmed that it wants an account (开户意愿确认); else it cannot enrol.
    intent_confirmed: bool,
    /// What Alipay knows it as (商户PID).
    alipay_pid: Option<String>,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::Merchant> for Merchant {
    fn from(it: campaign::Merchant) -> Self {
        Self {
            merc_id: it.merc_id.to_string(),
            cert_id: it.cert_id.to_string(),
            name: it.name,
            r#type: it.kind.number(),
            kind: it.kind.into(),
            intent_confirmed: it.intent_confirmed,
            alipay_pid: it.alipay_pid.map(|pid| pid.to_string()),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for Merchant {
    const LIST: &'static str = "merchants";
    const COLUMNS: &'static [&'static str] = &[
        "merc_id",
        "cert_id",
        "name",
        "type",
        "kind",
        "intent_confirmed",
        "alipay_pid",
        "created_at",
    ];
}

/// Which merchants. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct WhichMerchants {
    /// Of this initiator.
    cert_id: Option<String>,
    /// Of this kind.
    #[param(inline)]
    kind: Option<MerchantKind>,
    /// That have confirmed that they want an account, or have not.
    intent_confirmed: Option<bool>,
}

/// Lists merchants. The CSV can be brought back with `POST /merchants/import`.
#[utoipa::path(
    get, path = "/merchants", operation_id = "list_merchants", tag = "merchants",
    params(WhichMerchants, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Merchant> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<WhichMerchants>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter = MerchantFilter {
            cert_id: filter.cert_id.as_deref().map(CertId::from),
            kind: filter.kind.map(Into::into),
            intent_confirmed: filter.intent_confirmed,
        };
        Ok(shown(reader.merchants(&filter, page)?, Merchant::from))
    })
    .await
}

/// Shows a merchant.
#[utoipa::path(
    get, path = "/merchants/{merc_id}", operation_id = "get_merchant", tag = "merchants",
    params(("merc_id" = String, Path, description = "Its number")),
    responses((status = 200, description = "It", body = Merchant), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(merc_id): Named<String>,
) -> Result<axum::Json<Merchant>, Problem> {
    let id = MercId::from(merc_id.as_str());
    let found = operator.find("merc_id", &merc_id, move |reader| reader.merchant(&id)).await?;
    Ok(axum::Json(found.into()))
}
