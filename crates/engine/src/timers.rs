//! What happens by itself at a business time.

use std::time::Duration;

use huodong_campaign::{Actor, EndActivity, Operated, Settle};
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
        // Settlements first: what fails at an activity's last moment is then part of what its end
        // gives back.
        let settlements = settle_due(engine).await?;
        let activities_ended = end_due(engine).await?;
        Ok(Ran { settlements, activities_ended })
    }
}

async fn settle_due(engine: &Engine) -> Result<u64, EngineError> {
    let mut ran = 0;
    loop {
        let now = engine.clock().now();
        let due = engine.read(move |reader| reader.due_settlements(now, AT_ONCE)).await?;
        if due.is_empty() {
            return Ok(ran);
        }
        let mut settling = JoinSet::new();
        for donation in due {
            let engine = engine.clone();
            settling.spawn(async move { engine.submit(Settle { donation }, DEADLINE).await });
        }
        let mut settled = 0;
        while let Some(outcome) = settling.join_next().await {
            let outcome = outcome.map_err(|error| EngineError::Unavailable(error.to_string()))?;
            match outcome? {
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

async fn end_due(engine: &Engine) -> Result<u64, EngineError> {
    let mut ran = 0;
    let now = engine.clock().now();
    let due = engine.read(move |reader| reader.due_ends(now, AT_ONCE)).await?;
    for activity_no in due {
        let actor = Actor { name: "system".to_owned(), trace_id: String::new() };
        let command = EndActivity { activity_no: activity_no.clone(), only_if_over: true };
        match engine.submit(Operated { actor, command }, DEADLINE).await? {
            Ok(_) => ran += 1,
            // An operator was faster, or moved its window.
            Err(refusal) => tracing::info!(%activity_no, %refusal, "not ended by its window"),
        }
    }
    Ok(ran)
}
