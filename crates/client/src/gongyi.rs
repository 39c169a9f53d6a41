//! 腾讯公益 积分捐: the client of the points donations and small red flowers.

mod builder;
mod client;
mod error;
mod settle;

pub use builder::{BuildError, ClientBuilder};
pub use client::{Answer, Client};
pub use error::{Error, Refused};
pub use huodong_wire::gongyi::{
    ActivityInfo, ActivityList, Advice, Api, BusinessInfo, CheckIsTransExist, CheckXhh, Code,
    Donation, DonationStatus, Exchange, FlowersAllowed, FlowersHistory, GetActivityInfo, Message,
    PreTry, PreTryAnswer, QueryUserXhh, RewardDonateQuery, RewardToDonate, XwjRule,
};
pub use settle::{SettleError, Settled};

pub use crate::Retry;
