//! What becomes of a call that meets one of the sandbox's faults.

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use huodong_wire::gongyi::{Code, Empty, FlowersAllowed, decode};
use serde_json::Value;
use tracing::info;

use super::call::{Answer, Call, Handler};
use super::refusal::Refusal;
use crate::directory::Caller;
use crate::faults::{self, Fault, FaultAction};
use crate::{App, TraceId};

/// A field of a request's body, as text.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A call that met a fault; it owns what it needs, so that it can go on without its caller.
pub(super) struct Met {
    pub(super) app: Arc<App>,
    pub(super) caller: Arc<Caller>,
    pub(super) trace_id: TraceId,
    pub(super) body: Bytes,
}

impl Met {
    fn call(&self) -> Call<'_> {
        Call { app: &self.app, caller: &self.caller, trace_id: self.trace_id }
    }

    async fn handle<H: Handler>(self) -> Result<Vec<u8>, Refusal> {
        let request = decode::<H::Request<'_>>(&self.body)?;
        H::handle(&self.call(), request).await
    }
}

/// Lets the fault happen, around or instead of what the call asked for.
pub(super) async fn meet<H: Handler>(
    fault: Fault,
    met: Met,
    extensions: &Extensions,
) -> Result<Answer, Refusal> {
    let (trace_id, api) = (met.trace_id, H::API.name());
    info!(%trace_id, api, ?fault, "a fault that was asked for");
    match fault.action {
        FaultAction::GoOn => {
            let outcome = faults::detached(fault.delay, met.handle::<H>()).await;
            // Tasks are only cancelled when the process ends.
            let cancelled = || Err(Refusal::plain(Code::StockBusy));
            outcome.unwrap_or_else(cancelled).map(Answer::success)
        }
        FaultAction::Answer { code, msg } => {
            tokio::time::sleep(fault.delay).await;
            Ok(answer::<H>(&met.call(), code.number(), msg))
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

fn answer<H: Handler>(call: &Call<'_>, code: i64, msg: Option<String>) -> Answer {
    let known = Code::from_number(code);
    let text = known.map_or("", |code| code.text(H::API));
    let msg = msg.as_deref().unwrap_or(text);
    let body = match known {
        Some(Code::FlowersDailyLimit) => {
            call.answer(code, msg, &FlowersAllowed { attach: Some(msg.into()) })
        }
        _ => call.answer(code, msg, &Empty {}),
    };
    Answer { code, body }
}
