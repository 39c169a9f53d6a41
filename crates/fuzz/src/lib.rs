//! What no input may break: one entry point for each wire decoder, and one for what is done with
//! keys.
//!
//! Two things drive them. `fuzz/` has a cargo-fuzz target for each, where coverage leads the way.
//! This crate's program changes a seed corpus at random, from a seed that is printed, on the stable
//! toolchain: that is what `make check` runs. Both start from the files in `fuzz/corpus`.
//!
//! An entry point panics where a promise is broken: not only where the decoder itself would, but
//! also where what was read is not written and read again as the same.

mod mutate;
mod targets;

pub use mutate::Mutator;
pub use targets::{TARGETS, Target, envelope, gongyi, lakala, ysepay};
