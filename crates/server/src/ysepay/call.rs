//! The steps every call takes: trace id, body, authentication, decoding, the handler's own work,
//! sealed and signed answer. They never change order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Request;
use huodong_campaign::{AnswerOnce, CertId, Command, JustAnswer, Render, RequestKey};
use huodong_engine::source::monotonic;
use huodong_wire::ysepay::{
    Api, Charset, Fields, GatewayCode, Message, Refused, Reply, SubCode, decode,
};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::authenticate::{Entered, Standing, authenticate};
use super::fingerprint::fingerprint;
use super::parts::SentFile;
use super::refusal::{self, Refusal};
use super::reply::{Answer, to_nobody};
use super::{fault, kept, sent, words};
use crate::App;
use crate::directory::KnownInitiator;
use crate::metrics::ApiMetrics;
use crate::trace::TraceId;

/// What is particular to one API.
pub(super) trait Handler: Send + Sync + 'static {
    /// Which.
    const API: Api;

    /// What it answers with.
    type Code: SubCode + Send + Sync;

    /// The content of its requests.
    type Request<'a>: Message<Code = Self::Code> + Deserialize<'a> + Send;

    /// Does what is asked, or refuses. What was decided for good comes back as an answer too: it is
    /// kept under the call's reqId.
    fn handle<'a>(
        call: &'a Call,
        request: Self::Request<'a>,
    ) -> impl Future<Output = Result<Reply<'static>, Refusal>> + Send;
}

/// What the calls of one API have in common.
pub(super) struct Face {
    app: Arc<App>,
    metrics: ApiMetrics,
}

impl Face {
    pub(super) fn new<H: Handler>(app: Arc<App>) -> Self {
        let metrics = app.metrics.api("ysepay", H::API.name(), words::success(H::API));
        Self { app, metrics }
    }
}

/// One call that was let in. It owns what it needs, so that it can go on without its caller.
pub(super) struct Call {
    /// The server.
    pub(super) app: Arc<App>,
    /// Its trace id.
    pub(super) trace_id: TraceId,
    /// What is called.
    pub(super) api: Api,
    /// Who calls.
    pub(super) initiator: Arc<KnownInitiator>,
    /// The caller's number for it.
    pub(super) req_id: Box<str>,
    /// Its top-level fields.
    pub(super) fields: Arc<Fields>,
    /// What was in its envelope; none where that is no text of the encoding it was said to have.
    pub(super) content: Option<String>,
    /// The photo beside it.
    pub(super) file: Option<SentFile>,
    charset: Charset,
    /// A digest of all that is asked.
    fingerprint: [u8; 32],
}

impl Call {
    fn new(app: &Arc<App>, trace_id: TraceId, api: Api, entered: Entered) -> Self {
        let Entered { req_id, charset, fields, initiator, content, file } = entered;
        let text = charset.decode(&content);
        let asked = text.as_deref().ok_or(&*content);
        let fingerprint = fingerprint(api.method(), asked, file.as_ref().map(|file| &file.sha256));
        let content = text.map(Cow::into_owned);
        let app = Arc::clone(app);
        Self { app, trace_id, api, initiator, req_id, fields, content, file, charset, fingerprint }
    }

    /// Who calls, in our words.
    pub(super) fn cert_id(&self) -> CertId {
        self.initiator.initiator.cert_id.clone()
    }

