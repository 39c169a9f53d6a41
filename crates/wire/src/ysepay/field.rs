//! How single fields are read: for use in `#[serde(deserialize_with = "…")]`.

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::text::{OptionalText, Text};

/// An id for which the documents print no length holds at most so many characters.
pub const ID_CHARS_MAX: usize = 64;
/// An openId holds at most so many characters; the document prints no length.
pub const OPEN_ID_CHARS_MAX: usize = 128;
/// A photo's name holds at most so many characters; no document prints a length.
pub const PHOTO_NAME_CHARS_MAX: usize = 255;
/// A mercId, an activityId and the third parties' merchant numbers hold at most so many characters.
pub const SHORT_ID_CHARS_MAX: usize = 20;
/// A creator holds at most so many characters.
pub const CREATOR_CHARS_MAX: usize = 15;
/// A supplementaryRemark holds at most so many characters.
pub const REMARK_CHARS_MAX: usize = 2000;
/// A list of photos holds at most so many characters.
pub const PHOTO_LIST_CHARS_MAX: usize = 1000;

macro_rules! texts {
    ($($name:ident $chars_max:ident;)*) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
            from.deserialize_str(Text::new($chars_max))
        }
    )*};
}

texts! {
    id ID_CHARS_MAX;
    short_id SHORT_ID_CHARS_MAX;
    creator CREATOR_CHARS_MAX;
    photo_name PHOTO_NAME_CHARS_MAX;
}

macro_rules! optional_texts {
    ($($name:ident $chars_max:ident;)*) => {$(
        /// It may be missing, null or empty; all mean that there is none.
        pub(super) fn $name<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Cow<'de, str>>, D::Error> {
            from.deserialize_option(OptionalText(Text::new($chars_max)))
        }
    )*};
}

optional_texts! {
    optional_id ID_CHARS_MAX;
    optional_open_id OPEN_ID_CHARS_MAX;
    optional_short_id SHORT_ID_CHARS_MAX;
    optional_remark REMARK_CHARS_MAX;
}

/// A SHA-256 in hex, of either case.
pub(super) fn sha256<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    struct Hex;

    impl Visitor<'_> for Hex {
        type Value = [u8; 32];

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("字符串")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<[u8; 32], E> {
            let mut hash = [0; 32];
            match hex::decode_to_slice(text, &mut hash) {
                Ok(()) => Ok(hash),
                Err(_) if text.is_empty() => Err(E::custom("不能为空")),
                Err(_) => Err(E::custom("必须是 64 位十六进制的 SHA-256")),
            }
        }
    }

    from.deserialize_str(Hex)
}

/// A text that is empty where the other side leaves it out or writes null; a number is the text it
/// is written as.
pub(super) fn loose_text<'de, 'a, D: Deserializer<'de>>(from: D) -> Result<Cow<'a, str>, D::Error> {
    struct Loose;

    impl Visitor<'_> for Loose {
        type Value = String;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("字符串")
        }

        fn visit_unit<E: Error>(self) -> Result<String, E> {
            Ok(String::new())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    from.deserialize_any(Loose).map(Cow::Owned)
}

/// A struct that is an object: a struct can also be read from an array, which no caller means.
pub(super) fn object<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("对象")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
