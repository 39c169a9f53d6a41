//! A callback and its attempts as they are shown.

use axum::response::Response;
use huodong_campaign::{self as campaign, CallbackState, Id, InstitutionId};
use huodong_store::CallbackFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::coupons::coupon_number;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::organizations::Filter as NoFilter;
use crate::operator::problem::{Kind, Problem};
use crate::operator::values::{Time, words};

words! {
    /// What a callback tells: `issue_result` (发放回调; a coupon was issued, or was not) or
    /// `write_off` (核销回调; one was used, or expired).
    CallbackEvent { IssueResult, WriteOff }

    /// How an attempt ended: `acknowledged` (a 2xx answer whose body says SUCCESS),
    /// `not_acknowledged` (a 2xx answer that says anything else), `bad_status` (another status;
    /// redirects are not followed), `timed_out`, `unreachable` (no connection), `too_large` (more
    /// than is read), `broken` (the connection broke, or it was no HTTP), `forbidden` (the address
    /// leads to where callbacks may not go), `interrupted` (the server ended meanwhile; it is made
    /// again), `not_sent` (for a reason of the server's own; it is made again).
    AttemptOutcome {
        Acknowledged, NotAcknowledged, BadStatus, TimedOut, Unreachable, TooLarge, Broken, Forbidden,
        Interrupted, NotSent,
    }

    /// Where a callback stands: `waiting` for its next attempt, `leased` while an attempt is under
    /// way, `delivered`, or `exhausted` after its tenth failed attempt.
    CallbackStatus in huodong_store { Waiting, Leased, Delivered, Exhausted }
}

/// A message owed to an institution.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Callback {
    /// Its number.
    #[schema(example = "228184215552000002")]
    id: String,
    /// What it tells.
    event: CallbackEvent,
    /// Of which coupon: its number.
    coupon: String,
    /// The same as the institution was told it.
    trade_no: String,
    /// Whom it is owed to.
    appid: String,
    /// Where it goes: host and port of the address.
    #[schema(example = "test.bank.com")]
    receiver: String,
    /// Where it stands.
    status: CallbackStatus,
    /// When its next attempt is due, or that under way was; `null` at its end.
    due_at: Option<Time>,
    /// Attempts of the present schedule that have failed; after ten it is exhausted.
    tries: u8,
    /// Attempts in all, interrupted ones and those before a resend included.
    attempts: u32,
    /// How many of those, the first ones, are archived: in files, and no longer in its list of
    /// attempts.
    attempts_archived: u32,
    /// When what it tells happened.
    created_at: Time,
    /// What its schedule counts from: that moment, or when it was last sent again.
    began_at: Time,
    /// When it was delivered or exhausted.
    finished_at: Option<Time>,
}

impl From<campaign::Callback> for Callback {
    fn from(it: campaign::Callback) -> Self {
        let due_at = match it.state {
            CallbackState::Waiting { due_at } | CallbackState::Leased { due_at, .. } => {
                Some(Time(due_at))
            }
            CallbackState::Delivered | CallbackState::Exhausted => None,
        };
        Self {
            id: it.id.to_string(),
            event: it.event.into(),
            coupon: it.coupon.to_string(),
            trade_no: crate::order_number(it.coupon),
            appid: it.appid.to_string(),
            receiver: it.receiver.into(),
            status: huodong_store::CallbackStatus::from(it.state).into(),
            due_at,
            tries: it.tries,
            attempts: it.attempts,
            attempts_archived: it.archived,
            created_at: Time(it.created_at),
            began_at: Time(it.began_at),
            finished_at: it.finished_at.map(Time),
        }
    }
}

impl Record for Callback {
    const LIST: &'static str = "callbacks";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "event",
        "coupon",
        "trade_no",
        "appid",
        "receiver",
        "status",
        "due_at",
        "tries",
        "attempts",
        "attempts_archived",
        "created_at",
        "began_at",
        "finished_at",
    ];
}

/// Which callbacks. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct WhichCallbacks {
    /// Owed to this institution.
    pub(super) appid: Option<String>,
    /// That tell this.
    #[param(inline)]
    pub(super) event: Option<CallbackEvent>,
    /// That stand here.
    #[param(inline)]
    pub(super) status: Option<CallbackStatus>,
    /// To this host and port, in lowercase.
    #[param(example = "test.bank.com")]
    pub(super) receiver: Option<String>,
    /// Of this coupon, by its `id`, its `trade_no` or its `third_coupon_id`.
    pub(super) coupon: Option<String>,
    /// Of what happened at or after this moment …
    #[param(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    pub(super) from: Option<Time>,
    /// … and before this one.
    #[param(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    pub(super) until: Option<Time>,
}

