//! Coupons that end at a business time.

use huodong_campaign::{Expire, Id};
use jiff::Timestamp;

use super::{DEADLINE, Part, side_by_side};
use crate::engine::{Engine, EngineError};

/// How many coupons one command expires. Each costs tens of microseconds, so that callers whose
/// commands share its batch hardly notice.
const PER_COMMAND: usize = 64;
/// How many such commands are under way: one is written while the next waits.
const COMMANDS_AT_ONCE: usize = 2;
/// How many coupons expire before others have their turn.
const AT_A_TIME: usize = 32 * PER_COMMAND;

/// Expires coupons that are due, but only so many.
pub(super) async fn expire_some(engine: &Engine, now: Timestamp) -> Result<Part, EngineError> {
    let due = engine.read_waiting(move |reader| reader.due_expiries(now, AT_A_TIME)).await?;
    if due.is_empty() {
        return Ok(Part { count: 0, more: false });
    }
    let commands = due.chunks(PER_COMMAND).map(|coupons| expire(engine.clone(), coupons.to_vec()));
    let count: u64 = side_by_side(commands, COMMANDS_AT_ONCE).await?.into_iter().sum();
    // Where none did, another node may have been faster.
    let moved_on = count > 0 || {
        let again = engine.read_waiting(move |reader| reader.due_expiries(now, 1)).await?;
        again.first() != due.first()
    };
    if !moved_on {
        tracing::error!("due coupons did not expire; the queue of expiries is wrong");
    }
    Ok(Part { count, more: due.len() == AT_A_TIME && moved_on })
}

/// Expires these; tells how many did. Should one of them make no sense, the others still expire:
/// the half that it is in is halved again, until it stands alone.
async fn expire(engine: Engine, coupons: Vec<Id>) -> Result<u64, EngineError> {
    let mut count = 0;
    let mut left = vec![coupons];
    while let Some(coupons) = left.pop() {
        let command = Expire { coupons: coupons.clone() };
        match engine.submit_waiting(command, DEADLINE).await {
            Ok(Ok(expired)) => count += expired,
            Ok(Err(never)) => match never {},
            Err(EngineError::Broken(error)) => match coupons.as_slice() {
                [] => {}
                [coupon] => tracing::error!(%coupon, error, "a coupon that is due cannot expire"),
                several => {
                    let (first, second) = several.split_at(several.len() / 2);
                    left.extend([second.to_vec(), first.to_vec()]);
                }
            },
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
