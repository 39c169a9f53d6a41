//! Answers.

use std::borrow::Cow;

use jiff::civil::DateTime;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    CannotOpen, ContentKey, Empty, Fields, FieldsError, GatewayCode, PrivateKey, PublicKey,
    SubCode, base64,
};
use crate::time::wall_time;

/// How an answer's body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReplyForm {
    /// The base64 text of the JSON object.
    #[default]
    Base64,
    /// The JSON object.
    Plain,
}

/// An answer, as a server makes it. What is empty is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The gateway's code.
    pub code: GatewayCode,
    /// The same for people, at most 50 characters.
    pub msg: Cow<'a, str>,
    /// The API's code; empty where the call did not reach it.
    pub sub_code: Cow<'a, str>,
    /// The same for people.
    pub sub_msg: Cow<'a, str>,
    /// What was asked for, as JSON in UTF-8, not yet encrypted; empty in refusals.
    pub business_data: Cow<'a, str>,
}

/// What makes one writing of an answer differ from the next.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// Shanghai's wall time.
    pub now: DateTime,
    /// Random: 32 lowercase hex digits.
    pub norce: &'a str,
}

impl<'a> Reply<'a> {
    /// The gateway refused. What comes after the code's own text says more; it may be empty.
    pub fn gateway(code: GatewayCode, more: &str) -> Self {
        let mut msg = code.text().to_owned();
        if !more.is_empty() {
            msg.push(':');
            msg.push_str(more);
        }
        let msg = msg.chars().take(MSG_CHARS_MAX).collect::<String>();
        let [sub_code, sub_msg, business_data] = [const { Cow::Borrowed("") }; 3];
        Self { code, msg: msg.into(), sub_code, sub_msg, business_data }
    }

    /// The API answered.
    pub fn business(
        sub_code: impl Into<Cow<'a, str>>,
        sub_msg: impl Into<Cow<'a, str>>,
        business_data: impl Into<Cow<'a, str>>,
    ) -> Self {
        let code = GatewayCode::Success;
        Self {
            code,
            msg: code.text().into(),
            sub_code: sub_code.into(),
            sub_msg: sub_msg.into(),
            business_data: business_data.into(),
        }
    }

    /// The API succeeded.
    pub fn success<C: SubCode>(code: C, business_data: impl Into<Cow<'a, str>>) -> Self {
        Self::business(code.number(), code.text(), business_data)
    }

    /// The API refused, for a reason that follows the code's own text; it may be empty.
    pub fn refused<C: SubCode>(code: C, reason: &str) -> Self {
        let text = code.text();
        let sub_msg = if reason.is_empty() { text.into() } else { format!("{text}:{reason}") };
        Self::business(code.number(), sub_msg, "")
    }

    /// The body to send.
    ///
    /// The business data is encrypted under the request's key; without one, where the request was
    /// not opened, there is none. Without a private key, where the initiator is not known, the
    /// answer is not signed.
    ///
    /// # Panics
    /// Never: an answer is plain text.
    pub fn encode(
        &self,
        key: Option<&ContentKey>,
        signer: Option<&PrivateKey>,
        stamp: Stamp<'_>,
        form: ReplyForm,
    ) -> Vec<u8> {
        let mut fields = self.fields(key, stamp);
        if let Some(signer) = signer {
            let sign = signer.sign(fields.string_to_sign(Empty::Skipped).as_bytes());
            fields.push("sign", sign).expect("an answer is signed once");
        }
        let object: Map<String, Value> =
            fields.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let json = serde_json::to_vec(&object).expect("an answer is plain text");
        match form {
            ReplyForm::Base64 => base64::encode(&json).into_bytes(),
            ReplyForm::Plain => json,
        }
    }

    fn fields(&self, key: Option<&ContentKey>, stamp: Stamp<'_>) -> Fields {
        let business_data = match key {
            Some(key) if !self.business_data.is_empty() => {
                key.encrypt(self.business_data.as_bytes())
            }
            _ => String::new(),
        };
        let time_stamp = wall_time(&stamp.now).to_string();
        let mut fields = Fields::default();
        for (name, value) in [
            ("code", self.code.number()),
            ("msg", &self.msg),
            ("subCode", &self.sub_code),
            ("subMsg", &self.sub_msg),
            ("timeStamp", &time_stamp),
            ("norce", stamp.norce),
            ("businessData", &business_data),
        ] {
            if !value.is_empty() {
                fields.push(name, value).expect("seven names");
            }
        }
        fields
    }
}

/// An answer's msg holds at most so many characters.
const MSG_CHARS_MAX: usize = 50;

/// Why an answer was not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// It is neither a JSON object nor the base64 text of one.
    #[error("the body is neither a JSON object nor the base64 text of one: {0}")]
    Unreadable(FieldsError),
    /// It has no code.
    #[error("the answer has no code")]
    NoCode,
}

/// An answer, as a client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedReply {
    fields: Fields,
    form: ReplyForm,
}

impl ReceivedReply {
    /// Reads an answer in either form. Whether it is the gateway's is for
    /// [`verify`](Self::verify) to say.
    ///
    /// # Errors
    /// See [`ReplyError`].
    pub fn read(body: &[u8]) -> Result<Self, ReplyError> {
        let body = body.trim_ascii();
        // A JSON text in quotes is what some frameworks make of a text.
        let quoted = body.strip_prefix(b"\"").and_then(|body| body.strip_suffix(b"\""));
        let (form, fields) = if body.starts_with(b"{") {
            (ReplyForm::Plain, Fields::from_json(body))
        } else {
            let text = std::str::from_utf8(quoted.unwrap_or(body)).ok();
            let json = text.and_then(base64::decode).ok_or(FieldsError::NotJson);
            (ReplyForm::Base64, json.and_then(|json| Fields::from_json(&json)))
        };
        let fields = fields.map_err(ReplyError::Unreadable)?;
        if fields.get("code").is_none() {
            return Err(ReplyError::NoCode);
        }
        Ok(Self { fields, form })
    }

    /// All of its fields.
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// In which form it came.
    pub const fn form(&self) -> ReplyForm {
        self.form
    }

    fn text(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_default()
    }

    /// The gateway's code: a [`GatewayCode`]'s number, or one that is in no table.
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// The gateway's code, where it is of the table.
    pub fn gateway_code(&self) -> Option<GatewayCode> {
        GatewayCode::from_number(self.code())
    }

    /// The same for people.
    pub fn msg(&self) -> &str {
        self.text("msg")
    }

    /// The API's code, empty where there is none.
    pub fn sub_code(&self) -> &str {
        self.text("subCode")
    }

    /// The same for people.
    pub fn sub_msg(&self) -> &str {
        self.text("subMsg")
    }

    /// Whether it bears a signature. A refusal from before the initiator is known bears none.
    pub fn is_signed(&self) -> bool {
        self.fields.get("sign").is_some()
    }

    /// Whether it bears a signature of this key.
    pub fn verify(&self, key: &PublicKey) -> bool {
        self.fields.verify(key)
    }

    /// Its business data, decrypted under the request's key; none where it has none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self, key: &ContentKey) -> Result<Option<Vec<u8>>, CannotOpen> {
        self.fields.get("businessData").map(|data| key.decrypt(data)).transpose()
    }
}
