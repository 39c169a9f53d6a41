//! When to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Context as _, Failure};

/// Listens for SIGINT and SIGTERM from the moment it is made; one that comes before anybody waits
/// is not lost. Made before anything that must be cleared away.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on neither signal ends the process by itself. Call it on a tokio runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).cannot("listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Resolves when either has come.
    pub(crate) async fn told(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
