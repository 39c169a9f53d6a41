//! The operator API over HTTP.

mod callbacks;
mod counter;
mod coupons;
mod desk;
mod institutions;
mod lists;
mod partners;
mod permissions;
mod platform;
mod refusals;
mod secrets;
mod work;
