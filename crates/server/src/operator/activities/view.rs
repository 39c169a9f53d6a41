//! An activity as it is shown.

use axum::response::Response;
use huodong_campaign::{self as campaign, ActivityNo, Fen, OrgNo, ProjectNo};
use huodong_store::{ActivityFilter, Reader, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operator::activity_words::{
    ActivityKind, ActivityStatus, BehaviourRule, Channel, UserLimits,
};
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, try_shown};
use crate::operator::offer_words::Offer;
use crate::operator::problem::Problem;
use crate::operator::values::Time;

/// An activity's settings.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Activity {
    /// Its number.
    #[schema(example = "a1")]
    pub(super) activity_no: String,
    /// Who funds it.
    #[schema(example = "org1")]
    org_no: String,
    /// What kind it is.
    kind: ActivityKind,
    /// Its name.
    #[schema(example = "积分换图书")]
    name: String,
    /// Where it stands.
    status: ActivityStatus,
    /// Orders (donations or coupons) are taken from this moment on …
    starts_at: Time,
    /// … and until just before this one.
    ends_at: Time,
    /// The projects its donations may go to.
    projects: Vec<String>,
    /// Behaviour rules, for show.
    rules: Vec<BehaviourRule>,
    /// What one user may take.
    limits: UserLimits,
    /// What executes its orders.
    channel: Channel,
    /// What it hands out, where it is a coupon activity.
    offer: Option<Offer>,
    /// Its account for money that no order holds.
    frozen_account: String,
    /// Its account for money that placed donations and living coupons hold.
    held_account: String,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::Activity> for Activity {
    fn from(it: campaign::Activity) -> Self {
        Self {
            activity_no: it.activity_no.to_string(),
            org_no: it.org_no.to_string(),
            kind: it.kind.into(),
            name: it.name,
            status: it.status.into(),
            starts_at: Time(it.starts_at),
            ends_at: Time(it.ends_at),
            projects: it.projects.iter().map(ToString::to_string).collect(),
            rules: it.rules.into_iter().map(Into::into).collect(),
            limits: it.limits.into(),
            channel: it.channel.into(),
            offer: it.coupon.map(Into::into),
            frozen_account: it.frozen.to_string(),
            held_account: it.held.to_string(),
            created_at: Time(it.created_at),
        }
    }
}

/// An activity and its money.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct FundedActivity {
    #[serde(flatten)]
    activity: Activity,
    /// Its money that no order holds (the vendor's 冻结金额), in fen.
    frozen: i64,
    /// Its money that placed donations hold until they settle, and coupons until they are used or
    /// end, in fen.
    held: i64,
    /// What its coupons were redeemed for, in fen, where it is a coupon activity.
    spent: Option<i64>,
}

impl FundedActivity {
    fn read(
        reader: &Reader,
        (activity, frozen, held): (campaign::Activity, Fen, Fen),
    ) -> Result<Self, StoreError> {
        let spent = spent(reader, &activity)?.map(|money| money.0);
        Ok(Self { activity: activity.into(), frozen: frozen.0, held: held.0, spent })
    }
}

/// What a coupon activity's coupons were redeemed for.
pub(super) fn spent(
    reader: &Reader,
    activity: &campaign::Activity,
) -> Result<Option<Fen>, StoreError> {
    let Some(offer) = &activity.coupon else { return Ok(None) };
    let account = reader.account(offer.spent)?;
    Ok(Some(account.map_or(Fen::ZERO, |account| account.balance)))
}

impl Record for FundedActivity {
    const LIST: &'static str = "activities";
    const COLUMNS: &'static [&'static str] = &[
        "activity_no",
        "org_no",
        "kind",
        "name",
        "status",
        "starts_at",
        "ends_at",
        "projects",
        "frozen",
        "held",
        "spent",
        "limits",
        "channel",
        "offer",
        "frozen_account",
        "held_account",
        "created_at",
    ];
}

/// Which activities. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct Filter {
    /// Of this organization.
    org_no: Option<String>,
    /// Bound to this project.
    project_no: Option<String>,
    /// That stand here.
    #[param(inline)]
    status: Option<ActivityStatus>,
}

/// Lists activities.
#[utoipa::path(
    get, path = "/activities", operation_id = "list_activities", tag = "activities",
    params(Filter, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<FundedActivity> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter = ActivityFilter {
            org_no: filter.org_no.as_deref().map(OrgNo::from),
            project_no: filter.project_no.as_deref().map(ProjectNo::from),
            status: filter.status.map(Into::into),
        };
        try_shown(reader.activities(&filter, page)?, |it| FundedActivity::read(reader, it))
    })
    .await
}

/// Shows an activity and its money.
#[utoipa::path(
    get, path = "/activities/{activity_no}", operation_id = "get_activity", tag = "activities",
    params(("activity_no" = String, Path, description = "Its number")),
    responses(
        (status = 200, description = "It", body = FundedActivity),
        Getting,
    )
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(activity_no): Named<String>,
) -> Result<axum::Json<FundedActivity>, Problem> {
    let number = ActivityNo::from(activity_no.as_str());
    let shown = operator.find("activity_no", &activity_no, move |reader| {
        reader.activity(&number)?.map(|it| FundedActivity::read(reader, it)).transpose()
    });
    Ok(axum::Json(shown.await?))
}
