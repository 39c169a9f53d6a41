//! What an API says (`subCode`), with the documents' texts.

use super::Advice;

/// What addData and upload answer. Upload, which no document describes, answers with four of them:
/// 0000, 9999, 5000 and A029998.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddDataCode {
    /// 0000
    Success,
    /// 5000: the deadline passed.
    Deadline,
    /// 9999: it could not be carried out now.
    Internal,
    /// A029998: a field breaks a rule; the message names it.
    InvalidField,
    /// B022011: the merchant is not one of the initiator's.
    NotYourMerchant,
    /// B022012: more than five photos in one field.
    TooManyPhotos,
    /// B022013: a photo does not exist, or is not the initiator's.
    UnknownPhoto,
    /// B029992: the merchant has a live enrolment for this activity.
    AlreadyEnrolled,
}

/// What consult answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConsultCode {
    /// 0
    Success,
    /// 901001001: a field breaks a rule; the message names it.
    InvalidField,
    /// 901001101: the initiator has no right to the merchant.
    NotYourMerchant,
    /// 901009999: it could not be carried out now.
    Internal,
    /// 901029998: the channel behind the activity refused.
    ChannelRefused,
    /// 901029999: the channel behind the activity failed.
    ChannelFailed,
}

/// A code of a table that has a text for people and says what can be done about it.
pub trait SubCode: Copy + PartialEq + 'static {
    /// All of them, by number.
    const ALL: &'static [Self];
    /// For a field that breaks a rule.
    const INVALID_FIELD: Self;

    /// It on the wire.
    fn number(self) -> &'static str;

    /// The document's text for it.
    fn text(self) -> &'static str;

    /// What a caller can do about it; `None` on success.
    fn advice(self) -> Option<Advice>;

    /// The code of this number, if it is one of the table's.
    fn from_number(number: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl SubCode for AddDataCode {
    const ALL: &'static [Self] = &[
        Self::Success,
        Self::Deadline,
        Self::Internal,
        Self::InvalidField,
        Self::NotYourMerchant,
        Self::TooManyPhotos,
        Self::UnknownPhoto,
        Self::AlreadyEnrolled,
    ];
    const INVALID_FIELD: Self = Self::InvalidField;

    fn number(self) -> &'static str {
        match self {
            Self::Success => "0000",
            Self::Deadline => "5000",
            Self::Internal => "9999",
            Self::InvalidField => "A029998",
            Self::NotYourMerchant => "B022011",
            Self::TooManyPhotos => "B022012",
            Self::UnknownPhoto => "B022013",
            Self::AlreadyEnrolled => "B029992",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Success => "成功",
            Self::Deadline => "超时",
            Self::Internal => "失败",
            Self::InvalidField => "参数非法",
            Self::NotYourMerchant => "发起方商户号和子商户号的归属关系校验失败",
            Self::TooManyPhotos => "最多可上传5张照片",
            Self::UnknownPhoto => "未找到图片id得路由",
            Self::AlreadyEnrolled => "新增失败",
        }
    }

    fn advice(self) -> Option<Advice> {
        Some(match self {
            Self::Success => return None,
            Self::Deadline | Self::Internal => Advice::Retry,
            Self::InvalidField
            | Self::NotYourMerchant
            | Self::TooManyPhotos
            | Self::UnknownPhoto => Advice::Fix,
            Self::AlreadyEnrolled => Advice::GiveUp,
        })
    }
}

impl SubCode for ConsultCode {
    const ALL: &'static [Self] = &[
        Self::Success,
        Self::InvalidField,
        Self::NotYourMerchant,
        Self::Internal,
        Self::ChannelRefused,
        Self::ChannelFailed,
    ];
    const INVALID_FIELD: Self = Self::InvalidField;

    fn number(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::InvalidField => "901001001",
            Self::NotYourMerchant => "901001101",
            Self::Internal => "901009999",
            Self::ChannelRefused => "901029998",
            Self::ChannelFailed => "901029999",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Success => "成功",
            Self::InvalidField => "参数校验不通过",
            Self::NotYourMerchant => "发起方权限不足",
            Self::Internal => "系统错误",
            Self::ChannelRefused => "支付宝渠道返回失败",
            Self::ChannelFailed => "支付宝渠道异常",
        }
    }

    fn advice(self) -> Option<Advice> {
        Some(match self {
            Self::Success => return None,
            Self::Internal | Self::ChannelFailed => Advice::Retry,
            Self::InvalidField | Self::NotYourMerchant => Advice::Fix,
            Self::ChannelRefused => Advice::GiveUp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retried<C: SubCode>() -> Vec<&'static str> {
        assert!(C::ALL.is_sorted_by(|a, b| a.number() < b.number()));
        for code in C::ALL {
            assert!(C::from_number(code.number()) == Some(*code));
        }
        assert!(C::from_number("00").is_none());
        let retried = |code: &&C| code.advice() == Some(Advice::Retry);
        C::ALL.iter().filter(retried).map(|code| code.number()).collect()
    }

    #[test]
    fn codes_are_found_again_and_retried_is_what_the_documents_say() {
        assert_eq!(retried::<AddDataCode>(), ["5000", "9999"]);
        assert_eq!(retried::<ConsultCode>(), ["901009999", "901029999"]);
    }
}
