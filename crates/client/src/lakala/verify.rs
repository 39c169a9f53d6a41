//! Whether an answer is the platform's.

use std::time::Duration;

use huodong_wire::lakala::Certificate;
use huodong_wire::lakala::sign::{
    REPLY_APPID, REPLY_NONCE, REPLY_SERIAL, REPLY_SIGNATURE, REPLY_TIMESTAMP, ReplySigned,
    parse_timestamp,
};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use thiserror::Error;

/// Why an answer is not taken for the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// It is not signed: a header is missing or unreadable.
    #[error("the header {0} is missing or unreadable")]
    Unsigned(&'static str),
    /// It is for another partner.
    #[error("it is for the appid {0}")]
    OtherAppid(String),
    /// It is signed with a key whose certificate was not given: the platform may have changed it.
    #[error("it is signed with the unknown certificate {0}")]
    UnknownSerial(String),
    /// It is signed with a key whose certificate is not yet or no longer valid.
    #[error("it is signed with the certificate {0}, which is not valid now")]
    NotValidNow(String),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// It is older, or from further in the future, than the window allows.
    #[error("it was signed at {0}, too far from our time")]
    Stale(i64),
}

pub(super) struct ReplyVerifier {
    pub(super) appid: String,
    pub(super) certificates: Vec<Certificate>,
    pub(super) window: Duration,
}

/// What is known of an answer that is the platform's.
pub(super) struct Verified {
    pub(super) signed_at: i64,
    pub(super) serial: String,
}

impl ReplyVerifier {
    /// Verifies an answer before a byte of its body is read for meaning.
    pub(super) fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Unverified> {
        let header = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty()).ok_or(Unverified::Unsigned(name))
        };
        let signed = ReplySigned {
            appid: header(REPLY_APPID)?,
            serial: header(REPLY_SERIAL)?,
            timestamp: header(REPLY_TIMESTAMP)?,
            nonce: header(REPLY_NONCE)?,
        };
        let signature = header(REPLY_SIGNATURE)?;
        let signed_at =
            parse_timestamp(signed.timestamp).ok_or(Unverified::Unsigned(REPLY_TIMESTAMP))?;
        if signed.appid != self.appid {
            return Err(Unverified::OtherAppid(signed.appid.to_owned()));
        }
        let serial = || signed.serial.to_owned();
        let mut named = self.certificates.iter().filter(|known| known.serial_is(signed.serial));
        let certificate = named.next().ok_or_else(|| Unverified::UnknownSerial(serial()))?;
        if !certificate.is_valid_at(now) {
            return Err(Unverified::NotValidNow(serial()));
        }
        if !certificate.verify(&signed.string_to_sign(body), signature) {
            return Err(Unverified::BadSignature);
        }
        if !is_fresh(signed_at, now, self.window) {
            return Err(Unverified::Stale(signed_at));
        }
        Ok(Verified { signed_at, serial: serial() })
    }
}

/// Whether a time is within the window, on either side of now.
pub(super) fn is_fresh(signed_at: i64, now: Timestamp, window: Duration) -> bool {
    now.as_second().abs_diff(signed_at) <= window.as_secs()
}
