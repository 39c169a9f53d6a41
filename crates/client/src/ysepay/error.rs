use std::fmt::{self, Display, Formatter};

use huodong_wire::ysepay::{
    AddDataCode, Advice, Api, Charset, ConsultCode, GatewayCode, ReceivedReply, SubCode,
};
use thiserror::Error;

use super::{ReqId, Unverified};
use crate::transport::Failure;

/// So much of a text of an answer is told. The document's are 50 characters long.
const LINE_CHARS_MAX: usize = 500;

/// Why a call has no answer. [`advice`](Self::advice) says what to do about it.
#[derive(Debug)]
pub struct Error {
    /// The call.
    pub api: Api,
    /// Its number: to send it again without having it carried out twice, send it with this one.
    pub req_id: ReqId,
    /// What happened.
    pub cause: Cause,
}

/// What happened to a call that has no answer.
#[derive(Debug, Error)]
pub enum Cause {
    /// The request has a character that its charset has not: it was not sent.
    #[error("the request has a character that {0} has not")]
    Unencodable(Charset),
    /// No connection was made: the call certainly did not reach the gateway.
    #[error("the gateway could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke or the time was up: the call may have reached the gateway.
    #[error("the exchange was interrupted")]
    Interrupted(#[source] reqwest::Error),
    /// The answer was not HTTP 200; the gateway answers that to refusals too.
    #[error("HTTP {0} instead of 200")]
    Status(u16),
    /// The answer bears no signature. The gateway's refusals do not where it does not know who
    /// calls (a wrong certId, say) or is too busy to sign. Whatever it says was not believed; the
    /// call may have taken effect.
    #[error("the answer is not signed; it claims {0}")]
    Unsigned(Box<Refused>),
    /// The answer is signed, but not shown to be the gateway's, or not of now. Nothing of it was
    /// believed; the call may have taken effect.
    #[error("the answer is not verified: {source}; it claims {claims}")]
    Unverified {
        /// Why not.
        source: Unverified,
        /// What it claims: a hint for people, and nothing to act on.
        claims: Box<Refused>,
    },
    /// The gateway's business data does not open under the request's key: it answers another
    /// request. The call may have taken effect.
    #[error("the answer's businessData does not open under this request's key")]
    CannotOpen,
    /// The answer is not what the document describes.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The gateway or the API behind it refused.
    #[error(transparent)]
    Refused(Box<Refused>),
}

/// What an answer says. A refusal is one whose `code` or `subCode` is not that of success. Nothing happened, unless
/// its advice is to send it again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Refused {
    /// The call.
    pub api: Api,
    /// The gateway's code, of the table or not.
    pub code: String,
    /// What the gateway says about it.
    pub msg: String,
    /// The API's code, of the table or not; empty where the call did not reach it.
    pub sub_code: String,
    /// What the API says about it.
    pub sub_msg: String,
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { api: _, code, msg, sub_code, sub_msg } = self;
        if self.gateway() == Some(GatewayCode::Success) {
            write!(f, "{sub_code} {sub_msg}")
        } else {
            write!(f, "{code} {msg}")
        }
    }
}

impl Refused {
    /// What a reply says, each text cut to a line.
    pub(super) fn read(api: Api, reply: &ReceivedReply) -> Self {
        let line = |text: &str| text.chars().take(LINE_CHARS_MAX).collect();
        Self {
            api,
            code: line(reply.code()),
            msg: line(reply.msg()),
            sub_code: line(reply.sub_code()),
            sub_msg: line(reply.sub_msg()),
        }
    }

    /// The gateway's code, where it is of the table.
    pub fn gateway(&self) -> Option<GatewayCode> {
        GatewayCode::from_number(&self.code)
    }

    /// The code of an upload or an enrolment, where it is of the table.
    pub fn add_data(&self) -> Option<AddDataCode> {
        let its_own = matches!(self.api, Api::Upload | Api::AddData);
        AddDataCode::from_number(&self.sub_code).filter(|_| its_own)
    }

    /// The code of a consult, where it is of the table.
    pub fn consult(&self) -> Option<ConsultCode> {
        ConsultCode::from_number(&self.sub_code).filter(|_| self.api == Api::Consult)
    }

    /// What to do about it. A code of no table is given up: nobody knows what it asks for.
    pub fn advice(&self) -> Advice {
        let advice = match self.gateway() {
            Some(GatewayCode::Success) => match self.api {
                Api::Upload | Api::AddData => self.add_data().and_then(SubCode::advice),
                Api::Consult => self.consult().and_then(SubCode::advice),
            },
            Some(code) => code.advice(),
            None => None,
        };
        advice.unwrap_or(Advice::GiveUp)
    }
}

impl From<Failure> for Cause {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(source) => Self::Unreachable(source),
            Failure::Interrupted(source) => Self::Interrupted(source),
            Failure::Status(status) => Self::Status(status),
            Failure::TooLong => Self::Unreadable(failure.to_string()),
        }
    }
}

impl Cause {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unreachable(_) | Self::Interrupted(_) => Advice::Retry,
            Self::Status(408 | 429 | 500..=599) => Advice::Retry,
            // A refusal that nobody vouches for and that asks for patience is worth what a broken
            // connection is: sent again with the same reqId, the call happens once.
            Self::Unsigned(claims) if claims.advice() == Advice::Retry => Advice::Retry,
            // Most likely this is not the gateway one meant, or not its key.
            Self::Status(_)
            | Self::Unsigned(_)
            | Self::Unverified { .. }
            | Self::CannotOpen
            | Self::Unreadable(_)
            | Self::Unencodable(_) => Advice::Fix,
            Self::Refused(refused) => refused.advice(),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.api, self.cause)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

impl Error {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        self.cause.advice()
    }

    /// True when a gateway may have seen the call. Whether it then took effect is only known for
    /// some refusals: to be sure, send it again with the same `reqId`.
    pub fn may_have_reached(&self) -> bool {
        !matches!(self.cause, Cause::Unreachable(_) | Cause::Unencodable(_))
    }

    /// The refusal, where it is one that the gateway signed.
    pub fn refused(&self) -> Option<&Refused> {
        match &self.cause {
            Cause::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}
