//! Wall times as the vendors print them.

use std::fmt::Display;

use jiff::civil::{Date, DateTime, Time};
use serde::ser::Serializer;

/// The longest timestamp, in digits: enough until the year 33658.
const TIMESTAMP_DIGITS_MAX: usize = 12;

/// Reads `yyyy-MM-dd HH:mm:ss`, exactly so: no other separator, no missing zero, no fraction.
pub fn parse_wall_time(text: &str) -> Option<DateTime> {
    let text: &[u8; 19] = text.as_bytes().try_into().ok()?;
    for (at, separator) in [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')] {
        if text[at] != separator {
            return None;
        }
    }
    let date = date(&text[..4], &text[5..7], &text[8..10])?;
    Some(date.to_datetime(time(&text[11..13], &text[14..16], &text[17..])?))
}

/// Reads `yyyyMMdd`.
pub(crate) fn parse_day(text: &str) -> Option<Date> {
    let text: &[u8; 8] = text.as_bytes().try_into().ok()?;
    date(&text[..4], &text[4..6], &text[6..])
}

fn date(year: &[u8], month: &[u8], day: &[u8]) -> Option<Date> {
    let month = i8::try_from(digits(month)?).ok()?;
    let day = i8::try_from(digits(day)?).ok()?;
    Date::new(digits(year)?, month, day).ok()
}

fn time(hour: &[u8], minute: &[u8], second: &[u8]) -> Option<Time> {
    let [hour, minute, second] =
        [digits(hour)?, digits(minute)?, digits(second)?].map(i8::try_from);
    Time::new(hour.ok()?, minute.ok()?, second.ok()?, 0).ok()
}

/// At most four of them.
fn digits(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
    })
}

/// Writes what [`parse_wall_time`] reads.
pub(crate) fn write_wall_time<S: Serializer>(time: &DateTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&wall_time(time))
}

/// What [`parse_wall_time`] reads.
pub(crate) fn wall_time(time: &DateTime) -> impl Display {
    std::fmt::from_fn(move |f| {
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    })
}

/// Writes `yyyyMMddHHmmss`.
pub(crate) fn write_stamp<S: Serializer>(time: &DateTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&time.strftime("%Y%m%d%H%M%S"))
}

/// Reads `yyyyMMddHHmmss`.
pub(crate) fn parse_stamp(text: &str) -> Option<DateTime> {
    let text: &[u8; 14] = text.as_bytes().try_into().ok()?;
    let date = date(&text[..4], &text[4..6], &text[6..8])?;
    Some(date.to_datetime(time(&text[8..10], &text[10..12], &text[12..])?))
}

/// The unix seconds a timestamp says; `None` unless it is decimal digits and nothing else.
pub fn parse_timestamp(timestamp: &str) -> Option<i64> {
    let digits = (1..=TIMESTAMP_DIGITS_MAX).contains(&timestamp.len())
        && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if digits { timestamp.parse().ok() } else { None }
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
    fn a_stamp_is_fourteen_digits_of_a_real_time() {
        let time = parse_stamp("20250801120059").map(|time| time.to_string());
        assert_eq!(time.as_deref(), Some("2025-08-01T12:00:59"));
        for wrong in ["20250801240000", "20250230000000", "2025080112000", "2025080112005é", ""] {
            assert_eq!(parse_stamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_eight_digits_of_a_real_date() {
        assert!(parse_day("20240229").is_some());
        for wrong in ["20230229", "2024-2-2", "2024022", "202402299", "2024022花"] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_timestamp_is_digits_only() {
        assert_eq!(parse_timestamp("1650812345"), Some(1_650_812_345));
        for bad in ["", "+1650812345", "-1", "16508.5", " 1650812345", "1650812345000", "一"] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
    }
}
