//! What is owed to partners, for whoever looks: each callback, its attempts, and what was sent.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use http::Uri;
use huodong_campaign::{
    Actor, Attempt, Callback, CallbackEvent, CallbackState, Coupon, CouponKey, CouponStatus, Id,
    Operated, Resend, ResendRefusal, SHANGHAI,
};
use huodong_engine::{EngineError, Ran};
use huodong_store::{CallbackFilter, PageRequest, Reader, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::operator::body::Named;
use crate::operator::problem::{Kind, Problem};
use crate::order_number::{order_number, parse_order_number};
use crate::sent::Sent;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
const DEADLINE: Duration = Duration::from_secs(5);
/// What a coupon's number at the third party begins with.
const THIRD: &str = "wxd";

/// Which callbacks; all of them where nothing is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Of the coupon with this trade_no or third_coupon_id.
    pub(super) coupon: Option<String>,
    /// Of coupons asked for under this number.
    pub(super) mer_order_id: Option<String>,
    limit: Option<usize>,
    before: Option<i64>,
}

/// Callbacks, newest first.
#[derive(Debug, Serialize)]
pub(super) struct List {
    pub(super) items: Vec<Shown>,
    /// What to ask for as `before` for older ones.
    pub(super) next: Option<i64>,
}

/// A message owed to a partner.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// As text: a number of this size is not safe in JSON.
    pub(super) id: String,
    pub(super) event: &'static str,
    pub(super) appid: String,
    pub(super) receiver: String,
    pub(super) address: String,
    pub(super) trade_no: String,
    pub(super) third_coupon_id: String,
    pub(super) mer_order_id: String,
    pub(super) activity_id: String,
    pub(super) coupon_status: &'static str,
    pub(super) state: &'static str,
    /// When the next attempt is due, or the one under way was.
    pub(super) due_at: Option<String>,
    pub(super) created_at: String,
    pub(super) finished_at: Option<String>,
    /// Oldest first.
    pub(super) attempts: Vec<ShownAttempt>,
    #[serde(skip)]
    pub(super) due: Option<Timestamp>,
}

/// One attempt to deliver it.
#[derive(Debug, Serialize)]
pub(super) struct ShownAttempt {
    pub(super) number: u32,
    pub(super) due_at: String,
    pub(super) at: String,
    pub(super) took_ms: u32,
    pub(super) outcome: &'static str,
    pub(super) status: Option<u16>,
    /// The answer's first bytes, as far as they are text.
    pub(super) answer: String,
    pub(super) reason: String,
    /// The request as it was sent; `null` where that is forgotten.
    pub(super) sent: Option<ShownRequest>,
}

/// A request as it was sent.
#[derive(Debug, Serialize)]
pub(super) struct ShownRequest {
    pub(super) address: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What sending one again did.
#[derive(Debug, Serialize)]
pub(super) struct Resent {
    ran: Ran,
}

/// `GET callbacks`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Answer<List>, Problem> {
    Ok(Answer(found(&app, &asked(&uri)?).await?))
}

/// `POST callbacks/{id}/resend`: at once; answers when the attempt was made.
pub(super) async fn resend(
    State(app): State<Arc<App>>,
    Named(id): Named<i64>,
) -> Result<Answer<Resent>, Problem> {
    let actor = Actor { name: "sandbox".to_owned(), trace_id: String::new() };
    let command = Operated { actor, command: Resend { callbacks: vec![Id(id)] } };
    app.engine.submit(command, DEADLINE).await?.map_err(|refusal| match refusal {
        ResendRefusal::Unknown => Problem::unknown("id", &id.to_string()),
        ResendRefusal::UnderWay => Problem::new(Kind::WrongState, refusal.to_string()),
    })?;
    Ok(Answer(Resent { ran: app.engine.run_due_after(|_| ()).await? }))
}

/// Which callbacks a query asks for; a field that is left empty asks for nothing.
pub(super) fn asked(uri: &Uri) -> Result<Asked, Problem> {
    let mut given = form_urlencoded::Serializer::new(String::new());
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    given.extend_pairs(query.filter(|(_, value)| !value.trim().is_empty()));
    let asked: Asked = serde_urlencoded::from_str(&given.finish())
        .map_err(|error| Problem::new(Kind::Malformed, format!("query: {error}")))?;
    match asked.limit {
        Some(limit) if !(1..=LIMIT_MAX).contains(&limit) => {
            Err(Problem::invalid("limit", format!("limit must be 1 to {LIMIT_MAX}")))
        }
        _ => Ok(asked),
    }
}

/// The callbacks that are asked for, with all that is known of them.
pub(super) async fn found(app: &App, asked: &Asked) -> Result<List, Problem> {
    let limit = asked.limit.unwrap_or(LIMIT_DEFAULT);
    let page = PageRequest { before: asked.before, limit };
    let trimmed = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_owned());
    let (coupon, mer_order_id) = (trimmed(&asked.coupon), trimmed(&asked.mer_order_id));
    let read = app.engine.read(move |reader| {
        let of = match (coupon, mer_order_id) {
            (None, None) => None,
            (coupon, mer_order_id) => {
                Some(coupons(reader, coupon.as_deref(), mer_order_id.as_deref())?)
            }
        };
        let (callbacks, next) = callbacks(reader, of, page)?;
        let rows = callbacks.into_iter().map(|callback| {
            let coupon = reader.coupon(callback.coupon)?;
            let attempts = reader.attempts(callback.id)?;
            Ok((callback, coupon, attempts))
        });
        Ok((rows.collect::<Result<Vec<_>, StoreError>>()?, next))
    });
    let (rows, next) = read.await?;
    let items = rows.into_iter().map(|(callback, coupon, attempts)| {
        let lost = || EngineError::Broken(format!("callback {} has no coupon", callback.id.0));
        let sent = app.sent.of(callback.id);
        Ok(Shown::of(&callback, &coupon.ok_or_else(lost)?, attempts, &sent))
    });
    Ok(List { items: items.collect::<Result<_, EngineError>>()?, next })
}

