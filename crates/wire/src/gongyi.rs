//! 腾讯公益 积分捐: points donations and small red flowers.
//!
//! Every call is an HTTP `POST` of a JSON object to one of seven paths ([`Api`]), signed in four
//! headers ([`sign`]). Every answer is HTTP 200 with an [`Envelope`], business errors included
//! ([`Code`]). Amounts are integer fen; times are Asia/Shanghai wall time.

mod activity;
mod api;
mod code;
mod decode;
mod donation;
mod envelope;
mod field;
mod flowers;
pub mod sign;

pub use activity::{ActivityInfo, ActivityList, GetActivityInfo, XwjRule};
pub use api::{Api, Message, Request};
pub use code::Code;
pub use decode::decode;
pub use donation::{Donation, DonationStatus, RewardDonateQuery, RewardToDonate};
pub use envelope::{Empty, Envelope};
pub use field::{ID_CHARS_MAX, OPEN_ID_CHARS_MAX, TRANS_CODE_CHARS_MAX};
pub use flowers::{
    BusinessInfo, CheckIsTransExist, CheckXhh, Exchange, FlowersAllowed, FlowersHistory, PreTry,
    PreTryAnswer, QueryUserXhh,
};

pub use crate::advice::Advice;
pub use crate::decode::{DEPTH_MAX, DecodeError};
pub use crate::time::parse_wall_time;
