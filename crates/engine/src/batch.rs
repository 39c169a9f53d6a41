//! (Signatures only for now.)
#![allow(clippy::todo, missing_docs, unused_variables)]
use std::time::Duration;

use huodong_campaign::Command;
use huodong_store::{Reader, Store, StoreError};
use thiserror::Error;

use crate::Clock;
use crate::timers::Ran;

/// The queue's and the batches' bounds.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    pub queue_max: usize,
    pub batch_max: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { queue_max: 16_384, batch_max: 1_024 }
    }
}

/// Why a command has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    #[error("the queue is full; nothing was written")]
    Busy,
    #[error("the deadline passed; the command may still be carried out")]
    Deadline,
    #[error("the store failed; nothing was written: {0}")]
    Unavailable(String),
    #[error("the commit's outcome is unknown")]
    CommitUnknown,
    #[error("the engine has stopped")]
    Stopped,
}

/// Counters and histograms' raw material, read by /metrics.
#[derive(Clone, Debug, Default)]
pub struct BatchStats {}

#[derive(Clone, Debug)]
pub struct Engine;

impl Engine {
    /// Starts the writer thread and the timers (needs a tokio runtime).
    pub fn start(store: Store, clock: Clock, options: EngineOptions) -> Self {
        todo!()
    }
    /// Queues the command and waits for its outcome, at most `deadline`.
    pub async fn submit<C: Command>(
        &self,
        command: C,
        deadline: Duration,
    ) -> Result<Result<C::Done, C::Refusal>, EngineError> {
        todo!()
    }
    pub fn reader(&self) -> &Reader {
        todo!()
    }
    /// Runs a question on the readers' threads.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        todo!()
    }
    pub fn clock(&self) -> &Clock {
        todo!()
    }
    pub fn queue_depth(&self) -> usize {
        todo!()
    }
    /// Runs every timer that is due by the business clock, and tells what ran.
    pub async fn run_due(&self) -> Result<Ran, EngineError> {
        todo!()
    }
    /// Empties the database (the sandbox's reset).
    pub async fn wipe(&self) -> Result<(), EngineError> {
        todo!()
    }
    /// Answers what was accepted, then stops.
    pub async fn stop(&self) {
        todo!()
    }
}
