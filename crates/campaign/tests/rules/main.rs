//! The rules against a simple model, and one by one.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod activities;
mod callbacks;
mod commands;
mod coupon_limits;
mod coupon_scene;
mod coupons;
mod donations;
mod flowers;
mod institutions;
mod invariants;
mod ledger;
mod limits;
mod memory;
mod model;
mod openid_pages;
mod platform_keys;
mod random;
mod redeem;
mod scene;
mod script;
