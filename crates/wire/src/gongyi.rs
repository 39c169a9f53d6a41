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
pub use code::{Advice, Code};
pub use decode::{DEPTH_MAX, DecodeError, decode};
pub use donation::{Donation, DonationStatus, RewardDonateQuery, RewardToDonate};
pub use envelope::{Empty, Envelope};
pub use field::{ID_CHARS_MAX, OPEN_ID_CHARS_MAX, TRANS_CODE_CHARS_MAX, parse_wall_time};
pub use flowers::{
    BusinessInfo, CheckIsTransExist, CheckXhh, Exchange, FlowersAllowed, FlowersHistory, PreTry,
    PreTryAnswer, QueryUserXhh,
};
