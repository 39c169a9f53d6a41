//! What happens: batches, timers, the clock.
//!
//! [`Engine`] owns the store's writer on a thread of its own. Callers hand it commands and await
//! their outcomes; it drains its bounded queue into batches and commits each with one flush.

mod batch;
pub mod source;
mod timers;

pub use batch::{BatchStats, Engine, EngineError, EngineOptions};
pub use source::{Chance, Clock};
pub use timers::Ran;
