//! One attempt: prepared, posted, recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use huodong_campaign::{AttemptOutcome, Callback, CallbackState, Claimed, Outcome, RecordAttempt};
use jiff::Timestamp;

use super::dispatch::RECORD_TIME;
use super::flight::Place;
use super::post::Answered;
use super::{Attempted, Delivery, Prepared};
use crate::engine::{Engine, EngineError, WeakEngine};
use crate::source::monotonic;

/// The pauses between tries to record an attempt; the last goes on.
const PAUSES_MS: [u64; 5] = [20, 50, 100, 250, 1_000];

/// What is needed for one attempt.
pub(super) struct Attempt {
    pub(super) delivery: Arc<Delivery>,
    pub(super) engine: WeakEngine,
    pub(super) claimed: Arc<Claimed>,
    /// The lease, by the real clock.
    pub(super) until: Timestamp,
    /// When the lease ends here, however the real clock is set meanwhile.
    pub(super) lease_ends: Instant,
    pub(super) place: Place,
}

/// What was sent, and what came of it.
struct Made {
    sent: Option<Prepared>,
    at: Timestamp,
    took: Duration,
    answered: Answered,
}

impl Made {
    fn without_answer(at: Timestamp, outcome: AttemptOutcome, reason: String) -> Self {
        Self { sent: None, at, took: Duration::ZERO, answered: Answered::nothing(outcome, reason) }
    }
}

impl Attempt {
    pub(super) async fn run(mut self) {
        self.place.begin();
        // On a task of its own: should it panic, that is recorded like any other failure.
        let sending = Arc::new(AtomicBool::new(false));
        let (delivery, claimed) = (Arc::clone(&self.delivery), Arc::clone(&self.claimed));
        // Where this process stood still since the claim, there may be no time left: what is not sent
        // by then is another node's to send.
        let until = self.lease_ends.checked_sub(RECORD_TIME).unwrap_or(self.lease_ends);
        let making = tokio::spawn(make(delivery, claimed, until, Arc::clone(&sending)));
        let made = making.await.unwrap_or_else(|error| {
            tracing::error!(callback = %self.claimed.callback.id, %error, "an attempt panicked");
            let at = self.delivery.clock.now();
            if sending.load(Ordering::Acquire) {
                let reason = "the server failed while sending it".to_owned();
                Made::without_answer(at, AttemptOutcome::Broken, reason)
            } else {
                not_sent(at, "the server failed while preparing it")
            }
        });
        self.place.answered();
        let recorded = self.record(&made).await;
        let due_at = self.place.due().due_at;
        let Self { delivery, place, .. } = self;
        let Some(callback) = recorded else { return };
        let late = made.at.duration_since(due_at);
        let late = Duration::try_from(late).unwrap_or_default();
        log(&callback, &made, late);
        delivery.envoy.attempted(Attempted {
            callback: &callback,
            sent: made.sent.as_ref(),
            outcome: made.answered.outcome,
            late,
        });
        drop(place);
        delivery.recorded(&callback);
    }

