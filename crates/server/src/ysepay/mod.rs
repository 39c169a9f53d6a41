//! 银盛: the gateway as initiators see it: photo upload, enrolment for a preferential rate, consult.
//!
//! This is the one place where the vendor's words and ours are translated (`words`). Each call takes
//! the same steps in the same order (`call`); a handler does what is particular to its API.

mod add_data;
mod authenticate;
mod call;
mod consult;
mod fault;
mod fingerprint;
mod kept;
mod parts;
mod photo;
mod refusal;
mod reply;
mod sent;
mod settings;
mod upload;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, any, post};

use crate::App;
use call::{Face, Handler, serve, unknown_path};

pub(crate) use parts::places_for;
pub use settings::YsepaySettings;
pub(crate) use words::photo_field;

/// Every path of the vendor, and what answers it.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(upload::Upload::API.path(), on(app, upload::Upload))
        .route(add_data::AddData::API.path(), on(app, add_data::AddData))
        .route(consult::Consult::API.path(), on(app, consult::Consult))
        .route("/openapi", any(unknown_path))
        .route("/openapi/", any(unknown_path))
        .route("/openapi/{*path}", any(unknown_path))
}

fn on<H: Handler>(app: &Arc<App>, _handler: H) -> MethodRouter<Arc<App>> {
    let face = Arc::new(Face::new::<H>(Arc::clone(app)));
    post(move |request| serve::<H>(Arc::clone(&face), request))
}
