//! How single fields are read and written: for use in `#[serde(with = "…")]` and its like.

use std::borrow::Cow;

use jiff::civil::DateTime;
use serde::Serialize;
use serde::de::Deserializer;
use serde::ser::Serializer;
use url::{Host, Url};

use crate::text::{OptionalParsed, OptionalText, Parsed, Text};
use crate::time::{parse_wall_time, write_wall_time};

/// A member_id holds at least so many characters.
pub const MEMBER_ID_CHARS_MIN: usize = 10;
/// A member_id holds at most so many characters.
pub const MEMBER_ID_CHARS_MAX: usize = 20;
/// An owner_id holds at most so many characters.
pub const OWNER_ID_CHARS_MAX: usize = 8;
/// An activity_id and a promotion_id hold at most so many characters.
pub const SHORT_ID_CHARS_MAX: usize = 32;
/// A mer_order_id and a trade_no hold at most so many characters.
pub const ID_CHARS_MAX: usize = 64;
/// A channel_openid holds at most so many characters.
pub const CHANNEL_OPENID_CHARS_MAX: usize = 128;
/// An address for callbacks holds at most so many characters.
pub const ADDRESS_CHARS_MAX: usize = 256;

pub(super) fn member_id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    let text = Text::new(MEMBER_ID_CHARS_MAX);
    from.deserialize_str(Text { chars_min: MEMBER_ID_CHARS_MIN, ..text })
}

pub(super) fn owner_id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(OWNER_ID_CHARS_MAX))
}

pub(super) fn short_id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(SHORT_ID_CHARS_MAX))
}

pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(ID_CHARS_MAX))
}

pub(super) fn openid<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(CHANNEL_OPENID_CHARS_MAX))
}

/// A mandatory address for callbacks.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(address_text())
}

/// An address that may be missing, null or empty; all mean that there is none.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_option(OptionalText(address_text()))
}

fn address_text() -> Text {
    Text { check: check_address, ..Text::new(ADDRESS_CHARS_MAX) }
}

/// What is accepted here can be sent to: the sender parses it with the same library. Whether it
/// may be sent to, and without TLS, is the sender's to decide.
fn check_address(text: &str) -> Result<(), &'static str> {
    const WRONG: &str = "必须是 http 或 https 的绝对地址";
    // A URL parser mends what a browser's address bar would; an address for machines is exact.
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let absolute = ["http://", "https://"].iter().any(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme) && !rest.starts_with('/')
    });
    if !plain || !absolute {
        return Err(WRONG);
    }
    let url = Url::parse(text).map_err(|_| WRONG)?;
    match url.host() {
        Some(Host::Domain("")) | None => return Err(WRONG),
        Some(_) => {}
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("不能包含用户名或密码");
    }
    if url.fragment().is_some() {
        return Err("不能包含 # 片段");
    }
    Ok(())
}

/// A mandatory text of any length.
pub(super) fn text<'de, 'a, D: Deserializer<'de>>(from: D) -> Result<Cow<'a, str>, D::Error> {
    from.deserialize_str(Text::new(usize::MAX)).map(owned)
}

/// A text that is empty where the other side leaves it out or writes null.
pub(super) fn text_or_empty<'de, 'a, D: Deserializer<'de>>(
    from: D,
) -> Result<Cow<'a, str>, D::Error> {
    let read = from.deserialize_option(OptionalText(Text::new(usize::MAX)))?;
    Ok(read.map(owned).unwrap_or_default())
}

fn owned<'a>(text: Cow<'_, str>) -> Cow<'a, str> {
    Cow::Owned(text.into_owned())
}

/// Writes an optional text: none is an empty one.
pub(super) fn write_or_empty<S: Serializer, T: Serialize>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(to),
        None => to.serialize_str(""),
    }
}

/// Reads what [`write_or_empty`] writes, and also null.
pub(super) fn empty_is_none<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let read = from.deserialize_option(OptionalText(Text::new(usize::MAX)))?;
    Ok(read.map(|text| T::from(text.into_owned())))
}

/// Writes an optional wall time: none is an empty text.
pub(super) fn write_time<S: Serializer>(time: &Option<DateTime>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => write_wall_time(time, to),
        None => to.serialize_str(""),
    }
}

/// Reads what [`write_time`] writes, and also null.
pub(super) fn read_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime>, D::Error> {
    from.deserialize_option(OptionalParsed(WALL_TIME))
}

/// Reads a mandatory wall time.
pub(super) fn read_mandatory_time<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<DateTime, D::Error> {
    from.deserialize_str(WALL_TIME)
}

const WALL_TIME: Parsed<DateTime> =
    Parsed { parse: parse_wall_time, wrong: "必须是 yyyy-MM-dd HH:mm:ss 格式的时间" };
