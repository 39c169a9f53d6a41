//! Donations: looking them up, and giving one's money back.

use axum::response::Response;
use huodong_campaign::{self as campaign, ActivityNo, AppId, Bid, Id, ProjectNo, Refund, ThirdUid};
use huodong_store::DonationFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{MovesMoney, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Getting, Reading};
use super::list::{List, Listing, Paging, shown};
use super::problem::Problem;
use super::values::{Remark, Time, words};

words! {
    /// Where a donation stands, with the vendor's number: `placed` (2), `paid` (11), `failed` (13;
    /// its money went back), `refunded` (15).
    DonationStatus { Placed, Paid, Failed, Refunded }
}

impl DonationStatus {
    fn vendors_number(self) -> u8 {
        match self {
            Self::Placed => 2,
            Self::Paid => 11,
            Self::Failed => 13,
            Self::Refunded => 15,
        }
    }
}

/// One donation.
#[derive(Serialize, ToSchema)]
pub(super) struct Donation {
    /// Its number.
    #[schema(example = "228184215552000001")]
    id: String,
    /// The same as the caller was told it: 28 digits that begin with the time.
    #[schema(example = "2026112110030456700000000001")]
    donate_transcode: String,
    /// The caller's number for it; with `bid` it is unique.
    reward_transcode: String,
    /// What it was paid by.
    bid: String,
    /// The application that placed it.
    appid: String,
    /// Whose money.
    activity_no: String,
    /// Who receives it.
    project_no: String,
    /// Whose points.
    third_uid: String,
    /// How many points.
    reward: u32,
    /// When the points were taken, as the caller said it: Shanghai wall time.
    #[schema(example = "2026-11-21 10:00:00")]
    reward_time: String,
    /// How much, in fen.
    money: i64,
    /// Where it stands.
    status: DonationStatus,
    /// The same as the vendor's number.
    #[schema(example = 11)]
    donate_status: u8,
    /// When it was placed.
    placed_at: Time,
    /// When its channel is to settle it; `null` once it has.
    settle_at: Option<Time>,
    /// When it reached its present status.
    changed_at: Time,
    /// The flowers exchange that thanked for it.
    flowers: Option<String>,
}

impl From<campaign::Donation> for Donation {
    fn from(it: campaign::Donation) -> Self {
        let status = DonationStatus::from(it.status);
        Self {
            id: it.id.to_string(),
            donate_transcode: crate::order_number(it.id),
            reward_transcode: it.key.reward_transcode.into(),
            bid: it.key.bid.to_string(),
            appid: it.appid.to_string(),
            activity_no: it.activity_no.to_string(),
            project_no: it.project_no.to_string(),
            third_uid: it.third_uid.to_string(),
            reward: it.reward,
            reward_time: it.reward_time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            money: it.money.0,
            status,
            donate_status: status.vendors_number(),
            placed_at: Time(it.placed_at),
            settle_at: it.settle_at.map(Time),
            changed_at: Time(it.changed_at),
            flowers: it.flowers.map(|id| id.to_string()),
        }
    }
}

impl Record for Donation {
    const LIST: &'static str = "donations";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "donate_transcode",
        "reward_transcode",
        "bid",
        "appid",
        "activity_no",
        "project_no",
        "third_uid",
        "reward",
        "reward_time",
        "money",
        "status",
        "donate_status",
        "placed_at",
        "settle_at",
        "changed_at",
        "flowers",
    ];
}

/// Which donations. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Of this activity.
    activity_no: Option<String>,
    /// For this project.
    project_no: Option<String>,
    /// Placed by this application.
    appid: Option<String>,
    /// Paid by this bid.
    bid: Option<String>,
    /// Of this user.
    third_uid: Option<String>,
    /// That stand here.
    #[param(inline)]
    status: Option<DonationStatus>,
    /// Placed at or after this moment …
    #[param(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    from: Option<Time>,
    /// … and before this one.
    #[param(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    until: Option<Time>,
}

impl Filter {
    fn for_store(&self) -> DonationFilter {
        DonationFilter {
            activity_no: self.activity_no.as_deref().map(ActivityNo::from),
            project_no: self.project_no.as_deref().map(ProjectNo::from),
            appid: self.appid.as_deref().map(AppId::from),
            bid: self.bid.as_deref().map(Bid::from),
            third_uid: self.third_uid.as_deref().map(ThirdUid::from),
            status: self.status.map(Into::into),
            from: self.from.map(|time| time.0),
            until: self.until.map(|time| time.0),
        }
    }
}

/// Lists donations.
#[utoipa::path(
    get, path = "/donations", operation_id = "list_donations", tag = "donations",
    params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Donation> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        Ok(shown(reader.donations(&filter.for_store(), page)?, Donation::from))
    })
    .await
}

/// Shows a donation.
#[utoipa::path(
    get, path = "/donations/{id}", operation_id = "get_donation", tag = "donations",
    params(("id" = String, Path, description = "Its `id` or its `donate_transcode`")),
    responses(
        (status = 200, description = "It", body = Donation),
        Getting,
    )
)]
pub(super) async fn get(
    operator: Operator<Reads>,
    Named(named): Named<String>,
) -> Result<axum::Json<Donation>, Problem> {
    let id = order_number(&named).ok_or_else(|| Problem::unknown("id", &named))?;
    let found = operator.find("id", &named, move |reader| reader.donation(id)).await?;
    Ok(axum::Json(found.into()))
}

/// Why a donation is refunded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundReason {
    /// For the audit log.
    reason: Remark,
}

/// Gives a paid donation's money back: to the activity, or to the organization where that has
/// ended.
///
/// Safe to repeat: a second refund is refused, as the donation is no longer paid.
#[utoipa::path(
    post, path = "/donations/{id}/refund", operation_id = "refund_donation", tag = "donations",
    security(("token" = ["finance", "admin"])),
    params(("id" = String, Path, description = "Its `id` or its `donate_transcode`")),
    request_body(content = RefundReason, example = json!({"reason": "用户误操作"})),
    responses((status = 200, description = "As it is now", body = Donation), Changing)
)]
pub(super) async fn refund(
    operator: Operator<MovesMoney>,
    Named(named): Named<String>,
    Json(asked): Json<RefundReason>,
) -> Result<axum::Json<Donation>, Problem> {
    let donation = order_number(&named).ok_or_else(|| Problem::unknown("id", &named))?;
    let refunded = operator.change(Refund { donation, reason: asked.reason.into_string() }).await?;
    Ok(axum::Json(refunded.into()))
}

/// An order's number in either spelling. No number has as many digits as a transcode.
pub(super) fn order_number(text: &str) -> Option<Id> {
    crate::parse_order_number(text).or_else(|| text.parse().ok().map(Id))
}
