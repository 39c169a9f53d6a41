//! Applications for preferential rates, and their review.

mod detail;
mod review;
mod view;
mod words;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use detail::*;
pub(super) use review::*;
pub(super) use view::*;
