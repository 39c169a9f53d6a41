//! The sandbox's controls: `/sandbox/v1`, and a page at `/` that says what runs here.
//!
//! They ask for no token: who can reach a sandbox may do anything to it. So a sandbox listens on
//! loopback unless it is told in so many words not to ([`check_exposure`]), and a page of another
//! site, open in a browser on the same machine, is refused (`origin`).

mod callbacks;
mod clock;
mod credentials;
mod faults;
mod gateway_credentials;
mod inbox;
mod index;
mod origin;
mod page;
mod reset;
mod wechat;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::{any, delete, get, post};
use axum::{Router, middleware};
use thiserror::Error;

use crate::App;
use crate::operator::trace;

pub use credentials::{
    ActivityCredentials, CouponCredentials, Credentials, GongyiCredentials, LakalaCredentials,
    OperatorCredentials, OtherCredentials, OtherInstitution, SpecialActivity,
};
pub use gateway_credentials::{
    ConsultCredentials, InitiatorCredentials, MerchantCredentials, SpecialConsult,
    YsepayCredentials,
};

pub use wechat::WechatCodes;
pub(crate) use wechat::{access_token, routes as wechat_routes};

/// Where the controls are mounted.
const BASE: &str = "/sandbox/v1";

/// The sandbox would be open to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{0} can be reached from other machines, and a sandbox's controls ask for no password; listen \
     on 127.0.0.1, or allow it expressly"
)]
pub struct Exposed(pub SocketAddr);

/// Refuses an address beyond loopback, unless that is allowed.
pub fn check_exposure(address: SocketAddr, allowed: bool) -> Result<(), Exposed> {
    if allowed || address.ip().is_loopback() { Ok(()) } else { Err(Exposed(address)) }
}

/// The controls' routes; none where this is no sandbox.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    if !app.settings.sandbox {
        return Router::new();
    }
    let controls = Router::new()
        .route("/", get(index::show))
        .route("/clock", get(clock::show).post(clock::change))
        .route("/faults", get(faults::list).post(faults::set).delete(faults::clear))
        .route("/faults/{id}", delete(faults::remove))
        .route("/callbacks", get(callbacks::list))
        .route("/callbacks/{id}/resend", post(callbacks::resend))
        .route("/reset", post(reset::reset))
        .method_not_allowed_fallback(index::no_such_method)
        .route("/{*rest}", any(index::no_such_path))
        .layer(middleware::from_fn(origin::check))
        .layer(middleware::from_fn_with_state(Arc::clone(app), trace::call));
    let inbox = Router::new()
        .route("/sandbox/callbacks", get(inbox::show))
        .route("/sandbox/callbacks.js", get(inbox::script))
        .layer(middleware::from_fn_with_state(Arc::clone(app), trace::call));
    Router::new().nest(BASE, controls).merge(inbox).route("/", get(page::show))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_served_unless_more_is_allowed() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        for loopback in ["127.0.0.1:80", "127.1.2.3:80", "[::1]:80"] {
            assert_eq!(check_exposure(address(loopback), false), Ok(()));
        }
        for open in ["0.0.0.0:80", "[::]:80", "192.168.1.2:80"] {
            assert_eq!(check_exposure(address(open), false), Err(Exposed(address(open))));
            assert_eq!(check_exposure(address(open), true), Ok(()));
        }
    }
}
