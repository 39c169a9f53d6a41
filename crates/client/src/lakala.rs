//! 拉卡拉 coupons: the client, and in [`callback`] the receiver of what the platform tells.
//!
//! ```no_run
//! use std::time::Duration;
//! use huodong_client::lakala::{Client, IssueRequest, Outcome};
//!
//! # async fn run(private_key_pem: &str, platform_certificate_pem: &str)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://api.example", "OP00000003", "00dfba8194c41b84cf")
//!     .private_key(private_key_pem)
//!     .platform_certificate(platform_certificate_pem)
//!     .build()?;
//!
//! let request = IssueRequest {
//!     member_id: "AAA200154561278".into(),
//!     activity_id: "1100000086".into(),
//!     owner_id: "80000007".into(),
//!     promotion_id: "WX1623452352312523523".into(),
//!     channel_openid: "oKL-mwRzR-SBfI4QDAI1QXOpkyc8".into(),
//!     mer_order_id: "20211203092301".into(), // the key: however often it is sent, it happens once
//!     write_off_notify: "https://partner.example/coupons".into(),
//!     post_notify: None,
//! };
//! match client.issue_until_final(&request, Duration::from_secs(60)).await {
//!     Ok(Outcome::Issued(coupon)) => println!("{} is issued", coupon.third_coupon_id),
//!     Ok(Outcome::Failed(coupon)) => println!("{} {}", coupon.res_code, coupon.fail_msg),
//!     Err(error) => println!("{error}: {:?}", error.advice()),
//! }
//! # Ok(())
//! # }
//! ```

mod builder;
pub mod callback;
mod client;
mod error;
mod follow;
mod verify;

pub use builder::{BuildError, ClientBuilder};
pub use client::{Answer, Client};
pub use error::{Error, Refused};
pub use follow::{FollowError, Outcome};
pub use huodong_wire::lakala::{
    Advice, Api, Certificate, CertificateError, Code, IssueData, IssueRequest, KeyError, Message,
    QueryData, QueryRequest, Shape, SigningKey, TradeStatus, UsageStatus,
};
pub use verify::Unverified;

pub use crate::Retry;
