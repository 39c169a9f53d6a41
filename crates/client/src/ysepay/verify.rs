//! Whether an answer is the gateway's.

use std::time::Duration;

use huodong_wire::ysepay::{PublicKey, ReceivedReply, parse_wall_time};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use thiserror::Error;

use super::Cause;

/// So much of what an unverified answer claims is told.
const CLAIM_CHARS_MAX: usize = 200;

/// Why a signed answer is not taken for the gateway's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// None of the gateway's keys made the signature.
    #[error("none of the gateway's keys made its signature")]
    BadSignature,
    /// It does not say when it was made.
    #[error("its timeStamp is missing or no time")]
    NoTime,
    /// It is older, or from further in the future, than the window allows.
    #[error("it was made at {0}, too far from our time")]
    Stale(DateTime),
}

/// When the gateway says it answered, in Shanghai, once it is shown to be the gateway that says it.
pub(super) fn verify(
    reply: &ReceivedReply,
    keys: &[PublicKey],
    window: Duration,
    now: Timestamp,
) -> Result<DateTime, Cause> {
    if !reply.is_signed() {
        let line = |text: &str| text.chars().take(CLAIM_CHARS_MAX).collect();
        return Err(Cause::Unsigned { code: line(reply.code()), msg: line(reply.msg()) });
    }
    let unverified = |source| Cause::Unverified { source, claims: claims(reply) };
    if !keys.iter().any(|key| reply.verify(key)) {
        return Err(unverified(Unverified::BadSignature));
    }
    let answered_at = reply.fields().get("timeStamp").and_then(parse_wall_time);
    let answered_at = answered_at.ok_or_else(|| unverified(Unverified::NoTime))?;
    let fresh = Offset::constant(8)
        .to_timestamp(answered_at)
        .is_ok_and(|at| now.as_second().abs_diff(at.as_second()) <= window.as_secs());
    if fresh { Ok(answered_at) } else { Err(unverified(Unverified::Stale(answered_at))) }
}

fn claims(reply: &ReceivedReply) -> String {
    let texts = [reply.code(), reply.msg(), reply.sub_code(), reply.sub_msg()];
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join(" ").chars().take(CLAIM_CHARS_MAX).collect()
}
