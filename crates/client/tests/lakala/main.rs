//! The coupon client against a platform that answers as told, and the receiver of callbacks
//! against a platform that sends what it is told.
#![allow(clippy::unwrap_used, missing_docs)]

mod callback;
mod calls;
mod extractor;
mod follow;
mod identity;
mod script;
