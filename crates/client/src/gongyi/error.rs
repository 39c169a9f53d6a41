use huodong_wire::gongyi::{Advice, Api, Code};
use thiserror::Error;

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
    /// The answer was not HTTP 200; the vendor answers that to refusals too.
    #[error("{api}: HTTP {status} instead of 200")]
    Status {
        /// The call.
        api: Api,
        /// The status.
        status: u16,
    },
    /// The answer is not what the document describes.
    #[error("{api}: the answer cannot be read: {reason}")]
    Unreadable {
        /// The call.
        api: Api,
        /// What is wrong with it.
        reason: String,
        /// The call's trace, where the answer told it.
        trace_id: Option<String>,
    },
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A refusal: an answer whose code is not 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{api}: {code} {msg} (trace {trace_id})")]
pub struct Refused {
    /// The call.
    pub api: Api,
    /// The code, of a table or not.
    pub code: i64,
    /// What the server says about it.
    pub msg: String,
    /// When the server answered, in unix seconds.
    pub op_time: i64,
    /// What to name when asking the vendor about it.
    pub trace_id: String,
    /// The answer's `data`, as JSON.
    pub data: Option<String>,
}

impl Refused {
    /// The code, where it is of a table.
    pub fn known(&self) -> Option<Code> {
        Code::from_number(self.code)
    }

    /// What to do about it. A code of no table is given up, as the document says.
    pub fn advice(&self) -> Advice {
        self.known().and_then(|code| code.advice(self.api)).unwrap_or(Advice::GiveUp)
    }
}

impl Error {
    pub(super) fn from_failure(api: Api, failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(source) => Self::Unreachable { api, source },
            Failure::Interrupted(source) => Self::Interrupted { api, source },
            Failure::Status(status) => Self::Status { api, status },
            Failure::TooLong => {
                Self::Unreadable { api, reason: failure.to_string(), trace_id: None }
            }
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => Advice::Retry,
            Self::Status { status: 408 | 429 | 500..=599, .. } => Advice::Retry,
            // Most likely this is not the server one meant.
            Self::Status { .. } | Self::Unreadable { .. } => Advice::Fix,
            Self::Refused(refused) => refused.advice(),
        }
    }

    /// Which call failed.
    pub fn api(&self) -> Api {
        match self {
            Self::Unreachable { api, .. }
            | Self::Interrupted { api, .. }
            | Self::Status { api, .. }
            | Self::Unreadable { api, .. }
            | Self::Refused(Refused { api, .. }) => *api,
        }
    }

    /// True when a server may have seen the call. Whether it then took effect is only known for
    /// some refusals: to be sure, send it again with the same key, or query.
    pub fn may_have_reached(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }

    /// The answer's code.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Refused(refused) => Some(refused.code),
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

    /// What to name when asking the vendor about it.
    pub fn trace_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => Some(&refused.trace_id),
            Self::Unreadable { trace_id, .. } => trace_id.as_deref(),
            _ => None,
        }
    }
}
