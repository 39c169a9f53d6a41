//! Callbacks: claimed when they are due, sent, and recorded.
//!
//! What a callback says and when a receiver has acknowledged it are a vendor's words, so they are
//! the [`Envoy`]'s; when, how often, how many at once and to where are decided here.

mod address;
mod attempt;
mod dispatch;
mod flight;
mod post;
mod resolve;
mod running;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use huodong_campaign::{AttemptOutcome, Callback, Claimed};

pub use address::{ForbiddenAddress, check_address};
pub(crate) use running::{Delivery, Hold};

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Where to.
    pub address: String,
    /// Its headers, by name; `Content-Type` included.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An attempt that was made.
#[derive(Clone, Debug)]
pub struct Attempted<'a> {
    /// The callback as it is now.
    pub callback: &'a Callback,
    /// What was sent; `None` where it could not be prepared.
    pub sent: Option<&'a Prepared>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// How late it began: from when it was due to when it was sent, by the business clock.
    pub late: Duration,
}

/// What [`Envoy::prepare`] gives: the request, or why there is none.
pub type Preparing<'a> = Pin<Box<dyn Future<Output = Result<Prepared, String>> + Send + 'a>>;

/// Speaks the vendor's words for callbacks.
pub trait Envoy: fmt::Debug + Send + Sync + 'static {
    /// Writes and signs the request. Signs off the async threads: it takes a fraction of a
    /// millisecond of a core. An error, a panic or a timeout here is [`AttemptOutcome::NotSent`]: it
    /// costs the callback no attempt, and is tried again.
    fn prepare<'a>(&'a self, claimed: &'a Claimed) -> Preparing<'a>;

    /// Whether the body of a 2xx answer says that the callback has arrived.
    fn acknowledges(&self, answer: &[u8]) -> bool;

    /// Hears of each attempt once it is recorded.
    fn attempted(&self, _attempt: Attempted<'_>) {}
}

/// The bounds of delivery.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// Attempts under way at once, from the claim until the outcome is written down.
    pub at_once_max: usize,
    /// Of them, to one receiver, until it has answered. It may be fewer: the more receivers do
    /// not answer, the fewer places each has, so that some stay free for others.
    pub at_once_per_receiver_max: usize,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long an attempt may take in all.
    pub timeout: Duration,
    /// The largest answer that is read.
    pub answer_bytes_max: usize,
    /// How much of an answer is kept.
    pub answer_bytes_kept: usize,
    /// Whether addresses may be http, too.
    pub allow_http: bool,
    /// Whether addresses may lead to loopback, link-local, private and other special networks.
    pub allow_private: bool,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            at_once_max: 256,
            at_once_per_receiver_max: 32,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            answer_bytes_max: 64 * 1024,
            answer_bytes_kept: 256,
            allow_http: false,
            allow_private: false,
        }
    }
}
