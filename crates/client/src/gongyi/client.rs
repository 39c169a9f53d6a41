use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use huodong_wire::gongyi::{
    ActivityList, Advice, Api, CheckIsTransExist, CheckXhh, Code, Donation, Envelope, Exchange,
    FlowersAllowed, FlowersHistory, GetActivityInfo, Message, PreTry, PreTryAnswer, QueryUserXhh,
    RewardDonateQuery, RewardToDonate, sign,
};
use reqwest::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::{ClientBuilder, Error, Refused};
use crate::transport::exchange;
use crate::{Backoff, Retry, Source};

/// Calls the gongyi API as one application. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) base_url: String,
    pub(super) appid: String,
    pub(super) secret: String,
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

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What it says.
    pub data: T,
    /// When the server answered, in unix seconds.
    pub op_time: i64,
    /// What to name when asking the vendor about it.
    pub trace_id: String,
}

impl Client {
    /// Sets a client up. The base URL is what stands before `/api/…`:
    /// `https://oapi.gongyi.qq.com` at the vendor.
    pub fn builder(base_url: &str, appid: &str, secret: &str) -> ClientBuilder {
        ClientBuilder::new(base_url, appid, secret)
    }

    /// Asks which activities a project is bound to.
    pub async fn get_activity_info(
        &self,
        request: &GetActivityInfo<'_>,
    ) -> Result<Answer<ActivityList<'static>>, Error> {
        self.call(request).await
    }

    /// Places a donation. Sent again with the same `bid` and `reward_transcode` it is the same
    /// donation.
    pub async fn reward_to_donate(
        &self,
        request: &RewardToDonate<'_>,
    ) -> Result<Answer<Donation<'static>>, Error> {
        self.call(request).await
    }

    /// Asks how a donation stands.
    pub async fn reward_donate_query(
        &self,
        request: &RewardDonateQuery<'_>,
    ) -> Result<Answer<Donation<'static>>, Error> {
        self.call(request).await
    }

    /// Asks whether a user may receive so many flowers. The daily limit (30110502) is an answer
    /// too: its `attach` says why not, and is always present then.
    pub async fn check_xhh(
        &self,
        request: &CheckXhh<'_>,
    ) -> Result<Answer<FlowersAllowed<'static>>, Error> {
        let refused = match self.call(request).await {
            Err(Error::Refused(refused)) if refused.known() == Some(Code::FlowersDailyLimit) => {
                refused
            }
            other => return other,
        };
        let data = refused.data.as_deref().unwrap_or("{}");
        let allowed: FlowersAllowed<'static> = serde_json::from_str(data).unwrap_or_default();
        let attach = allowed.attach.unwrap_or(Cow::Owned(refused.msg));
        let data = FlowersAllowed { attach: Some(attach) };
        Ok(Answer { data, op_time: refused.op_time, trace_id: refused.trace_id })
    }

    /// Gives flowers. Sent again with the same `trans_code` it is the same exchange.
    pub async fn pre_try(
        &self,
        request: &PreTry<'_>,
    ) -> Result<Answer<PreTryAnswer<'static>>, Error> {
        self.call(request).await
    }

    /// Asks whether flowers were given under a `trans_code`.
    pub async fn check_is_trans_exist(
        &self,
        request: &CheckIsTransExist<'_>,
    ) -> Result<Answer<Exchange<'static>>, Error> {
        self.call(request).await
    }

    /// Asks how many flowers a user has received.
    pub async fn query_user_xhh(
        &self,
        request: &QueryUserXhh<'_>,
    ) -> Result<Answer<FlowersHistory>, Error> {
        self.call(request).await
    }

    /// Any of the calls, sent again as the retry policy says.
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
        let body = serde_json::to_vec(request).expect("requests are plain data");
        let answer = self.post(M::API, body).await?;
        read(M::API, &answer)
    }

    /// Signs and sends a body as it is, once, and returns the answer's as it is: a call by hand.
    pub async fn post(&self, api: Api, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        let nonce = self.source.nonce();
        let timestamp = self.source.now().as_second().to_string();
        let signature = sign::sign(&self.appid, &nonce, &timestamp, &self.secret);
        let request = self
            .http
            .post(format!("{}{}", self.base_url, api.path()))
            .header(CONTENT_TYPE, "application/json")
            .header(sign::APPID, &self.appid)
            .header(sign::NONCE, nonce)
            .header(sign::TIMESTAMP, timestamp)
            .header(sign::SIGN, signature)
            .body(body);
        let sent = exchange(request).await;
        Ok(sent.map_err(|failure| Error::from_failure(api, failure))?.body)
    }
}

/// Reads the envelope first: what `data` holds depends on the code.
fn read<T: serde::de::DeserializeOwned>(api: Api, body: &[u8]) -> Result<Answer<T>, Error> {
    let envelope: Envelope<'_, Option<&RawValue>> = serde_json::from_slice(body)
        .map_err(|error| Error::Unreadable { api, reason: error.to_string(), trace_id: None })?;
    let trace_id = envelope.trace_id.into_owned();
    if envelope.code != i64::from(Code::Success.number()) {
        return Err(Error::Refused(Refused {
            api,
            code: envelope.code,
            msg: envelope.msg.into_owned(),
            op_time: envelope.op_time,
            trace_id,
            data: envelope.data.map(|data| data.get().to_owned()),
        }));
    }
    let data = envelope.data.map_or("{}", RawValue::get);
    match serde_json::from_str(data) {
        Ok(data) => Ok(Answer { data, op_time: envelope.op_time, trace_id }),
        Err(error) => Err(Error::Unreadable {
            api,
            reason: format!("data: {error}"),
            trace_id: Some(trace_id),
        }),
    }
}
