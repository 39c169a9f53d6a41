//! The operator API over HTTP.

mod desk;
mod lists;
mod permissions;
mod refusals;
mod secrets;
mod work;
