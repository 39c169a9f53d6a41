//! The rules against a simple model, and one by one.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod activities;
mod agreement;
mod callbacks;
mod commands;
mod consults;
mod coupon_limits;
mod coupon_scene;
mod coupons;
mod donations;
mod enrolments;
mod flowers;
mod gateway_requests;
mod gateway_scene;
mod initiators;
mod institutions;
mod invariants;
mod ledger;
mod limits;
mod memory;
mod merchants;
mod model;
mod openid_pages;
mod photo_matrix;
mod photos;
mod platform_keys;
mod random;
mod redeem;
mod scene;
mod script;
