//! Looks for what is due, claims it and sends it on its way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use huodong_campaign::{Claim, FreeLeases, Id};
use jiff::{SignedDuration, Timestamp};

use super::Delivery;
use super::attempt::Attempt;
use super::flight::Place;
use crate::engine::{Engine, EngineError, WeakEngine};
use crate::source::{Chance, monotonic};

/// The longest pause between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many callbacks one look may claim.
const CLAIMS_MAX: usize = 256;
/// How long a claim may take.
const CLAIM_TIME: Duration = Duration::from_secs(10);
/// How long recording an attempt may take, so that a lease outlasts both.
pub(super) const RECORD_TIME: Duration = Duration::from_secs(20);
/// How often leases that are over are looked for: only a claim whose outcome nobody heard, or an
/// attempt that could not be recorded, leaves one behind while the process lives.
const LAPSED_EVERY: Duration = Duration::from_secs(1);
/// How many of them are freed at once.
const LAPSED_MAX: usize = 256;

/// The one task that claims.
pub(super) struct Dispatcher {
    delivery: Arc<Delivery>,
    /// Leases are named by when they end, so no two may end at once.
    last_until: Timestamp,
    lapsed_at: Option<Instant>,
    lease_clock: LeaseClock,
    crowd: Crowd,
}

/// When to look again.
enum Next {
    AtOnce,
    In(Duration),
}

impl Dispatcher {
    pub(super) fn new(delivery: Arc<Delivery>) -> Self {
        let lease_clock = LeaseClock { at: monotonic(), time: delivery.clock.real() };
        Self {
            delivery,
            last_until: Timestamp::MIN,
            lapsed_at: None,
            lease_clock,
            crowd: Crowd::default(),
        }
    }

