//! How single fields are read and written: for use in `#[serde(deserialize_with = "…")]`.
//!
//! Every message here is written for the partner's eyes: it follows the field's name.

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use jiff::civil::{Date, DateTime};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;

/// Identifiers for which the document prints no length hold at most so many characters.
pub const ID_CHARS_MAX: usize = 64;
/// An open_id holds at most so many characters.
pub const OPEN_ID_CHARS_MAX: usize = 32;
/// A trans_code holds at most so many characters.
pub const TRANS_CODE_CHARS_MAX: usize = 32;

/// A mandatory identifier.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text { chars_max: ID_CHARS_MAX, day_first: false })
}

/// A mandatory open_id.
pub(super) fn open_id<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text { chars_max: OPEN_ID_CHARS_MAX, day_first: false })
}

/// A mandatory trans_code, which begins with a day.
pub(super) fn trans_code<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_str(Text { chars_max: TRANS_CODE_CHARS_MAX, day_first: true })
}

/// An identifier that may be missing, null or empty; all mean that there is none.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_option(OptionalText)
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
        value: PhantomData,
    })
}

/// A mandatory day.
pub(super) fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    from.deserialize_str(Parsed {
        parse: parse_day,
        wrong: "必须是 yyyyMMdd 格式的日期",
        value: PhantomData,
    })
}

/// Writes what [`wall_time`] reads.
pub(super) fn write_wall_time<S: Serializer>(time: &DateTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    ))
}

/// Writes what [`day`] reads.
pub(super) fn write_day<S: Serializer>(day: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{:04}{:02}{:02}", day.year(), day.month(), day.day()))
}

/// Reads `yyyy-MM-dd HH:mm:ss`, exactly so: no other separator, no missing zero, no fraction.
pub fn parse_wall_time(text: &str) -> Option<DateTime> {
    let text: &[u8; 19] = text.as_bytes().try_into().ok()?;
    for (at, separator) in [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')] {
        if text[at] != separator {
            return None;
        }
    }
    let date = date(&text[..4], &text[5..7], &text[8..10])?;
    let (hour, minute, second) =
        (digits(&text[11..13])?, digits(&text[14..16])?, digits(&text[17..])?);
    let [hour, minute, second] = [hour, minute, second].map(i8::try_from);
    let time = jiff::civil::Time::new(hour.ok()?, minute.ok()?, second.ok()?, 0).ok()?;
    Some(date.to_datetime(time))
}

/// Reads `yyyyMMdd`.
fn parse_day(text: &str) -> Option<Date> {
    let text: &[u8; 8] = text.as_bytes().try_into().ok()?;
    date(&text[..4], &text[4..6], &text[6..])
}

fn date(year: &[u8], month: &[u8], day: &[u8]) -> Option<Date> {
    let month = i8::try_from(digits(month)?).ok()?;
    let day = i8::try_from(digits(day)?).ok()?;
    Date::new(digits(year)?, month, day).ok()
}

/// At most four of them.
fn digits(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
    })
}

fn bounded<E: Error>(text: &str, chars_max: usize) -> Result<(), E> {
    // A text has at most as many characters as bytes: most are short enough without counting.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(E::custom(format_args!("长度不能超过 {chars_max} 个字符")));
    }
    Ok(())
}

/// Rules are checked within the visitor: only there does an error learn its field's name.
struct Text {
    chars_max: usize,
    day_first: bool,
}

impl Text {
    fn check<E: Error>(&self, text: &str) -> Result<(), E> {
        if text.is_empty() {
            return Err(E::custom("不能为空"));
        }
        bounded(text, self.chars_max)?;
        if self.day_first && text.get(..8).and_then(parse_day).is_none() {
            return Err(E::custom("必须以 yyyyMMdd 格式的日期开头"));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("字符串")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        self.check(text)?;
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        self.check(text)?;
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct OptionalText;

impl<'de> Visitor<'de> for OptionalText {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("字符串")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        bounded(text, ID_CHARS_MAX)?;
        Ok((!text.is_empty()).then_some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        bounded(text, ID_CHARS_MAX)?;
        Ok((!text.is_empty()).then(|| Cow::Owned(text.to_owned())))
    }
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

struct Parsed<T> {
    parse: fn(&str) -> Option<T>,
    wrong: &'static str,
    value: PhantomData<T>,
}

impl<T> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("字符串")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if text.is_empty() {
            return Err(E::custom("不能为空"));
        }
        (self.parse)(text).ok_or_else(|| E::custom(self.wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_time_has_exactly_one_format() {
        let time = parse_wall_time("2025-08-01 12:00:59").map(|time| time.to_string());
        assert_eq!(time.as_deref(), Some("2025-08-01T12:00:59"));
        for wrong in [
            "2025-08-01T12:00:00",
            "2025-8-1 12:00:00",
            "2025-08-01 12:00:00 ",
            "2025-08-01 12:00:00.5",
            "2025-08-01",
            "2025-02-30 12:00:00",
            "2025-08-01 24:00:00",
            "2025-08-01 12:60:00",
            "2025-08-01 12:00:60",
            "+025-08-01 12:00:00",
            "2025-08-01 12:00:0é",
            "",
        ] {
            assert_eq!(parse_wall_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_eight_digits_of_a_real_date() {
        assert!(parse_day("20240229").is_some());
        for wrong in ["20230229", "2024-2-2", "2024022", "202402299", "2024022花"] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }
}