    /// Writes the attempt down, however often that has to be tried while the lease lasts. `None`
    /// where it was not written: the callback is gone, or the lease was over first; then it will
    /// count as interrupted, and be made again.
    async fn record(&self, made: &Made) -> Option<Callback> {
        let command = RecordAttempt {
            callback: self.claimed.callback.id,
            until: self.until,
            due_at: self.place.due().due_at,
            outcome: Outcome {
                at: made.at,
                took_ms: u32::try_from(made.took.as_millis()).unwrap_or(u32::MAX),
                outcome: made.answered.outcome,
                status: made.answered.status,
                answer: made.answered.answer.clone(),
                reason: made.answered.reason.clone(),
            },
        };
        let callback = command.callback;
        // Whether the last try wrote it is not known: it must not be written twice.
        let mut unclear = false;
        for pause in pauses() {
            // While this is held the database is not emptied; a number of before would be another
            // callback's afterwards.
            let _not_emptied = self.delivery.emptying.read().await;
            if !self.place.is_of_this_era() {
                return None;
            }
            let Some(engine) = self.engine.upgrade() else {
                tracing::warn!(%callback, "the engine ended before an attempt was recorded");
                return None;
            };
            let left = self.lease_ends.saturating_duration_since(monotonic());
            if left.is_zero() {
                tracing::error!(%callback, "a lease was over before its attempt was recorded");
                return None;
            }
            if unclear {
                match self.recorded_before(&engine).await {
                    Ok(Some(found)) => return Some(found),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%callback, %error, "whether it was recorded is not known");
                        drop(engine);
                        drop(_not_emptied);
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                }
            }
            let error = match engine.submit_waiting(command.clone(), left).await {
                Ok(Ok(recorded)) => return recorded,
                Err(error) => error,
            };
            if matches!(error, EngineError::Stopped | EngineError::Broken(_)) {
                tracing::error!(%callback, %error, "an attempt could not be recorded");
                return None;
            }
            tracing::warn!(%callback, %error, "an attempt could not be recorded; trying again");
            unclear = error == EngineError::CommitUnknown;
            drop(engine);
            drop(_not_emptied);
            tokio::time::sleep(pause).await;
        }
        None
    }

    /// The callback, where its lease is over before its time: only this attempt's record ends it.
    async fn recorded_before(&self, engine: &Engine) -> Result<Option<Callback>, EngineError> {
        let id = self.claimed.callback.id;
        let found = engine.read_waiting(move |reader| reader.callback(id)).await?;
        Ok(found.filter(|found| {
            !matches!(found.state, CallbackState::Leased { until, .. } if until == self.until)
        }))
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    let last = PAUSES_MS[PAUSES_MS.len() - 1];
    PAUSES_MS.into_iter().chain(std::iter::repeat(last)).map(Duration::from_millis)
}

/// Prepares the request and posts it, both within the attempt's time, and before `until`. Says when
/// it begins to send.
async fn make(
    delivery: Arc<Delivery>,
    claimed: Arc<Claimed>,
    until: Instant,
    sends: Arc<AtomicBool>,
) -> Made {
    let ends = until.min(monotonic() + delivery.options.timeout);
    let deadline = tokio::time::Instant::from_std(ends);
    let preparing = tokio::time::timeout_at(deadline, delivery.envoy.prepare(&claimed)).await;
    let at = delivery.clock.now();
    let prepared = match preparing {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(why)) => return not_sent(at, &why),
        Err(_) => return not_sent(at, "there was no time left to sign it"),
    };
    let sending = monotonic();
    if sending >= ends {
        return not_sent(at, "there was no time left to send it");
    }
    sends.store(true, Ordering::Release);
    let acknowledges = |answer: &[u8]| delivery.envoy.acknowledges(answer);
    let answered = delivery.poster.post(&prepared, acknowledges, deadline).await;
    Made { sent: Some(prepared), at, took: monotonic() - sending, answered }
}

/// For a reason of our own, which is no fault of the receiver's: it costs none of its attempts.
fn not_sent(at: Timestamp, why: &str) -> Made {
    Made::without_answer(at, AttemptOutcome::NotSent, format!("not sent: {why}"))
}

fn log(callback: &Callback, made: &Made, late: Duration) {
    let Answered { outcome, status, reason, .. } = &made.answered;
    let (id, receiver, attempt) = (callback.id, &*callback.receiver, callback.attempts);
    let (took_ms, late_ms) = (made.took.as_millis(), late.as_millis());
    if *outcome == AttemptOutcome::Acknowledged {
        tracing::debug!(callback = %id, receiver, attempt, took_ms, late_ms, "acknowledged");
    } else {
        tracing::info!(
            callback = %id, receiver, attempt, ?outcome, status, took_ms, late_ms, reason,
            "an attempt failed"
        );
    }
    if callback.state == CallbackState::Exhausted {
        tracing::warn!(callback = %id, receiver, "a callback is exhausted");
    }
}
