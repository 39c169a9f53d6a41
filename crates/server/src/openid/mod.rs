//! The openid page (拉卡拉 document, section 1): `/deliverWM/{campaign}?wmcb=<return address>`.
//!
//! A user's browser comes from an institution's page, is sent on to WeChat, comes back with a code,
//! and is sent to the return address with the openid that WeChat gives for the code. In between
//! nothing is kept here but which states were used: the rest travels in a cookie nobody else can
//! read or make.

mod begin;
mod exchange;
mod fault;
mod finish;
mod own;
mod return_address;
mod ticket;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use huodong_engine::Chance;
use tokio::sync::{OnceCell, Semaphore};

use crate::App;
use crate::directory::KnownPage;
use crate::nonces::Nonces;
use fault::Fault;

pub use return_address::{BadAddress, check_allowed};

/// States remembered as used, about 16 bytes each; beyond that users are asked to come back later.
const USED_STATES_MAX: usize = 1_000_000;
/// Users for whom WeChat is asked at once; each may take as long as WeChat's time limit.
const ASKING_MAX: usize = 64;

/// What the openid pages need between two requests.
pub struct OpenidPages {
    /// Which states were used, by campaign; in the database where that is shared.
    used: Nonces,
    /// For asking WeChat; made when first needed.
    http: OnceCell<reqwest::Client>,
    /// One for each question to WeChat under way.
    asking: Semaphore,
}

impl OpenidPages {
    /// With nothing used since `began` (unix seconds); states from before are not taken.
    pub fn new(chance: Chance, began: i64) -> Self {
        let used = Nonces::new(chance, ticket::LIFE_S, USED_STATES_MAX, began);
        Self { used, http: OnceCell::new(), asking: Semaphore::new(ASKING_MAX) }
    }
}

impl fmt::Debug for OpenidPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenidPages").field("used", &self.used.len()).finish_non_exhaustive()
    }
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/deliverWM/{campaign}", get(begin::show))
        .route("/deliverWM/{campaign}/return", get(finish::show))
}

/// The page of a campaign, as it stands now. Out of memory: anybody may ask, as often as they like.
fn page_of(app: &App, campaign: &str) -> Result<Arc<KnownPage>, Fault> {
    app.directory.openid_page(campaign).ok_or(Fault::UnknownCampaign)
}
