//! Whether the server is alive, and whether it should be given work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use http::StatusCode;

use crate::App;

/// The store must answer a readiness check within this time.
const PING_DEADLINE: Duration = Duration::from_secs(2);

/// So long may nothing be written before the node is given no more work: a commit that waits for a
/// standby is seen by this alone.
const STALLED: Duration = Duration::from_secs(5);

/// Whether the server has been told to stop.
#[derive(Debug, Default)]
pub struct Health {
    stopping: AtomicBool,
}

impl Health {
    /// From now on `/readyz` says no, so that whoever balances the load sends requests elsewhere.
    /// The first step of a shutdown; requests are still answered.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// True once [`Health::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: whether it should be given work, and if not, why.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match examine(&app).await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

/// Fine when the store answers, everything that writes to it runs and the server is not about to stop;
/// else why not.
pub(crate) async fn examine(app: &App) -> Result<(), &'static str> {
    if app.health.is_stopping() {
        return Err("stopping\n");
    }
    if !app.engine.is_running() {
        return Err("the writer has stopped\n");
    }
    if app.shared_nonces.as_ref().is_some_and(|nonces| !nonces.is_running()) {
        return Err("nonces can no longer be written\n");
    }
    if app.engine.stalled_for() > STALLED {
        return Err("the store takes no writes\n");
    }
    match tokio::time::timeout(PING_DEADLINE, app.engine.read_waiting(|reader| reader.ping())).await
    {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store does not answer");
            Err("the store does not answer\n")
        }
        Err(_) => Err("the store does not answer in time\n"),
    }
}
