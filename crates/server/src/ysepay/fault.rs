//! What becomes of a call that meets one of the sandbox's faults.

use std::borrow::Cow;
use std::sync::Arc;

use http::Extensions;
use huodong_wire::ysepay::{AddDataCode, Api, ConsultCode, GatewayCode, Reply, SubCode};
use serde_json::Value;
use tracing::info;

use super::call::{Call, Handler};
use super::refusal::Refusal;
use crate::faults::{self, Fault, FaultAction};

/// What an API is called in a rule.
pub(super) const fn name_of(api: Api) -> &'static str {
    match api {
        Api::Upload => faults::YSEPAY_UPLOAD,
        Api::AddData => faults::YSEPAY_ADD_DATA,
        Api::Consult => faults::YSEPAY_CONSULT,
    }
}

impl Call {
    /// A field as text: of the content, of a photo's `meta`, or of the common ones.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let content = self.content.as_deref().unwrap_or_default();
        let content: Value = serde_json::from_str(content).unwrap_or_default();
        let meta = content.get("meta").and_then(|meta| meta.get(name));
        match content.get(name).or(meta) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => self.fields.get(name).map(str::to_owned),
            Some(other) => Some(other.to_string()),
        }
    }
}

/// Lets the fault happen, around or instead of what the call asked for.
pub(super) async fn meet<H: Handler>(
    fault: Fault,
    call: Arc<Call>,
    extensions: &Extensions,
) -> Result<Reply<'static>, Refusal> {
    let (trace_id, api) = (call.trace_id, H::API.name());
    info!(%trace_id, api, ?fault, "a fault that was asked for");
    let carry_out = {
        let call = Arc::clone(&call);
        async move { call.carry_out::<H>().await }
    };
    match fault.action {
        FaultAction::GoOn => {
            // Tasks are only cancelled when the process ends.
            let outcome = faults::detached(fault.delay, carry_out).await;
            outcome.unwrap_or_else(|| Err(Refusal::busy(H::API)))
        }
        FaultAction::Answer { code, msg } => {
            tokio::time::sleep(fault.delay).await;
            Ok(answer(H::API, &code.text(), msg))
        }
        FaultAction::DropBefore => {
            tokio::time::sleep(fault.delay).await;
            match faults::cut(extensions).await {}
        }
        FaultAction::DropAfter => {
            // Whatever came of it, the caller is not to know.
            let outcome = faults::detached(fault.delay, carry_out).await;
            let done = matches!(outcome, Some(Ok(_)));
            info!(%trace_id, done, "answered by cutting the connection");
            match faults::cut(extensions).await {}
        }
    }
}

/// One of the gateway's own codes is its own answer; every other is the API's.
fn answer(api: Api, code: &str, msg: Option<String>) -> Reply<'static> {
    if let Some(gateway) = GatewayCode::from_number(code) {
        let reply = Reply::gateway(gateway, "");
        return Reply { msg: msg.map_or(reply.msg, Cow::Owned), ..reply };
    }
    let text = match api {
        Api::Upload | Api::AddData => AddDataCode::from_number(code).map(SubCode::text),
        Api::Consult => ConsultCode::from_number(code).map(SubCode::text),
    };
    let msg = msg.unwrap_or_else(|| text.unwrap_or_default().to_owned());
    Reply::business(code.to_owned(), msg, "")
}
