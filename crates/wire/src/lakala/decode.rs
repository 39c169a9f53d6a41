//! Requests in the two shapes they come in.

use jiff::civil::DateTime;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Message;
use crate::decode::{DecodeError, read};
use crate::text::{Parsed, Text};
use crate::time::{parse_stamp, write_stamp};

/// The one version of the wrapper.
const VERSION: &str = "3.0";

/// How a request is wrapped. Its answer is wrapped alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Not at all, as the document's examples show.
    #[default]
    Bare,
    /// As the vendor's v3 interfaces are: `{"req_time":"yyyyMMddHHmmss","version":"3.0",
    /// "req_data":{…}}`.
    Wrapped,
}

impl Shape {
    /// The shape of a request's body, for an answer to one that is refused before it is decoded.
    /// What cannot be read is bare.
    pub fn of(body: &[u8]) -> Self {
        match wrapped(body) {
            Some(_) => Self::Wrapped,
            None => Self::Bare,
        }
    }
}

/// What a wrapper wraps.
fn wrapped(body: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow)]
        req_data: Option<&'a RawValue>,
    }

    serde_json::from_slice::<Peek<'_>>(body).ok()?.req_data
}

#[derive(Deserialize)]
struct Wrapper {
    #[serde(rename = "req_time", deserialize_with = "stamp")]
    _req_time: DateTime,
    #[serde(rename = "version", deserialize_with = "version")]
    _version: (),
}

fn stamp<'de, D: serde::Deserializer<'de>>(from: D) -> Result<DateTime, D::Error> {
    from.deserialize_str(Parsed {
        parse: parse_stamp, wrong: "必须是 yyyyMMddHHmmss 格式的时间"
    })
}

fn version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    let check = |text: &str| if text == VERSION { Ok(()) } else { Err("必须是 3.0") };
    from.deserialize_str(Text { check, ..Text::new(16) }).map(drop)
}

/// Reads a request, and tells its shape whether it could be read or not. Unknown fields are
/// ignored; a field of a wrapped request goes by its own name.
pub fn decode<'de, R: Message + Deserialize<'de>>(
    body: &'de [u8],
) -> (Shape, Result<R, DecodeError>) {
    match wrapped(body) {
        None => (Shape::Bare, read(body)),
        Some(inner) => (Shape::Wrapped, unwrap(body, inner)),
    }
}

fn unwrap<'de, R: Deserialize<'de>>(body: &[u8], inner: &'de RawValue) -> Result<R, DecodeError> {
    let Wrapper { .. } = read(body)?;
    read(inner.get().as_bytes()).map_err(|error| match error {
        DecodeError::NotJson => DecodeError::field("req_data", "必须是 JSON 对象"),
        field => field,
    })
}

/// Writes a request. `now` is Shanghai's wall time; only a wrapped request carries it.
///
/// # Panics
/// Never for the messages of this module: they are plain data.
pub fn encode<M: Message>(request: &M, shape: Shape, now: DateTime) -> Vec<u8> {
    #[derive(Serialize)]
    struct Wrapped<'a, M> {
        #[serde(serialize_with = "write_stamp_of")]
        req_time: DateTime,
        version: &'static str,
        req_data: &'a M,
    }

    fn write_stamp_of<S: Serializer>(time: &DateTime, to: S) -> Result<S::Ok, S::Error> {
        write_stamp(time, to)
    }

    let written = match shape {
        Shape::Bare => serde_json::to_vec(request),
        Shape::Wrapped => {
            serde_json::to_vec(&Wrapped { req_time: now, version: VERSION, req_data: request })
        }
    };
    written.expect("requests are plain data")
}
