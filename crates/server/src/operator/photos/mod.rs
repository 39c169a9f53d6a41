//! What initiators have uploaded.

mod content;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use content::*;
pub(super) use view::*;
