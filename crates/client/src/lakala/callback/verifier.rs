use std::fmt::{self, Formatter};
use std::sync::Arc;
use std::time::Duration;

use huodong_wire::lakala::sign::{AuthorizationError, CallbackSigned, parse_timestamp};
use huodong_wire::lakala::{Callback, Certificate, DecodeError};
use thiserror::Error;

use super::{BODY_BYTES_MAX, Event};
use crate::lakala::builder::WINDOW;
use crate::lakala::verify::is_fresh;
use crate::{Source, System};

/// Why a callback was not taken for an event of the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallbackError {
    /// It has no `Authorization` header, or one that is not text.
    #[error("there is no Authorization header")]
    Unsigned,
    /// The header cannot be read.
    #[error("the Authorization header cannot be read: {0}")]
    Authorization(#[from] AuthorizationError),
    /// No certificate that is valid now verifies the signature.
    #[error("the signature verifies with none of the notify certificates")]
    BadSignature,
    /// It is older, or from further in the future, than the window allows.
    #[error("it was signed at {0}, too far from our time")]
    Stale(i64),
    /// The body is longer than [`BODY_BYTES_MAX`], or did not arrive whole.
    #[error("the body is longer than {BODY_BYTES_MAX} bytes or did not arrive whole")]
    Body,
    /// The body is not what the document describes.
    #[error("the body cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// The signature within the body of an issue callback does not verify.
    #[error("the signature within the body does not verify")]
    BadInnerSignature,
    /// A status is in no enumeration of the document.
    #[error("the status {0} is unknown")]
    UnknownStatus(String),
    /// A coupon was issued, but not when.
    #[error("tradePaymentTime is empty")]
    NoPaymentTime,
    /// A time is in no year that can be reckoned with.
    #[error("a time is out of range")]
    TimeOutOfRange,
}

impl CallbackError {
    /// True when the callback cannot be shown to be the platform's. It tells nothing then, and
    /// the right answer is HTTP 401; other errors are about what the platform said.
    pub fn is_unverified(&self) -> bool {
        matches!(
            self,
            Self::Unsigned
                | Self::Authorization(_)
                | Self::BadSignature
                | Self::Stale(_)
                | Self::Body
                | Self::BadInnerSignature
        )
    }
}

/// Verifies callbacks. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    certificates: Arc<[Certificate]>,
    window: Option<Duration>,
    source: Arc<dyn Source>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Verifier");
        shown.field("certificates", &self.certificates).field("window", &self.window);
        shown.finish_non_exhaustive()
    }
}

impl Verifier {
    /// Takes callbacks that are signed with one of these notify certificates. A callback does not
    /// name its certificate, so all are tried; while the platform changes its key there are two.
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> Self {
        let certificates = certificates.into_iter().collect();
        Self { certificates, window: Some(WINDOW), source: Arc::new(System) }
    }

    /// How far a callback's time may be from ours; `None` takes callbacks of any age. Default
    /// 300 s. Each attempt is signed anew, so that a late one is as fresh as the first.
    pub fn window(mut self, window: Option<Duration>) -> Self {
        self.window = window;
        self
    }

    /// Takes the time from elsewhere, in tests.
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Arc::new(source);
        self
    }

    /// Verifies a callback, by its `Authorization` header and the raw bytes of its body, and
    /// reads it.
    pub fn verify(&self, authorization: Option<&str>, body: &[u8]) -> Result<Event, CallbackError> {
        let (signed, signature) =
            CallbackSigned::parse(authorization.ok_or(CallbackError::Unsigned)?)?;
        if body.len() > BODY_BYTES_MAX {
            return Err(CallbackError::Body);
        }
        let now = self.source.now();
        let message = signed.string_to_sign(body);
        let mut valid = self.certificates.iter().filter(|known| known.is_valid_at(now));
        let certificate = valid
            .find(|known| known.verify(&message, signature))
            .ok_or(CallbackError::BadSignature)?;
        let signed_at =
            parse_timestamp(signed.timestamp).ok_or(AuthorizationError::Malformed("timestamp"))?;
        if self.window.is_some_and(|window| !is_fresh(signed_at, now, window)) {
            return Err(CallbackError::Stale(signed_at));
        }
        let callback = Callback::decode(body)?;
        if let Callback::Issue(issue) = &callback
            && !issue.is_signed_by(certificate, body)
        {
            return Err(CallbackError::BadInnerSignature);
        }
        Event::try_from(callback)
    }
}