    /// Runs until delivery is stopped, or the engine is gone.
    pub(super) async fn run(mut self, engine: WeakEngine) {
        let mut moved = self.delivery.clock.watch();
        let mut stopping = self.delivery.stopping.subscribe();
        while !*stopping.borrow_and_update() {
            let Some(engine) = engine.upgrade().filter(Engine::is_running) else { return };
            let looked = self.look(&engine).await;
            drop(engine);
            let pause = match looked {
                Ok(Next::AtOnce) => continue,
                Ok(Next::In(pause)) => pause,
                Err(error) => {
                    tracing::warn!(%error, "callbacks could not be looked at; trying again");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.delivery.flight.woken() => {}
                changed = moved.changed() => if changed.is_err() { return },
                changed = stopping.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn look(&mut self, engine: &Engine) -> Result<Next, EngineError> {
        let delivery = Arc::clone(&self.delivery);
        let _not_emptied = delivery.emptying.read().await;
        self.free_lapsed(engine).await?;
        // Said before the room is measured: a place given back from here on wakes the next look.
        delivery.flight.wake_when_freed(true);
        let mut room = delivery.flight.room();
        let now = delivery.clock.now();
        if room.limit == 0 || delivery.is_held() {
            return Ok(Next::In(LOOK_EVERY));
        }
        room.limit = room.limit.min(CLAIMS_MAX);
        room.part = self.crowd.part();
        let question = engine.read_waiting(move |reader| {
            let mut due = reader.due_callbacks(now, &room)?;
            if due.is_empty() && room.part.take().is_some() {
                due = reader.due_callbacks(now, &room)?;
            }
            let next = if due.is_empty() { reader.next_callback_due()? } else { None };
            Ok((due, next))
        });
        let (due, next) = question.await?;
        if due.is_empty() {
            let held_up = next.is_some_and(|at| at <= now);
            delivery.flight.wake_when_freed(held_up);
            return Ok(Next::In(match next {
                Some(at) if !held_up => until(at, delivery.clock.now()).min(LOOK_EVERY),
                _ => LOOK_EVERY,
            }));
        }
        let places = due.into_iter().filter_map(|due| Some((due.id, delivery.flight.take(due)?)));
        let places: HashMap<_, _> = places.collect();
        if places.is_empty() {
            return Ok(Next::In(LOOK_EVERY));
        }
        let begun = self.claim(engine, places).await?;
        Ok(if begun > 0 { Next::AtOnce } else { Next::In(LOOK_EVERY) })
    }

    /// Claims the callbacks that places were taken for, and begins an attempt at each that was
    /// claimed. Tells how many those are.
    async fn claim(
        &mut self,
        engine: &Engine,
        mut places: HashMap<Id, Place>,
    ) -> Result<usize, EngineError> {
        // Taken first, so that it is over no later than the lease.
        let lease_ends = monotonic() + self.lease();
        let until = self.next_lease();
        let mut callbacks: Vec<_> = places.keys().copied().collect();
        callbacks.sort_unstable_by_key(|id| (places[id].due().due_at, *id));
        let claim = engine.submit_waiting(Claim { callbacks, until }, CLAIM_TIME);
        let claimed = match claim.await? {
            Ok(claimed) => claimed,
            Err(never) => match never {},
        };
        let begun = claimed.len();
        self.crowd.claimed(places.len(), begun);
        for claimed in claimed {
            let id = claimed.callback.id;
            let Some(place) = places.remove(&id) else {
                tracing::error!(callback = %id, "claimed what was not asked for");
                continue;
            };
            let (delivery, engine) = (Arc::clone(&self.delivery), engine.downgrade());
            let claimed = Arc::new(claimed);
            tokio::spawn(Attempt { delivery, engine, claimed, until, lease_ends, place }.run());
        }
        Ok(begun)
    }

    /// How long a lease lasts, by which the attempts made under it are bounded: longer than its attempt, whatever becomes of that.
    fn lease(&self) -> Duration {
        CLAIM_TIME + self.delivery.options.timeout + RECORD_TIME
    }

    /// When a lease that is taken now ends. In whole milliseconds, like the times that rows keep.
    fn next_lease(&mut self) -> Timestamp {
        let lasts = SignedDuration::try_from(self.lease()).unwrap_or(SignedDuration::MAX);
        let now = self.lease_clock.now();
        let until = now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let until = Timestamp::from_millisecond(until.as_millisecond()).unwrap_or(until);
        let after_last = self.last_until.checked_add(SignedDuration::from_millis(1));
        self.last_until = until.max(after_last.unwrap_or(until));
        self.last_until
    }

    async fn free_lapsed(&mut self, engine: &Engine) -> Result<(), EngineError> {
        let now = monotonic();
        if self.lapsed_at.is_some_and(|at| now - at < LAPSED_EVERY) {
            return Ok(());
        }
        self.lapsed_at = Some(now);
        let here = self.delivery.clock.real();
        let question = engine.read_waiting(move |reader| {
            let time = reader.lease_time(here)?;
            Ok((time, reader.lapsed_leases(time, LAPSED_MAX)?))
        });
        let (real_now, lapsed) = question.await?;
        self.lease_clock = LeaseClock { at: now, time: real_now };
        // Should the system's clock jump ahead, an attempt under way here has not lapsed.
        let callbacks = self.delivery.flight.without_those_under_way(lapsed);
        if callbacks.is_empty() {
            return Ok(());
        }
        let free = engine.submit_waiting(FreeLeases { callbacks, real_now }, CLAIM_TIME);
        let freed = match free.await? {
            Ok(freed) => freed,
            Err(never) => match never {},
        };
        tracing::warn!(freed, "attempts were interrupted; they are made again");
        Ok(())
    }
}

/// The clock that leases are judged by, as it was last read: the database's where several nodes use
/// it, for whose own clocks may differ by more than a lease lasts.
#[derive(Clone, Copy, Debug)]
struct LeaseClock {
    /// From before it was read, so that it is never taken to be behind.
    at: Instant,
    time: Timestamp,
}

impl LeaseClock {
    fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(monotonic() - self.at).unwrap_or(SignedDuration::MAX);
        self.time.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

/// How many nodes seem to go for the same callbacks. Where one loses most of what it would claim to
/// others, it looks at one part of what is due at a time, chosen by chance: of more parts the more it
/// goes on losing, of fewer once it has not for a while.
#[derive(Debug)]
struct Crowd {
    parts: i64,
    won: u32,
}

/// The most parts that are told apart.
const PARTS_MAX: i64 = 32;
/// After so many claims that were not lost, half the parts will do.
const WON_MAX: u32 = 64;

impl Default for Crowd {
    fn default() -> Self {
        Self { parts: 1, won: 0 }
    }
}

impl Crowd {
    fn part(&self) -> Option<(i64, i64)> {
        let [byte] = Chance.bytes();
        (self.parts > 1).then(|| (self.parts, i64::from(byte) % self.parts))
    }

    fn claimed(&mut self, asked: usize, got: usize) {
        if got * 2 < asked {
            *self = Self { parts: (self.parts * 2).min(PARTS_MAX), won: 0 };
        } else if self.won < WON_MAX {
            self.won += 1;
        } else {
            *self = Self { parts: (self.parts / 2).max(1), won: 0 };
        }
    }
}

/// How long until then, rounded up to what a timer can tell apart.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    left.max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_looks_at_smaller_parts_and_at_larger_ones_after_a_while() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.part(), None);
        for parts in [2, 4, 8, 16, 32, 32] {
            crowd.claimed(10, 4);
            assert_eq!(crowd.parts, parts);
            assert!(crowd.part().is_some_and(|(of, nth)| of == parts && (0..of).contains(&nth)));
        }
        for parts in [32, 16, 8, 4, 2, 1, 1] {
            assert_eq!(crowd.parts, parts);
            (0..=WON_MAX).for_each(|_| crowd.claimed(10, 5));
        }
        assert_eq!(crowd.part(), None);
    }
}
