//! The operator API over HTTP.

mod desk;
mod lists;
mod partners;
mod permissions;
mod refusals;
mod secrets;
mod work;
