use std::fmt::{self, Formatter};
use std::sync::Arc;
use std::time::Duration;

use huodong_wire::ysepay::{
    Advice, Api, Charset, ContentKey, GatewayCode, Message, Mode, PrivateKey, PublicKey,
    ReceivedReply, SubCode, encode,
};
use jiff::civil::DateTime;
use reqwest::header::CONTENT_TYPE;
use tokio::time::sleep;

use super::request::Sealer;
use super::verify::verify;
use super::{Body, BodyForm, Cause, ClientBuilder, Error, Refused, ReqId, Request};
use crate::transport::exchange;
use crate::{Retry, Source};

/// Calls the gateway as one initiator. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) base_url: String,
    pub(super) cert_id: String,
    pub(super) key: PrivateKey,
    /// What requests are sealed for.
    pub(super) gateway_key: PublicKey,
    /// What answers are verified with.
    pub(super) gateway_keys: Arc<[PublicKey]>,
    pub(super) charset: Charset,
    pub(super) body_form: BodyForm,
    pub(super) window: Duration,
    pub(super) retry: Option<Retry>,
    pub(super) source: Arc<dyn Source>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Client");
        shown.field("base_url", &self.base_url).field("cert_id", &self.cert_id);
        shown.field("mode", &self.mode()).finish_non_exhaustive()
    }
}

/// An answer to a call that was carried out, verified to be the gateway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What it says.
    pub data: T,
    /// The call's number.
    pub req_id: ReqId,
    /// When the gateway answered, in Shanghai.
    pub answered_at: DateTime,
}

/// What is said in a call, the same in every attempt.
struct Said<'a> {
    /// In the client's charset.
    content: &'a [u8],
    /// A file's name and bytes.
    file: Option<(&'a str, &'a [u8])>,
}

impl Client {
    /// Sets a client up. The base URL is what stands before `/openapi`.
    pub fn builder(base_url: &str, cert_id: &str) -> ClientBuilder {
        ClientBuilder::new(base_url, cert_id)
    }

    /// Which algorithms it signs and seals with.
    pub fn mode(&self) -> Mode {
        self.key.mode()
    }

    /// A number for a call that was not used before. Who writes it down before the call knows what
    /// to ask for after a crash.
    pub fn fresh_req_id(&self) -> ReqId {
        ReqId::fresh(&*self.source)
    }

    /// A call without a file, sent again as the retry policy says, always with this number: it is
    /// carried out once, however often it is sent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call<M: Message>(
        &self,
        req_id: &ReqId,
        request: &M,
    ) -> Result<Answer<M::Answer>, Error> {
        self.insist::<M>(req_id, request, None).await
    }

    /// A call with a file: its name and its bytes.
    pub(super) async fn call_with_file<M: Message>(
        &self,
        req_id: &ReqId,
        request: &M,
        name: &str,
        bytes: &[u8],
    ) -> Result<Answer<M::Answer>, Error> {
        self.insist(req_id, request, Some((name, bytes))).await
    }

    async fn insist<M: Message>(
        &self,
        req_id: &ReqId,
        request: &M,
        file: Option<(&str, &[u8])>,
    ) -> Result<Answer<M::Answer>, Error> {
        let failed = |cause| Error { api: M::API, req_id: req_id.clone(), cause };
        let text = encode(request);
        let content = self.charset.encode(&text);
        let content = content.ok_or_else(|| failed(Cause::Unencodable(self.charset)))?;
        let said = Said { content: &content, file };
        let attempts_max = self.retry.map_or(1, |retry| retry.attempts_max);
        let mut attempts = 0;
        loop {
            let cause = match self.attempt::<M>(req_id, &said).await {
                Ok(answer) => return Ok(answer),
                Err(cause) => cause,
            };
            attempts += 1;
            match self.retry {
                Some(retry) if attempts < attempts_max && cause.advice() == Advice::Retry => {
                    sleep(retry.backoff.wait(attempts, &*self.source)).await;
                }
                _ => return Err(failed(cause)),
            }
        }
    }

    /// One attempt, in an envelope of its own: another content key, and the time now.
    async fn attempt<M: Message>(
        &self,
        req_id: &ReqId,
        said: &Said<'_>,
    ) -> Result<Answer<M::Answer>, Cause> {
        let request = self.seal(M::API, req_id, said.content);
        let body = match said.file {
            Some((name, bytes)) => request.multipart(name, bytes),
            None => request.body(self.body_form),
        };
        let reply = self.post(M::API, body).await?;
        self.read::<M>(req_id, &request.key, &reply)
    }

    /// Seals and signs a content that is in the client's charset: a call by hand.
    pub fn seal(&self, api: Api, req_id: &ReqId, content: &[u8]) -> Request {
        let sealer = Sealer {
            cert_id: &self.cert_id,
            key: &self.key,
            gateway: &self.gateway_key,
            charset: self.charset,
        };
        sealer.seal(api, req_id, content, &*self.source)
    }

    async fn post(&self, api: Api, body: Body) -> Result<ReceivedReply, Cause> {
        let request = self
            .http
            .post(format!("{}{}", self.base_url, api.path()))
            .header(CONTENT_TYPE, body.content_type)
            .body(body.bytes);
        let received = exchange(request).await?;
        ReceivedReply::read(&received.body).map_err(|error| Cause::Unreadable(error.to_string()))
    }

    fn read<M: Message>(
        &self,
        req_id: &ReqId,
        key: &ContentKey,
        reply: &ReceivedReply,
    ) -> Result<Answer<M::Answer>, Cause> {
        let said = || Box::new(Refused::read(M::API, reply));
        if !reply.is_signed() {
            return Err(Cause::Unsigned(said()));
        }
        let answered_at = verify(reply, &self.gateway_keys, self.window, self.source.now())
            .map_err(|source| Cause::Unverified { source, claims: said() })?;
        let passed = reply.gateway_code() == Some(GatewayCode::Success);
        if passed && reply.sub_code().is_empty() {
            return Err(Cause::Unreadable("it has no subCode".to_owned()));
        }
        let carried_out =
            M::Code::from_number(reply.sub_code()).is_some_and(|code| code.advice().is_none());
        if !passed || !carried_out {
            return Err(Cause::Refused(said()));
        }
        let data = reply.open(key).map_err(|_| Cause::CannotOpen)?;
        let data = data.ok_or_else(|| Cause::Unreadable("it has no businessData".to_owned()))?;
        let data = serde_json::from_slice(&data)
            .map_err(|error| Cause::Unreadable(format!("businessData: {error}")))?;
        Ok(Answer { data, req_id: req_id.clone(), answered_at })
    }
}
