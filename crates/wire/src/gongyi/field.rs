//! How single fields are read and written: for use in `#[serde(deserialize_with = "…")]`.
//!
//! Every message here is written for the partner's eyes: it follows the field's name.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use jiff::civil::{Date, DateTime};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;

use crate::text::{OptionalText, Parsed, Text};
pub(super) use crate::time::write_wall_time;
use crate::time::{parse_day, parse_wall_time};

/// Identifiers for which the document prints no length hold at most so many characters.
pub const ID_CHARS_MAX: usize = 64;
/// An open_id holds at most so many characters.
pub const OPEN_ID_CHARS_MAX: usize = 32;
/// A trans_code holds at most so many characters.
pub const TRANS_CODE_CHARS_MAX: usize = 32;

/// A mandatory identifier.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(ID_CHARS_MAX))
}

/// A mandatory open_id.
pub(super) fn open_id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text::new(OPEN_ID_CHARS_MAX))
}

/// A mandatory trans_code, which begins with a day.
pub(super) fn trans_code<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text { check: day_first, ..Text::new(TRANS_CODE_CHARS_MAX) })
}

/// An identifier that may be missing, null or empty; all mean that there is none.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_option(OptionalText(Text::new(ID_CHARS_MAX)))
}

/// A mandatory number of 32 bits.
pub(super) fn uint32<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    from.deserialize_u32(Uint32 { or_text: false })
}

/// The same, also as decimal digits in a string.
pub(super) fn uint32_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    from.deserialize_any(Uint32 { or_text: true })
}

/// A number that may exceed 32 bits, also as decimal digits in a string.
pub(super) fn uint64_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    from.deserialize_any(Uint64)
}

/// A mandatory wall time.
pub(super) fn wall_time<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime, D::Error> {
    from.deserialize_str(Parsed {
        parse: parse_wall_time,
        wrong: "必须是 yyyy-MM-dd HH:mm:ss 格式的时间",
    })
}

/// A mandatory day.
pub(super) fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    from.deserialize_str(Parsed { parse: parse_day, wrong: "必须是 yyyyMMdd 格式的日期" })
}

/// Writes what [`day`] reads.
pub(super) fn write_day<S: Serializer>(day: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{:04}{:02}{:02}", day.year(), day.month(), day.day()))
}

struct Uint32 {
    or_text: bool,
}

impl Visitor<'_> for Uint32 {
    type Value = u32;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("介于 0 到 4294967295 之间的整数")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let number = if self.or_text { from_digits(text) } else { None };
        number
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}

struct Uint64;

impl Visitor<'_> for Uint64 {
    type Value = u64;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("非负整数")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        from_digits(text).ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}

/// `parse` alone would take a sign.
fn from_digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn day_first(text: &str) -> Result<(), &'static str> {
    match text.get(..8).and_then(parse_day) {
        Some(_) => Ok(()),
        None => Err("必须以 yyyyMMdd 格式的日期开头"),
    }
}
