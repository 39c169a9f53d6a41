//! Making an activity and changing its settings.

use axum::http::StatusCode;
use huodong_campaign::{
    ActivityNo, CreateActivity, CreateCouponActivity, OrgNo, ProjectNo, UpdateActivity, UserLimits,
};
use huodong_wire::lakala::SHORT_ID_CHARS_MAX;
use serde::Deserialize;
use utoipa::ToSchema;

use super::offer::in_the_offer;
use super::{Activity, NewOffer};
use crate::operator::activity_words::{ActivityKind, Channel, NewRule, UserLimits as LimitsGiven};
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::problem::Problem;
use crate::operator::values::{Name, Number, Time, maybe_at_most};

/// Projects one activity may be bound to; the rules say the same, after the list is read.
const PROJECTS_MAX: usize = 100;
/// Behaviour rules one activity may show.
const RULES_MAX: usize = 20;

/// What an activity is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct NewActivity {
    /// Its number; made where none is given.
    activity_no: Option<Number>,
    /// Who funds it.
    org_no: Number,
    /// What kind it is: a `coupon` activity has an `offer`, all others have `projects`.
    kind: ActivityKind,
    /// Its name.
    name: Name,
    /// Orders (donations or coupons) are taken from this moment on …
    starts_at: Time,
    /// … and until just before this one.
    ends_at: Time,
    /// The projects its donations may go to.
    #[serde(default, deserialize_with = "maybe_at_most::<PROJECTS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 100)]
    projects: Option<Vec<Number>>,
    /// Behaviour rules, for show; not of a coupon activity.
    #[serde(default, deserialize_with = "maybe_at_most::<RULES_MAX, _, _>")]
    #[schema(max_items = 20)]
    rules: Option<Vec<NewRule>>,
    /// What a coupon activity hands out.
    offer: Option<NewOffer>,
    /// What one user may take; no limit where none is given.
    limits: Option<LimitsGiven>,
    /// What executes its orders; where none is given, each succeeds at once.
    channel: Option<Channel>,
}

/// What an activity is for.
enum Purpose {
    Donations { projects: Vec<Number>, rules: Vec<NewRule> },
    Coupons(NewOffer),
}

impl NewActivity {
    /// Takes out what only one kind has, if it is what this kind must have.
    fn purpose(&mut self) -> Result<Purpose, Problem> {
        let wrong = |field: &str, says: &str| Problem::invalid(field, format!("{field}: {says}"));
        let (projects, rules, offer) = (self.projects.take(), self.rules.take(), self.offer.take());
        if self.kind == ActivityKind::Coupon {
            let number = self.activity_no.as_ref().map(Number::as_str).unwrap_or_default();
            match (projects, rules, offer) {
                (Some(_), _, _) => Err(wrong("projects", "a coupon activity has none")),
                (_, Some(_), _) => Err(wrong("rules", "a coupon activity has none")),
                (_, _, None) => Err(wrong("offer", "a coupon activity must have one")),
                _ if number.len() > SHORT_ID_CHARS_MAX => {
                    Err(wrong("activity_no", "a coupon activity's has at most 32 characters"))
                }
                (None, None, Some(offer)) => Ok(Purpose::Coupons(offer)),
            }
        } else {
            match (projects, offer) {
                (_, Some(_)) => Err(wrong("offer", "only a coupon activity has one")),
                (None, _) => Err(wrong("projects", "a donation activity must have some")),
                (Some(projects), None) => {
                    Ok(Purpose::Donations { projects, rules: rules.unwrap_or_default() })
                }
            }
        }
    }
}

