//! The steps every call takes: trace id, body, authentication, decoding, the handler's own work,
//! signed answer. They never change order.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use huodong_campaign::Command;
use huodong_engine::EngineError;
use huodong_engine::source::monotonic;
use huodong_store::{Reader, StoreError};
use huodong_wire::lakala::{Api, Code, DecodeError, Message, Shape, decode};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::authenticate::{Authorization, authenticate};
use super::refusal::Refusal;
use super::reply::{Outcome, response};
use super::{fault, words};
use crate::directory::KnownInstitution;
use crate::metrics::ApiMetrics;
use crate::trace::TraceId;
use crate::{App, body};

/// What is particular to one API.
pub(super) trait Handler: Send + Sync + 'static {
    /// Which.
    const API: Api;

    /// The body of its requests.
    type Request<'a>: Message + Deserialize<'a> + Send;

    /// Does what is asked, or refuses.
    fn handle<'a>(
        call: &'a Call<'a>,
        request: Self::Request<'a>,
    ) -> impl Future<Output = Result<Outcome, Refusal>> + Send;
}

/// What the calls of one API have in common.
pub(super) struct Face {
    app: Arc<App>,
    api: Api,
    metrics: ApiMetrics,
}

impl Face {
    pub(super) fn new(app: Arc<App>, api: Api) -> Self {
        let metrics = app.metrics.api("lakala", api.name());
        Self { app, api, metrics }
    }
}

/// One call that was let in.
pub(super) struct Call<'a> {
    /// The server.
    pub(super) app: &'a App,
    /// Who calls.
    pub(super) caller: &'a KnownInstitution,
}

impl Call<'_> {
    /// Has a change carried out.
    pub(super) async fn submit<C>(&self, command: C) -> Result<C::Done, Refusal>
    where
        C: Command,
        Refusal: From<C::Refusal>,
    {
        let decided = self.app.engine.submit(command, self.app.settings.deadline).await;
        Ok(decided.map_err(|error| Refusal::of_engine(self.app, &error))??)
    }

    /// Puts a question to the store, for at most as long as a call may wait.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let answer = self.app.engine.read(question);
        tokio::time::timeout(self.app.settings.deadline, answer)
            .await
            .unwrap_or(Err(EngineError::Deadline))
            .map_err(|error| Refusal::of_engine(self.app, &error))
    }
}

/// Answers a call.
pub(super) async fn serve<H: Handler>(face: Arc<Face>, request: Request<Body>) -> Response {
    let began = monotonic();
    let Face { app, api, metrics } = &*face;
    let trace_id = app.trace_ids.of(request.headers());
    let (head, sent) = request.into_parts();
    let claimed = Authorization::of(&head.headers);
    let mut let_in = false;
    let mut turned_away = None;
    let mut shape = Shape::default();
    let answered = match read(app, sent).await {
        Ok(body) => {
            shape = Shape::of(&body);
            match authenticate(app, &claimed, &body, app.engine.clock().real()) {
                Ok(caller) => {
                    let_in = true;
                    let met = fault::Met { app: Arc::clone(app), caller, trace_id, body };
                    answer::<H>(met, &head.extensions).await
                }
                Err(refused) => {
                    turned_away = refused.known;
                    Err(refused.refusal)
                }
            }
        }
        Err(refusal) => Err(refusal),
    };
    let took = began.elapsed();
    let outcome = match answered {
        Ok(outcome) => {
            info!(%trace_id, api = api.name(), code = outcome.number(), ?took, "answered");
            outcome
        }
        Err(refusal) => {
            report(*api, trace_id, &refusal);
            refusal.outcome(*api)
        }
    };
    let body = outcome.body(shape, words::shanghai(app.engine.clock().now()));
    let appid = claimed.appid().unwrap_or_default().to_owned();
    let signed = let_in || {
        let budget = turned_away.as_ref().map_or(&app.strangers, |known| &known.turned_away);
        budget.allows()
    };
    let response = response(app, signed, appid, body).await;
    metrics.answered(outcome.number(), began.elapsed());
    response
}

async fn answer<H: Handler>(
    met: fault::Met,
    extensions: &http::Extensions,
) -> Result<Outcome, Refusal> {
    let fault::Met { app, caller, body, .. } = &met;
    let request = decode::<H::Request<'_>>(body).1?;
    let api = fault::name_of(H::API);
    if let Some(fault) = app.faults.take(api, |name| fault::field(body, name)) {
        drop(request);
        return fault::meet::<H>(fault, met, extensions).await;
    }
    H::handle(&Call { app, caller }, request).await
}

async fn read(app: &App, body: Body) -> Result<Bytes, Refusal> {
    let settings = &app.settings;
    let read = body::read(body, settings.body_bytes_max, settings.body_deadline).await;
    read.map_err(|error| match error {
        body::BodyError::TooLarge => Refusal::new(
            Code::BodyUnreadable,
            format!("请求体不能超过 {} 字节", settings.body_bytes_max),
        ),
        body::BodyError::TooSlow => Refusal::new(Code::BodyUnreadable, "接收请求体超时"),
        body::BodyError::Broken => Refusal::new(Code::BodyUnreadable, "请求体不完整"),
    })
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::new(Code::from(&error), error.to_string())
    }
}

/// A caller's mistakes are worth a line each, ours a louder one. What overload refuses by the
/// thousand is only counted.
fn report(api: Api, trace_id: TraceId, refusal: &Refusal) {
    let (api, code, detail) = (api.name(), refusal.code.number(), refusal.detail());
    match &refusal.cause {
        Some(cause) => warn!(%trace_id, api, code, cause, "could not be carried out"),
        None if matches!(refusal.code, Code::RateLimited | Code::Internal) => {
            debug!(%trace_id, api, code, detail, "refused for now");
        }
        None => info!(%trace_id, api, code, detail, "refused"),
    }
}
