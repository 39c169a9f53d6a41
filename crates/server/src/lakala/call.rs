//! The steps every call takes: trace id, body, authentication, decoding, the handler's own work,
//! signed answer. They never change order.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Request};
use huodong_campaign::Command;
use huodong_engine::EngineError;
use huodong_engine::source::monotonic;
use huodong_store::{Reader, StoreError};
use huodong_wire::lakala::{Api, Code, DecodeError, Message, Shape, decode};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::authenticate::{Authorization, authenticate};
use super::refusal::Refusal;
use super::reply::{Outcome, TooLate, response, signature};
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
        let metrics = app.metrics.api("lakala", api.name(), 0);
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
    let read = read(app, sent).await;
    let received = monotonic();
    let answered = match read {
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
    let refused = answered.is_err();
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
    // A call that was let in is answered signed: its institution's rate bounds how many there are.
    // Nothing bounds those that were not let in, be it that their signature is wrong or that a
    // right one came too late, again or too often (the same old request can be sent without end, by
    // whoever has seen it). Of these only so many a second get a signature, or they could keep
    // every core busy.
    let is_signed = let_in || {
        let budget = turned_away.as_ref().map_or(&app.strangers, |known| &known.turned_away);
        budget.allows()
    };
    let appid = claimed.appid().unwrap_or_default().to_owned();
    let answer = Answer { trace_id, appid, shape, outcome, refused };
    let signed_within = is_signed.then(|| time_left(app.settings.deadline, received.elapsed()));
    let (code, response) = answer.send(app, *api, signed_within).await;
    metrics.answered(code, began.elapsed());
    response
}

/// What is left of a call's time for its signature. A call that used its time up elsewhere has
/// a little yet: the signers are seldom behind.
fn time_left(deadline: Duration, used: Duration) -> Duration {
    deadline.saturating_sub(used).max(deadline / 10)
}

/// What a call is answered with, but for the signature.
struct Answer {
    trace_id: TraceId,
    appid: String,
    shape: Shape,
    outcome: Outcome,
    /// Nothing is lost with its signature.
    refused: bool,
}

impl Answer {
    /// The code and the answer. It is signed if a time is given, and if the signers get round to it
    /// within that. A refusal then goes unsigned, and at once where they have more to do than that.
    /// An outcome does not: an unsigned one would be taken for a forgery by who checks, and for good
    /// by who does not. The caller is told to come again, and the same key finds what was done.
    async fn send(self, app: &App, api: Api, signed_within: Option<Duration>) -> (i64, Response) {
        let Self { trace_id, appid, shape, outcome, refused } = self;
        let body =
            |outcome: &Outcome| outcome.body(shape, words::shanghai(app.engine.clock().now()));
        let unsigned =
            |outcome: Outcome| (outcome.number(), response(body(&outcome), HeaderMap::default()));
        let Some(at_most) = signed_within else { return unsigned(outcome) };
        if refused && app.signers.backlog() > at_most {
            return unsigned(outcome);
        }
        let text = body(&outcome);
        match signature(app, appid, &text, at_most).await {
            Ok(headers) => (outcome.number(), response(text, headers)),
            Err(TooLate) if refused => unsigned(outcome),
            Err(TooLate) => {
                let (name, code) = (api.name(), outcome.number());
                warn!(%trace_id, api = name, code, ?at_most, "the outcome stands, but was not signed in time");
                unsigned(Refusal::plain(Code::Internal).outcome(api))
            }
        }
    }
}

async fn answer<H: Handler>(
    met: fault::Met,
    extensions: &http::Extensions,
) -> Result<Outcome, Refusal> {
    let fault::Met { app, caller, body, .. } = &met;
    // What could not be signed in time is better not done.
    if app.signers.backlog() > app.settings.deadline {
        return Err(Refusal::plain(Code::Internal));
    }
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
