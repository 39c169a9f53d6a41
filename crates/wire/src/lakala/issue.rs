use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Api, Code, Message, ReplyData, TradeStatus, field};

/// Issues a coupon to a user (发放优惠券).
///
/// `mer_order_id` is its key within the partner: however often it is sent, it happens once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRequest<'a> {
    /// The member, as the partner knows them; begins with the partner's prefix.
    #[serde(borrow, deserialize_with = "field::member_id")]
    pub member_id: Cow<'a, str>,
    /// The activity.
    #[serde(borrow, deserialize_with = "field::short_id")]
    pub activity_id: Cow<'a, str>,
    /// The owner (业主).
    #[serde(borrow, deserialize_with = "field::owner_id")]
    pub owner_id: Cow<'a, str>,
    /// The promotion.
    #[serde(borrow, deserialize_with = "field::short_id")]
    pub promotion_id: Cow<'a, str>,
    /// The user's openid, from the openid page.
    #[serde(borrow, deserialize_with = "field::openid")]
    pub channel_openid: Cow<'a, str>,
    /// The partner's number for it.
    #[serde(borrow, deserialize_with = "field::id")]
    pub mer_order_id: Cow<'a, str>,
    /// Where to tell that the coupon was used or has expired.
    #[serde(rename = "writeOffNotify", borrow, deserialize_with = "field::address")]
    pub write_off_notify: Cow<'a, str>,
    /// Where to tell what became of the issue. The document's table says mandatory, its example
    /// leaves it out; without it nothing is told.
    #[serde(rename = "postNotify", borrow, default, deserialize_with = "field::optional_address")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_notify: Option<Cow<'a, str>>,
}

impl Message for IssueRequest<'_> {
    const API: Api = Api::Issue;
    type Answer = IssueData<'static>;
}

/// The `data` of the answer to [`IssueRequest`]. A server that refuses writes every text but the
/// first two empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueData<'a> {
    /// 000000, or why the coupon was not issued.
    #[serde(rename = "resCode", default, deserialize_with = "field::text_or_empty")]
    pub res_code: Cow<'a, str>,
    /// The same for people; empty on success.
    #[serde(rename = "failMsg", default, deserialize_with = "field::text_or_empty")]
    pub fail_msg: Cow<'a, str>,
    /// As asked.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub activity_id: Cow<'a, str>,
    /// As asked.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub owner_id: Cow<'a, str>,
    /// As asked.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub promotion_id: Cow<'a, str>,
    /// The coupon's number in the user's wallet.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub third_coupon_id: Cow<'a, str>,
    /// As asked.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub mer_order_id: Cow<'a, str>,
    /// The platform's number for it.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub trade_no: Cow<'a, str>,
    /// WeChat's number of the batch that the coupon is of.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub batch_code: Cow<'a, str>,
    /// As asked. One example of the document calls it `openId`.
    #[serde(default, alias = "openId", deserialize_with = "field::text_or_empty")]
    pub channel_openid: Cow<'a, str>,
    /// What became of it; none in a refusal.
    #[serde(default, serialize_with = "field::write_or_empty")]
    #[serde(deserialize_with = "field::empty_is_none")]
    pub trade_status: Option<TradeStatus>,
}

impl<'a> ReplyData<'a> for IssueData<'a> {
    fn refused(code: Code, reason: Cow<'a, str>) -> Self {
        Self { res_code: code.number().into(), fail_msg: reason, ..Self::default() }
    }
}
