use std::borrow::Cow;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Code, Shape, field};
use crate::time::write_stamp;

/// An answer: a code, and the `data` where there is any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'a, D> {
    /// A [`Code`]'s number, or one that is in no table.
    pub code: Cow<'a, str>,
    /// The same for people.
    pub msg: Cow<'a, str>,
    /// What was asked for.
    pub data: Option<D>,
}

/// What an answer can carry.
pub trait ReplyData<'a>: Serialize {
    /// The data of a refusal: the code, the reason, and all else empty.
    fn refused(code: Code, reason: Cow<'a, str>) -> Self;
}

#[derive(Serialize)]
struct Bare<'a, D> {
    msg: &'a str,
    code: &'a str,
    data: &'a Option<D>,
}

#[derive(Serialize)]
struct Wrapped<'a, D> {
    code: &'a str,
    msg: &'a str,
    #[serde(serialize_with = "write_stamp")]
    resp_time: DateTime,
    resp_data: Bare<'a, D>,
}

impl<'a, D: ReplyData<'a>> Reply<'a, D> {
    /// The call was carried out; how it ended is for the data to say.
    pub fn success(data: D) -> Self {
        let (code, msg) = (Code::Success.number().into(), Code::Success.text().into());
        Self { code, msg, data: Some(data) }
    }

    /// The call was refused, for a reason that goes to the partner.
    pub fn refused(code: Code, reason: impl Into<Cow<'a, str>>) -> Self {
        let reason = reason.into();
        let data = D::refused(code, reason.clone());
        Self { code: code.number().into(), msg: reason, data: Some(data) }
    }

    /// The body to send, in the shape of the request. `now` is Shanghai's wall time; only a
    /// wrapped answer carries it.
    ///
    /// # Panics
    /// Never for the answers of this module: they are plain data.
    pub fn encode(&self, shape: Shape, now: DateTime) -> Vec<u8> {
        let Self { code, msg, data } = self;
        let bare = Bare { msg, code, data };
        let mut body = Vec::with_capacity(1024);
        let written = match shape {
            Shape::Bare => serde_json::to_writer(&mut body, &bare),
            Shape::Wrapped => {
                let wrapped = Wrapped { code, msg, resp_time: now, resp_data: bare };
                serde_json::to_writer(&mut body, &wrapped)
            }
        };
        written.expect("answers are plain data");
        body
    }
}

/// All that either shape may hold.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(default, deserialize_with = "field::text_or_empty")]
    code: Cow<'a, str>,
    #[serde(default, deserialize_with = "field::text_or_empty")]
    msg: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resp_data: Option<&'a RawValue>,
}

impl<'a> Reply<'a, &'a RawValue> {
    /// Reads an answer of either shape, and leaves its data unread: what that holds depends on
    /// the code.
    ///
    /// # Errors
    /// The body is no JSON object, or it has no code.
    pub fn read(body: &'a [u8]) -> Result<(Shape, Self), serde_json::Error> {
        let whole: &RawValue = serde_json::from_slice(body)?;
        let outer: Parts<'a> = serde_json::from_str(object(whole)?.get())?;
        let Some(resp_data) = optional_object(outer.resp_data)? else {
            return Ok((Shape::Bare, Self::coded(outer.code, outer.msg, outer.data)?));
        };
        let inner: Parts<'a> = serde_json::from_str(resp_data.get())?;
        let reply = if inner.code.is_empty() {
            // Other v3 interfaces of the vendor put the data straight into the wrapper.
            Self::coded(outer.code, outer.msg, inner.data.or(Some(resp_data)))?
        } else {
            Self::coded(inner.code, inner.msg, inner.data)?
        };
        Ok((Shape::Wrapped, reply))
    }

    fn coded(
        code: Cow<'a, str>,
        msg: Cow<'a, str>,
        data: Option<&'a RawValue>,
    ) -> Result<Self, serde_json::Error> {
        if code.is_empty() {
            return Err(serde::de::Error::missing_field("code"));
        }
        Ok(Self { code, msg, data: optional_object(data)? })
    }
}

/// A struct can also be read from an array, which no server means.
fn object(value: &RawValue) -> Result<&RawValue, serde_json::Error> {
    if value.get().starts_with('{') {
        Ok(value)
    } else {
        Err(serde::de::Error::custom("there is no JSON object where one must be"))
    }
}

fn optional_object(value: Option<&RawValue>) -> Result<Option<&RawValue>, serde_json::Error> {
    value.filter(|value| value.get() != "null").map(object).transpose()
}

impl<D> Reply<'_, D> {
    /// The code, where it is of the table.
    pub fn known(&self) -> Option<Code> {
        Code::from_number(&self.code)
    }
}
