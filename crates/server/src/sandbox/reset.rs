use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::sync::Mutex;

use super::clock::Reading;
use crate::App;
use crate::operator::problem::{Kind, Problem};
use crate::seed::{SeedError, plant};

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
    resetting: Arc<Mutex<()>>,
) -> Result<Json<Reset>, Problem> {
    let _alone = resetting.lock().await;
    let faults_deleted = app.faults.clear();
    app.engine.clock().reset();
    app.engine.wipe().await?;
    plant(&app).await.map_err(|error| match error {
        SeedError::Engine(error) => Problem::from(error),
        other => {
            tracing::error!(error = %other, "the sandbox could not be reset");
            Problem::new(Kind::Internal, "the seed could not be planted; the log says why")
        }
    })?;
    tracing::info!("the sandbox was reset");
    Ok(Json(Reset { clock: Reading::of(app.engine.clock()), faults_deleted }))
}
