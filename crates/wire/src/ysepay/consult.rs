use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::{Api, ConsultCode, Message, Refused, field};

/// One call asks about at most so many activities.
pub const CONSULT_ACTIVITIES_MAX: usize = 100;

/// Asks which of these activities a user can claim now (支付宝-活动领取咨询).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultRequest<'a> {
    /// The merchant's PID at Alipay.
    #[serde(rename = "merchantId", borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<Cow<'a, str>>,
    /// The user's openId at Alipay. Either this or the next is given.
    #[serde(rename = "openId", borrow, default, deserialize_with = "field::optional_open_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_id: Option<Cow<'a, str>>,
    /// The user's uid at Alipay.
    #[serde(rename = "userId", borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Cow<'a, str>>,
    /// Which activities, in the order they are answered in: 1 to [`CONSULT_ACTIVITIES_MAX`].
    #[serde(rename = "consultActivityInfoList", borrow, deserialize_with = "activities")]
    pub activities: Vec<ActivityInfo<'a>>,
}

/// An activity that is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityInfo<'a> {
    /// Which.
    #[serde(rename = "activityId", borrow, deserialize_with = "field::id")]
    pub activity_id: Cow<'a, str>,
}

impl Message for ConsultRequest<'_> {
    const API: Api = Api::Consult;
    type Code = ConsultCode;
    type Answer = ConsultAnswer<'static>;

    fn check(&self) -> Result<(), Refused<ConsultCode>> {
        if self.open_id.is_some() == self.user_id.is_some() {
            return Err(Refused::field("openId", "与 userId 必须二选一"));
        }
        Ok(())
    }
}

fn activities<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ActivityInfo<'de>>, D::Error> {
    /// An element: an object, never an array.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Element<'a>(#[serde(borrow, deserialize_with = "field::object")] ActivityInfo<'a>);

    struct Activities;

    impl<'de> Visitor<'de> for Activities {
        type Value = Vec<ActivityInfo<'de>>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("数组")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut read = Vec::new();
            while let Some(Element(activity)) = list.next_element()? {
                if read.len() == CONSULT_ACTIVITIES_MAX {
                    let most = CONSULT_ACTIVITIES_MAX;
                    return Err(A::Error::custom(format_args!("不能超过 {most} 个")));
                }
                read.push(activity);
            }
            if read.is_empty() {
                return Err(A::Error::custom("不能为空"));
            }
            Ok(read)
        }
    }

    from.deserialize_seq(Activities)
}

/// What the answer to [`ConsultRequest`] carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultAnswer<'a> {
    /// As asked.
    #[serde(rename = "openId", default, deserialize_with = "field::loose_text")]
    #[serde(skip_serializing_if = "str::is_empty")]
    pub open_id: Cow<'a, str>,
    /// As asked.
    #[serde(rename = "userId", default, deserialize_with = "field::loose_text")]
    #[serde(skip_serializing_if = "str::is_empty")]
    pub user_id: Cow<'a, str>,
    /// What is said of each activity, in the order they were asked about.
    #[serde(rename = "consultResultInfoList", default)]
    pub results: Vec<ConsultResultInfo<'a>>,
}

/// What is said of an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultResultInfo<'a> {
    /// Which.
    #[serde(rename = "activityId", default, deserialize_with = "field::loose_text")]
    pub activity_id: Cow<'a, str>,
    /// Whether the user can claim it.
    #[serde(rename = "consultResultCode")]
    pub result: ConsultResult,
}

/// Whether a user can claim an activity (`consultResultCode`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConsultResult {
    /// SUCCESS: 可以领取.
    Success,
    /// COUNT_OVER_LIMIT: 次数超过限制.
    CountOverLimit,
    /// BUDGET_NOT_ENOUGH: 预算不足.
    BudgetNotEnough,
    /// ACTIVITY_NOT_START: 活动未开始.
    ActivityNotStart,
    /// ACTIVITY_NOT_PERMISSION: 商户没有权限发放该活动.
    ActivityNotPermission,
    /// OTHER: 未知原因.
    Other,
    /// In no enumeration of the document.
    Unknown(String),
}

impl ConsultResult {
    /// As it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "SUCCESS",
            Self::CountOverLimit => "COUNT_OVER_LIMIT",
            Self::BudgetNotEnough => "BUDGET_NOT_ENOUGH",
            Self::ActivityNotStart => "ACTIVITY_NOT_START",
            Self::ActivityNotPermission => "ACTIVITY_NOT_PERMISSION",
            Self::Other => "OTHER",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for ConsultResult {
    fn from(text: String) -> Self {
        match text.as_str() {
            "SUCCESS" => Self::Success,
            "COUNT_OVER_LIMIT" => Self::CountOverLimit,
            "BUDGET_NOT_ENOUGH" => Self::BudgetNotEnough,
            "ACTIVITY_NOT_START" => Self::ActivityNotStart,
            "ACTIVITY_NOT_PERMISSION" => Self::ActivityNotPermission,
            "OTHER" => Self::Other,
            _ => Self::Unknown(text),
        }
    }
}

impl std::fmt::Display for ConsultResult {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ConsultResult {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ConsultResult {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        field::loose_text(from).map(|text| Self::from(text.into_owned()))
    }
}
