//! The sandbox's own WeChat: the two addresses of its OAuth2 that a page needs to learn an openid,
//! under `/sandbox/wechat`. One picks a test user where WeChat would ask the phone's owner; codes,
//! openids and errors are as WeChat's.

mod accounts;
mod authorize;
mod codes;
mod token;

use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};

use super::origin;
use crate::App;
use crate::operator::trace;

pub use codes::WechatCodes;
pub(crate) use token::access_token;

/// Its routes; none where this is no sandbox.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    if !app.settings.sandbox {
        return Router::new();
    }
    let consent = get(authorize::ask).post(authorize::decide);
    Router::new()
        .route("/sandbox/wechat/connect/oauth2/authorize", consent)
        .route("/sandbox/wechat/sns/oauth2/access_token", get(token::show))
        .layer(middleware::from_fn(origin::check))
        .layer(middleware::from_fn_with_state(Arc::clone(app), trace::call))
}
