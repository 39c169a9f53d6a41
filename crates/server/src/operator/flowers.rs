//! Small red flowers given to users.

use axum::response::Response;
use huodong_campaign::{AppId, FlowerGrant, OpenId};
use huodong_store::FlowerFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Operator, Reads};
use super::csv::Record;
use super::document::Reading;
use super::list::{List, Listing, Paging, shown};
use super::problem::Problem;
use super::values::Time;

/// Flowers given to a user in one exchange.
#[derive(Serialize, ToSchema)]
pub(super) struct Flowers {
    /// Its number: the exchange_id.
    exchange_id: String,
    /// The application that asked.
    appid: String,
    /// The caller's number for it; with `appid` it is unique.
    trans_code: String,
    /// To whom.
    open_id: String,
    /// How many.
    xhh_num: u32,
    /// The donation they thank for.
    donation: Option<String>,
    /// The same as the caller was told it.
    donate_transcode: Option<String>,
    /// When.
    granted_at: Time,
}

impl From<FlowerGrant> for Flowers {
    fn from(it: FlowerGrant) -> Self {
        Self {
            exchange_id: it.id.to_string(),
            appid: it.key.appid.to_string(),
            trans_code: it.key.trans_code.to_string(),
            open_id: it.open_id.to_string(),
            xhh_num: it.num,
            donation: it.donation.map(|id| id.to_string()),
            donate_transcode: it.donation.map(crate::order_number),
            granted_at: Time(it.granted_at),
        }
    }
}

impl Record for Flowers {
    const LIST: &'static str = "flowers";
    const COLUMNS: &'static [&'static str] = &[
        "exchange_id",
        "appid",
        "trans_code",
        "open_id",
        "xhh_num",
        "donation",
        "donate_transcode",
        "granted_at",
    ];
}

/// Which exchanges. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Asked for by this application.
    appid: Option<String>,
    /// Received by this user.
    open_id: Option<String>,
}

/// Lists flower exchanges.
#[utoipa::path(
    get, path = "/flowers", operation_id = "list_flowers", tag = "donations",
    params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Flowers> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter = FlowerFilter {
            appid: filter.appid.as_deref().map(AppId::from),
            open_id: filter.open_id.as_deref().map(OpenId::from),
        };
        Ok(shown(reader.flowers(&filter, page)?, Flowers::from))
    })
    .await
}
