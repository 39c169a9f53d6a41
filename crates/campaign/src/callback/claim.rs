//! An attempt's life: claimed, made, recorded.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, AttemptOutcome, Callback, CallbackState, SCHEDULE_S, due};
use crate::{Command, Coupon, Id, Wanted, World};

/// How soon an attempt that was not sent is made again, at first …
const PAUSE_MIN: SignedDuration = SignedDuration::from_secs(1);
/// … and however long nothing can be sent: what is in the way may stay for days, and each attempt
/// is a row.
const PAUSE_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Takes callbacks that are due, so that nobody else attempts them meanwhile. Those that are not
/// due, or taken, are left out.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which.
    pub callbacks: Vec<Id>,
    /// Until when, by the real clock; also names the lease. Its millisecond counts: more of it is
    /// not stored.
    pub until: Timestamp,
}

/// A callback that was taken, with what it tells of.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// As it is now.
    pub callback: Callback,
    /// What it tells of.
    pub coupon: Coupon,
}

impl Command for Claim {
    type Done = Vec<Claimed>;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.callbacks.extend(&self.callbacks);
    }

    fn decide(&self, world: &mut World) -> Result<Vec<Claimed>, Self::Refusal> {
        let now = world.now;
        let mut claimed = Vec::with_capacity(self.callbacks.len());
        for id in &self.callbacks {
            let Some(callback) = world.callbacks.get(id) else { continue };
            let due_at = match callback.state {
                CallbackState::Waiting { due_at } if due_at <= now => due_at,
                _ => continue,
            };
            let coupon = world.coupons.get(&callback.coupon);
            let coupon = coupon.expect("a callback's coupon is loaded with it").clone();
            let slot = world.callbacks.change(id).expect("found above");
            slot.state = CallbackState::Leased { until: self.until, due_at };
            claimed.push(Claimed { callback: slot.clone(), coupon });
        }
        Ok(claimed)
    }
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it began, by the business clock.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The answer's HTTP status, where there was one.
    pub status: Option<u16>,
    /// The answer's first bytes.
    pub answer: Vec<u8>,
    /// What exactly went wrong; empty where nothing did.
    pub reason: String,
}

/// Writes an attempt down and moves its callback on. Done is the callback as it is then; `None`
/// where it is unknown.
///
/// One that was not sent uses up none of the schedule's: the same attempt is due again after a
/// pause, which grows with how overdue it is.
///
/// One whose lease was lost is written down too, after the line that says it was interrupted. It
/// moves nothing on, unless it was acknowledged: then the receiver has the callback, whoever else
/// attempts it by now.
#[derive(Clone, Debug)]
pub struct RecordAttempt {
    /// Of which callback.
    pub callback: Id,
    /// The lease it was made under.
    pub until: Timestamp,
    /// When it was due.
    pub due_at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

impl Command for RecordAttempt {
    type Done = Option<Callback>;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.callbacks.insert(self.callback);
    }

    fn decide(&self, world: &mut World) -> Result<Option<Callback>, Self::Refusal> {
        if !world.callbacks.contains(&self.callback) {
            return Ok(None);
        }
        write_down(world, self.callback, self.due_at, &self.outcome);
        let now = world.now;
        let callback = world.callbacks.change(&self.callback).expect("found above");
        let lease = self.until.as_millisecond();
        let mine = matches!(
            callback.state,
            CallbackState::Leased { until, .. } if until.as_millisecond() == lease
        );
        let finished = matches!(callback.state, CallbackState::Delivered);
        if self.outcome.outcome == AttemptOutcome::Acknowledged && !finished {
            callback.state = CallbackState::Delivered;
            callback.finished_at = Some(now);
        } else if mine && self.outcome.outcome == AttemptOutcome::NotSent {
            let overdue = now.duration_since(due(callback.began_at, callback.tries));
            let pause = overdue.clamp(PAUSE_MIN, PAUSE_MAX);
            let due_at = now.checked_add(pause).unwrap_or(Timestamp::MAX);
            callback.state = CallbackState::Waiting { due_at };
        } else if mine {
            callback.tries += 1;
            if usize::from(callback.tries) < SCHEDULE_S.len() {
                let due_at = due(callback.began_at, callback.tries);
                callback.state = CallbackState::Waiting { due_at };
            } else {
                callback.state = CallbackState::Exhausted;
                callback.finished_at = Some(now);
            }
        }
        Ok(Some(callback.clone()))
    }
}

/// Takes callbacks back from whoever has not come back with them in time: the process has ended,
/// or hangs. Done tells how many.
#[derive(Clone, Debug)]
pub struct FreeLeases {
    /// Which.
    pub callbacks: Vec<Id>,
    /// The real time: only leases that are over by now are freed.
    pub real_now: Timestamp,
}

impl Command for FreeLeases {
    type Done = u64;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.callbacks.extend(&self.callbacks);
    }

    fn decide(&self, world: &mut World) -> Result<u64, Self::Refusal> {
        let mut freed = 0;
        for id in &self.callbacks {
            let state = world.callbacks.get(id).map(|callback| callback.state);
            let Some(CallbackState::Leased { until, due_at }) = state else { continue };
            if until > self.real_now {
                continue;
            }
            let outcome = Outcome {
                at: world.now,
                took_ms: 0,
                outcome: AttemptOutcome::Interrupted,
                status: None,
                answer: Vec::new(),
                reason: "the server stopped before the outcome was known".to_owned(),
            };
            write_down(world, *id, due_at, &outcome);
            let callback = world.callbacks.change(id).expect("found above");
            callback.state = CallbackState::Waiting { due_at };
            freed += 1;
        }
        Ok(freed)
    }
}

fn write_down(world: &mut World, callback: Id, due_at: Timestamp, outcome: &Outcome) {
    let id = world.take_id();
    let slot = world.callbacks.change(&callback).expect("the caller has seen it");
    slot.attempts += 1;
    let number = slot.attempts;
    let Outcome { at, took_ms, outcome, status, answer, reason } = outcome.clone();
    world.attempts.push(Attempt {
        id,
        callback,
        number,
        due_at,
        at,
        took_ms,
        outcome,
        status,
        answer,
        reason,
    });
}
