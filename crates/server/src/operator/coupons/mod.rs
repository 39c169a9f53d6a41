//! Coupons: looking them up, using them as a till does, and taking them back.

mod till;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use till::*;
pub(super) use view::*;
