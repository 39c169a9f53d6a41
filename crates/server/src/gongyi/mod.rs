//! The gongyi face.
mod transcode;
pub use transcode::{donate_transcode, parse_donate_transcode};

use std::sync::Arc;

use axum::Router;

use crate::App;

pub(crate) fn routes(_app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
}
