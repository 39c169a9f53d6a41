use std::borrow::Cow;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::{Api, DecodeError, Message, field};

/// Places a donation: the enterprise gives money because a user gave points (B2B代扣).
///
/// `(bid, reward_transcode)` is its key: however often it is sent, it happens once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardToDonate<'a> {
    /// The activity that pays.
    #[serde(borrow, deserialize_with = "field::id")]
    pub activity_no: Cow<'a, str>,
    /// The project that receives.
    #[serde(borrow, deserialize_with = "field::id")]
    pub project_no: Cow<'a, str>,
    /// The user, as the caller knows them.
    #[serde(borrow, deserialize_with = "field::id")]
    pub third_uid: Cow<'a, str>,
    /// How many points the user gave.
    #[serde(deserialize_with = "field::uint32")]
    pub reward: u32,
    /// The caller's number for it.
    #[serde(borrow, deserialize_with = "field::id")]
    pub reward_transcode: Cow<'a, str>,
    /// When the points were taken, in Shanghai.
    #[serde(deserialize_with = "field::wall_time", serialize_with = "field::write_wall_time")]
    pub reward_time: DateTime,
    /// How much the enterprise gives, in fen.
    #[serde(deserialize_with = "field::uint32")]
    pub money: u32,
    /// What is paid by.
    #[serde(borrow, deserialize_with = "field::id")]
    pub bid: Cow<'a, str>,
}

impl Message for RewardToDonate<'_> {
    const API: Api = Api::RewardToDonate;
    type Answer = Donation<'static>;
}

/// Asks how a donation stands (B2B查单), by `donate_transcode`, or by `bid` and
/// `reward_transcode`. An empty one of these counts as not given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardDonateQuery<'a> {
    /// The activity that paid.
    #[serde(borrow, deserialize_with = "field::id")]
    pub activity_no: Cow<'a, str>,
    /// The project that received.
    #[serde(borrow, deserialize_with = "field::id")]
    pub project_no: Cow<'a, str>,
    /// The user.
    #[serde(borrow, deserialize_with = "field::id")]
    pub third_uid: Cow<'a, str>,
    /// The donation's number.
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub donate_transcode: Option<Cow<'a, str>>,
    /// What was paid by.
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid: Option<Cow<'a, str>>,
    /// The caller's number for it.
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward_transcode: Option<Cow<'a, str>>,
}

impl Message for RewardDonateQuery<'_> {
    const API: Api = Api::RewardDonateQuery;
    type Answer = Donation<'static>;

    fn check(&self) -> Result<(), DecodeError> {
        match (&self.donate_transcode, &self.bid, &self.reward_transcode) {
            (Some(_), _, _) | (None, Some(_), Some(_)) => Ok(()),
            (None, Some(_), None) => Err(DecodeError::field("reward_transcode", "不能缺少")),
            (None, None, Some(_)) => Err(DecodeError::field("bid", "不能缺少")),
            (None, None, None) => {
                Err(DecodeError::field("donate_transcode", "与 bid+reward_transcode 必须传入其一"))
            }
        }
    }
}

/// How a donation stands: the answer to [`RewardToDonate`] and [`RewardDonateQuery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Donation<'a> {
    /// The activity that pays.
    pub activity_no: Cow<'a, str>,
    /// The project that receives.
    pub project_no: Cow<'a, str>,
    /// The user.
    pub third_uid: Cow<'a, str>,
    /// How many points.
    pub reward: u32,
    /// How much money, in fen.
    pub money: u32,
    /// The caller's number for it.
    pub reward_transcode: Cow<'a, str>,
    /// The platform's number for it; 28 characters today, which the document asks not to rely on.
    pub donate_transcode: Cow<'a, str>,
    /// Where it stands.
    pub donate_status: DonationStatus,
}

/// Where a donation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
pub enum DonationStatus {
    /// 2, 已下单: accepted; ask again.
    Placed,
    /// 11, 支付(转账)成功
    Paid,
    /// 13, 支付(转账)失败
    Failed,
    /// 15, 已退款
    Refunded,
    /// In no enumeration of the document (its examples show a 1). Not final.
    Unknown(u32),
}

impl DonationStatus {
    /// True when asking again will not tell of another step of the payment. (A paid donation can
    /// still be refunded.)
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Failed | Self::Refunded)
    }
}

impl From<u32> for DonationStatus {
    fn from(number: u32) -> Self {
        match number {
            2 => Self::Placed,
            11 => Self::Paid,
            13 => Self::Failed,
            15 => Self::Refunded,
            other => Self::Unknown(other),
        }
    }
}

impl From<DonationStatus> for u32 {
    fn from(status: DonationStatus) -> Self {
        match status {
            DonationStatus::Placed => 2,
            DonationStatus::Paid => 11,
            DonationStatus::Failed => 13,
            DonationStatus::Refunded => 15,
            DonationStatus::Unknown(other) => other,
        }
    }
}