/// Makes an activity: a draft, without money.
///
/// One that hands out coupons: `{"kind": "coupon", "offer": {"promotion_id": "WX1", "batch_code":
/// "125", "terms": {"discount": {"fixed": {"money": 1000}}, "minimum_spend": 5000, "validity":
/// {"days": 30}}, "issuers": ["OP00000003"], "stock": 1000}, …}` in place of the projects. Its
/// number has at most 32 characters.
#[utoipa::path(
    post, path = "/activities", operation_id = "create_activity", tag = "activities",
    security(("token" = ["admin"])),
    request_body(content = NewActivity, example = json!({
        "activity_no": "a1", "org_no": "org1", "kind": "points", "name": "积分换图书",
        "starts_at": "2026-11-01 00:00:00", "ends_at": "2027-01-01 00:00:00",
        "projects": ["p1"], "limits": {"count_day": 3, "money_total": 10_000},
        "channel": {"book": {"settlement": {"deferred": {"delay_s": 30}}, "fail_per_10000": 100}}
    })),
    responses((status = 201, description = "Made", body = Activity), Changing)
)]
pub(in crate::operator) async fn create(
    operator: Operator<Administers>,
    Json(mut new): Json<NewActivity>,
) -> Result<(StatusCode, axum::Json<Activity>), Problem> {
    let purpose = new.purpose()?;
    let activity_no = new.activity_no.map(|it| ActivityNo::from(it.into_string()));
    let org_no = OrgNo::from(new.org_no.into_string());
    let name = new.name.into_string();
    let (starts_at, ends_at) = (new.starts_at.0, new.ends_at.0);
    let limits = new.limits.map(Into::into).unwrap_or_default();
    let channel = new.channel.map_or_else(Channel::simplest, Into::into);
    let made = match purpose {
        Purpose::Donations { projects, rules } => {
            let command = CreateActivity {
                activity_no,
                org_no,
                kind: new.kind.into(),
                name,
                starts_at,
                ends_at,
                projects: numbers(projects),
                rules: rules.into_iter().map(Into::into).collect(),
                limits,
                channel,
            };
            operator.change(command).await?
        }
        Purpose::Coupons(offer) => {
            let offer = offer.into();
            let command = CreateCouponActivity {
                activity_no,
                org_no,
                name,
                starts_at,
                ends_at,
                limits,
                channel,
                offer,
            };
            operator.submit(command).await?.map_err(in_the_offer)?
        }
    };
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// What to change of an activity; what is left out stays, what is given is replaced as a whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct ActivityChanges {
    /// Its name.
    name: Option<Name>,
    /// When orders are taken.
    starts_at: Option<Time>,
    /// When no longer.
    ends_at: Option<Time>,
    /// The projects its donations may go to.
    #[serde(default, deserialize_with = "maybe_at_most::<PROJECTS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 100)]
    projects: Option<Vec<Number>>,
    /// Behaviour rules, for show.
    #[serde(default, deserialize_with = "maybe_at_most::<RULES_MAX, _, _>")]
    #[schema(max_items = 20)]
    rules: Option<Vec<NewRule>>,
    /// What one user may take. Once the activity has started, limits can be changed but not
    /// introduced, as nothing has been counted.
    limits: Option<LimitsGiven>,
    /// What executes its orders. One already placed keeps the time it settles at; whether it
    /// succeeds then is for the channel of that time to say.
    channel: Option<Channel>,
}

/// Changes an activity's settings, until it has ended.
#[utoipa::path(
    patch, path = "/activities/{activity_no}", operation_id = "update_activity",
    tag = "activities", security(("token" = ["admin"])),
    params(("activity_no" = String, Path, description = "Its number")),
    request_body(content = ActivityChanges, example = json!({"ends_at": "2027-02-01 00:00:00"})),
    responses((status = 200, description = "As it is now", body = Activity), Changing)
)]
pub(in crate::operator) async fn update(
    operator: Operator<Administers>,
    Named(activity_no): Named<String>,
    Json(changes): Json<ActivityChanges>,
) -> Result<axum::Json<Activity>, Problem> {
    let command = UpdateActivity {
        activity_no: ActivityNo::from(activity_no),
        name: changes.name.map(Name::into_string),
        starts_at: changes.starts_at.map(|time| time.0),
        ends_at: changes.ends_at.map(|time| time.0),
        projects: changes.projects.map(numbers),
        rules: changes.rules.map(|rules| rules.into_iter().map(Into::into).collect()),
        limits: changes.limits.map(UserLimits::from),
        channel: changes.channel.map(Into::into),
    };
    Ok(axum::Json(operator.change(command).await?.into()))
}

fn numbers(projects: Vec<Number>) -> Vec<ProjectNo> {
    projects.into_iter().map(|it| ProjectNo::from(it.into_string())).collect()
}
