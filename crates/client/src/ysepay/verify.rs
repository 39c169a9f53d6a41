//! Whether an answer is the gateway's.

use std::time::Duration;

use huodong_wire::ysepay::{PublicKey, ReceivedReply, parse_wall_time};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use thiserror::Error;

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
) -> Result<DateTime, Unverified> {
    if !keys.iter().any(|key| reply.verify(key)) {
        return Err(Unverified::BadSignature);
    }
    let answered_at = reply.fields().get("timeStamp").and_then(parse_wall_time);
    let answered_at = answered_at.ok_or(Unverified::NoTime)?;
    let fresh = Offset::constant(8)
        .to_timestamp(answered_at)
        .is_ok_and(|at| now.as_second().abs_diff(at.as_second()) <= window.as_secs());
    if fresh { Ok(answered_at) } else { Err(Unverified::Stale(answered_at)) }
}
