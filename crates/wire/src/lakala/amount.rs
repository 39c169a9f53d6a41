//! Amounts as text: yuan in the issue callback, fen everywhere else.

use std::fmt::{self, Formatter};

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;

/// Writes fen as yuan with two decimals: 100 is `1.00`.
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Reads yuan with at most two decimals as fen.
pub fn parse_yuan(text: &str) -> Option<u64> {
    let (yuan, decimals) = text.split_once('.').unwrap_or((text, "00"));
    let fen = match decimals.len() {
        1 => digits(decimals)? * 10,
        2 => digits(decimals)?,
        _ => return None,
    };
    digits(yuan)?.checked_mul(100)?.checked_add(fen)
}

/// `parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Writes an amount in yuan.
pub(super) fn write_yuan<S: Serializer>(fen: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&yuan(*fen))
}

/// Reads what [`write_yuan`] writes.
pub(super) fn read_yuan<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    struct Yuan;

    impl Visitor<'_> for Yuan {
        type Value = u64;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("单位为元、最多两位小数的金额")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            parse_yuan(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    from.deserialize_str(Yuan)
}

/// Writes an amount in fen as text; none is an empty one.
pub(super) fn write_fen<S: Serializer>(fen: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
    match fen {
        Some(fen) => to.collect_str(fen),
        None => to.serialize_str(""),
    }
}

/// Reads what [`write_fen`] writes, and also a number or null.
pub(super) fn read_fen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    struct Fen;

    impl Visitor<'_> for Fen {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("单位为分的金额")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_u64<E: Error>(self, fen: u64) -> Result<Self::Value, E> {
            Ok(Some(fen))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            match (text, digits(text)) {
                ("", _) => Ok(None),
                (_, Some(fen)) => Ok(Some(fen)),
                _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
            }
        }
    }

    from.deserialize_any(Fen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_has_two_decimals() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (100, "1.00"), (123_456, "1234.56")] {
            assert_eq!(yuan(fen), text);
            assert_eq!(parse_yuan(text), Some(fen));
        }
        assert_eq!(yuan(u64::MAX), "184467440737095516.15");
        assert_eq!(parse_yuan("184467440737095516.15"), Some(u64::MAX));
    }

    #[test]
    fn yuan_is_read_with_fewer_decimals_and_nothing_else() {
        assert_eq!(parse_yuan("1"), Some(100));
        assert_eq!(parse_yuan("1.5"), Some(150));
        for wrong in ["", ".", ".5", "1.", "1.005", "-1.00", "+1", "1,00", "1e3", "一", "1.2.3"] {
            assert_eq!(parse_yuan(wrong), None, "{wrong}");
        }
        assert_eq!(parse_yuan("184467440737095516.16"), None);
    }
}
