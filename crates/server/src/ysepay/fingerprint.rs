//! What a call asks for, as a digest: two calls under one reqId are the same if this is.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use aws_lc_rs::digest;
use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is nested deeper is taken as it was written: no message of the vendor's is.
const DEPTH_MAX: usize = 64;

/// A digest of the method, the content and the file. Of a content that is JSON white space, the
/// order of an object's fields and how texts are escaped do not count.
pub(super) fn fingerprint(
    method: &str,
    content: Result<&str, &[u8]>,
    file: Option<&[u8; 32]>,
) -> [u8; 32] {
    let canonical = content.ok().and_then(canonical);
    let content = match (&canonical, content) {
        (Some(canonical), _) => canonical.as_bytes(),
        (None, Ok(text)) => text.as_bytes(),
        (None, Err(bytes)) => bytes,
    };
    let mut digest = digest::Context::new(&digest::SHA256);
    let parts: [&[u8]; 3] = [method.as_bytes(), content, file.map_or(&[][..], |hash| hash)];
    for part in parts {
        // Its length first, so that none runs into the next.
        digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

/// A JSON text in the one form that all texts of its meaning have; `None` of what is not JSON, or
/// nested too deep. A field that is there twice stays so, and numbers stay as they were written.
fn canonical(text: &str) -> Option<String> {
    let mut canonical = String::with_capacity(text.len());
    let value: &RawValue = serde_json::from_str(text).ok()?;
    write(value, DEPTH_MAX, &mut canonical)?;
    Some(canonical)
}

fn write(value: &RawValue, depth_left: usize, to: &mut String) -> Option<()> {
    let text = value.get();
    let deeper = depth_left.checked_sub(1)?;
    match text.as_bytes().first()? {
        b'{' => {
            let Object(mut fields) = serde_json::from_str(text).ok()?;
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            to.push('{');
            for (name, value) in fields {
                to.push_str(&serde_json::to_string(&name).ok()?);
                to.push(':');
                write(value, deeper, to)?;
                to.push(',');
            }
            to.push('}');
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            to.push('[');
            for element in elements {
                write(element, deeper, to)?;
                to.push(',');
            }
            to.push(']');
        }
        b'"' => {
            let unescaped: Cow<'_, str> = serde_json::from_str(text).ok()?;
            to.push_str(&serde_json::to_string(&unescaped).ok()?);
        }
        _ => to.push_str(text),
    }
    Some(())
}

/// An object's fields in their order, repeated ones included, their values unread.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }

        from.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &str) -> [u8; 32] {
        fingerprint("a.b", Ok(content), None)
    }

    #[test]
    fn what_means_the_same_has_the_same() {
        let one = of(r#"{"a":"é","b":[1,{"c":null,"d":true}]}"#);
        let other = of("\n{ \"b\" : [1, {\"d\":true , \"c\":null}], \"a\":\"\\u00e9\" }\t");
        assert_eq!(one, other);
        assert_eq!(of("no JSON"), of("no JSON"));
        let deep = |depth: usize, gap| format!("{}{gap}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(of(&deep(DEPTH_MAX, "")), of(&deep(DEPTH_MAX, " ")));
        assert_ne!(of(&deep(30_000, "")), of(&deep(30_000, " ")));
    }

    #[test]
    fn what_differs_differs() {
        let all = [
            of(r#"{"a":"1"}"#),
            of(r#"{"a":1}"#),
            of(r#"{"a":1.0}"#),
            of(r#"{"a":12345678901234567890123}"#),
            of(r#"{"a":12345678901234567890124}"#),
            of(r#"{"a":[1,2]}"#),
            of(r#"{"a":[2,1]}"#),
            of(r#"{"a":[[1],2]}"#),
            of(r#"{"a":"1","a":"1"}"#),
            of(r#"{"a":"1"}}"#),
            of(r#"{"a":"1" "#),
            of(""),
            fingerprint("a.b", Err(b"\xff"), None),
            fingerprint("a.c", Ok(r#"{"a":"1"}"#), None),
            fingerprint("a.b", Ok(r#"{"a":"1"}"#), Some(&[0; 32])),
            fingerprint("a.b", Ok(r#"{"a":"1"}"#), Some(&[1; 32])),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }
}
