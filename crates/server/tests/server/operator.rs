//! The operator API over HTTP.

mod callbacks;
mod counter;
mod coupons;
mod desk;
mod enrolments;
mod gateway;
mod import;
mod initiators;
mod institutions;
mod lists;
mod merchants;
mod offers;
mod partners;
mod permissions;
mod photos;
mod platform;
mod refusals;
mod secrets;
mod work;
