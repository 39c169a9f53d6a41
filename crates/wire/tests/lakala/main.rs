//! The messages of the coupon platform as they travel.
#![allow(clippy::unwrap_used, missing_docs)]

mod answers;
mod callbacks;
mod certificates;
mod identity;
mod requests;
