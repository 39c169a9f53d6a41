use std::borrow::Cow;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::{Api, Code, Message, ReplyData, TradeStatus, UsageStatus, amount, field};

/// Asks how a coupon stands (数据查询). All four must match one order of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRequest<'a> {
    /// The owner.
    #[serde(borrow, deserialize_with = "field::owner_id")]
    pub owner_id: Cow<'a, str>,
    /// The partner's number for the issue.
    #[serde(borrow, deserialize_with = "field::id")]
    pub mer_order_id: Cow<'a, str>,
    /// The activity.
    #[serde(borrow, deserialize_with = "field::short_id")]
    pub activity_id: Cow<'a, str>,
    /// The platform's number for the issue.
    #[serde(borrow, deserialize_with = "field::id")]
    pub trade_no: Cow<'a, str>,
}

impl Message for QueryRequest<'_> {
    const API: Api = Api::Query;
    type Answer = QueryData<'static>;
}

/// The `data` of the answer to [`QueryRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryData<'a> {
    /// 000000, or why the coupon was not issued.
    #[serde(rename = "resCode", default, deserialize_with = "field::text_or_empty")]
    pub res_code: Cow<'a, str>,
    /// The same for people; empty on success.
    #[serde(rename = "failMsg", default, deserialize_with = "field::text_or_empty")]
    pub fail_msg: Cow<'a, str>,
    /// What became of the issue; none in a refusal.
    #[serde(default, serialize_with = "field::write_or_empty")]
    #[serde(deserialize_with = "field::empty_is_none")]
    pub trade_status: Option<TradeStatus>,
    /// The discount, in fen, once used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub promo_amount: Option<u64>,
    /// What was paid after the discount, in fen, once used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub total_amount: Option<u64>,
    /// What would have been paid without it, in fen, once used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub org_amount: Option<u64>,
    /// When it was used, in Shanghai.
    #[serde(default, serialize_with = "field::write_time", deserialize_with = "field::read_time")]
    pub gmt_used: Option<DateTime>,
    /// What became of the coupon; none while it can be used, or was not issued.
    #[serde(rename = "tradeStatus", default, serialize_with = "field::write_or_empty")]
    #[serde(deserialize_with = "field::empty_is_none")]
    pub usage: Option<UsageStatus>,
}

impl<'a> ReplyData<'a> for QueryData<'a> {
    fn refused(code: Code, reason: Cow<'a, str>) -> Self {
        Self { res_code: code.number().into(), fail_msg: reason, ..Self::default() }
    }
}
