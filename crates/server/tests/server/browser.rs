//! The pages in a real browser, as large as a phone.

mod driver;
mod inbox;
mod openid;
pub mod receiver;
mod sandbox;
