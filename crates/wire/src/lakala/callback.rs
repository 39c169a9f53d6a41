//! What the platform tells a partner about a coupon.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Certificate, SigningKey, TradeStatus, UsageStatus, amount, field};
use crate::decode::{DecodeError, read};

/// The `signType` of issue callbacks.
pub const SIGN_TYPE: &str = "RSA2";

/// The body of an issue callback (发放回调): what became of an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueCallback<'a> {
    /// The partner's orgId.
    #[serde(rename = "orgId", default, deserialize_with = "field::text_or_empty")]
    pub org_id: Cow<'a, str>,
    /// The issue's `trade_no`.
    #[serde(rename = "callTradeNo", deserialize_with = "field::text")]
    pub call_trade_no: Cow<'a, str>,
    /// What the coupon is worth, in fen here and yuan on the wire.
    #[serde(serialize_with = "amount::write_yuan", deserialize_with = "amount::read_yuan")]
    pub amount: u64,
    /// SUCCESS or FAIL.
    #[serde(rename = "tradeStatus")]
    pub trade_status: TradeStatus,
    /// Why it failed; empty on success.
    #[serde(rename = "failMsg", default, deserialize_with = "field::text_or_empty")]
    pub fail_msg: Cow<'a, str>,
    /// When it was asked for, in Shanghai.
    #[serde(rename = "tradeCreateTime", serialize_with = "crate::time::write_wall_time")]
    #[serde(deserialize_with = "field::read_mandatory_time")]
    pub trade_create_time: DateTime,
    /// When it was issued, in Shanghai; none, written as an empty text, where it failed.
    #[serde(rename = "tradePaymentTime", default, serialize_with = "field::write_time")]
    #[serde(deserialize_with = "field::read_time")]
    pub trade_payment_time: Option<DateTime>,
    /// [`SIGN_TYPE`].
    #[serde(rename = "signType", default, deserialize_with = "field::text_or_empty")]
    pub sign_type: Cow<'a, str>,
    /// The signature within the body, in base64: over [`body_string_to_sign`].
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub sign: Cow<'a, str>,
}

impl IssueCallback<'_> {
    /// The body to send, signed within. The header signs it once more.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_signed_json(&self, key: &SigningKey) -> Vec<u8> {
        let plain = "a callback is plain data";
        let sign_type = Cow::Borrowed(SIGN_TYPE);
        let mut signed = IssueCallback { sign_type, sign: Cow::Borrowed(""), ..self.clone() };
        let unsigned = serde_json::to_vec(&signed).expect(plain);
        let text = body_string_to_sign(&unsigned).expect(plain);
        signed.sign = Cow::Owned(key.sign(text.as_bytes()));
        serde_json::to_vec(&signed).expect(plain)
    }

    /// Whether the signature within this body, which was read from `body`, is the certificate's.
    pub fn is_signed_by(&self, certificate: &Certificate, body: &[u8]) -> bool {
        self.sign_type == SIGN_TYPE
            && body_string_to_sign(body)
                .is_ok_and(|text| certificate.verify(text.as_bytes(), &self.sign))
    }
}

/// The body of a write-off callback (核销回调): what became of a coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOffCallback<'a> {
    /// As the issue said.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub member_id: Cow<'a, str>,
    /// As the issue said.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub owner_id: Cow<'a, str>,
    /// As the issue said.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub channel_openid: Cow<'a, str>,
    /// As the issue said.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub promotion_id: Cow<'a, str>,
    /// The coupon's number in the user's wallet.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub third_coupon_id: Cow<'a, str>,
    /// As the issue said.
    #[serde(default, deserialize_with = "field::text_or_empty")]
    pub activity_id: Cow<'a, str>,
    /// The discount, in fen, where it was used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub promo_amount: Option<u64>,
    /// What was paid after the discount, in fen, where it was used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub total_amount: Option<u64>,
    /// What would have been paid without it, in fen, where it was used.
    #[serde(default, serialize_with = "amount::write_fen", deserialize_with = "amount::read_fen")]
    pub org_amount: Option<u64>,
    /// The platform's number for the issue.
    #[serde(deserialize_with = "field::text")]
    pub trade_no: Cow<'a, str>,
    /// The partner's number for the issue.
    #[serde(deserialize_with = "field::text")]
    pub mer_order_id: Cow<'a, str>,
    /// When it was used, in Shanghai.
    #[serde(default, serialize_with = "field::write_time", deserialize_with = "field::read_time")]
    pub gmt_used: Option<DateTime>,
    /// USED or EXPIRED.
    #[serde(rename = "tradeStatus")]
    pub usage: UsageStatus,
}

impl WriteOffCallback<'_> {
    /// The body to send. Only the header signs it.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a callback is plain data")
    }
}

/// Either callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback<'a> {
    /// What became of an issue.
    Issue(IssueCallback<'a>),
    /// What became of a coupon.
    WriteOff(WriteOffCallback<'a>),
}

impl Callback<'static> {
    /// Reads a callback's body. Both kinds may come to the same address: the one with a
    /// `callTradeNo` is an issue's. Unknown fields are ignored.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Peek {
            #[serde(rename = "callTradeNo")]
            call_trade_no: Option<serde::de::IgnoredAny>,
        }

        match read::<Peek>(body)?.call_trade_no {
            Some(_) => read(body).map(Self::Issue),
            None => read(body).map(Self::WriteOff),
        }
    }
}

/// What an issue callback signs within its body: the fields that are not empty, except `sign` and
/// `signType`, sorted by name, `name=value` joined by `&`.
pub fn body_string_to_sign(body: &[u8]) -> Result<String, DecodeError> {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_slice(body).map_err(|_| DecodeError::NotJson)?;
    let mut text = String::with_capacity(body.len());
    for (name, value) in fields {
        // A value that is no string signs as it is written.
        let value = match value.get() {
            "null" => continue,
            raw if raw.starts_with('"') => {
                serde_json::from_str(raw).map_err(|_| DecodeError::NotJson)?
            }
            raw => raw.to_owned(),
        };
        if value.is_empty() || matches!(name.as_str(), "sign" | "signType") {
            continue;
        }
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(&name);
        text.push('=');
        text.push_str(&value);
    }
    Ok(text)
}
