//! What becomes of a call that meets one of the sandbox's faults.

use http::Extensions;
use huodong_wire::gongyi::{Code, Empty, FlowersAllowed};
use serde_json::Value;
use tracing::info;

use super::call::{Answer, Call, Handler};
use super::refusal::Refusal;
use crate::faults::{Fault, FaultAction};
use crate::listen::ConnectionHandle;

/// A field of a request's body, as text.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// Lets the fault happen, around or instead of what the call asked for.
pub(super) async fn meet<'a, H: Handler>(
    fault: Fault,
    call: &'a Call<'a>,
    request: H::Request<'a>,
    extensions: &Extensions,
) -> Result<Answer, Refusal> {
    info!(trace_id = %call.trace_id, api = H::API.name(), ?fault, "a fault that was asked for");
    if !fault.delay.is_zero() {
        tokio::time::sleep(fault.delay).await;
    }
    match fault.action {
        FaultAction::GoOn => H::handle(call, request).await.map(Answer::success),
        FaultAction::Answer { code, msg } => Ok(answer::<H>(call, code, msg)),
        FaultAction::DropBefore => cut(extensions).await,
        FaultAction::DropAfter => {
            // Whatever came of it, the caller is not to know.
            let outcome = H::handle(call, request).await;
            info!(trace_id = %call.trace_id, done = outcome.is_ok(), "answered by cutting the connection");
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
