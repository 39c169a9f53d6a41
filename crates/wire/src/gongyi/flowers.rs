//! Small red flowers (小红花).

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::{Api, DecodeError, Message, field};
use crate::decode::read_object;

/// time_expire may be so long after time_start.
const WINDOW_MAX: SignedDuration = SignedDuration::from_mins(10);

/// Asks whether a user may receive so many flowers on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckXhh<'a> {
    /// The user.
    #[serde(borrow, deserialize_with = "field::open_id")]
    pub open_id: Cow<'a, str>,
    /// The day.
    #[serde(deserialize_with = "field::day", serialize_with = "field::write_day")]
    pub trans_date: Date,
    /// How many; comes as a number or as decimal digits in a string.
    #[serde(deserialize_with = "field::uint32_or_text")]
    pub xhh_num: u32,
    /// For which business.
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_id: Option<Cow<'a, str>>,
}

impl Message for CheckXhh<'_> {
    const API: Api = Api::CheckXhh;
    type Answer = FlowersAllowed<'static>;
}

/// The answer to [`CheckXhh`]: `{}` with code 0, a reason with code 30110502.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowersAllowed<'a> {
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<Cow<'a, str>>,
}

/// Gives flowers (预发花). `trans_code` is its key: however often it is sent, it happens once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreTry<'a> {
    /// The user; for a donation's flowers its third_uid.
    #[serde(borrow, deserialize_with = "field::open_id")]
    pub open_id: Cow<'a, str>,
    /// The caller's number for it; begins with a day.
    #[serde(borrow, deserialize_with = "field::trans_code")]
    pub trans_code: Cow<'a, str>,
    /// From when it may happen, in Shanghai …
    #[serde(deserialize_with = "field::wall_time", serialize_with = "field::write_wall_time")]
    pub time_start: DateTime,
    /// … and until when; at most ten minutes.
    #[serde(deserialize_with = "field::wall_time", serialize_with = "field::write_wall_time")]
    pub time_expire: DateTime,
    /// How many; comes as a number or as decimal digits in a string.
    #[serde(deserialize_with = "field::uint32_or_text")]
    pub xhh_num: u32,
    /// The donation they thank for.
    #[serde(default, deserialize_with = "business_info")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_info: Option<BusinessInfo>,
}

impl Message for PreTry<'_> {
    const API: Api = Api::PreTry;
    type Answer = PreTryAnswer<'static>;

    fn check(&self) -> Result<(), DecodeError> {
        let window = self.time_expire.duration_since(self.time_start);
        if window.is_negative() {
            return Err(DecodeError::field("time_expire", "不能早于 time_start"));
        }
        if window > WINDOW_MAX {
            return Err(DecodeError::field("time_expire", "不能晚于 time_start 10 分钟以上"));
        }
        match &self.business_info {
            Some(BusinessInfo { donate_transcode: None, reward_transcode: Some(_) }) => {
                Err(DecodeError::field("business_info.donate_transcode", "不能缺少"))
            }
            _ => Ok(()),
        }
    }
}

/// The answer to [`PreTry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreTryAnswer<'a> {
    /// The platform's number for it.
    pub exchange_id: Cow<'a, str>,
}

/// Which donation flowers thank for. Written as a string that holds a JSON object, read from that
/// or from the object itself; an empty string is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusinessInfo {
    /// The donation's number.
    pub donate_transcode: Option<String>,
    /// The caller's number for the donation.
    pub reward_transcode: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct BusinessInfoFields<'a> {
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    donate_transcode: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "field::optional_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reward_transcode: Option<Cow<'a, str>>,
}

impl From<BusinessInfoFields<'_>> for BusinessInfo {
    fn from(fields: BusinessInfoFields<'_>) -> Self {
        Self {
            donate_transcode: fields.donate_transcode.map(Cow::into_owned),
            reward_transcode: fields.reward_transcode.map(Cow::into_owned),
        }
    }
}

impl Serialize for BusinessInfo {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = BusinessInfoFields {
            donate_transcode: self.donate_transcode.as_deref().map(Cow::Borrowed),
            reward_transcode: self.reward_transcode.as_deref().map(Cow::Borrowed),
        };
        let text = serde_json::to_string(&fields).map_err(serde::ser::Error::custom)?;
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for BusinessInfo {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        business_info(from).map(Option::unwrap_or_default)
    }
}

fn business_info<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BusinessInfo>, D::Error> {
    struct Info;

    impl<'de> Visitor<'de> for Info {
        type Value = Option<BusinessInfo>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("内容为 JSON 对象的字符串")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            if text.is_empty() {
                return Ok(None);
            }
            match read_object::<BusinessInfoFields<'_>>(text) {
                Ok(fields) => Ok(Some(fields.into())),
                Err(DecodeError::NotJson) => Err(E::invalid_type(Unexpected::Str(text), &self)),
                Err(inner) => Err(E::custom(format_args!("中的 {inner}"))),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            BusinessInfoFields::deserialize(MapAccessDeserializer::new(map))
                .map(|fields| Some(fields.into()))
        }
    }

    from.deserialize_any(Info)
}

/// Asks whether flowers were given under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIsTransExist<'a> {
    /// The user.
    #[serde(borrow, deserialize_with = "field::open_id")]
    pub open_id: Cow<'a, str>,
    /// The caller's number.
    #[serde(borrow, deserialize_with = "field::trans_code")]
    pub trans_code: Cow<'a, str>,
}

impl Message for CheckIsTransExist<'_> {
    const API: Api = Api::CheckIsTransExist;
    type Answer = Exchange<'static>;
}

/// The answer to [`CheckIsTransExist`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange<'a> {
    /// The platform's number for it; empty where there is none.
    #[serde(default)]
    pub exchange_id: Cow<'a, str>,
    /// 0 where the flowers were given, 30110404 where there is no such exchange (ours).
    pub xhh_code: i64,
}

/// Asks how many flowers a user has received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryUserXhh<'a> {
    /// The user.
    #[serde(borrow, deserialize_with = "field::open_id")]
    pub open_id: Cow<'a, str>,
}

impl Message for QueryUserXhh<'_> {
    const API: Api = Api::QueryUserXhh;
    type Answer = FlowersHistory;
}

/// The answer to [`QueryUserXhh`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowersHistory {
    /// How many, ever.
    #[serde(deserialize_with = "field::uint64_or_text")]
    pub history_xhh: u64,
}
