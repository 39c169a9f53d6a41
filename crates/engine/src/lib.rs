//! What happens: batches, timers, callback delivery, the clock.
//!
//! [`Engine`] keeps the store's writer on a thread of its own. Callers hand it commands and await
//! their outcomes; the thread takes whatever is waiting as one batch, decides it in memory and
//! commits it with one flush, and only then do the callers hear.
//!
//! [`Engine::deliver_with`] has callbacks delivered: an [`Envoy`] says what they say, the engine
//! when, how often, how many at once and to where.

mod batch;
mod delivery;
mod engine;
pub mod source;
mod timers;

pub use batch::BatchObserver;
pub use delivery::{
    Attempted, DeliveryOptions, Envoy, ForbiddenAddress, Prepared, Preparing, check_address,
};
pub use engine::{Engine, EngineError, EngineOptions};
pub use source::{Chance, Clock};
pub use timers::{Ran, TimersHeld};
