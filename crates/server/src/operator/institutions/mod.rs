//! Lakala's institutions: who hands coupons out, and the certificates their calls are verified
//! with.

mod settings;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use settings::*;
pub(super) use view::*;
