//! The codes by which answers are counted.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// A vendor's code, as that vendor writes codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnswerCode {
    /// As a number.
    Number(i64),
    /// As text, which keeps its letters and leading zeros.
    Text(Cow<'static, str>),
}

impl EncodeLabelValue for AnswerCode {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => EncodeLabelValue::encode(number, encoder),
            Self::Text(text) => EncodeLabelValue::encode(&&**text, encoder),
        }
    }
}

impl From<i64> for AnswerCode {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&'static str> for AnswerCode {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for AnswerCode {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}
