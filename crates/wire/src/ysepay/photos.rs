use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::field::PHOTO_LIST_CHARS_MAX;
use crate::text::{OptionalText, Text};

/// A list holds at most so many photos.
pub const PHOTOS_MAX: usize = 5;

/// Ids of photos, on the wire joined by `;`. A list with more than [`PHOTOS_MAX`] is read: that it
/// is too long has a code of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhotoIds<'a>(Cow<'a, str>);

impl PhotoIds<'_> {
    /// A list of these ids, which hold no `;`.
    pub fn of<I: AsRef<str>>(ids: impl IntoIterator<Item = I>) -> PhotoIds<'static> {
        let mut joined = String::new();
        for id in ids {
            if !joined.is_empty() {
                joined.push(';');
            }
            joined.push_str(id.as_ref());
        }
        PhotoIds(Cow::Owned(joined))
    }

    /// The ids, in their order. None of them is empty.
    pub fn ids(&self) -> Vec<&str> {
        if self.is_empty() { Vec::new() } else { self.0.split(';').collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        if self.is_empty() { 0 } else { self.0.split(';').count() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for PhotoIds<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PhotoIds<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Text { check: check_list, ..Text::new(PHOTO_LIST_CHARS_MAX) };
        let list = from.deserialize_option(OptionalText(list))?.unwrap_or_default();
        Ok(Self(match list {
            Cow::Borrowed(list) => Cow::Borrowed(list.strip_suffix(';').unwrap_or(list)),
            Cow::Owned(mut list) => {
                if list.ends_with(';') {
                    list.pop();
                }
                Cow::Owned(list)
            }
        }))
    }
}

fn check_list(list: &str) -> Result<(), &'static str> {
    let list = list.strip_suffix(';').unwrap_or(list);
    if list.split(';').any(str::is_empty) { Err("图片 id 不能为空") } else { Ok(()) }
}
