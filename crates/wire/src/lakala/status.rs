use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// What became of an issue (`trade_status`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TradeStatus {
    /// PROCESS, 处理中: ask again.
    Process,
    /// SUCCESS, 成功: the user has the coupon.
    Success,
    /// FAIL, 失败: the user has none, and under this order never will.
    Fail,
    /// In no enumeration of the document. Not final.
    Unknown(String),
}

impl TradeStatus {
    /// As it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Process => "PROCESS",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Unknown(text) => text,
        }
    }

    /// True when asking again will tell the same.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Fail)
    }
}

impl From<String> for TradeStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "PROCESS" => Self::Process,
            "SUCCESS" => Self::Success,
            "FAIL" => Self::Fail,
            _ => Self::Unknown(text),
        }
    }
}

/// What became of a coupon that was issued (`tradeStatus` of the query and the write-off
/// callback).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UsageStatus {
    /// USED, 已实扣: the user has paid with it.
    Used,
    /// EXPIRED, 已过期: its validity ended unused, or an operator voided it.
    Expired,
    /// In no enumeration of the document.
    Unknown(String),
}

impl UsageStatus {
    /// As it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Used => "USED",
            Self::Expired => "EXPIRED",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for UsageStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "USED" => Self::Used,
            "EXPIRED" => Self::Expired,
            _ => Self::Unknown(text),
        }
    }
}

macro_rules! text_on_the_wire {
    ($($status:ty),*) => {$(
        impl Serialize for $status {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $status {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self::from)
            }
        }

        impl std::fmt::Display for $status {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

text_on_the_wire!(TradeStatus, UsageStatus);
