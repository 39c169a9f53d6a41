//! Initiators' merchants: one by one, and from tables.

mod import;
mod settings;
mod table;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use import::*;
pub(super) use settings::*;
pub(super) use view::*;