impl WhichCallbacks {
    /// `None`: what it says of a coupon is no coupon's number.
    pub(super) fn for_store(&self) -> Option<CallbackFilter> {
        let coupon = match self.coupon.as_deref() {
            Some(text) => Some(coupon_number(text)?),
            None => None,
        };
        Some(CallbackFilter {
            appid: self.appid.as_deref().map(InstitutionId::from),
            coupon,
            event: self.event.map(Into::into),
            status: self.status.map(Into::into),
            receiver: self.receiver.clone(),
            from: self.from.map(|time| time.0),
            until: self.until.map(|time| time.0),
        })
    }
}

/// Lists callbacks.
#[utoipa::path(
    get, path = "/callbacks", operation_id = "list_callbacks", tag = "callbacks",
    params(WhichCallbacks, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Callback> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<WhichCallbacks>,
) -> Result<Response, Problem> {
    let list = list.try_map(|asked| {
        asked
            .for_store()
            .ok_or_else(|| Problem::new(Kind::Malformed, "coupon: is not a number").about("coupon"))
    })?;
    list.answer(&operator, |reader, filter, page| {
        Ok(shown(reader.callbacks(filter, page)?, Callback::from))
    })
    .await
}

/// Shows a callback.
#[utoipa::path(
    get, path = "/callbacks/{id}", operation_id = "get_callback", tag = "callbacks",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "It", body = Callback), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(named): Named<String>,
) -> Result<axum::Json<Callback>, Problem> {
    let id = known(&named)?;
    let found = operator.find("id", &named, move |reader| reader.callback(id)).await?;
    Ok(axum::Json(found.into()))
}

pub(super) fn known(named: &str) -> Result<Id, Problem> {
    named.parse().map(Id).map_err(|_| Problem::unknown("id", named))
}

/// One attempt to deliver a callback.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Attempt {
    /// Which of the callback's attempts, from 1 on.
    number: u32,
    /// When it was due, by the business clock.
    due_at: Time,
    /// When it began.
    at: Time,
    /// How long it took, in milliseconds.
    took_ms: u32,
    /// How it ended.
    outcome: AttemptOutcome,
    /// The answer's HTTP status, where there was one.
    status: Option<u16>,
    /// The answer's first bytes, as text; what is not UTF-8 is shown as U+FFFD.
    answer: String,
    /// What exactly went wrong; empty where nothing did.
    reason: String,
}

impl From<campaign::Attempt> for Attempt {
    fn from(it: campaign::Attempt) -> Self {
        Self {
            number: it.number,
            due_at: Time(it.due_at),
            at: Time(it.at),
            took_ms: it.took_ms,
            outcome: it.outcome.into(),
            status: it.status,
            answer: String::from_utf8_lossy(&it.answer).into_owned(),
            reason: it.reason,
        }
    }
}

impl Record for Attempt {
    const LIST: &'static str = "attempts";
    const COLUMNS: &'static [&'static str] =
        &["number", "due_at", "at", "took_ms", "outcome", "status", "answer", "reason"];
}

/// Lists a callback's attempts, the first one first, but for those that are archived.
#[utoipa::path(
    get, path = "/callbacks/{id}/attempts", operation_id = "list_attempts", tag = "callbacks",
    params(("id" = String, Path, description = "The callback's number"), Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Attempt> = "application/json"), (String = "text/csv"))),
        Getting,
    )
)]
pub(in crate::operator) async fn attempts(
    operator: Operator<Reads>,
    Named(named): Named<String>,
    list: List<NoFilter>,
) -> Result<Response, Problem> {
    let id = known(&named)?;
    let found = operator.find("id", &named, move |reader| {
        reader.callback(id)?.map(|_| reader.attempts(id)).transpose()
    });
    let rows = found.await?.into_iter().map(Attempt::from).collect();
    list.answer_sorted(rows, |attempt: &Attempt| attempt.number)
}

/// How many callbacks stand where.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct CallbackCounts {
    /// For each status that occurs.
    counts: Vec<CallbackCount>,
}

/// The callbacks of one status.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct CallbackCount {
    /// The status.
    status: CallbackStatus,
    /// How many.
    count: u64,
}

/// Counts callbacks by status.
#[utoipa::path(
    get, path = "/callbacks/counts", operation_id = "count_callbacks", tag = "callbacks",
    responses((status = 200, description = "The counts", body = CallbackCounts), Reading)
)]
pub(in crate::operator) async fn counts(
    operator: Operator<Reads>,
) -> Result<axum::Json<CallbackCounts>, Problem> {
    let counts = operator.read(|reader| reader.callback_counts()).await?.into_iter();
    let count = |(status, count): (huodong_store::CallbackStatus, u64)| CallbackCount {
        status: status.into(),
        count,
    };
    Ok(axum::Json(CallbackCounts { counts: counts.map(count).collect() }))
}
