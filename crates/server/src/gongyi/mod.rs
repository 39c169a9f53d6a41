//! 腾讯公益 积分捐: points donations and small red flowers, as partners see them.
//!
//! This is the one place where the vendor's words and ours are translated. Each call takes the
//! same steps in the same order (`call`); a handler does what is particular to its API.

mod activity;
mod authenticate;
mod call;
mod donation;
mod fault;
mod flowers;
mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, post};
use huodong_wire::gongyi::Api;

use crate::App;
use call::{Face, Handler, serve, unknown_path};

/// Every path of the vendor, and what answers it.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(Api::GetActivityInfo.path(), on(app, activity::GetActivityInfo))
        .route(Api::RewardToDonate.path(), on(app, donation::RewardToDonate))
        .route(Api::RewardDonateQuery.path(), on(app, donation::RewardDonateQuery))
        .route(Api::CheckXhh.path(), on(app, flowers::CheckXhh))
        .route(Api::PreTry.path(), on(app, flowers::PreTry))
        .route(Api::CheckIsTransExist.path(), on(app, flowers::CheckIsTransExist))
        .route(Api::QueryUserXhh.path(), on(app, flowers::QueryUserXhh))
        .route("/api/{*path}", axum::routing::any(unknown_path))
}

fn on<H: Handler>(app: &Arc<App>, _handler: H) -> MethodRouter<Arc<App>> {
    let face = Arc::new(Face::new(Arc::clone(app), H::API));
    post(move |request| serve::<H>(Arc::clone(&face), request))
}
