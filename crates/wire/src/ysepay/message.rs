//! Business messages: what `bizContent` and `businessData` carry.

use std::fmt::{self, Display, Formatter};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Api, Charset, SubCode};
use crate::decode::{DecodeError, read};

/// What a call carries encrypted as its `bizContent`.
pub trait Message: Serialize {
    /// The call.
    const API: Api;
    /// What its `subCode` says.
    type Code: SubCode;
    /// What the answer carries encrypted as its `businessData`.
    type Answer: DeserializeOwned;

    /// The rules that no single field breaks.
    ///
    /// # Errors
    /// The first that is broken.
    fn check(&self) -> Result<(), Refused<Self::Code>> {
        Ok(())
    }
}

/// Why a message was refused before anything was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<C> {
    /// The API's code.
    pub code: C,
    /// Which field breaks which rule, for the partner; follows the code's own text.
    pub reason: String,
}

impl<C: SubCode> Refused<C> {
    /// A field that breaks a rule.
    pub fn field(field: &str, reason: &str) -> Self {
        Self { code: C::INVALID_FIELD, reason: format!("{field} {reason}") }
    }

    /// The content is no text of this encoding.
    pub fn not_text(charset: Charset) -> Self {
        Self::field("bizContent", &format!("不是 {charset} 编码的文本"))
    }
}

impl<C: SubCode> Display for Refused<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.number(), self.reason)
    }
}

/// Reads a business message. Unknown fields are ignored.
///
/// # Errors
/// A field breaks a rule, or they do together; with the code and the text to answer with.
pub fn decode<'de, M: Message + Deserialize<'de>>(
    content: &'de str,
) -> Result<M, Refused<M::Code>> {
    let message: M = read(content.as_bytes()).map_err(|error| match error {
        DecodeError::NotJson => Refused::field("bizContent", "必须是 JSON 对象"),
        DecodeError::Field { field, reason } => Refused::field(&field, &reason),
    })?;
    message.check()?;
    Ok(message)
}

/// Writes a business message or an answer's business data.
///
/// # Panics
/// Never for those of this module: they are plain data.
pub fn encode<T: Serialize>(data: &T) -> String {
    serde_json::to_string(data).expect("messages are plain data")
}
