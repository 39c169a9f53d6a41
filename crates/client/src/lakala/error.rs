use huodong_wire::lakala::{Advice, Api, Code};
use thiserror::Error;

use super::Unverified;
use crate::transport::Failure;

/// Why a call has no answer. [`advice`](Self::advice) says what to do about it.
#[derive(Debug, Error)]
pub enum Error {
    /// No connection was made: the call certainly did not reach the server.
    #[error("{api}: the server could not be reached")]
    Unreachable {
        /// The call.
        api: Api,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke or the time was up: the call may have reached the server.
    #[error("{api}: the exchange was interrupted")]
    Interrupted {
        /// The call.
        api: Api,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The answer was not HTTP 200; the platform answers that to refusals too.
    #[error("{api}: HTTP {status} instead of 200")]
    Status {
        /// The call.
        api: Api,
        /// The status.
        status: u16,
    },
    /// The answer is not the platform's, or cannot be shown to be. Nothing of it was believed;
    /// the call may have taken effect.
    #[error("{api}: the answer is not verified{}", claim(.claims))]
    Unverified {
        /// The call.
        api: Api,
        /// Why not.
        #[source]
        source: Unverified,
        /// The code and message it claims, where it has the form of a reply: a hint for people,
        /// who may find that their own key or appid is wrong, and nothing to act on.
        claims: Option<String>,
    },
    /// The answer is not what the document describes.
    #[error("{api}: the answer cannot be read: {reason}")]
    Unreadable {
        /// The call.
        api: Api,
        /// What is wrong with it.
        reason: String,
    },
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

fn claim(claims: &Option<String>) -> String {
    claims.as_ref().map(|claims| format!("; it claims {claims:?}")).unwrap_or_default()
}

/// A refusal: an answer whose `code` is not 000000. Nothing happened, unless it is 999999.
///
/// (A coupon that a rule of the campaign refused is no refusal of the call: its `trade_status` is
/// FAIL and its `resCode` says why.)
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{api}: {code} {msg}")]
pub struct Refused {
    /// The call.
    pub api: Api,
    /// The code, of the table or not.
    pub code: String,
    /// What the server says about it.
    pub msg: String,
    /// The answer's `data`, as JSON.
    pub data: Option<String>,
}

impl Refused {
    /// The code, where it is of the table.
    pub fn known(&self) -> Option<Code> {
        Code::from_number(&self.code)
    }

    /// What to do about it. A code of no table is given up: nobody knows what it asks for.
    pub fn advice(&self) -> Advice {
        self.known().and_then(Code::advice).unwrap_or(Advice::GiveUp)
    }
}

impl Error {
    pub(super) fn from_failure(api: Api, failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(source) => Self::Unreachable { api, source },
            Failure::Interrupted(source) => Self::Interrupted { api, source },
            Failure::Status(status) => Self::Status { api, status },
            Failure::TooLong => Self::Unreadable { api, reason: failure.to_string() },
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => Advice::Retry,
            Self::Status { status: 408 | 429 | 500..=599, .. } => Advice::Retry,
            // Most likely this is not the server one meant, or a certificate is missing.
            Self::Status { .. } | Self::Unverified { .. } | Self::Unreadable { .. } => Advice::Fix,
            Self::Refused(refused) => refused.advice(),
        }
    }

    /// Which call failed.
    pub fn api(&self) -> Api {
        match self {
            Self::Unreachable { api, .. }
            | Self::Interrupted { api, .. }
            | Self::Status { api, .. }
            | Self::Unverified { api, .. }
            | Self::Unreadable { api, .. }
            | Self::Refused(Refused { api, .. }) => *api,
        }
    }

    /// True when a server may have seen the call. Whether it then took effect is only known for
    /// some refusals: to be sure, send it again with the same `mer_order_id`.
    pub fn may_have_reached(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }

    /// The answer's code.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => Some(&refused.code),
            _ => None,
        }
    }

    /// What the server says about it.
    pub fn msg(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => Some(&refused.msg),
            _ => None,
        }
    }
}