    /// Has a change carried out, once for this call's reqId, and gives its answer, which is that of
    /// the first time.
    pub(super) async fn once<C: Command>(
        &self,
        command: C,
        render: Render<C>,
    ) -> Result<Reply<'static>, Refusal> {
        let once = AnswerOnce {
            key: RequestKey { cert_id: self.cert_id(), req_id: self.req_id.clone() },
            api: words::api(self.api),
            fingerprint: self.fingerprint,
            command,
            render,
        };
        let decided = self.app.engine.submit(once, self.app.settings.deadline).await;
        let decided = decided.map_err(|error| Refusal::of_engine(&self.app, self.api, &error))?;
        let answered = decided?;
        kept::read(&answered.answer).map_err(|error| {
            Refusal::internal(self.api, format!("the answer that was kept is broken: {error}"))
        })
    }

    /// Refuses for good: what breaks a rule before it comes to the campaign's.
    pub(super) async fn refuse<C: SubCode>(
        &self,
        refused: &Refused<C>,
    ) -> Result<Reply<'static>, Refusal> {
        let answer = refusal::for_good(refused.code, &refused.reason).answer;
        self.once(JustAnswer { answer }, JustAnswer::render).await
    }

    /// The request that was in the envelope, read as this API's.
    fn request<H: Handler>(&self) -> Result<H::Request<'_>, Refused<H::Code>> {
        let text = self.content.as_deref();
        decode(text.ok_or_else(|| Refused::not_text(self.charset))?)
    }

    /// Reads the request and does what it asks.
    pub(super) async fn carry_out<H: Handler>(&self) -> Result<Reply<'static>, Refusal> {
        self.handle::<H>(self.request::<H>()).await
    }

    async fn handle<'a, H: Handler>(
        &'a self,
        request: Result<H::Request<'a>, Refused<H::Code>>,
    ) -> Result<Reply<'static>, Refusal> {
        match request {
            Ok(request) => H::handle(self, request).await,
            Err(refused) => self.refuse(&refused).await,
        }
    }
}

/// Answers a call.
pub(super) async fn serve<H: Handler>(face: Arc<Face>, request: Request<Body>) -> Response {
    let began = monotonic();
    let Face { app, metrics } = &*face;
    let trace_id = app.trace_ids.of(request.headers());
    let (head, body) = request.into_parts();
    let mut standing = Standing::default();
    let sent = sent::read(app, H::API, &head.headers, body).await;
    let received = monotonic();
    let answered = match sent {
        Ok(sent) => match authenticate(app, H::API, sent, &mut standing).await {
            Ok(entered) => {
                let call = Arc::new(Call::new(app, trace_id, H::API, entered));
                answer::<H>(call, &head.extensions).await
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let took = began.elapsed();
    let refused = answered.is_err();
    let reply = match answered {
        Ok(reply) => {
            let (api, code) = (H::API.name(), &*reply.sub_code);
            info!(%trace_id, api, code, msg = &*reply.sub_msg, ?took, "answered");
            reply
        }
        Err(refusal) => {
            report(H::API, trace_id, &refusal);
            *refusal.reply
        }
    };
    let answer = Answer { trace_id, api: H::API, standing, reply, refused };
    let at_most = time_left(app.settings.deadline, received.elapsed());
    let (code, response) = answer.send(app, at_most).await;
    metrics.answered(code, began.elapsed());
    response
}

/// What is left of a call's time for its signature. A call that used its time up elsewhere has
/// a little yet: the signers are seldom behind.
fn time_left(deadline: Duration, used: Duration) -> Duration {
    deadline.saturating_sub(used).max(deadline / 10)
}

async fn answer<H: Handler>(
    call: Arc<Call>,
    extensions: &http::Extensions,
) -> Result<Reply<'static>, Refusal> {
    let app = &call.app;
    // What could not be signed in time is better not done.
    if app.signers.backlog() > app.settings.deadline {
        return Err(Refusal::busy(H::API));
    }
    let request = call.request::<H>();
    // Only what was understood meets a fault.
    if request.is_ok()
        && let Some(fault) = app.faults.take(fault::name_of(H::API), |name| call.field(name))
    {
        drop(request);
        return fault::meet::<H>(fault, call, extensions).await;
    }
    call.handle::<H>(request).await
}

/// A caller's mistakes are worth a line each, ours a louder one. What overload refuses by the
/// thousand is only counted.
fn report(api: Api, trace_id: TraceId, refusal: &Refusal) {
    let Refusal { reply, cause, for_now } = refusal;
    let api = api.name();
    let (code, sub_code) = (reply.code.number(), &*reply.sub_code);
    let msg = if reply.sub_msg.is_empty() { &*reply.msg } else { &*reply.sub_msg };
    match cause {
        Some(cause) => warn!(%trace_id, api, code, sub_code, cause, "could not be carried out"),
        None if *for_now => debug!(%trace_id, api, code, sub_code, msg, "refused for now"),
        None => info!(%trace_id, api, code, sub_code, msg, "refused"),
    }
}

/// A path under `/openapi` that the vendor does not have.
pub(super) async fn unknown_path(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let trace_id = app.trace_ids.of(request.headers());
    info!(%trace_id, path = request.uri().path(), "no such API");
    to_nobody(&app, &Reply::gateway(GatewayCode::MethodNotGranted, ""))
}
