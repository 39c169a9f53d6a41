//! Which of several nodes runs what is due.

use std::time::{Duration, Instant};

use crate::engine::{Engine, EngineError};
use crate::source::{Chance, monotonic};

/// The lease's name.
const NAME: &str = "timers";
/// How long it lasts unless it is renewed: so long nothing runs by itself after its holder has died.
const LASTS: Duration = Duration::from_secs(5);
/// How often it is renewed, or asked for.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long giving it back may take, when the engine stops.
const RELEASE_TIME: Duration = Duration::from_secs(2);

/// A node's turn at the timers, which one node at a time has: the others need not do the same work.
/// What runs is made of commands that do nothing a second time, so no harm is done where one that was
/// frozen goes on for a moment beside its successor.
#[derive(Debug)]
pub(crate) struct Turn {
    token: [u8; 16],
    asked_at: Option<Instant>,
    /// By this process's own clock, counted from before the database was asked.
    held_until: Option<Instant>,
}

impl Default for Turn {
    fn default() -> Self {
        Self { token: Chance.bytes(), asked_at: None, held_until: None }
    }
}

impl Turn {
    /// Whether it is this node's; takes it, or holds on to it.
    pub(super) async fn is_ours(&mut self, engine: &Engine) -> Result<bool, EngineError> {
        let now = monotonic();
        if self.asked_at.is_none_or(|at| now - at >= ASK_EVERY) {
            self.asked_at = Some(now);
            let token = self.token;
            let held =
                engine.read_waiting(move |reader| reader.hold_lease(NAME, &token, LASTS)).await?;
            self.held_until = held.then(|| now + LASTS);
        }
        Ok(self.held_until.is_some_and(|until| monotonic() < until))
    }

    /// Lets another node have it at once.
    pub(super) async fn give_back(&mut self, engine: &Engine) {
        if self.held_until.take().is_none() {
            return;
        }
        let token = self.token;
        let released = engine.read_waiting(move |reader| reader.release_lease(NAME, &token));
        match tokio::time::timeout(RELEASE_TIME, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the timers' lease was not given back"),
            Err(_) => tracing::debug!("the timers' lease was not given back in time"),
        }
    }
}
