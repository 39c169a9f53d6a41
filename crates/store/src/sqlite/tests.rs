#![allow(clippy::unwrap_used)]

mod story;

mod crash;
mod damage;
mod questions;
mod round_trip;
