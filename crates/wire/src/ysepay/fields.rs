//! A request's or an answer's top-level fields, in whichever form they came.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use super::PublicKey;

/// So many top-level fields are read. The vendor has nine in a request and eight in an answer.
pub const FIELDS_MAX: usize = 64;

/// Not signed: itself, and the part of an upload that is no field.
const UNSIGNED: [&str; 2] = ["sign", "file"];

/// Why a body holds no fields. The text is for the partner and follows the code's own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldsError {
    /// It is not one JSON object in UTF-8.
    #[error("请求体必须是 UTF-8 编码的 JSON 对象")]
    NotJson,
    /// It is no form in UTF-8.
    #[error("请求体必须是 UTF-8 编码的表单")]
    NotForm,
    /// A field holds other fields.
    #[error("{0} 必须是字符串")]
    NotText(String),
    /// A field is there twice: which of them was signed is anybody's guess.
    #[error("{0} 不能重复")]
    Repeated(String),
    /// More than [`FIELDS_MAX`].
    #[error("公共参数不能超过 {FIELDS_MAX} 个")]
    TooMany,
}

/// Whether fields that are empty are part of the string to sign. Callers disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Empty {
    /// Left out.
    Skipped,
    /// Kept, as `k=`.
    Kept,
}

/// Named texts, each name once, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a JSON object. A number, true and false count as the text they are written with, null
    /// as an empty one; these are what the dynamic languages among callers send.
    ///
    /// # Errors
    /// See [`FieldsError`].
    pub fn from_json(body: &[u8]) -> Result<Self, FieldsError> {
        let text = std::str::from_utf8(body).map_err(|_| FieldsError::NotJson)?;
        let entries: Entries<'_> = serde_json::from_str(text).map_err(|_| FieldsError::NotJson)?;
        let mut fields = Self(Vec::with_capacity(entries.0.len().min(FIELDS_MAX)));
        for (name, value) in entries.0 {
            let value = match value.get().as_bytes().first() {
                Some(b'"') => {
                    serde_json::from_str(value.get()).map_err(|_| FieldsError::NotJson)?
                }
                Some(b'{' | b'[') => return Err(FieldsError::NotText(name)),
                Some(b'n') => String::new(),
                _ => value.get().to_owned(),
            };
            fields.push(name, value)?;
        }
        Ok(fields)
    }

    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// See [`FieldsError`].
    pub fn from_form(body: &[u8]) -> Result<Self, FieldsError> {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            // What is no UTF-8 was replaced by this character, which no field has.
            if [&name, &value].iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
                return Err(FieldsError::NotForm);
            }
            fields.push(name.into_owned(), value.into_owned())?;
        }
        Ok(fields)
    }

    /// Adds a field, as the parts of a multipart body come.
    ///
    /// # Errors
    /// It is there already, or there are too many.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), FieldsError> {
        let name = name.into();
        match self.find(&name) {
            Ok(_) => Err(FieldsError::Repeated(name)),
            Err(_) if self.0.len() >= FIELDS_MAX => Err(FieldsError::TooMany),
            Err(place) => {
                self.0.insert(place, (name, value.into()));
                Ok(())
            }
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }

    /// A field's text; none where it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let place = self.find(name).ok()?;
        Some(self.0[place].1.as_str()).filter(|value| !value.is_empty())
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The string to sign: every field but `sign` and `file`, sorted by name, `k=v` joined by `&`,
    /// values as they are.
    pub fn string_to_sign(&self, empty: Empty) -> String {
        let mut string =
            String::with_capacity(self.iter().map(|(k, v)| k.len() + v.len() + 2).sum());
        for (name, value) in self.signed() {
            if value.is_empty() && empty == Empty::Skipped {
                continue;
            }
            if !string.is_empty() {
                string.push('&');
            }
            string.push_str(name);
            string.push('=');
            string.push_str(value);
        }
        string
    }

    fn signed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| !UNSIGNED.contains(name))
    }

    /// Whether the field `sign` is this key's signature of the others: without the empty ones, or
    /// else with them. What has no `sign` is not verified by any key.
    pub fn verify(&self, key: &PublicKey) -> bool {
        let Some(sign) = self.get("sign") else { return false };
        let verified = |empty| key.verify(self.string_to_sign(empty).as_bytes(), sign);
        verified(Empty::Skipped)
            || (self.signed().any(|(_, value)| value.is_empty()) && verified(Empty::Kept))
    }
}

/// An object's fields in their order, repeated ones included, their values unread.
struct Entries<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("JSON 对象")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                // One more than are read shows that there are too many; the rest is skipped.
                while entries.len() <= FIELDS_MAX {
                    match map.next_entry()? {
                        Some(entry) => entries.push(entry),
                        None => return Ok(Entries(entries)),
                    }
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Entries(entries))
            }
        }

        from.deserialize_map(Collect)
    }
}
