use std::borrow::Cow;

use encoding_rs::{Encoding, GBK, UTF_8};

/// In which encoding a request's decrypted `bizContent` is (`charset`). Answers are UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Charset {
    /// utf-8
    #[default]
    Utf8,
    /// gbk
    Gbk,
    /// gb2312, of which gbk is a superset: read and written alike.
    Gb2312,
}

impl Charset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Utf8, Self::Gbk, Self::Gb2312];

    /// As it is on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gbk => "gbk",
            Self::Gb2312 => "gb2312",
        }
    }

    /// The charset of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|charset| name.eq_ignore_ascii_case(charset.name()))
    }

    const fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Gbk | Self::Gb2312 => GBK,
        }
    }

    /// The text these bytes are; none where they are no text of this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.encoding().decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// The bytes of a text; none where it has a character that the encoding has not.
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        let (bytes, _, lost) = self.encoding().encode(text);
        (!lost).then_some(bytes)
    }
}

impl std::fmt::Display for Charset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
