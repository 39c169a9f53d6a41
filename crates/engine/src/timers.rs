//! What happens by itself at a business time.

mod coupons;
mod photos;
mod turn;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use huodong_campaign::{Actor, Command, EndActivity, Id, Operated, Settle, SettleCoupon};
use huodong_store::{Reader, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::{JoinError, JoinSet};

use crate::delivery::{Delivery, Hold};
use crate::engine::{Engine, EngineError};
use turn::Turn;

/// How often the timers are looked at while nobody moves the clock.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many due things are taken up at once.
const AT_ONCE: usize = 1_000;
/// How long one of them may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What ran because its time had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Deferred donations that settled.
    pub settlements: u64,
    /// Activities that ended with their window.
    pub activities_ended: u64,
    /// Coupons in process that were issued or failed.
    pub coupons_settled: u64,
    /// Coupons that ended unused.
    pub coupons_expired: u64,
    /// Photos that were removed, as no enrolment had named them for long enough.
    pub photos_removed: u64,
    /// Attempts at callbacks.
    pub callbacks: u64,
}

/// While this lives nothing runs by itself.
#[derive(Debug)]
pub struct TimersHeld<'t> {
    _timers: MutexGuard<'t, Turn>,
    _delivery: Option<Hold>,
}

/// One look at the timers at a time, so that what ran is counted once.
#[derive(Debug, Default)]
pub(crate) struct Timers(Mutex<Turn>);

impl Timers {
    pub(crate) async fn hold(&self, delivery: Option<&Arc<Delivery>>) -> TimersHeld<'_> {
        let timers = self.0.lock().await;
        TimersHeld { _timers: timers, _delivery: delivery.map(Delivery::hold) }
    }

    /// Changes the clock and runs what is then due, whichever node's turn it is; tells what ran, and
    /// by what time it was due.
    pub(crate) async fn run_due_after(
        &self,
        engine: &Engine,
        change: impl FnOnce(),
    ) -> Result<(Ran, Timestamp), EngineError> {
        let _alone = self.0.lock().await;
        change();
        // As it is now: while new things fall due as fast as they are taken up, this still ends.
        let now = engine.clock().now();
        let mut ran = Ran::default();
        while round(engine, now, &mut ran).await? {}
        Ok((ran, now))
    }

    /// Runs what is due now, where it is this node's turn. True where there is more, which waits until
    /// others had their turn.
    pub(crate) async fn look(&self, engine: &Engine) -> Result<bool, EngineError> {
        let mut turn = self.0.lock().await;
        if !turn.is_ours(engine).await? {
            return Ok(false);
        }
        round(engine, engine.clock().now(), &mut Ran::default()).await
    }

    /// Lets another node run them at once.
    pub(crate) async fn give_back(&self, engine: &Engine) {
        self.0.lock().await.give_back(engine).await;
    }
}

/// Runs all that is due by `now`, but of the coupons that expire and the photos that go only so many:
/// a million of them may end at one midnight, and what falls due meanwhile does not wait for the last
/// of them. True where more of them are due.
async fn round(engine: &Engine, now: Timestamp, ran: &mut Ran) -> Result<bool, EngineError> {
    // Settlements first: what fails at an activity's last moment is then part of what its end
    // gives back. What will not settle keeps no activity from ending.
    let donation = |donation| Settle { donation };
    let settlements = settle_due(engine, now, Reader::due_settlements, donation).await;
    let coupon = |coupon| SettleCoupon { coupon };
    let coupons_settled = settle_due(engine, now, Reader::due_coupon_settlements, coupon).await;
    let activities_ended = end_due(engine, now).await;
    let expired = coupons::expire_some(engine, now).await;
    let photos = photos::remove_some(engine, now).await?;
    let expired = expired?;
    ran.settlements += settlements?;
    ran.coupons_settled += coupons_settled?;
    ran.activities_ended += activities_ended?;
    ran.coupons_expired += expired.count;
    ran.photos_removed += photos.count;
    Ok(expired.more || photos.more)
}

/// What was done of something that there may be much of.
struct Part {
    count: u64,
    /// Whether more is due.
    more: bool,
}

/// Has the channel decide on all orders of a kind that are due: `due` finds them, `settle` is the
/// command for one.
async fn settle_due<C: Command<Done = bool, Refusal = Infallible>>(
    engine: &Engine,
    now: Timestamp,
    due: fn(&Reader, Timestamp, usize) -> Result<Vec<Id>, StoreError>,
    settle: fn(Id) -> C,
) -> Result<u64, EngineError> {
    let (mut ran, mut unsettled) = (0, Vec::new());
    loop {
        let due = engine.read_waiting(move |reader| due(reader, now, AT_ONCE)).await?;
        if due.is_empty() {
            return Ok(ran);
        }
        if due == unsettled {
            tracing::error!("due orders did not settle; the queue of settlements is wrong");
            return Ok(ran);
        }
        let mut settled = 0;
        for outcome in carry_out(engine, due.iter().copied().map(settle), AT_ONCE).await? {
            match outcome {
                Ok(true) => settled += 1,
                Ok(false) => {}
            }
        }
        // Another node may have been faster; then other orders are due now.
        unsettled = if settled == 0 { due } else { Vec::new() };
        ran += settled;
    }
}

async fn end_due(engine: &Engine, now: Timestamp) -> Result<u64, EngineError> {
    let (mut ran, mut not_ended) = (0, Vec::new());
    loop {
        let due = engine.read_waiting(move |reader| reader.due_ends(now, AT_ONCE)).await?;
        if due.is_empty() || due == not_ended {
            return Ok(ran);
        }
        let end = due.iter().map(|activity_no| Operated {
            actor: Actor { name: "system".to_owned(), trace_id: String::new() },
            command: EndActivity { activity_no: activity_no.clone(), only_if_over: true },
        });
        let mut ended = 0;
        for outcome in carry_out(engine, end, AT_ONCE).await? {
            match outcome {
                Ok(_) => ended += 1,
                // An operator or another node was faster, or its window was moved.
                Err(refusal) => tracing::info!(%refusal, "not ended by its window"),
            }
        }
        not_ended = if ended == 0 { due } else { Vec::new() };
        ran += ended;
    }
}

/// Has all of them carried out, so many at once. Where some get no outcome, the others still run to
/// their end before the first error is told.
async fn carry_out<C: Command>(
    engine: &Engine,
    commands: impl Iterator<Item = C>,
    at_once: usize,
) -> Result<Vec<Result<C::Done, C::Refusal>>, EngineError> {
    let submitted = commands.map(|command| {
        let engine = engine.clone();
        async move { engine.submit_waiting(command, DEADLINE).await }
    });
    side_by_side(submitted, at_once).await
}

/// The same for whatever is to be run.
async fn side_by_side<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = Result<T, EngineError>> + Send + 'static>,
    at_once: usize,
) -> Result<Vec<T>, EngineError> {
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    let mut failed = None;
    let mut hear = |joined: Result<Result<T, EngineError>, JoinError>| {
        let outcome = joined.map_err(|error| EngineError::Unavailable(error.to_string()));
        match outcome.flatten() {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => failed = failed.take().or(Some(error)),
        }
    };
    for one in all {
        if running.len() >= at_once
            && let Some(joined) = running.join_next().await
        {
            hear(joined);
        }
        running.spawn(one);
    }
    while let Some(joined) = running.join_next().await {
        hear(joined);
    }
    failed.map_or(Ok(outcomes), Err)
}
