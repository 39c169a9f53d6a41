//! What becomes of a call that meets one of the sandbox's faults.

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use huodong_wire::lakala::{
    Api, Code, IssueData, QueryData, Reply, ReplyData, TradeStatus, decode,
};
use serde_json::Value;
use tracing::info;

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::reply::Outcome;
use crate::directory::KnownInstitution;
use crate::faults::{self, Fault, FaultAction};
use crate::{App, TraceId};

/// What an API is called in a rule.
pub(super) const fn name_of(api: Api) -> &'static str {
    match api {
        Api::Issue => faults::LAKALA_ISSUE,
        Api::Query => faults::LAKALA_QUERY,
    }
}

/// A field of a request, as text, whether it is wrapped or not.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body.get("req_data").unwrap_or(&body).get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A call that was let in; it owns what it needs, so that it can go on without its caller.
pub(super) struct Met {
    pub(super) app: Arc<App>,
    pub(super) caller: Arc<KnownInstitution>,
    pub(super) trace_id: TraceId,
    pub(super) body: Bytes,
}

impl Met {
    /// Does what was asked.
    async fn handle<H: Handler>(self) -> Result<Outcome, Refusal> {
        let request = decode::<H::Request<'_>>(&self.body).1?;
        H::handle(&Call { app: &self.app, caller: &self.caller }, request).await
    }
}

/// Lets the fault happen, around or instead of what the call asked for.
pub(super) async fn meet<H: Handler>(
    fault: Fault,
    met: Met,
    extensions: &Extensions,
) -> Result<Outcome, Refusal> {
    let (trace_id, api) = (met.trace_id, H::API.name());
    info!(%trace_id, api, ?fault, "a fault that was asked for");
    // Tasks are only cancelled when the process ends.
    let cancelled = || Err(Refusal::plain(Code::Internal));
    match fault.action {
        FaultAction::GoOn => {
            faults::detached(fault.delay, met.handle::<H>()).await.unwrap_or_else(cancelled)
        }
        FaultAction::Answer { code, msg } => {
            tokio::time::sleep(fault.delay).await;
            Ok(answer(H::API, code.number(), msg))
        }
        FaultAction::DropBefore => {
            tokio::time::sleep(fault.delay).await;
            match faults::cut(extensions).await {}
        }
        FaultAction::DropAfter => {
            // Whatever came of it, the caller is not to know.
            let outcome = faults::detached(fault.delay, met.handle::<H>()).await;
            let done = matches!(outcome, Some(Ok(_)));
            info!(%trace_id, done, "answered by cutting the connection");
            match faults::cut(extensions).await {}
        }
    }
}

fn answer(api: Api, code: i64, msg: Option<String>) -> Outcome {
    let number = format!("{code:06}");
    let known = Code::from_number(&number);
    let msg = msg.unwrap_or_else(|| known.map_or("", Code::text).to_owned());
    match api {
        Api::Issue => {
            let data = IssueData {
                trade_status: failed(known),
                ..IssueData::refused(known.unwrap_or(Code::Internal), msg.clone().into())
            };
            let data = IssueData { res_code: number.clone().into(), ..data };
            Outcome::Issue(reply(known, number, msg, data))
        }
        Api::Query => {
            let data = QueryData {
                trade_status: failed(known),
                ..QueryData::refused(known.unwrap_or(Code::Internal), msg.clone().into())
            };
            let data = QueryData { res_code: number.clone().into(), ..data };
            Outcome::Query(reply(known, number, msg, data))
        }
    }
}

/// What a campaign's rule refuses has failed for good; of other refusals nothing is told.
fn failed(code: Option<Code>) -> Option<TradeStatus> {
    code.filter(|code| code.is_outcome()).map(|_| TradeStatus::Fail)
}

/// What a campaign's rule refuses stands in the data of a success.
fn reply<D: ReplyData<'static>>(
    known: Option<Code>,
    number: String,
    msg: String,
    data: D,
) -> Reply<'static, D> {
    match known {
        Some(code) if code.is_outcome() => Reply::success(data),
        _ => Reply { code: number.into(), msg: msg.into(), data: Some(data) },
    }
}
