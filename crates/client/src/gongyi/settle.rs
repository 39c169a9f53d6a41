//! The document's sequence diagram: send until accepted, then ask until it is settled.

use std::time::Duration;

use huodong_wire::gongyi::{
    Advice, Donation, DonationStatus, Message, RewardDonateQuery, RewardToDonate,
};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{Answer, Client, Error};
use crate::Backoff;
use crate::retry::pause;

/// A donation that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// 11: the project has the money.
    Paid(Donation<'static>),
    /// 13: it failed; the enterprise has its money back, the user should have the points.
    Failed(Donation<'static>),
    /// 15: it was paid and given back.
    Refunded(Donation<'static>),
}

impl Settled {
    /// The donation, however it ended.
    pub fn donation(&self) -> &Donation<'static> {
        match self {
            Self::Paid(donation) | Self::Failed(donation) | Self::Refunded(donation) => donation,
        }
    }
}

impl TryFrom<Donation<'static>> for Settled {
    type Error = Donation<'static>;

    /// Gives the donation back when it has not come to its end.
    fn try_from(donation: Donation<'static>) -> Result<Self, Donation<'static>> {
        match donation.donate_status {
            DonationStatus::Paid => Ok(Self::Paid(donation)),
            DonationStatus::Failed => Ok(Self::Failed(donation)),
            DonationStatus::Refunded => Ok(Self::Refunded(donation)),
            DonationStatus::Placed | DonationStatus::Unknown(_) => Err(donation),
        }
    }
}

/// Why a donation was not followed to its end. Where `accepted` has one, it stands and
/// [`Client::await_settled`] goes on with it; where it has none, calling
/// [`Client::donate_until_settled`] with the same request is safe, and tells what became of it.
#[derive(Debug, Error)]
pub enum SettleError {
    /// The time was up, or would have been before the next attempt.
    #[error("the donation was not settled in time")]
    Deadline {
        /// As it was last seen; `None` while no answer accepted it.
        accepted: Option<Box<Donation<'static>>>,
        /// What the last attempt failed with, if it did.
        last_error: Option<Box<Error>>,
    },
    /// An error that another attempt will not cure.
    #[error("the donation cannot be followed to its end")]
    Stopped {
        /// As it was last seen; `None` while no answer accepted it.
        accepted: Option<Box<Donation<'static>>>,
        /// The error.
        #[source]
        error: Box<Error>,
    },
}

impl SettleError {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Deadline { .. } => Advice::Retry,
            Self::Stopped { error, .. } => error.advice(),
        }
    }

    /// The donation as it was last seen; `None` while no answer accepted it.
    pub fn accepted(&self) -> Option<&Donation<'static>> {
        match self {
            Self::Deadline { accepted, .. } | Self::Stopped { accepted, .. } => accepted.as_deref(),
        }
    }
}

impl Client {
    /// Places a donation and follows it to its end: sends it, always with the same key, until it
    /// is accepted; then queries it until it is paid, has failed or was refunded.
    ///
    /// `within` bounds all of it. A deadline's error says how far it came.
    pub async fn donate_until_settled(
        &self,
        request: &RewardToDonate<'_>,
        within: Duration,
    ) -> Result<Settled, SettleError> {
        let deadline = Instant::now() + within;
        let placed = self.insist(request, self.sending, deadline).await;
        let placed = placed.map_err(|halt| halt.into_error(None))?;
        self.follow(placed.data, deadline).await
    }

    /// Follows a donation that was accepted to its end.
    pub async fn await_settled(
        &self,
        accepted: Donation<'static>,
        within: Duration,
    ) -> Result<Settled, SettleError> {
        self.follow(accepted, Instant::now() + within).await
    }

    async fn follow(
        &self,
        mut seen: Donation<'static>,
        deadline: Instant,
    ) -> Result<Settled, SettleError> {
        let mut queries = 0;
        loop {
            seen = match Settled::try_from(seen) {
                Ok(settled) => return Ok(settled),
                Err(unsettled) => unsettled,
            };
            queries += 1;
            let wait = self.polling.wait(queries, &*self.source);
            if !pause(wait, deadline).await {
                return Err(Halt::Deadline(None).into_error(Some(seen)));
            }
            let query = RewardDonateQuery {
                activity_no: seen.activity_no.clone(),
                project_no: seen.project_no.clone(),
                third_uid: seen.third_uid.clone(),
                donate_transcode: Some(seen.donate_transcode.clone()),
                bid: None,
                reward_transcode: None,
            };
            seen = match self.insist(&query, self.polling, deadline).await {
                Ok(answer) => answer.data,
                Err(halt) => return Err(halt.into_error(Some(seen))),
            };
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

enum Halt {
    Deadline(Option<Error>),
    Error(Error),
}

impl Halt {
    fn into_error(self, accepted: Option<Donation<'static>>) -> SettleError {
        let accepted = accepted.map(Box::new);
        match self {
            Self::Deadline(last_error) => {
                SettleError::Deadline { accepted, last_error: last_error.map(Box::new) }
            }
            Self::Error(error) => SettleError::Stopped { accepted, error: Box::new(error) },
        }
    }
}
