#![allow(clippy::unwrap_used)]

mod coupon_story;
mod gateway_story;
mod story;

mod archiving;
mod backups;
mod callbacks;
mod connections;
mod contention;
mod copying;
mod coupon_damage;
mod coupons;
mod crash;
mod damage;
mod gateway;
mod gateway_damage;
mod hosts;
mod leases;
mod questions;
mod round_trip;
mod shared;
mod upgrade;
