//! Issue until answered, then ask until it is known what became of it.

use std::borrow::Cow;
use std::time::Duration;

use huodong_wire::lakala::{
    Advice, Code, IssueData, IssueRequest, Message, QueryData, QueryRequest, TradeStatus,
};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{Answer, Client, Error};
use crate::Backoff;
use crate::retry::pause;

/// What became of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// SUCCESS: the user has the coupon.
    Issued(IssueData<'static>),
    /// FAIL: the user has none, and under this `mer_order_id` never will.
    Failed(IssueData<'static>),
}

impl Outcome {
    /// The coupon, whatever became of it.
    pub fn coupon(&self) -> &IssueData<'static> {
        match self {
            Self::Issued(coupon) | Self::Failed(coupon) => coupon,
        }
    }

    /// Why it failed, where that is of the table.
    pub fn reason(&self) -> Option<Code> {
        match self {
            Self::Issued(_) => None,
            Self::Failed(coupon) => Code::from_number(&coupon.res_code),
        }
    }
}

impl TryFrom<IssueData<'static>> for Outcome {
    type Error = IssueData<'static>;

    /// Gives the coupon back when it is still in process.
    fn try_from(coupon: IssueData<'static>) -> Result<Self, IssueData<'static>> {
        match coupon.trade_status {
            Some(TradeStatus::Success) => Ok(Self::Issued(coupon)),
            Some(TradeStatus::Fail) => Ok(Self::Failed(coupon)),
            Some(TradeStatus::Process | TradeStatus::Unknown(_)) | None => Err(coupon),
        }
    }
}

/// Why it is not known what became of an issue. Where `accepted` has one, it stands and
/// [`Client::await_final`] goes on with it; where it has none, calling
/// [`Client::issue_until_final`] with the same request is safe, and tells.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The time was up, or would have been before the next attempt.
    #[error("what became of the coupon was not known in time")]
    Deadline {
        /// As it was last seen; `None` while no answer accepted it.
        accepted: Option<Box<IssueData<'static>>>,
        /// What the last attempt failed with, if it did.
        last_error: Option<Box<Error>>,
    },
    /// An error that another attempt will not cure.
    #[error("the coupon cannot be followed to its end")]
    Stopped {
        /// As it was last seen; `None` while no answer accepted it.
        accepted: Option<Box<IssueData<'static>>>,
        /// The error.
        #[source]
        error: Box<Error>,
    },
}

impl FollowError {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Deadline { .. } => Advice::Retry,
            Self::Stopped { error, .. } => error.advice(),
        }
    }

    /// The coupon as it was last seen; `None` while no answer accepted it.
    pub fn accepted(&self) -> Option<&IssueData<'static>> {
        match self {
            Self::Deadline { accepted, .. } | Self::Stopped { accepted, .. } => accepted.as_deref(),
        }
    }
}

impl Client {
    /// Issues a coupon and follows it to its end: sends the request, always with the same
    /// `mer_order_id`, until it is answered; then queries it until it is SUCCESS or FAIL.
    ///
    /// `within` bounds all of it. A deadline's error says how far it came.
    pub async fn issue_until_final(
        &self,
        request: &IssueRequest<'_>,
        within: Duration,
    ) -> Result<Outcome, FollowError> {
        let deadline = Instant::now() + within;
        let answer = self.insist(request, self.sending, deadline).await;
        let answer = answer.map_err(|halt| halt.into_error(None))?;
        self.follow(answer.data, deadline).await
    }

    /// Follows a coupon that was accepted to its end.
    pub async fn await_final(
        &self,
        accepted: IssueData<'static>,
        within: Duration,
    ) -> Result<Outcome, FollowError> {
        self.follow(accepted, Instant::now() + within).await
    }

    async fn follow(
        &self,
        mut seen: IssueData<'static>,
        deadline: Instant,
    ) -> Result<Outcome, FollowError> {
        let mut queries = 0;
        loop {
            seen = match Outcome::try_from(seen) {
                Ok(outcome) => return Ok(outcome),
                Err(unfinished) => unfinished,
            };
            queries += 1;
            if !pause(self.polling.wait(queries, &*self.source), deadline).await {
                return Err(Halt::Deadline(None).into_error(Some(seen)));
            }
            let query = QueryRequest {
                owner_id: seen.owner_id.clone(),
                mer_order_id: seen.mer_order_id.clone(),
                activity_id: seen.activity_id.clone(),
                trade_no: seen.trade_no.clone(),
            };
            match self.insist(&query, self.polling, deadline).await {
                Ok(answer) => update(&mut seen, answer.data),
                Err(halt) => return Err(halt.into_error(Some(seen))),
            }
        }
    }

    /// Sends one request until it is answered, its error is not to be retried, or time is up.
    async fn insist<M: Message>(
        &self,
        request: &M,
        backoff: Backoff,
        deadline: Instant,
    ) -> Result<Answer<M::Answer>, Halt> {
        let mut last_error = None;
        for attempts in 1.. {
            let error = match timeout_at(deadline, self.call_once(request)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => break,
            };
            if error.advice() != Advice::Retry {
                return Err(Halt::Error(error));
            }
            last_error = Some(error);
            if !pause(backoff.wait(attempts, &*self.source), deadline).await {
                break;
            }
        }
        Err(Halt::Deadline(last_error))
    }
}

/// A query tells what became of the issue, and nothing new about what was issued.
fn update(seen: &mut IssueData<'static>, now: QueryData<'static>) {
    seen.trade_status = now.trade_status;
    seen.res_code = now.res_code;
    seen.fail_msg = now.fail_msg;
    if seen.trade_status == Some(TradeStatus::Fail) {
        seen.third_coupon_id = Cow::Borrowed("");
    }
}

enum Halt {
    Deadline(Option<Error>),
    Error(Error),
}

impl Halt {
    fn into_error(self, accepted: Option<IssueData<'static>>) -> FollowError {
        let accepted = accepted.map(Box::new);
        match self {
            Self::Deadline(last_error) => {
                FollowError::Deadline { accepted, last_error: last_error.map(Box::new) }
            }
            Self::Error(error) => FollowError::Stopped { accepted, error: Box::new(error) },
        }
    }
}
