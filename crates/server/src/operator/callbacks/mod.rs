//! Callbacks: what is owed to institutions, how telling them went, and telling them again.

mod resend;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use resend::*;
pub(super) use view::*;
