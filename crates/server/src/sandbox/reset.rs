use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::clock::Reading;
use crate::App;
use crate::operator::body::Json;
use crate::operator::problem::{Kind, Problem};
use crate::seed::{SeedError, plant, replaceable};

/// There is nothing to choose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What a reset did.
#[derive(Debug, Serialize)]
pub(super) struct Reset {
    clock: Reading,
    faults_deleted: usize,
}

/// `POST reset`: back to how every sandbox begins. A call that comes while it is under way may
/// find nothing.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Answer<Reset>, Problem> {
    // On a task of its own: who asked may go away, and half a reset is an empty sandbox.
    let outcome = tokio::spawn(async move { carry_out(&app).await }).await;
    let reset = outcome.map_err(|error| failed(&error))??;
    Ok(Answer(reset))
}

async fn carry_out(app: &App) -> Result<Reset, Problem> {
    let _alone = app.engine.hold_timers().await;
    if !replaceable(app).await? {
        let detail = "the database holds data that no sandbox made; it is not emptied";
        return Err(Problem::new(Kind::WrongState, detail));
    }
    let faults_deleted = app.faults.clear();
    app.engine.clock().reset();
    app.engine.wipe().await?;
    plant(app).await.map_err(|error| match error {
        SeedError::Engine(error) => Problem::from(error),
        other => failed(&other),
    })?;
    // Last, so that none of a call that came meanwhile is left.
    app.nonces.clear();
    app.lakala_nonces.clear();
    app.sent.clear();
    app.wechat_codes.clear();
    tracing::info!("the sandbox was reset");
    Ok(Reset { clock: Reading::of(app.engine.clock()), faults_deleted })
}

fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "the sandbox could not be reset");
    Problem::new(Kind::Internal, "the sandbox could not be reset; the log says why")
}
