//! The real program, started, called, killed and started again.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
// The clock and chance are the program's affair; a test that runs it from outside has its own.
#![allow(clippy::disallowed_methods)]

mod archive;
mod backup;
mod callback_crash;
mod cli;
mod copy;
mod coupons;
mod crash;
mod failure;
mod gateway;
mod keys;
mod last_coupon;
mod last_donation;
mod monitoring;
mod rolling;
mod serve;
mod standby;
mod support;
mod unit;
