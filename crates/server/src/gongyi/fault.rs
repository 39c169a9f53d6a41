//! What becomes of a call that meets one of the sandbox's faults.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use huodong_wire::gongyi::{Code, Empty, FlowersAllowed, decode};
use serde_json::Value;
use tokio::task::JoinError;
use tracing::info;

use super::call::{Answer, Call, Handler};
use super::refusal::Refusal;
use crate::directory::Caller;
use crate::faults::{Fault, FaultAction};
use crate::listen::ConnectionHandle;
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

    /// Does what was asked once the delay has passed. On a task of its own: a caller that has lost
    /// patience and hung up must find the donation there all the same, as it would with a slow
    /// server.
    async fn carry_out<H: Handler>(self, delay: Duration) -> Result<Vec<u8>, Refusal> {
        let work = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            self.handle::<H>().await
        });
        match work.await.map_err(JoinError::try_into_panic) {
            Ok(outcome) => outcome,
            Err(Ok(panic)) => resume_unwind(panic),
            // Tasks are only cancelled when the process ends.
            Err(Err(_cancelled)) => Err(Refusal::plain(Code::StockBusy)),
        }
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
        FaultAction::GoOn => met.carry_out::<H>(fault.delay).await.map(Answer::success),
        FaultAction::Answer { code, msg } => {
            tokio::time::sleep(fault.delay).await;
            Ok(answer::<H>(&met.call(), code, msg))
        }
        FaultAction::DropBefore => {
            tokio::time::sleep(fault.delay).await;
            cut(extensions).await
        }
        FaultAction::DropAfter => {
            // Whatever came of it, the caller is not to know.
            let outcome = met.carry_out::<H>(fault.delay).await;
            info!(%trace_id, done = outcome.is_ok(), "answered by cutting the connection");
            cut(extensions).await
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

async fn cut(extensions: &Extensions) -> Result<Answer, Refusal> {
    let connection = extensions.get::<ConnectionHandle>();
    match connection.expect("every request says how it came").drop_connection().await {}
}
