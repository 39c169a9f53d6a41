//! What happens by itself at a business time.

use std::time::Duration;

use huodong_campaign::{Actor, Command, EndActivity, Operated, Settle};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

use crate::engine::{Engine, EngineError};

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
}

/// One look at the timers at a time, so that what ran is counted once.
#[derive(Debug, Default)]
pub(crate) struct Timers(Mutex<()>);

impl Timers {
    pub(crate) async fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().await
    }

    pub(crate) async fn run_due_after(
        &self,
        engine: &Engine,
        change: impl FnOnce(),
    ) -> Result<Ran, EngineError> {
        let _alone = self.hold().await;
        change();
        // As it is now: while new things fall due as fast as they are taken up, a look still ends.
        let now = engine.clock().now();
        // Settlements first: what fails at an activity's last moment is then part of what its end
        // gives back. One that will not settle keeps no activity from ending.
        let settlements = settle_due(engine, now).await;
        let activities_ended = end_due(engine, now).await;
        Ok(Ran { settlements: settlements?, activities_ended: activities_ended? })
    }
}

async fn settle_due(engine: &Engine, now: Timestamp) -> Result<u64, EngineError> {
    let mut ran = 0;
    loop {
        let due = engine.read_waiting(move |reader| reader.due_settlements(now, AT_ONCE)).await?;
        if due.is_empty() {
            return Ok(ran);
        }
        let settle = due.into_iter().map(|donation| Settle { donation });
        let mut settled = 0;
        for outcome in carry_out(engine, settle).await? {
            match outcome {
                Ok(true) => settled += 1,
                Ok(false) => {}
            }
        }
        if settled == 0 {
            tracing::error!("due donations did not settle; the queue of settlements is wrong");
            return Ok(ran);
        }
        ran += settled;
    }
}

async fn end_due(engine: &Engine, now: Timestamp) -> Result<u64, EngineError> {
    let mut ran = 0;
    loop {
        let due = engine.read_waiting(move |reader| reader.due_ends(now, AT_ONCE)).await?;
        let end = due.into_iter().map(|activity_no| Operated {
            actor: Actor { name: "system".to_owned(), trace_id: String::new() },
            command: EndActivity { activity_no, only_if_over: true },
        });
        let mut ended = 0;
        for outcome in carry_out(engine, end).await? {
            match outcome {
                Ok(_) => ended += 1,
                // An operator was faster, or moved its window.
                Err(refusal) => tracing::info!(%refusal, "not ended by its window"),
            }
        }
        if ended == 0 {
            return Ok(ran);
        }
        ran += ended;
    }
}

/// Has all of them carried out. Where some get no outcome, the others still run to their end
/// before the first error is told.
async fn carry_out<C: Command>(
    engine: &Engine,
    commands: impl Iterator<Item = C>,
) -> Result<Vec<Result<C::Done, C::Refusal>>, EngineError> {
    let mut running = JoinSet::new();
    for command in commands {
        let engine = engine.clone();
        running.spawn(async move { engine.submit_waiting(command, DEADLINE).await });
    }
    let mut outcomes = Vec::with_capacity(running.len());
    let mut failed = None;
    while let Some(joined) = running.join_next().await {
        let outcome = joined.map_err(|error| EngineError::Unavailable(error.to_string()));
        match outcome.flatten() {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(outcomes), Err)
}
