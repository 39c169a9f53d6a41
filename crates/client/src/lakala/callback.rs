//! Receives what the platform tells about coupons: verifies a callback and reads it into an
//! [`Event`].
//!
//! A callback is sent again, for some four hours, until a receiver takes it by answering with
//! [`Acknowledge::Success`]. So it can come more than once, and late: record an event under its
//! `trade_no` before acknowledging it, and acknowledge one that is known already.
//!
//! With the cargo feature `axum` a handler receives callbacks by its signature:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::Router;
//! use axum::extract::FromRef;
//! use axum::routing::post;
//! use huodong_client::lakala::callback::{Acknowledge, Event, SignedCallback, Verifier};
//!
//! #[derive(Clone, FromRef)]
//! struct State {
//!     verifier: Verifier,
//! }
//!
//! /// Runs only for callbacks that are the platform's; others are refused with 401.
//! async fn coupon(SignedCallback(event): SignedCallback) -> Acknowledge {
//!     match event {
//!         Event::Issued(coupon) => println!("{} is worth {} fen", coupon.trade_no, coupon.amount),
//!         Event::IssueFailed(coupon) => println!("{}: {}", coupon.trade_no, coupon.reason),
//!         Event::Used(coupon) => println!("{} was used", coupon.mer_order_id),
//!         Event::Expired(coupon) => println!("{} has expired", coupon.mer_order_id),
//!     }
//!     Acknowledge::Success
//! }
//!
//! fn router(verifier: Verifier) -> Router {
//!     Router::new().route("/coupons", post(coupon)).with_state(State { verifier })
//! }
//! ```

mod acknowledge;
#[cfg(feature = "axum")]
mod axum;
mod event;
mod verifier;

pub use acknowledge::Acknowledge;
#[cfg(feature = "axum")]
pub use axum::{Rejected, SignedCallback};
pub use event::{Coupon, Event, Expired, IssueFailed, Issued, Used};
pub use huodong_wire::lakala::DecodeError;
pub use huodong_wire::lakala::sign::AuthorizationError;
pub use verifier::{CallbackError, Verifier};

/// A callback is refused when its body is longer. The vendor's are some hundred bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;
