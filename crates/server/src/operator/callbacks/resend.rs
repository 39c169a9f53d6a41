//! Telling institutions again.

use huodong_campaign::{Id, Resend};
use huodong_store::{CallbackFilter, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::known;
use super::{Callback, CallbackEvent, CallbackStatus, WhichCallbacks};
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::{Json, Named};
use crate::operator::document::Changing;
use crate::operator::list::{position, write_cursor};
use crate::operator::problem::Problem;
use crate::operator::values::Time;

/// Callbacks sent again in one command.
const AT_ONCE_MAX: usize = 200;
/// Callbacks sent again for one call …
const CALL_MAX: u64 = 1_000;
/// … and pages read for it, as a filter that matches little finds few on each.
const PAGES_MAX: u32 = 20;

/// Sends a callback again, at once.
///
/// One that waits is brought forward; one that was delivered or is exhausted begins its schedule of
/// ten attempts anew.
#[utoipa::path(
    post, path = "/callbacks/{id}/resend", operation_id = "resend_callback", tag = "callbacks",
    security(("token" = ["admin"])),
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "As it is now", body = Callback), Changing)
)]
pub(in crate::operator) async fn resend(
    operator: Operator<Administers>,
    Named(named): Named<String>,
) -> Result<axum::Json<Callback>, Problem> {
    let id = known(&named)?;
    operator.change(Resend { callbacks: vec![id] }).await?;
    let found = operator.find("id", &named, move |reader| reader.callback(id)).await?;
    Ok(axum::Json(found.into()))
}

/// Which callbacks to send again. All that is given must match.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::operator) struct ResendAll {
    /// That stand here: `exhausted`, `delivered` or `waiting`.
    status: CallbackStatus,
    /// Owed to this institution.
    appid: Option<String>,
    /// That tell this.
    event: Option<CallbackEvent>,
    /// To this host and port, in lowercase.
    #[schema(example = "test.bank.com")]
    receiver: Option<String>,
    /// Of this coupon, by its `id`, its `trade_no` or its `third_coupon_id`.
    coupon: Option<String>,
    /// Of what happened at or after this moment …
    #[schema(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    from: Option<Time>,
    /// … and before this one.
    #[schema(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    until: Option<Time>,
    /// Where to go on: the `next_cursor` of the answer before, as it was.
    cursor: Option<String>,
}

/// What was sent again.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Resent {
    /// How many.
    resent: u64,
    /// There may be more that match: ask again with `next_cursor`.
    more: bool,
    /// What to ask with to go on; `null` at the end.
    next_cursor: Option<String>,
}

/// Sends all callbacks again that match, at once, the newest first.
///
/// One call sends about a thousand; while the answer says `more`, ask again with its `next_cursor`.
/// Those whose attempt is under way are left alone.
#[utoipa::path(
    post, path = "/callbacks/resend", operation_id = "resend_callbacks", tag = "callbacks",
    security(("token" = ["admin"])),
    request_body(content = ResendAll, example = json!(
        {"status": "exhausted", "receiver": "test.bank.com"})),
    responses((status = 200, description = "How many were sent again", body = Resent), Changing)
)]
pub(in crate::operator) async fn resend_all(
    operator: Operator<Administers>,
    Json(asked): Json<ResendAll>,
) -> Result<axum::Json<Resent>, Problem> {
    if asked.status == CallbackStatus::Leased {
        let detail = "status: an attempt that is under way is left alone";
        return Err(Problem::invalid("status", detail));
    }
    let mut next = match &asked.cursor {
        None => None,
        Some(cursor) => Some(position(cursor).ok_or_else(|| {
            Problem::invalid("cursor", "cursor: is not a next_cursor of this operation")
        })?),
    };
    let filter = asked.filter()?;
    let mut resent = 0;
    for _ in 0..PAGES_MAX {
        let (filter, before) = (filter.clone(), next);
        let page = operator.read(move |reader| {
            reader.callbacks(&filter, PageRequest { before, limit: AT_ONCE_MAX })
        });
        let page = page.await?;
        resent += again(&operator, page.rows.iter().map(|callback| callback.id).collect()).await?;
        next = page.next;
        if next.is_none() || resent >= CALL_MAX {
            break;
        }
    }
    let next_cursor = next.as_ref().map(write_cursor);
    Ok(axum::Json(Resent { resent, more: next_cursor.is_some(), next_cursor }))
}

impl ResendAll {
    fn filter(&self) -> Result<CallbackFilter, Problem> {
        let which = WhichCallbacks {
            appid: self.appid.clone(),
            event: self.event,
            status: Some(self.status),
            receiver: self.receiver.clone(),
            coupon: self.coupon.clone(),
            from: self.from,
            until: self.until,
        };
        which.for_store().ok_or_else(|| Problem::invalid("coupon", "coupon: is not a number"))
    }
}

async fn again(operator: &Operator<Administers>, callbacks: Vec<Id>) -> Result<u64, Problem> {
    if callbacks.is_empty() {
        return Ok(0);
    }
    // Refused is only one that stands alone and whose attempt is under way by now.
    let done = operator.submit(Resend { callbacks }).await?.unwrap_or_default();
    Ok(done.len() as u64)
}
