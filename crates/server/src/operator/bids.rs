//! Bids: what an application pays by.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{AppId, ApplicationRefusal, AssignBid, BidGrant};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Administers, Operator, Reads};
use super::body::Json;
use super::csv::Record;
use super::document::{Changing, Reading};
use super::list::{List, Listing, Paging, shown};
use super::problem::Problem;
use super::values::{Number, Time};

/// A bid and whose it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Bid {
    /// The bid.
    #[schema(example = "bid1")]
    bid: String,
    /// The application that may pay by it.
    #[schema(example = "demo_app")]
    appid: String,
    /// When it was assigned.
    created_at: Time,
}

impl From<BidGrant> for Bid {
    fn from(it: BidGrant) -> Self {
        Self {
            bid: it.bid.to_string(),
            appid: it.appid.to_string(),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for Bid {
    const LIST: &'static str = "bids";
    const COLUMNS: &'static [&'static str] = &["bid", "appid", "created_at"];
}

/// Which bids.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Of this application.
    appid: Option<String>,
}

/// Lists bids.
#[utoipa::path(
    get, path = "/bids", operation_id = "list_bids", tag = "applications", params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Bid> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let appid = filter.appid.as_deref().map(AppId::from);
        Ok(shown(reader.bids(appid.as_ref(), page)?, Bid::from))
    })
    .await
}

/// Which bid goes to whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBid {
    /// The bid; made where none is given.
    bid: Option<Number>,
    /// The application that may pay by it.
    appid: Number,
}

/// Gives an application a bid to pay by. A bid belongs to one application for ever.
#[utoipa::path(
    post, path = "/bids", operation_id = "assign_bid", tag = "applications",
    security(("token" = ["admin"])),
    request_body(content = NewBid, example = json!({"bid": "bid1", "appid": "demo_app"})),
    responses((status = 201, description = "Assigned", body = Bid), Changing)
)]
pub(super) async fn assign(
    operator: Operator<Administers>,
    Json(new): Json<NewBid>,
) -> Result<(StatusCode, axum::Json<Bid>), Problem> {
    let command = AssignBid {
        bid: new.bid.map(|it| huodong_campaign::Bid::from(it.into_string())),
        appid: AppId::from(new.appid.into_string()),
    };
    let assigned =
        operator.attempt_on_partners(command).await?.map_err(|refusal| match refusal {
            // The application is named by a field here, not by the path.
            ApplicationRefusal::Unknown(_) => Problem::invalid("appid", refusal.to_string()),
            refusal => refusal.into(),
        })?;
    Ok((StatusCode::CREATED, axum::Json(assigned.into())))
}
