use super::Advice;
use crate::decode::DecodeError;

/// The vendor's two codes, and ours, where the vendor publishes none. Each is six digits.
///
/// Codes up to 2xxxxx stand in an answer's `code` and mean that nothing was written. Those from
/// 300001 stand in `data.resCode`: a rule of the campaign refused the coupon, the refusal is
/// recorded under its `mer_order_id`, and asking again with that gets the same answer for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// 000000
    Success,
    /// 100001, ours: the appid is unknown.
    UnknownAppid,
    /// 100002, ours: the signature does not verify, or names another certificate.
    BadSignature,
    /// 100003, ours: the timestamp is too far from the real time.
    StaleTimestamp,
    /// 100004, ours: the nonce was used before.
    NonceReplayed,
    /// 100005, ours: the body is not a JSON object, or larger than allowed.
    BodyUnreadable,
    /// 100006, ours: more calls a second than allowed.
    RateLimited,
    /// 200001, ours: a field is wrong; the message names it.
    InvalidField,
    /// 200002, ours: the activity, promotion, owner or member prefix is unknown.
    UnknownOffer,
    /// 200003, ours: the mer_order_id was used with other parameters.
    OrderReused,
    /// 200004, ours: there is no such order.
    OrderNotFound,
    /// 300001, ours: the activity has not started.
    NotStarted,
    /// 300002, ours: the activity has ended or is paused.
    NotRunning,
    /// 300003, ours: out of stock, or out of money.
    OutOfStock,
    /// 300004, ours: the user has as many as allowed.
    UserLimit,
    /// 300005, ours: the channel behind the activity refused.
    ChannelRefused,
    /// 999999: it could not be carried out now; nothing was written, or it is not known whether
    /// anything was.
    Internal,
}

impl Code {
    /// All of them, by number.
    pub const ALL: [Self; 17] = [
        Self::Success,
        Self::UnknownAppid,
        Self::BadSignature,
        Self::StaleTimestamp,
        Self::NonceReplayed,
        Self::BodyUnreadable,
        Self::RateLimited,
        Self::InvalidField,
        Self::UnknownOffer,
        Self::OrderReused,
        Self::OrderNotFound,
        Self::NotStarted,
        Self::NotRunning,
        Self::OutOfStock,
        Self::UserLimit,
        Self::ChannelRefused,
        Self::Internal,
    ];

    /// Its six digits on the wire.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Success => "000000",
            Self::UnknownAppid => "100001",
            Self::BadSignature => "100002",
            Self::StaleTimestamp => "100003",
            Self::NonceReplayed => "100004",
            Self::BodyUnreadable => "100005",
            Self::RateLimited => "100006",
            Self::InvalidField => "200001",
            Self::UnknownOffer => "200002",
            Self::OrderReused => "200003",
            Self::OrderNotFound => "200004",
            Self::NotStarted => "300001",
            Self::NotRunning => "300002",
            Self::OutOfStock => "300003",
            Self::UserLimit => "300004",
            Self::ChannelRefused => "300005",
            Self::Internal => "999999",
        }
    }

    /// The code of these digits, if it is one of the table's.
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The text that goes with it; the vendor's own for its two.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "处理成功",
            Self::UnknownAppid => "appid 不存在",
            Self::BadSignature => "签名错误",
            Self::StaleTimestamp => "时间戳超出有效期",
            Self::NonceReplayed => "随机串重复",
            Self::BodyUnreadable => "请求体不是 JSON 对象或超出大小限制",
            Self::RateLimited => "请求过于频繁,需要重试",
            Self::InvalidField => "请求参数异常",
            Self::UnknownOffer => "活动、优惠、业主或会员号前缀不存在",
            Self::OrderReused => "mer_order_id 已用于其他请求",
            Self::OrderNotFound => "订单不存在",
            Self::NotStarted => "活动未开始",
            Self::NotRunning => "活动已结束或已暂停",
            Self::OutOfStock => "库存或资金不足",
            Self::UserLimit => "用户领取次数已达上限",
            Self::ChannelRefused => "渠道拒绝发放",
            Self::Internal => "系统异常",
        }
    }

    /// What a caller can do about it; `None` on success.
    ///
    /// A replayed nonce is cured by the fresh one of the next attempt, and after 999999 the same
    /// `mer_order_id` is safe to send again. What a campaign's rule refused stays refused.
    pub const fn advice(self) -> Option<Advice> {
        Some(match self {
            Self::Success => return None,
            Self::NonceReplayed | Self::RateLimited | Self::Internal => Advice::Retry,
            Self::UnknownAppid
            | Self::BadSignature
            | Self::StaleTimestamp
            | Self::BodyUnreadable
            | Self::InvalidField
            | Self::UnknownOffer
            | Self::OrderReused
            | Self::OrderNotFound => Advice::Fix,
            Self::NotStarted
            | Self::NotRunning
            | Self::OutOfStock
            | Self::UserLimit
            | Self::ChannelRefused => Advice::GiveUp,
        })
    }

    /// True where it stands in `data.resCode` under a `code` of 000000.
    pub const fn is_outcome(self) -> bool {
        matches!(
            self,
            Self::NotStarted
                | Self::NotRunning
                | Self::OutOfStock
                | Self::UserLimit
                | Self::ChannelRefused
        )
    }
}

impl From<&DecodeError> for Code {
    /// The code it is answered with.
    fn from(error: &DecodeError) -> Self {
        match error {
            DecodeError::NotJson => Self::BodyUnreadable,
            DecodeError::Field { .. } => Self::InvalidField,
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_six_digits_distinct_and_found_again() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.number() < b.number()));
        for code in Code::ALL {
            assert!(code.number().len() == 6 && code.number().bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        for unknown in ["", "0", "00000", "000001", "0000000"] {
            assert_eq!(Code::from_number(unknown), None);
        }
    }

    #[test]
    fn retried_is_only_what_the_same_order_may_still_get() {
        let retried = |code: &Code| code.advice() == Some(Advice::Retry);
        let retried = Code::ALL.into_iter().filter(retried).map(Code::number).collect::<Vec<_>>();
        assert_eq!(retried, ["100004", "100006", "999999"]);
    }

    #[test]
    fn outcomes_are_given_up_and_nothing_else_is() {
        for code in Code::ALL {
            assert_eq!(code.is_outcome(), code.advice() == Some(Advice::GiveUp), "{code}");
        }
    }
}
