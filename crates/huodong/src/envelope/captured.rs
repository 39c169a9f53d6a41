//! A message as somebody captured it.

use std::fmt::{self, Display, Formatter};

use huodong_wire::ysepay::{Fields, FieldsError, ReceivedReply};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::failure::Failure;

/// Fields that hold base64, where a form's + may have become a blank.
const BASE64: [&str; 4] = ["bizContent", "businessData", "check", "sign"];

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`.
    Multipart,
    /// The base64 text of a JSON object.
    Base64,
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Urlencoded => "form",
            Self::Multipart => "multipart",
            Self::Base64 => "base64 of JSON",
        })
    }
}

/// The part `file` of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// A request or a reply.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pub(super) form: Form,
    /// Its fields, blanks that were + put right.
    pub(super) fields: Fields,
    /// The same in the order they came.
    pub(super) order: Vec<(String, String)>,
    /// Fields in which blanks were put right.
    pub(super) blanks: Vec<String>,
    pub(super) file: Option<File>,
}

impl Captured {
    /// Reads a body, or a whole HTTP message.
    pub(super) fn read(message: &[u8]) -> Result<Self, Failure> {
        let body = without_head(message).trim_ascii_start();
        if body.is_empty() {
            return Err(Failure::new("there is no body in it"));
        }
        if body.starts_with(b"{") {
            return Self::from_json(Form::Json, body.trim_ascii_end());
        }
        if body.starts_with(b"--") {
            return Self::from_multipart(body);
        }
        let body = body.trim_ascii_end();
        if let Ok(reply) = ReceivedReply::read(body) {
            let fields = reply.fields();
            let order = fields.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            return Self::new(Form::Base64, order, None);
        }
        if body.contains(&b'=') && !body.starts_with(b"<") {
            let pairs = form_urlencoded::parse(body);
            let order: Vec<_> =
                pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            if order.iter().any(|(name, _)| name == "check" || name == "sign") {
                return Self::new(Form::Urlencoded, order, None);
            }
        }
        let start: String = String::from_utf8_lossy(body).chars().take(80).collect();
        Err(Failure::new(format!(
            "it is neither a request (JSON, form, multipart) nor a reply (JSON, or base64 of it); it \
             begins with {start:?}"
        )))
    }

    /// Whether it is a reply: requests have no code.
    pub(super) fn is_reply(&self) -> bool {
        self.fields.get("code").is_some() && self.fields.get("check").is_none()
    }

    fn from_json(form: Form, body: &[u8]) -> Result<Self, Failure> {
        let names: Names = serde_json::from_slice(body)
            .map_err(|error| Failure::new(format!("it begins like JSON, but {error}")))?;
        let fields = Fields::from_json(body).map_err(|error| not_fields(&error))?;
        // Every name is among the fields, with the text it has there.
        let value = |name: &str| fields.iter().find(|(known, _)| *known == name);
        let order = names.0.iter().filter_map(|name| value(name));
        let order = order.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::new(form, order, None)
    }

    /// Splits at the boundary that the first line is.
    fn from_multipart(body: &[u8]) -> Result<Self, Failure> {
        let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
        let boundary = body[..end].trim_ascii_end();
        let (mut order, mut file) = (Vec::new(), None);
        for part in split(body, boundary).into_iter().skip(1) {
            if part.starts_with(b"--") {
                break;
            }
            let Some((head, content)) = halves(part) else {
                return Err(Failure::new("a part of the multipart body has no head"));
            };
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            let head = String::from_utf8_lossy(head);
            let name = parameter(&head, "name").unwrap_or_default();
            if name == "file" {
                let name = parameter(&head, "filename").unwrap_or_default();
                file = Some(File { name, bytes: content.to_vec() });
            } else {
                order.push((name, String::from_utf8_lossy(content).into_owned()));
            }
        }
        Self::new(Form::Multipart, order, file)
    }

    fn new(
        form: Form,
        mut order: Vec<(String, String)>,
        file: Option<File>,
    ) -> Result<Self, Failure> {
        let mut blanks = Vec::new();
        for (name, value) in &mut order {
            if BASE64.contains(&name.as_str()) && value.contains(' ') {
                *value = value.replace(' ', "+");
                blanks.push(name.clone());
            }
        }
        let mut fields = Fields::default();
        for (name, value) in &order {
            fields.push(name, value).map_err(|error| not_fields(&error))?;
        }
        Ok(Self { form, fields, order, blanks, file })
    }
}

fn not_fields(error: &FieldsError) -> Failure {
    Failure::new(match error {
        FieldsError::NotText(name) => {
            format!("{name} holds an object or a list; every field must be a text")
        }
        FieldsError::Repeated(name) => format!("{name} comes twice; which of them is meant?"),
        FieldsError::TooMany => "it has more fields than any request or reply".to_owned(),
        FieldsError::NotJson | FieldsError::NotForm => "it is no JSON object in UTF-8".to_owned(),
    })
}

/// What comes after the head of an HTTP message.
fn without_head(message: &[u8]) -> &[u8] {
    let is_head = [&b"POST "[..], b"HTTP/"].iter().any(|start| message.starts_with(start));
    if !is_head {
        return message;
    }
    halves(message).map_or(message, |(_, body)| body)
}

/// What stands before and after the first empty line.
fn halves(message: &[u8]) -> Option<(&[u8], &[u8])> {
    for line in [&b"\r\n\r\n"[..], b"\n\n"] {
        if let Some(at) = message.windows(line.len()).position(|window| window == line) {
            return Some((&message[..at], &message[at + line.len()..]));
        }
    }
    None
}

fn split<'b>(body: &'b [u8], at: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut rest = body;
    while let Some(found) = rest.windows(at.len()).position(|window| window == at) {
        parts.push(&rest[..found]);
        rest = &rest[found + at.len()..];
    }
    parts.push(rest);
    parts
}

/// The value of a parameter of Content-Disposition.
fn parameter(head: &str, name: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!("; {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([';', '\r', '\n']).next(),
    };
    value.map(|value| value.trim().to_owned())
}

/// An object's names in their order.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Names;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        from.deserialize_map(Collect)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(message: &str) -> Captured {
        Captured::read(message.as_bytes()).unwrap()
    }

    fn names(captured: &Captured) -> Vec<&str> {
        captured.order.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_message_is_read_in_whatever_form_it_travelled() {
        let json = read(r#"{"sign":"a+b","check":"c","n":1}"#);
        assert_eq!((json.form, names(&json)), (Form::Json, vec!["sign", "check", "n"]));
        assert!(!json.is_reply());
        let form = read("sign=a%2Bb&check=c&n=1");
        assert_eq!((form.form, &form.order), (Form::Urlencoded, &json.order));
        let multipart = read(
            "--x\r\nContent-Disposition: form-data; name=\"sign\"\r\n\r\na+b\r\n\
             --x\r\nContent-Disposition: form-data; name=check\r\n\r\nc\r\n\
             --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.bmp\"\r\n\
             Content-Type: image/bmp\r\n\r\nB\r\n\r\nM\r\n--x--\r\n",
        );
        assert_eq!((multipart.form, names(&multipart)), (Form::Multipart, vec!["sign", "check"]));
        let file = File { name: "f.bmp".to_owned(), bytes: b"B\r\n\r\nM".to_vec() };
        assert_eq!(multipart.file, Some(file));
        // {"code":"00000"}
        let reply = read("eyJjb2RlIjoiMDAwMDAifQ==\n");
        assert_eq!((reply.form, reply.is_reply()), (Form::Base64, true));
        assert!(read(r#"{"code":"10002"}"#).is_reply());
    }

    #[test]
    fn a_whole_http_message_will_do() {
        let whole = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"code\":\"1\"}");
        assert!(whole.is_reply());
        assert!(!read("POST /x HTTP/1.1\nHost: a\n\n{\"check\":\"1\"}").is_reply());
    }

    #[test]
    fn blanks_that_were_plus_signs_are_put_right_and_told() {
        let form = read("sign=a+b&check=c&subMsg=a+b");
        assert_eq!(form.fields.get("sign"), Some("a+b"));
        assert_eq!(form.fields.get("subMsg"), Some("a b"));
        assert_eq!(form.blanks, ["sign"]);
    }

    #[test]
    fn what_is_no_message_is_told_in_words() {
        for (message, told) in [
            ("", "there is no body"),
            ("<html>a=b", "it begins with \"<html>a=b\""),
            ("{\"a\":", "it begins like JSON, but EOF"),
            ("{\"a\":{}}", "a holds an object"),
            ("{\"a\":\"1\",\"a\":\"2\"}", "a comes twice"),
            ("just words", "neither a request"),
        ] {
            let failure = Captured::read(message.as_bytes()).unwrap_err();
            assert!(failure.message.contains(told), "{message}: {}", failure.message);
        }
    }
}
