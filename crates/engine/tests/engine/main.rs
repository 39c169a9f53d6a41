//! The engine over a real store: who hears what, and when.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, unreachable_pub)]

mod commands;
mod consults;
mod coupons;
mod delivery;
mod nodes;
mod photos;
mod receiver;
mod receivers;
mod restarts;
mod scene;
