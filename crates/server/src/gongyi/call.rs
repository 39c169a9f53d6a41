//! The steps every call takes: trace id, body, authentication, decoding, the handler's own work,
//! answer. They never change order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode};
use huodong_campaign::Command;
use huodong_engine::EngineError;
use huodong_engine::source::monotonic;
use huodong_store::{Reader, StoreError};
use huodong_wire::gongyi::{Api, Code, DecodeError, Envelope, decode};
use serde::Serialize;
use tracing::{debug, info, warn};

use super::authenticate::authenticate;
use super::fault;
use super::refusal::Refusal;
use crate::directory::Caller;
use crate::metrics::ApiMetrics;
use crate::trace::TraceId;
use crate::{App, body};

/// What is particular to one API.
pub(super) trait Handler: Send + Sync + 'static {
    /// Which.
    const API: Api;

    /// The body of its requests.
    type Request<'a>: huodong_wire::gongyi::Request<'a> + Send;

    /// Does what is asked, or refuses; gives the answer's body.
    fn handle<'a>(
        call: &'a Call<'a>,
        request: Self::Request<'a>,
    ) -> impl Future<Output = Result<Vec<u8>, Refusal>> + Send;
}

/// What the calls of one API have in common.
pub(super) struct Face {
    app: Arc<App>,
    api: Api,
    metrics: ApiMetrics,
}

impl Face {
    pub(super) fn new(app: Arc<App>, api: Api) -> Self {
        let metrics = app.metrics.api("gongyi", api.name(), 0);
        Self { app, api, metrics }
    }
}

/// One call that was let in.
pub(super) struct Call<'a> {
    /// The server.
    pub(super) app: &'a App,
    /// Who calls.
    pub(super) caller: &'a Caller,
    /// Its trace id.
    pub(super) trace_id: TraceId,
}

impl Call<'_> {
    /// The body of a successful answer.
    pub(super) fn success<T: Serialize>(&self, data: &T) -> Vec<u8> {
        self.answer(Code::Success.number().into(), "Success", data)
    }

    /// The body of any answer.
    pub(super) fn answer<T: Serialize>(&self, code: i64, msg: &str, data: &T) -> Vec<u8> {
        envelope(self.app, self.trace_id, code, msg, data)
    }

    /// Has a change carried out.
    pub(super) async fn submit<C>(&self, command: C) -> Result<C::Done, Refusal>
    where
        C: Command,
        Refusal: From<C::Refusal>,
    {
        let decided = self.app.engine.submit(command, self.app.settings.deadline).await;
        Ok(decided.map_err(|error| Refusal::of_engine(self.app, error))??)
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
            .map_err(|error| Refusal::of_reader(self.app, error))
    }
}

/// Answers a call.
pub(super) async fn serve<H: Handler>(face: Arc<Face>, request: Request<Body>) -> Response {
    let began = monotonic();
    let trace_id = face.app.trace_ids.of(request.headers());
    let answered = answer::<H>(&face.app, trace_id, request).await;
    let took = began.elapsed();
    let (code, body) = match answered {
        Ok(Answer { code, body }) => {
            info!(%trace_id, api = face.api.name(), code, ?took, "answered");
            (code, body)
        }
        Err(refusal) => {
            report(face.api, trace_id, &refusal);
            (refusal.code.number().into(), refusal.body(&face.app, face.api, trace_id))
        }
    };
    face.metrics.answered(code, took);
    json(StatusCode::OK, body)
}

/// An answer that is no refusal.
pub(super) struct Answer {
    /// 0, except where a fault answers.
    pub(super) code: i64,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn success(body: Vec<u8>) -> Self {
        Self { code: Code::Success.number().into(), body }
    }
}

async fn answer<H: Handler>(
    app: &Arc<App>,
    trace_id: TraceId,
    request: Request<Body>,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let body = read(app, body).await?;
    let caller = authenticate(app, H::API, &head.headers, app.engine.clock().real()).await?;
    let request = decode::<H::Request<'_>>(&body)?;
    if let Some(fault) = app.faults.take(H::API.name(), |name| fault::field(&body, name)) {
        let body = body.clone();
        let met = fault::Met { app: Arc::clone(app), caller, trace_id, body };
        return fault::meet::<H>(fault, met, &head.extensions).await;
    }
    let call = Call { app, caller: &caller, trace_id };
    H::handle(&call, request).await.map(Answer::success)
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
        None if matches!(
            refusal.code,
            Code::RateLimited | Code::StockBusy | Code::QueryUnavailable
        ) =>
        {
            debug!(%trace_id, api, code, detail, "refused for now");
        }
        None => info!(%trace_id, api, code, detail, "refused"),
    }
}

/// A path under `/api` that the vendor does not have: HTTP 404, with an envelope for clients that
/// look no further than that.
pub(super) async fn unknown_path(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let trace_id = app.trace_ids.of(request.headers());
    info!(%trace_id, path = request.uri().path(), "no such API");
    let refusal = Refusal::new(Code::InvalidRequest, "接口不存在");
    json(StatusCode::NOT_FOUND, refusal.body(&app, Api::GetActivityInfo, trace_id))
}

/// The whole body of an answer.
pub(super) fn envelope<T: Serialize>(
    app: &App,
    trace_id: TraceId,
    code: i64,
    msg: &str,
    data: &T,
) -> Vec<u8> {
    Envelope {
        code,
        msg: msg.into(),
        op_time: app.engine.clock().real().as_second(),
        trace_id: trace_id.as_str().into(),
        data,
    }
    .to_json()
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
