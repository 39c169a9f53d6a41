//! Answers: their bodies, and the signature over them.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use huodong_campaign::KeyPurpose;
use huodong_wire::lakala::{Code, IssueData, QueryData, Reply, Shape, sign};
use jiff::civil::DateTime;

use super::words;
use crate::App;
use crate::signing::Urgency;

const APPID: HeaderName = HeaderName::from_static("lklapi-appid");
const SERIAL: HeaderName = HeaderName::from_static("lklapi-serial");
const TIMESTAMP: HeaderName = HeaderName::from_static("lklapi-timestamp");
const NONCE: HeaderName = HeaderName::from_static("lklapi-nonce");
const SIGNATURE: HeaderName = HeaderName::from_static("lklapi-signature");

/// What a call is answered with.
pub(super) enum Outcome {
    /// To an issue.
    Issue(Reply<'static, IssueData<'static>>),
    /// To a query.
    Query(Reply<'static, QueryData<'static>>),
}

impl Outcome {
    /// The code as a number, for counting: the outcome's own where that is no success.
    pub(super) fn number(&self) -> i64 {
        let (code, res_code) = match self {
            Self::Issue(reply) => (&reply.code, reply.data.as_ref().map(|data| &data.res_code)),
            Self::Query(reply) => (&reply.code, reply.data.as_ref().map(|data| &data.res_code)),
        };
        let success = *code == Code::Success.number();
        let told = if success { res_code.unwrap_or(code) } else { code };
        // All of ours are digits.
        told.parse().unwrap_or(-1)
    }

    /// The body, in the shape of the request.
    pub(super) fn body(&self, shape: Shape, now: DateTime) -> Vec<u8> {
        match self {
            Self::Issue(reply) => reply.encode(shape, now),
            Self::Query(reply) => reply.encode(shape, now),
        }
    }
}

/// The answer, with the headers of its signature if it has one.
pub(super) fn response(body: Vec<u8>, signature: HeaderMap) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(CONTENT_TYPE, json);
    headers.extend(signature);
    response
}

/// The signers did not get round to it in time.
pub(super) struct TooLate;

/// The headers that sign an answer; none while the platform has no key. Not waited for longer than
/// this.
pub(super) async fn signature(
    app: &App,
    appid: String,
    body: &[u8],
    at_most: Duration,
) -> Result<HeaderMap, TooLate> {
    let mut headers = HeaderMap::with_capacity(5);
    let Some(signer) = app.platform.signer(KeyPurpose::Reply) else {
        tracing::error!("there is no platform key to sign answers with");
        return Ok(headers);
    };
    let serial = signer.certificate.serial_hex().to_owned();
    let timestamp = app.engine.clock().real().as_second().to_string();
    let nonce = words::nonce(app.chance);
    let signed =
        sign::ReplySigned { appid: &appid, serial: &serial, timestamp: &timestamp, nonce: &nonce };
    let message = signed.string_to_sign(body);
    let signing = app.signers.run(Urgency::Reply, move || signer.key.sign(&message));
    let signature = tokio::time::timeout(at_most, signing).await.map_err(|_| TooLate)?;
    for (name, value) in [
        (APPID, appid),
        (SERIAL, serial),
        (TIMESTAMP, timestamp),
        (NONCE, nonce),
        (SIGNATURE, signature),
    ] {
        let value = HeaderValue::try_from(value);
        headers.insert(name, value.expect("it is visible ASCII, as the header it came with was"));
    }
    Ok(headers)
}
