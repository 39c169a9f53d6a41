//! Campaigns: their settings, their money, their status, and what happened in them.

mod offer;
mod settings;
mod steps;
mod view;
mod watch;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use offer::*;
pub(super) use settings::*;
pub(super) use steps::*;
pub(super) use view::*;
pub(super) use watch::*;
