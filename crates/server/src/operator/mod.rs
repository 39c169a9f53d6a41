//! The operator API: `/operator/v1`, for those who run the platform.
//!
//! Routes and OpenAPI document come from one list, `surface`. Who may do what is in the type of
//! each handler's first argument (`auth::Operator`); every change goes through it and leaves a
//! line in the audit log.

mod activities;
mod activity_words;
mod applications;
pub mod archive;
mod audit;
mod auth;
mod bids;
pub(crate) mod body;
mod callbacks;
mod coupons;
mod csv;
mod document;
mod donations;
mod enrolments;
mod flowers;
mod initiators;
mod institutions;
mod ledger;
mod list;
mod merchants;
mod offer_words;
mod openid_pages;
mod organizations;
mod partners;
mod photos;
mod platform_keys;
pub(crate) mod problem;
mod projects;
mod refusal;
pub mod token;
mod tokens;
pub(crate) mod trace;
mod values;
mod whoami;

use std::sync::Arc;

use axum::routing::any;
use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Where the API is mounted.
const BASE: &str = "/operator/v1";

/// Every route of the operator API, with its document.
fn surface() -> OpenApiRouter<Arc<App>> {
    let routes = OpenApiRouter::new()
        .routes(routes!(document::serve))
        .routes(routes!(whoami::whoami))
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::get))
        .routes(routes!(organizations::deposit))
        .routes(routes!(organizations::withdraw))
        .routes(routes!(applications::list, applications::create))
        .routes(routes!(applications::get, applications::update))
        .routes(routes!(applications::rotate_secret))
        .routes(routes!(applications::revoke))
        .routes(routes!(bids::list, bids::assign))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get))
        .routes(routes!(activities::list, activities::create))
        .routes(routes!(activities::get, activities::update))
        .routes(routes!(activities::update_offer))
        .routes(routes!(activities::fund))
        .routes(routes!(activities::start))
        .routes(routes!(activities::pause))
        .routes(routes!(activities::end))
        .routes(routes!(activities::totals))
        .routes(routes!(activities::user_usage))
        .routes(routes!(donations::list))
        .routes(routes!(donations::get))
        .routes(routes!(donations::refund))
        .routes(routes!(flowers::list))
        .routes(routes!(institutions::list, institutions::create))
        .routes(routes!(institutions::get, institutions::update))
        .routes(routes!(institutions::replace_certificate))
        .routes(routes!(institutions::revoke))
        .routes(routes!(coupons::list))
        .routes(routes!(coupons::get))
        .routes(routes!(coupons::redeem))
        .routes(routes!(coupons::void))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::counts))
        .routes(routes!(callbacks::resend_all))
        .routes(routes!(callbacks::get))
        .routes(routes!(callbacks::attempts))
        .routes(routes!(callbacks::resend))
        .routes(routes!(initiators::list, initiators::create))
        .routes(routes!(initiators::get, initiators::update))
        .routes(routes!(initiators::replace_key))
        .routes(routes!(initiators::revoke))
        .routes(routes!(merchants::list, merchants::create))
        .routes(routes!(merchants::import))
        .routes(routes!(merchants::get, merchants::update))
        .routes(routes!(photos::list))
        .routes(routes!(photos::get))
        .routes(routes!(photos::content))
        .routes(routes!(enrolments::list))
        .routes(routes!(enrolments::get))
        .routes(routes!(enrolments::approve))
        .routes(routes!(enrolments::reject))
        .routes(routes!(openid_pages::list, openid_pages::create))
        .routes(routes!(openid_pages::get, openid_pages::update))
        .routes(routes!(platform_keys::list, platform_keys::create))
        .routes(routes!(platform_keys::sign_with))
        .routes(routes!(platform_keys::retire))
        .routes(routes!(ledger::accounts))
        .routes(routes!(ledger::transfers))
        .routes(routes!(ledger::trial_balance))
        .routes(routes!(audit::list))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke));
    OpenApiRouter::with_openapi(document::frame()).nest(BASE, routes)
}

/// The operator API's routes, to be merged into the server's.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let (routes, _document) = surface().split_for_parts();
    // Not a fallback: the server's other paths have answers of their own for what is not there.
    routes
        .method_not_allowed_fallback(problem::no_such_method)
        .route(&format!("{BASE}/{{*rest}}"), any(problem::no_such_path))
        .layer(middleware::from_fn_with_state(Arc::clone(app), trace::call))
}
