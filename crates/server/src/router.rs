//! Everything that is served, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::{App, gongyi, health, metrics, operator, sandbox};

/// All routes of the server.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        .merge(gongyi::routes(app))
        .merge(operator::routes(app))
        .merge(sandbox::routes(app))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .with_state(Arc::clone(app))
}
