//! Answers: how they are written for whom, and who gets a signature.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use huodong_wire::ysepay::{Api, ContentKey, GatewayCode, Reply, ReplyForm, Stamp};
use tracing::warn;

use super::authenticate::Standing;
use super::{refusal, words};
use crate::App;
use crate::metrics::AnswerCode;
use crate::platform::Gateway;
use crate::signing::Urgency;
use crate::trace::TraceId;

/// What a call is answered with, but for its envelope.
pub(super) struct Answer {
    pub(super) trace_id: TraceId,
    pub(super) api: Api,
    pub(super) standing: Standing,
    pub(super) reply: Reply<'static>,
    /// Nothing is lost with its signature.
    pub(super) refused: bool,
}

/// The signers did not get round to it in time.
struct TooLate;

impl Answer {
    /// The code and the answer.
    ///
    /// A call that was let in is answered signed: its initiator's rate bounds how many there are.
    /// Nothing bounds those that were not let in, so of these only so many a second get a signature,
    /// or they could keep every core busy. Who is not known at all gets none.
    ///
    /// A refusal goes unsigned, and at once, where the signers have more to do than `at_most`. An
    /// outcome does not: an unsigned one would be taken for a forgery by who checks, and for good by
    /// who does not. The caller is told to come again, and the same reqId finds what was done.
    pub(super) async fn send(self, app: &App, at_most: Duration) -> (AnswerCode, Response) {
        let Self { trace_id, api, standing, reply, refused } = self;
        let form = standing.form();
        let (gateway, key) = match standing.signed(app) {
            Some(signed) if !(refused && app.signers.backlog() > at_most) => signed,
            _ => return unsigned(app, &reply, form),
        };
        match sealed(app, reply.clone(), gateway, key, form, at_most).await {
            Ok(body) => (code(&reply), response(body, form)),
            Err(TooLate) if refused => unsigned(app, &reply, form),
            Err(TooLate) => {
                let sub_code = &*reply.sub_code;
                warn!(%trace_id, api = api.name(), sub_code, ?at_most, "the outcome stands, but was not signed in time");
                unsigned(app, &refusal::late(api), form)
            }
        }
    }
}

impl Standing {
    /// In which form this one wants its answers; the default while it is not known.
    fn form(&self) -> ReplyForm {
        match self {
            Self::Stranger(initiator) | Self::TurnedAway(initiator) | Self::LetIn(initiator, _)
                if initiator.initiator.plain_replies =>
            {
                ReplyForm::Plain
            }
            _ => ReplyForm::Base64,
        }
    }

    /// What an answer to this one is signed with and what its content is sealed with, if it gets a
    /// signature.
    fn signed(self, app: &App) -> Option<(Arc<Gateway>, Option<ContentKey>)> {
        let (initiator, key, allowed) = match self {
            Self::Unknown => return None,
            Self::Stranger(initiator) => (initiator, None, app.gateway_strangers.allows()),
            Self::TurnedAway(initiator) => {
                let allowed = initiator.turned_away.allows();
                (initiator, None, allowed)
            }
            Self::LetIn(initiator, key) => (initiator, key, true),
        };
        let gateway = app.platform.gateway(initiator.mode());
        gateway.filter(|_| allowed).map(|gateway| (gateway, key))
    }
}

/// Seals and signs, where signatures are made.
async fn sealed(
    app: &App,
    reply: Reply<'static>,
    gateway: Arc<Gateway>,
    key: Option<ContentKey>,
    form: ReplyForm,
    at_most: Duration,
) -> Result<Vec<u8>, TooLate> {
    let (now, norce) = (words::shanghai(app.engine.clock().real()), words::norce(app.chance));
    let work = move || {
        let stamp = Stamp { now, norce: &norce };
        reply.encode(key.as_ref(), Some(&gateway.key), stamp, form)
    };
    let sealed = app.signers.run(Urgency::Reply, work);
    tokio::time::timeout(at_most, sealed).await.map_err(|_| TooLate)
}

fn unsigned(app: &App, reply: &Reply<'static>, form: ReplyForm) -> (AnswerCode, Response) {
    let (now, norce) = (words::shanghai(app.engine.clock().real()), words::norce(app.chance));
    let body = reply.encode(None, None, Stamp { now, norce: &norce }, form);
    (code(reply), response(body, form))
}

/// The code, for counting: the API's where the call reached it.
fn code(reply: &Reply<'_>) -> AnswerCode {
    match reply.code {
        GatewayCode::Success => reply.sub_code.clone().into_owned().into(),
        refused => refused.number().into(),
    }
}

/// An answer of the gateway's to somebody who is not known.
pub(super) fn to_nobody(app: &App, reply: &Reply<'static>) -> Response {
    unsigned(app, reply, ReplyForm::Base64).1
}

fn response(body: Vec<u8>, form: ReplyForm) -> Response {
    let mut response = Response::new(Body::from(body));
    let media_type = HeaderValue::from_static(match form {
        ReplyForm::Base64 => "text/plain; charset=utf-8",
        ReplyForm::Plain => "application/json; charset=utf-8",
    });
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
