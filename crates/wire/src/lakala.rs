//! 拉卡拉 coupons: issue, query, and the callbacks about what became of a coupon.
//!
//! A call is an HTTP `POST` of a JSON object ([`Api`]), bare or in the vendor's v3 wrapper
//! ([`Shape`]), signed in its `Authorization` header ([`sign`]) with the partner's RSA key. Every
//! answer is HTTP 200 with a [`Reply`], business errors included ([`Code`]), and is signed in five
//! headers with the platform's. Callbacks are the platform's own calls, signed too; a receiver
//! takes one by answering with an [`Acknowledgement`].
//!
//! Amounts are fen here. The vendor writes them as text, in yuan in one place ([`yuan`]). Times
//! are Asia/Shanghai wall time.

mod acknowledgement;
mod amount;
mod api;
mod callback;
mod certificate;
mod code;
mod decode;
mod field;
mod issue;
mod key;
mod query;
mod reply;
pub mod sign;
mod status;

pub use acknowledgement::Acknowledgement;
pub use amount::{parse_yuan, yuan};
pub use api::{Api, Message};
pub use callback::{Callback, IssueCallback, SIGN_TYPE, WriteOffCallback, body_string_to_sign};
pub use certificate::{Certificate, CertificateError};
pub use code::Code;
pub use decode::{Shape, decode, encode};
pub use field::{
    ADDRESS_CHARS_MAX, CHANNEL_OPENID_CHARS_MAX, ID_CHARS_MAX, MEMBER_ID_CHARS_MAX,
    MEMBER_ID_CHARS_MIN, OWNER_ID_CHARS_MAX, SHORT_ID_CHARS_MAX,
};
pub use issue::{IssueData, IssueRequest};
pub use key::{KeyError, SigningKey};
pub use query::{QueryData, QueryRequest};
pub use reply::{Reply, ReplyData};
pub use status::{TradeStatus, UsageStatus};

pub use crate::advice::Advice;
pub use crate::decode::{DEPTH_MAX, DecodeError};
pub use crate::time::parse_wall_time;
