use super::Advice;

/// What the gateway says (`code`). The vendor publishes only 00000; the others are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GatewayCode {
    /// 00000: the call reached its API, whose answer is the `subCode`.
    Success,
    /// 10001: a common field is missing or wrong; the message names it.
    InvalidField,
    /// 10002: the certId is unknown.
    UnknownCertId,
    /// 10003: the signature does not verify.
    BadSignature,
    /// 10004: check or bizContent cannot be opened.
    CannotOpen,
    /// 10005: the timeStamp is too far from the real time.
    StaleTimeStamp,
    /// 10006: the reqId was used with another content.
    ReqIdReused,
    /// 10007: the method is unknown, or not granted to the initiator.
    MethodNotGranted,
    /// 10008: the body or the file is larger than allowed.
    TooLarge,
    /// 10009: more calls a second than allowed.
    RateLimited,
    /// 99999: it could not be carried out now.
    Internal,
}

impl GatewayCode {
    /// All of them, by number.
    pub const ALL: [Self; 11] = [
        Self::Success,
        Self::InvalidField,
        Self::UnknownCertId,
        Self::BadSignature,
        Self::CannotOpen,
        Self::StaleTimeStamp,
        Self::ReqIdReused,
        Self::MethodNotGranted,
        Self::TooLarge,
        Self::RateLimited,
        Self::Internal,
    ];

    /// Its five digits on the wire.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Success => "00000",
            Self::InvalidField => "10001",
            Self::UnknownCertId => "10002",
            Self::BadSignature => "10003",
            Self::CannotOpen => "10004",
            Self::StaleTimeStamp => "10005",
            Self::ReqIdReused => "10006",
            Self::MethodNotGranted => "10007",
            Self::TooLarge => "10008",
            Self::RateLimited => "10009",
            Self::Internal => "99999",
        }
    }

    /// The code of these digits, if it is one of the table's.
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The text that goes with it, at most 50 characters.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "成功",
            Self::InvalidField => "公共参数错误",
            Self::UnknownCertId => "发起方商户号不存在或已停用",
            Self::BadSignature => "验签失败",
            Self::CannotOpen => "check 或 bizContent 解密失败",
            Self::StaleTimeStamp => "timeStamp 超出有效期",
            Self::ReqIdReused => "reqId 已用于其他请求",
            Self::MethodNotGranted => "接口不存在或未开通",
            Self::TooLarge => "请求或文件超出大小限制",
            Self::RateLimited => "请求过于频繁,请稍后重试",
            Self::Internal => "系统异常,请稍后使用相同的参数继续调用",
        }
    }

    /// What a caller can do about it; `None` on success.
    ///
    /// After 10009 and 99999 the same `reqId` is safe to send again, with a fresh timeStamp.
    pub const fn advice(self) -> Option<Advice> {
        Some(match self {
            Self::Success => return None,
            Self::RateLimited | Self::Internal => Advice::Retry,
            Self::InvalidField
            | Self::UnknownCertId
            | Self::BadSignature
            | Self::CannotOpen
            | Self::StaleTimeStamp
            | Self::ReqIdReused
            | Self::MethodNotGranted
            | Self::TooLarge => Advice::Fix,
        })
    }
}

impl std::fmt::Display for GatewayCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_five_digits_distinct_and_found_again() {
        assert!(GatewayCode::ALL.is_sorted_by(|a, b| a.number() < b.number()));
        for code in GatewayCode::ALL {
            assert_eq!(code.number().len(), 5);
            assert!(code.text().chars().count() <= 50);
            assert_eq!(GatewayCode::from_number(code.number()), Some(code));
        }
        assert_eq!(GatewayCode::from_number("0"), None);
    }

    #[test]
    fn retried_is_only_what_the_same_request_may_still_get() {
        let retried = |code: &GatewayCode| code.advice() == Some(Advice::Retry);
        let retried = GatewayCode::ALL.into_iter().filter(retried).map(GatewayCode::number);
        assert_eq!(retried.collect::<Vec<_>>(), ["10009", "99999"]);
    }
}
