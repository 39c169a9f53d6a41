use super::{Advice, Api};

/// The codes of the vendor's tables, and ours of the signature and the gateway, where the vendor
/// publishes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// 0
    Success,
    /// 15150001, ours: the appid is unknown.
    UnknownApplication,
    /// 15150002, ours: the signature does not verify.
    BadSignature,
    /// 15150003, ours: the timestamp is too far from the real time.
    StaleTimestamp,
    /// 15150004, ours: the nonce was used before.
    NonceReplayed,
    /// 15150005, ours: the body is not a JSON object, or larger than allowed.
    BodyUnreadable,
    /// 15150028: the gateway's deadline passed.
    GatewayTimeout,
    /// 15150029, ours: more calls a second than allowed.
    RateLimited,
    /// 30110404, ours: there is no such flowers exchange.
    ExchangeUnknown,
    /// 30110502: the user has the day's flowers.
    FlowersDailyLimit,
    /// 32240001: a field is wrong; the message names it.
    InvalidRequest,
    /// 32240004: the payment failed for good.
    PaymentRefused,
    /// 32240007: the balance could not be taken from now; nothing was written.
    StockBusy,
    /// 32240043: whether the balance was taken from is not known.
    StockUnknown,
    /// 32240046: the order could not be looked up now.
    QueryUnavailable,
    /// 32240047: the payment failed for now.
    PaymentUnavailable,
}

impl Code {
    /// All of them, by number.
    pub const ALL: [Self; 16] = [
        Self::Success,
        Self::UnknownApplication,
        Self::BadSignature,
        Self::StaleTimestamp,
        Self::NonceReplayed,
        Self::BodyUnreadable,
        Self::GatewayTimeout,
        Self::RateLimited,
        Self::ExchangeUnknown,
        Self::FlowersDailyLimit,
        Self::InvalidRequest,
        Self::PaymentRefused,
        Self::StockBusy,
        Self::StockUnknown,
        Self::QueryUnavailable,
        Self::PaymentUnavailable,
    ];

    /// Its number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Success => 0,
            Self::UnknownApplication => 15_150_001,
            Self::BadSignature => 15_150_002,
            Self::StaleTimestamp => 15_150_003,
            Self::NonceReplayed => 15_150_004,
            Self::BodyUnreadable => 15_150_005,
            Self::GatewayTimeout => 15_150_028,
            Self::RateLimited => 15_150_029,
            Self::ExchangeUnknown => 30_110_404,
            Self::FlowersDailyLimit => 30_110_502,
            Self::InvalidRequest => 32_240_001,
            Self::PaymentRefused => 32_240_004,
            Self::StockBusy => 32_240_007,
            Self::StockUnknown => 32_240_043,
            Self::QueryUnavailable => 32_240_046,
            Self::PaymentUnavailable => 32_240_047,
        }
    }

    /// The code of this number, if it is one of the table's.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|code| i64::from(code.number()) == number)
    }

    /// The text that goes with it, in the vendor's words where the vendor has any.
    pub const fn text(self, api: Api) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::UnknownApplication => "应用不存在",
            Self::BadSignature => "签名错误",
            Self::StaleTimestamp => "时间戳超出有效期",
            Self::NonceReplayed => "随机串重复",
            Self::BodyUnreadable => "请求体不是 JSON 对象或超出大小限制",
            Self::GatewayTimeout => "网关返回超时,需要重试",
            Self::RateLimited => "请求过于频繁,需要重试",
            Self::ExchangeUnknown => "交易不存在",
            Self::FlowersDailyLimit => "已达当日小红花上限",
            Self::InvalidRequest => "请求参数异常",
            Self::PaymentRefused => match api {
                Api::RewardDonateQuery => "支付查单失败,不需要重试",
                _ => "支付调用失败,不需要重试",
            },
            Self::StockBusy => "库存扣取失败,需要重试",
            Self::StockUnknown => "库存扣取状态异常,需要重试",
            Self::QueryUnavailable => "支付查单失败,需要重试",
            Self::PaymentUnavailable => "支付调用失败,需要重试",
        }
    }

    /// What a caller can do when `api` answers this; `None` on success.
    ///
    /// The tables of RewardToDonate and RewardDonateQuery are the document's. It adds that all
    /// other codes need no retry; we depart from it where a retry is plainly right: the gateway's
    /// timeout and rate limit can meet every call, and a replayed nonce is cured by the fresh one
    /// of the next attempt.
    pub const fn advice(self, api: Api) -> Option<Advice> {
        let advice = match self {
            Self::Success => return None,
            Self::UnknownApplication
            | Self::BadSignature
            | Self::StaleTimestamp
            | Self::BodyUnreadable
            | Self::InvalidRequest => Advice::Fix,
            Self::GatewayTimeout | Self::RateLimited | Self::NonceReplayed => Advice::Retry,
            Self::PaymentRefused | Self::FlowersDailyLimit | Self::ExchangeUnknown => {
                Advice::GiveUp
            }
            Self::StockBusy | Self::StockUnknown | Self::PaymentUnavailable => match api {
                Api::RewardDonateQuery => Advice::GiveUp,
                _ => Advice::Retry,
            },
            Self::QueryUnavailable => match api {
                Api::RewardToDonate | Api::PreTry => Advice::GiveUp,
                _ => Advice::Retry,
            },
        };
        Some(advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retried(api: Api) -> Vec<u32> {
        let retried = |code: &Code| code.advice(api) == Some(Advice::Retry);
        Code::ALL.into_iter().filter(retried).map(Code::number).collect()
    }

    #[test]
    fn the_documents_retry_tables_hold() {
        let gateway = [15_150_004, 15_150_028, 15_150_029];
        assert_eq!(
            retried(Api::RewardToDonate),
            [&gateway[..], &[32_240_007, 32_240_043, 32_240_047]].concat()
        );
        assert_eq!(retried(Api::RewardDonateQuery), [&gateway[..], &[32_240_046]].concat());
    }

    #[test]
    fn a_wrong_field_is_fixed_and_a_refused_payment_given_up() {
        for api in Api::ALL {
            assert_eq!(Code::InvalidRequest.advice(api), Some(Advice::Fix));
            assert_eq!(Code::PaymentRefused.advice(api), Some(Advice::GiveUp));
            assert_eq!(Code::Success.advice(api), None);
        }
    }

    #[test]
    fn numbers_are_distinct_and_found_again() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.number() < b.number()));
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number().into()), Some(code));
        }
        assert_eq!(Code::from_number(-1), None);
    }
}
