//! Ysepay's initiators (发起方): who enrols merchants and asks what they may hand out, and the keys
//! their calls are verified with.

mod settings;
mod view;

// The handlers come with the types utoipa makes beside them, hence the globs.
pub(super) use settings::*;
pub(super) use view::*;
