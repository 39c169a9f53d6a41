use std::fmt::{self, Formatter};
use std::sync::Arc;

use huodong_wire::lakala::sign::{NONCE_CHARS, RequestSigned};
use huodong_wire::lakala::{
    Advice, Api, Code, IssueData, IssueRequest, Message, QueryData, QueryRequest, Reply, Shape,
    SigningKey, encode,
};
use jiff::tz::Offset;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::verify::{ReplyVerifier, Verified};
use super::{ClientBuilder, Error, Refused};
use crate::letters::shortened;
use crate::transport::exchange;
use crate::{Backoff, Retry, Source};

/// Calls the coupon API as one partner. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) base_url: String,
    pub(super) appid: String,
    pub(super) serial_no: String,
    pub(super) key: SigningKey,
    pub(super) verifier: Arc<ReplyVerifier>,
    pub(super) paths: [String; Api::ALL.len()],
    pub(super) shape: Shape,
    pub(super) retry: Option<Retry>,
    pub(super) sending: Backoff,
    pub(super) polling: Backoff,
    pub(super) source: Arc<dyn Source>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Client");
        shown.field("base_url", &self.base_url).field("appid", &self.appid).finish_non_exhaustive()
    }
}

/// An answer to a call that was carried out, verified to be the platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What it says.
    pub data: T,
    /// When the platform signed it, in unix seconds.
    pub signed_at: i64,
    /// The serial of the platform's certificate, as the answer named it.
    pub serial: String,
}

impl Client {
    /// Sets a client up. The base URL is what stands before the paths. `serial_no` is the serial
    /// of the partner's own certificate, in whatever writing the platform knows it.
    pub fn builder(base_url: &str, appid: &str, serial_no: &str) -> ClientBuilder {
        ClientBuilder::new(base_url, appid, serial_no)
    }

    /// Issues a coupon. Sent again with the same `mer_order_id` it is the same coupon.
    ///
    /// An answer is not yet a coupon: look at its `trade_status`.
    pub async fn issue(
        &self,
        request: &IssueRequest<'_>,
    ) -> Result<Answer<IssueData<'static>>, Error> {
        self.call(request).await
    }

    /// Asks how a coupon stands.
    pub async fn query(
        &self,
        request: &QueryRequest<'_>,
    ) -> Result<Answer<QueryData<'static>>, Error> {
        self.call(request).await
    }

    /// Either call, sent again as the retry policy says.
    pub async fn call<M: Message>(&self, request: &M) -> Result<Answer<M::Answer>, Error> {
        let attempts_max = self.retry.map_or(1, |retry| retry.attempts_max);
        let mut attempts = 0;
        loop {
            let error = match self.call_once(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempts += 1;
            match self.retry {
                Some(retry) if attempts < attempts_max && error.advice() == Advice::Retry => {
                    sleep(retry.backoff.wait(attempts, &*self.source)).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// One attempt, with a nonce and a timestamp of its own.
    pub(super) async fn call_once<M: Message>(
        &self,
        request: &M,
    ) -> Result<Answer<M::Answer>, Error> {
        let body = encode(request, self.shape, Offset::constant(8).to_datetime(self.source.now()));
        let (verified, body) = self.send(M::API, body).await?;
        read(M::API, verified, &body)
    }

    /// Signs and sends a body as it is, once, and returns the answer's as it is, verified: a call
    /// by hand.
    pub async fn post(&self, api: Api, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        Ok(self.send(api, body).await?.1)
    }

    async fn send(&self, api: Api, body: Vec<u8>) -> Result<(Verified, Vec<u8>), Error> {
        let request = self
            .http
            .post(format!("{}{}", self.base_url, self.paths[api as usize]))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, self.authorization(&body))
            .body(body);
        let received = exchange(request).await.map_err(|error| Error::from_failure(api, error))?;
        let verified = self.verifier.verify(&received.headers, &received.body, self.source.now());
        match verified {
            Ok(verified) => Ok((verified, received.body)),
            Err(source) => Err(Error::Unverified { api, source, claims: claims(&received.body) }),
        }
    }

    /// The `Authorization` header of a request with this body, made now. Each is good for one
    /// call.
    pub fn authorization(&self, body: &[u8]) -> String {
        let timestamp = self.source.now().as_second().to_string();
        // As long as the vendor's own kit has it.
        let nonce_str = shortened(self.source.nonce(), NONCE_CHARS);
        let signed = RequestSigned {
            appid: &self.appid,
            serial_no: &self.serial_no,
            timestamp: &timestamp,
            nonce_str: &nonce_str,
        };
        signed.to_header(&self.key.sign(&signed.string_to_sign(body)))
    }
}

/// The code and message of an answer nobody vouches for, cut to a line.
fn claims(body: &[u8]) -> Option<String> {
    let (_, reply) = Reply::<&RawValue>::read(body).ok()?;
    Some(format!("{} {}", reply.code, reply.msg).chars().take(200).collect())
}

fn read<T: serde::de::DeserializeOwned>(
    api: Api,
    verified: Verified,
    body: &[u8],
) -> Result<Answer<T>, Error> {
    let unreadable = |reason: String| Error::Unreadable { api, reason };
    let (_, reply) =
        Reply::<&RawValue>::read(body).map_err(|error| unreadable(error.to_string()))?;
    if reply.known() != Some(Code::Success) {
        return Err(Error::Refused(Refused {
            api,
            code: reply.code.into_owned(),
            msg: reply.msg.into_owned(),
            data: reply.data.map(|data| data.get().to_owned()),
        }));
    }
    let data = reply.data.ok_or_else(|| unreadable("it has no data".to_owned()))?;
    let data = serde_json::from_str(data.get());
    let data = data.map_err(|error| unreadable(format!("data: {error}")))?;
    Ok(Answer { data, signed_at: verified.signed_at, serial: verified.serial })
}
