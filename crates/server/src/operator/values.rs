//! The values that occur in requests and answers, each checked where it is read.

use std::fmt;

use huodong_campaign::{Fen, SHANGHAI};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// The most one movement of money may be, in fen: ten trillion yuan.
const MONEY_MAX: i64 = 1_000_000_000_000_000;

/// Times with a year of four digits in Shanghai, which is what the vendors' messages can say.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=9998;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $most:tt, $rule:expr, $says:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(try_from = "String")]
        #[schema(min_length = 1, max_length = $most)]
        pub(super) struct $name(String);

        impl $name {
            /// As it came.
            #[allow(dead_code)] // Not of every one of these types.
            pub(super) fn as_str(&self) -> &str {
                &self.0
            }

            /// As it came.
            pub(super) fn into_string(self) -> String {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let count = text.chars().count();
                if (1..=$most).contains(&count) && text.chars().all($rule) {
                    Ok(Self(text))
                } else {
                    Err($says)
                }
            }
        }
    )*};
}

texts! {
    /// A number or identifier: 1 to 64 letters, digits, `_` or `-`.
    Number, 64, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-',
        "must be 1 to 64 letters, digits, _ or -";
    /// The name of a token: 1 to 64 letters, digits, `_`, `-`, `.` or `@`.
    TokenName, 64, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'),
        "must be 1 to 64 letters, digits, _, -, . or @";
    /// A name for people to read: 1 to 128 characters, none of them a control character.
    Name, 128, |c: char| !c.is_control(),
        "must be 1 to 128 characters, none of them a control character";
    /// A caller's own name for a movement of money: 1 to 64 characters, none of them a control
    /// character.
    Reference, 64, |c: char| !c.is_control(),
        "must be 1 to 64 characters, none of them a control character";
    /// A lakala number: 1 to 32 letters, digits, `_` or `-`.
    ShortNumber, 32, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-',
        "must be 1 to 32 letters, digits, _ or -";
    /// An owner's number (owner_id): 1 to 8 letters or digits.
    OwnerNumber, 8, |c| c.is_ascii_alphanumeric(), "must be 1 to 8 letters or digits";
    /// What an institution's member ids begin with: 1 to 10 letters or digits.
    MemberPrefix, 10, |c| c.is_ascii_alphanumeric(), "must be 1 to 10 letters or digits";
    /// A merchant's number (mercId): 1 to 20 letters, digits, `_` or `-`.
    MercNumber, 20, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-',
        "must be 1 to 20 letters, digits, _ or -";
    /// What an initiator is told of a decision: 1 to 200 characters, none of them a control
    /// character.
    Reason, 200, |c: char| !c.is_control(),
        "must be 1 to 200 characters, none of them a control character";
    /// A reason or a description: 1 to 512 characters, none of them a control character.
    Remark, 512, |c: char| !c.is_control(),
        "must be 1 to 512 characters, none of them a control character";
}

/// An amount in fen (分, 1/100 yuan), above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64, example = 10_000)]
pub(super) struct Money(i64);

impl TryFrom<i64> for Money {
    type Error = String;

    fn try_from(fen: i64) -> Result<Self, Self::Error> {
        if (1..=MONEY_MAX).contains(&fen) {
            Ok(Self(fen))
        } else {
            Err(format!("must be 1 to {MONEY_MAX} fen"))
        }
    }
}

impl From<Money> for Fen {
    fn from(money: Money) -> Self {
        Self(money.0)
    }
}

impl From<Fen> for Money {
    fn from(fen: Fen) -> Self {
        Self(fen.0)
    }
}

/// A moment. Answers say it in Shanghai time with its offset; requests may say it as RFC 3339 with
/// any offset, or as `yyyy-MM-dd HH:mm:ss`, which is Shanghai time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T10:00:00+08:00")]
pub(super) struct Time(pub(super) Timestamp);

impl Time {
    fn parse(text: &str) -> Option<Self> {
        let at = match DateTime::strptime("%Y-%m-%d %H:%M:%S", text) {
            Ok(wall) => SHANGHAI.to_timestamp(wall).ok()?,
            Err(_) => text.parse().ok()?,
        };
        let year = SHANGHAI.to_datetime(at).year();
        YEARS.contains(&year).then_some(Self(at))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display_with_offset(SHANGHAI).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(
                "must be a time like 2026-11-21T10:00:00+08:00 or 2026-11-21 10:00:00 (Shanghai), \
                 of the years 2000 to 9998",
            )
        })
    }
}

/// Reads a list of at most `MOST` and stops reading there.
pub(super) fn at_most<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Bounded<const MOST: usize, T>(std::marker::PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for Bounded<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                if items.len() == MOST {
                    return Err(A::Error::custom(format_args!("must be a list of at most {MOST}")));
                }
                items.push(item);
            }
            Ok(items)
        }
    }

    deserializer.deserialize_seq(Bounded::<MOST, T>(std::marker::PhantomData))
}

/// The same, for a field that may be left out.
pub(super) fn maybe_at_most<'de, const MOST: usize, T, D>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    at_most::<MOST, T, D>(deserializer).map(Some)
}

/// Tells `null` (`Some(None)`) from a field that was left out (`None`, with `#[serde(default)]`).
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// An enum of the rules, as the API spells it; or one of another crate, where it names that.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident $(in $home:ident)? { $($variant:ident),* $(,)? })*) => {$(
        words!(@one [$($home)?] $(#[$doc])* $name { $($variant),* });
    )*};
    (@one [] $($rest:tt)*) => {
        words!(@one [huodong_campaign] $($rest)*);
    };
    (@one [$home:ident] $(#[$doc:meta])* $name:ident { $($variant:ident),* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub(in crate::operator) enum $name {
            $(#[allow(missing_docs)] $variant,)*
        }

        impl From<$home::$name> for $name {
            fn from(it: $home::$name) -> Self {
                match it { $($home::$name::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $home::$name {
            fn from(it: $name) -> Self {
                match it { $($name::$variant => Self::$variant,)* }
            }
        }
    };
}
pub(super) use words;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_time_is_read_in_both_spellings_and_shown_in_shanghai() {
        for text in ["2026-11-21 10:00:00", "2026-11-21T10:00:00+08:00", "2026-11-21T02:00:00Z"] {
            assert_eq!(Time::parse(text).unwrap().to_string(), "2026-11-21T10:00:00+08:00");
        }
        for text in ["", "tomorrow", "2026-11-21", "2026-02-30 10:00:00", "1999-01-01 00:00:00"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_bounded_in_characters() {
        let name = |text: String| Name::try_from(text).is_ok();
        assert!(name("行".repeat(128)));
        assert!(!name("行".repeat(129)));
        assert!(!name(String::new()));
        assert!(!name("a\nb".to_owned()));
        assert!(Number::try_from("a b".to_owned()).is_err());
    }

    #[test]
    fn money_is_above_zero_and_bounded() {
        assert!(Money::try_from(1).is_ok());
        assert!(Money::try_from(0).is_err());
        assert!(Money::try_from(MONEY_MAX + 1).is_err());
    }
}
