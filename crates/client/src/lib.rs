//! Clients for the campaign APIs of three Chinese payment platforms: the points donations and small
//! red flowers of 腾讯公益, in [`gongyi`]; the gateway of 银盛, in [`ysepay`]; and the coupons of
//! 拉卡拉, in [`lakala`] with the receiver of their callbacks in [`lakala::callback`].
//!
//! A client signs, sends, verifies what can be verified, reads and, where asked to, sends again.
//! It speaks to the vendor and to Huodong alike; only the base URL and the credentials differ.
//!
//! ```no_run
//! use std::time::Duration;
//! use huodong_client::gongyi::{Client, GetActivityInfo, RewardToDonate, Settled};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://oapi.gongyi.qq.com", "appid", "secret").build()?;
//!
//! let asked = GetActivityInfo { project_no: "224328".into() };
//! let activities = client.get_activity_info(&asked).await?.data.activity_info;
//!
//! let donation = RewardToDonate {
//!     activity_no: activities[0].activity_no.clone(),
//!     project_no: "224328".into(),
//!     third_uid: "user_001".into(),
//!     reward: 1000,
//!     reward_transcode: "trans_7890".into(), // the key: however often it is sent, it happens once
//!     reward_time: "2025-08-01T12:00:00".parse()?, // in Shanghai
//!     money: 5000,                           // fen
//!     bid: "12345".into(),
//! };
//! match client.donate_until_settled(&donation, Duration::from_secs(60)).await {
//!     Ok(Settled::Paid(donation)) => println!("{} is paid", donation.donate_transcode),
//!     Ok(Settled::Failed(_) | Settled::Refunded(_)) => println!("give the points back"),
//!     Err(error) => println!("{error}: {:?}", error.advice()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//! Every error has an `advice()`: send it again with the same key, fix the request first, or give
//! up. With a [retry policy](Retry) the client does the first by itself.
//!
//! # Safety of the transport
//! The signature of 腾讯公益 covers neither body nor path, and its answers carry none; that of 拉卡拉
//! covers the bodies of requests, answers and callbacks, but hides nothing; 银盛's envelope covers what
//! is said and hides it, but for a photo's bytes, which it does not hide. Use `https` wherever
//! anybody could stand between you and the server; certificates are verified against the system's
//! roots.
//!
//! # Features
//! `axum` adds an extractor that hands a callback to a handler only when it is verified.

pub mod gongyi;
pub mod lakala;
mod letters;
mod retry;
mod source;
mod transport;
pub mod ysepay;

pub use reqwest;
pub use retry::{Backoff, Retry};
pub use source::{Source, System};
