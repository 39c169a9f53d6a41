//! Bodies to messages, for every vendor. The good path reads the JSON straight into the struct, borrowing its
//! strings. Only when that fails is the body read again, field by field, to say what is wrong.

use std::fmt::{self, Display, Formatter};

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

/// Objects and arrays may stand within each other so deep.
pub const DEPTH_MAX: usize = 128;

/// Why a body was refused. The text is for the partner and follows the code's own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It is not one JSON object in UTF-8, or it is too deep.
    #[error("请求体必须是 UTF-8 编码的 JSON 对象")]
    NotJson,
    /// A field breaks a rule.
    #[error("{field} {reason}")]
    Field {
        /// Its wire name; a field within another is written `outer.inner`, one within a list
        /// `outer[0].inner`.
        field: String,
        /// Which rule.
        reason: String,
    },
}

impl DecodeError {
    /// A field that breaks a rule.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }
}

/// Reads a message's fields. Unknown ones are ignored.
pub(crate) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::NotJson)?;
    // A struct can also be read from an array, which no caller means.
    if !text.trim_ascii_start().starts_with('{') || too_deep(body) {
        return Err(DecodeError::NotJson);
    }
    serde_json::from_str(text).or_else(|_| read_object(text))
}

/// Counts brackets first, which is quick, and only looks closer at a body that has very many.
fn too_deep(body: &[u8]) -> bool {
    let opens = |byte: &u8| matches!(byte, b'{' | b'[');
    body.iter().filter(|byte| opens(byte)).count() > DEPTH_MAX && depth(body) > DEPTH_MAX
}

fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => _ = bytes.next(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

/// Reads a JSON object field by field, so that the first field that breaks a rule is known.
pub(crate) fn read_object<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, DecodeError> {
    let entries: Entries<'de> = serde_json::from_str(text).map_err(|_| DecodeError::NotJson)?;
    T::deserialize(entries.into_deserializer()).map_err(|fault| match fault.field {
        Some(field) => DecodeError::Field { field, reason: fault.reason },
        None => DecodeError::NotJson,
    })
}

/// An object's fields in their order, repeated ones included, their values unread.
struct Entries<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Entries<'de> {
    fn into_deserializer(
        self,
    ) -> MapDeserializer<'de, impl Iterator<Item = (String, Node<'de>)>, Fault> {
        let nodes = self.0.into_iter().map(|(field, raw)| {
            let node = Node { field: field.clone(), raw: raw.get() };
            (field, node)
        });
        MapDeserializer::new(nodes)
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("JSON 对象")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        from.deserialize_map(Collect)
    }
}

/// The value of one field.
struct Node<'de> {
    field: String,
    raw: &'de str,
}

impl<'de> Node<'de> {
    /// An array's elements, named by their place.
    fn numbered(elements: Vec<&'de RawValue>) -> impl Iterator<Item = Self> {
        elements
            .into_iter()
            .enumerate()
            .map(|(place, raw)| Self { field: format!("[{place}]"), raw: raw.get() })
    }

    fn visit<V: Visitor<'de>>(raw: &'de str, visitor: V) -> Result<V::Value, Fault> {
        match raw.as_bytes().first() {
            Some(b'{') => match serde_json::from_str::<Entries<'de>>(raw) {
                Ok(entries) => visitor.visit_map(entries.into_deserializer()),
                Err(_) => Err(Fault::custom("不是合法的 JSON")),
            },
            Some(b'[') => match serde_json::from_str::<Vec<&'de RawValue>>(raw) {
                Ok(elements) => visitor.visit_seq(SeqDeserializer::new(Self::numbered(elements))),
                Err(_) => Err(Fault::custom("不是合法的 JSON")),
            },
            Some(b'"') => match serde_json::from_str::<String>(raw) {
                Ok(text) => visitor.visit_string(text),
                Err(_) => Err(Fault::custom("不是合法的字符串")),
            },
            Some(b'n') => visitor.visit_unit(),
            Some(b't') => visitor.visit_bool(true),
            Some(b'f') => visitor.visit_bool(false),
            _ => match (raw.parse(), raw.parse()) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => visitor.visit_f64(raw.parse().unwrap_or(f64::INFINITY)),
            },
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        Self::visit(self.raw, visitor).map_err(|fault| fault.within(self.field))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.raw == "null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // A struct can also be read from an array, which no caller means.
        if self.raw.starts_with('[') {
            return Err(Fault::invalid_type(Unexpected::Seq, &visitor).within(self.field));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What is wrong with a field, in the partner's language.
#[derive(Debug)]
struct Fault {
    field: Option<String>,
    reason: String,
}

impl Fault {
    fn within(mut self, outer: String) -> Self {
        self.field = Some(match self.field {
            Some(inner) if inner.starts_with('[') => format!("{outer}{inner}"),
            Some(inner) => format!("{outer}.{inner}"),
            None => outer,
        });
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(reason: T) -> Self {
        Self { field: None, reason: reason.to_string() }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("必须是{expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("必须是{expected}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom("不能缺少").within(field.to_owned())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom("不能重复").within(field.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_does_not_count_brackets_in_strings() {
        assert_eq!(depth(br#"{"a":"[[[{\"[[","b":[{}]}"#), 3);
        assert_eq!(depth(b"]]]]["), 1);
    }
}
