use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What wraps every answer.
///
/// A server serializes it around a borrowed answer; a client first reads it around an
/// `Option<&RawValue>`, because what `data` holds depends on `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct Envelope<'a, T> {
    /// A [`Code`](super::Code)'s number, or one that is in no table.
    pub code: i64,
    /// `Success`, or what is wrong, for people.
    #[serde(default)]
    pub msg: Cow<'a, str>,
    /// When it was answered, in unix seconds.
    #[serde(default)]
    pub op_time: i64,
    /// The request's trace: 32 lowercase hexadecimal digits.
    #[serde(default)]
    pub trace_id: Cow<'a, str>,
    /// The answer.
    #[serde(default)]
    pub data: T,
}

/// The `data` of an answer that has nothing to say: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

impl<T: Serialize> Envelope<'_, T> {
    /// The body to send.
    ///
    /// # Panics
    /// Never for the answers of this module: all their keys are strings and writing to memory
    /// does not fail.
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(512);
        serde_json::to_writer(&mut body, self).expect("answers are plain data");
        body
    }
}
