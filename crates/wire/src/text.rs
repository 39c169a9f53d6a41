//! How single texts are read. Every message is for the partner's eyes: it follows the field's name.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserializer, Error, Visitor};

/// A text of a bounded length.
///
/// Rules are checked within the visitor: only there does an error learn its field's name.
pub(crate) struct Text {
    pub(crate) chars_min: usize,
    pub(crate) chars_max: usize,
    /// Any other rule; says what the text must be.
    pub(crate) check: fn(&str) -> Result<(), &'static str>,
}

impl Text {
    /// Any text of at most so many characters that is not empty.
    pub(crate) fn new(chars_max: usize) -> Self {
        Self { chars_min: 1, chars_max, check: |_| Ok(()) }
    }

    fn check_length<E: Error>(&self, text: &str) -> Result<(), E> {
        let Self { chars_min, chars_max, .. } = *self;
        // A text has at most as many characters as bytes: most are short enough without counting.
        if text.len() > chars_max && text.chars().count() > chars_max {
            return Err(E::custom(format_args!("长度不能超过 {chars_max} 个字符")));
        }
        if chars_min > 1 && text.chars().count() < chars_min {
            return Err(E::custom(format_args!("长度不能少于 {chars_min} 个字符")));
        }
        Ok(())
    }

    fn check<E: Error>(&self, text: &str) -> Result<(), E> {
        if text.is_empty() {
            return Err(E::custom("不能为空"));
        }
        self.check_length(text)?;
        // It may be kept in a PostgreSQL database, which takes every character but this one.
        if text.contains('\0') {
            return Err(E::custom("不能包含 U+0000"));
        }
        (self.check)(text).map_err(E::custom)
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

/// The same, but it may be missing, null or empty; all mean that there is none.
pub(crate) struct OptionalText(pub(crate) Text);

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
        if text.is_empty() { Ok(None) } else { self.0.visit_borrowed_str(text).map(Some) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(None) } else { self.0.visit_str(text).map(Some) }
    }
}

/// A text that stands for something else.
pub(crate) struct Parsed<T> {
    pub(crate) parse: fn(&str) -> Option<T>,
    pub(crate) wrong: &'static str,
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

/// The same, but it may be missing, null or empty; all mean that there is none.
pub(crate) struct OptionalParsed<T>(pub(crate) Parsed<T>);

impl<'de, T> Visitor<'de> for OptionalParsed<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(None) } else { self.0.visit_str(text).map(Some) }
    }
}
