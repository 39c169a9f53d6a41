//! 拉卡拉 coupons, as partners see them: issue, query, and the callbacks.
//!
//! This is the one place where the vendor's words and ours are translated (`words`). Each call takes
//! the same steps in the same order (`call`); a handler does what is particular to its API.

mod authenticate;
mod call;
mod courier;
mod fault;
mod issue;
mod query;
mod refusal;
mod reply;
mod settings;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, post};

use crate::App;
use call::{Face, Handler, serve};

pub use courier::Courier;
pub use settings::{LakalaSettings, PathError};

/// Every path of the vendor, and what answers it.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let settings = &app.settings.lakala;
    Router::new()
        .route(&settings.issue_path, on(app, issue::Issue))
        .route(&settings.query_path, on(app, query::Query))
}

fn on<H: Handler>(app: &Arc<App>, _handler: H) -> MethodRouter<Arc<App>> {
    let face = Arc::new(Face::new(Arc::clone(app), H::API));
    post(move |request| serve::<H>(Arc::clone(&face), request))
}
