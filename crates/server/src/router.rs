//! Everything that is served, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::{App, gongyi, health, lakala, metrics, openid, operator, sandbox, ysepay};

/// All routes of the server.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        .merge(partners(app))
        .merge(operators(app))
        .merge(probes())
        .with_state(Arc::clone(app))
}

/// What partners call, where operators have an address of their own.
pub fn partners_router(app: &Arc<App>) -> Router {
    Router::new().merge(partners(app)).merge(probes()).with_state(Arc::clone(app))
}

/// What operators and their monitoring call, at an address of its own.
pub fn operators_router(app: &Arc<App>) -> Router {
    Router::new().merge(operators(app)).merge(probes()).with_state(Arc::clone(app))
}

fn partners(app: &Arc<App>) -> Router<Arc<App>> {
    // A sandbox's own WeChat is called by those who call partners' pages.
    gongyi::routes(app)
        .merge(lakala::routes(app))
        .merge(ysepay::routes(app))
        .merge(openid::routes())
        .merge(sandbox::wechat_routes(app))
}

fn operators(app: &Arc<App>) -> Router<Arc<App>> {
    // A sandbox's controls are for those who run it.
    operator::routes(app).merge(sandbox::routes(app)).route("/metrics", get(metrics::page))
}

fn probes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready))
}
