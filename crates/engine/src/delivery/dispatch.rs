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
use crate::source::monotonic;

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
}

/// When to look again.
enum Next {
    AtOnce,
    In(Duration),
}

impl Dispatcher {
    pub(super) fn new(delivery: Arc<Delivery>) -> Self {
        Self { delivery, last_until: Timestamp::MIN, lapsed_at: None }
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
        let question = engine.read_waiting(move |reader| {
            let due = reader.due_callbacks(now, &room)?;
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

    /// How long a lease lasts: longer than its attempt, whatever becomes of that.
    fn lease(&self) -> Duration {
        CLAIM_TIME + self.delivery.options.timeout + RECORD_TIME
    }

    /// When a lease that is taken now ends. In whole milliseconds, like the times that rows keep.
    fn next_lease(&mut self) -> Timestamp {
        let lasts = SignedDuration::try_from(self.lease()).unwrap_or(SignedDuration::MAX);
        let real = self.delivery.clock.real();
        let until = real.checked_add(lasts).unwrap_or(Timestamp::MAX);
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
        let real_now = self.delivery.clock.real();
        let lapsed =
            engine.read_waiting(move |reader| reader.lapsed_leases(real_now, LAPSED_MAX)).await?;
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

/// How long until then, rounded up to what a timer can tell apart.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    left.max(Duration::from_millis(1))
}
