//! The rules against a simple model, and one by one.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod activities;
mod commands;
mod donations;
mod flowers;
mod ledger;
mod limits;
mod memory;
mod model;
mod random;
mod scene;
mod script;