/// The coupons both numbers name, where both are given.
fn coupons(
    reader: &Reader,
    coupon: Option<&str>,
    mer_order_id: Option<&str>,
) -> Result<Vec<Id>, StoreError> {
    let named = coupon.map(|text| {
        let third = text.strip_prefix(THIRD).and_then(|digits| digits.parse().ok()).map(Id);
        third.or_else(|| parse_order_number(text))
    });
    let Some(mer_order_id) = mer_order_id else {
        return Ok(named.flatten().into_iter().collect());
    };
    let mut found = Vec::new();
    for institution in reader.all_institutions()? {
        let key = CouponKey { appid: institution.appid, mer_order_id: mer_order_id.into() };
        found.extend(reader.coupon_by_key(&key)?.map(|coupon| coupon.id));
    }
    found.retain(|id| named.is_none_or(|named| named == Some(*id)));
    Ok(found)
}

/// A page of all, or all of these coupons: a coupon has two at most.
fn callbacks(
    reader: &Reader,
    of: Option<Vec<Id>>,
    page: PageRequest,
) -> Result<(Vec<Callback>, Option<i64>), StoreError> {
    let Some(coupons) = of else {
        let found = reader.callbacks(&CallbackFilter::default(), page)?;
        return Ok((found.rows, found.next));
    };
    let mut rows = Vec::new();
    for coupon in coupons {
        let filter = CallbackFilter { coupon: Some(coupon), ..CallbackFilter::default() };
        rows.extend(reader.callbacks(&filter, page)?.rows);
    }
    rows.sort_by_key(|callback| std::cmp::Reverse(callback.id));
    Ok((rows, None))
}

impl Shown {
    fn of(callback: &Callback, coupon: &Coupon, attempts: Vec<Attempt>, sent: &[Sent]) -> Self {
        let (state, due) = match callback.state {
            CallbackState::Waiting { due_at } => ("waiting", Some(due_at)),
            CallbackState::Leased { due_at, .. } => ("under_way", Some(due_at)),
            CallbackState::Delivered => ("delivered", None),
            CallbackState::Exhausted => ("exhausted", None),
        };
        let (event, address) = match callback.event {
            CallbackEvent::IssueResult => ("issue_result", coupon.post_notify.as_deref()),
            CallbackEvent::WriteOff => ("write_off", Some(&*coupon.write_off_notify)),
        };
        let attempts = attempts.into_iter().map(|attempt| {
            let sent = sent.iter().find(|sent| sent.attempt == attempt.number);
            ShownAttempt::of(attempt, sent)
        });
        Self {
            id: callback.id.0.to_string(),
            event,
            appid: callback.appid.to_string(),
            receiver: callback.receiver.to_string(),
            address: address.unwrap_or_default().to_owned(),
            trade_no: order_number(coupon.id),
            third_coupon_id: format!("{THIRD}{}", coupon.id.0),
            mer_order_id: coupon.key.mer_order_id.to_string(),
            activity_id: coupon.activity_no.to_string(),
            coupon_status: match coupon.status {
                CouponStatus::Process => "process",
                CouponStatus::Issued => "issued",
                CouponStatus::Failed => "failed",
                CouponStatus::Used => "used",
                CouponStatus::Expired => "expired",
            },
            state,
            due_at: due.map(wall),
            created_at: wall(callback.created_at),
            finished_at: callback.finished_at.map(wall),
            attempts: attempts.collect(),
            due,
        }
    }
}

impl ShownAttempt {
    fn of(attempt: Attempt, sent: Option<&Sent>) -> Self {
        use huodong_campaign::AttemptOutcome as Outcome;
        Self {
            number: attempt.number,
            due_at: wall(attempt.due_at),
            at: wall(attempt.at),
            took_ms: attempt.took_ms,
            outcome: match attempt.outcome {
                Outcome::Acknowledged => "acknowledged",
                Outcome::NotAcknowledged => "not_acknowledged",
                Outcome::BadStatus => "bad_status",
                Outcome::TimedOut => "timed_out",
                Outcome::Unreachable => "unreachable",
                Outcome::TooLarge => "too_large",
                Outcome::Broken => "broken",
                Outcome::Forbidden => "forbidden",
                Outcome::Interrupted => "interrupted",
                Outcome::NotSent => "not_sent",
            },
            status: attempt.status,
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
            reason: attempt.reason,
            sent: sent.map(|sent| ShownRequest {
                address: sent.address.clone(),
                headers: sent.headers.clone(),
                body: String::from_utf8_lossy(&sent.body).into_owned(),
            }),
        }
    }
}

/// Shanghai wall time, to the millisecond.
pub(super) fn wall(time: Timestamp) -> String {
    SHANGHAI.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}
