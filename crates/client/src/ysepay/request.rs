//! A request, sealed and signed.

use std::fmt::{self, Formatter};

use huodong_wire::ysepay::{
    Api, Charset, ContentKey, Empty, Fields, PrivateKey, PublicKey, VERSION, seal,
};
use jiff::tz::Offset;
use serde_json::{Map, Value};

use super::ReqId;
use crate::Source;

/// How a request's fields are written. An upload is always multipart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BodyForm {
    /// `application/json`, as the documents say.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`, as many live clients do.
    Form,
}

/// A request that is ready to be sent, once: its timeStamp grows stale.
#[derive(Clone)]
pub struct Request {
    /// The nine common fields, `sign` included.
    pub fields: Fields,
    /// What its content was encrypted under, and what the answer's will be.
    pub key: ContentKey,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("fields", &self.fields).finish_non_exhaustive()
    }
}

/// A body and what the header `Content-Type` says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The header's value.
    pub content_type: String,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Who seals and signs, and for whom.
pub(super) struct Sealer<'a> {
    pub(super) cert_id: &'a str,
    pub(super) key: &'a PrivateKey,
    pub(super) gateway: &'a PublicKey,
    pub(super) charset: Charset,
}

impl Sealer<'_> {
    /// Seals a content under a key that was not used before, and signs.
    pub(super) fn seal(
        &self,
        api: Api,
        req_id: &ReqId,
        content: &[u8],
        source: &dyn Source,
    ) -> Request {
        let mut random = [0; 16];
        source.fill(&mut random);
        let key = ContentKey::from_random(random);
        let sealed = seal(content, &key, self.gateway, &mut |bytes| source.fill(bytes));
        let time_stamp = Offset::constant(8).to_datetime(source.now());
        let mut fields = Fields::default();
        for (name, value) in [
            ("method", api.method()),
            ("version", VERSION),
            ("charset", self.charset.name()),
            ("timeStamp", &time_stamp.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            ("certId", self.cert_id),
            ("reqId", req_id.as_str()),
            ("check", &sealed.check),
            ("bizContent", &sealed.biz_content),
        ] {
            fields.push(name, value).expect("eight names");
        }
        let sign = self.key.sign(fields.string_to_sign(Empty::Skipped).as_bytes());
        fields.push("sign", sign).expect("nine names");
        Request { fields, key }
    }
}

impl Request {
    /// The body in this form.
    ///
    /// # Panics
    /// Never: fields are text.
    pub fn body(&self, form: BodyForm) -> Body {
        match form {
            BodyForm::Json => {
                let object: Map<String, Value> =
                    self.fields.iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
                let bytes = serde_json::to_vec(&object).expect("text is JSON");
                Body { content_type: "application/json".to_owned(), bytes }
            }
            BodyForm::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(self.fields.iter());
                let content_type = "application/x-www-form-urlencoded".to_owned();
                Body { content_type, bytes: form.finish().into_bytes() }
            }
        }
    }

    /// The body of an upload: the fields as parts, and the part `file`, which is not signed.
    pub fn multipart(&self, file_name: &str, file: &[u8]) -> Body {
        let boundary = boundary(self.fields.get("reqId").unwrap_or_default(), file);
        let mut bytes = Vec::with_capacity(file.len() + 4096);
        for (name, value) in self.fields.iter() {
            let head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
            part(&mut bytes, &boundary, &head, value.as_bytes());
        }
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream",
            quoted(file_name)
        );
        part(&mut bytes, &boundary, &head, file);
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Body { content_type: format!("multipart/form-data; boundary={boundary}"), bytes }
    }
}

/// A line that is in no part: the fields have no lines, and in the file it is looked for.
fn boundary(req_id: &str, file: &[u8]) -> String {
    let mut boundary = format!("huodong-{req_id}");
    while file.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
        boundary.push('-');
    }
    boundary
}

fn part(to: &mut Vec<u8>, boundary: &str, head: &str, content: &[u8]) {
    to.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
    to.extend_from_slice(content);
    to.extend_from_slice(b"\r\n");
}

/// A name between quotes, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let mut fields = Fields::default();
        fields.push("reqId", "xy1415220315145602").expect("one");
        fields.push("sign", "a+b/c=&").expect("two");
        Request { fields, key: ContentKey::new(*b"0123456789abcdef") }
    }

    #[test]
    fn a_body_says_the_same_in_every_form() {
        let request = request();
        let json = request.body(BodyForm::Json);
        assert_eq!(json.bytes, br#"{"reqId":"xy1415220315145602","sign":"a+b/c=&"}"#);
        assert_eq!(Fields::from_json(&json.bytes).as_ref(), Ok(&request.fields));
        let form = request.body(BodyForm::Form);
        assert_eq!(form.bytes, b"reqId=xy1415220315145602&sign=a%2Bb%2Fc%3D%26");
        assert_eq!(Fields::from_form(&form.bytes).as_ref(), Ok(&request.fields));
        let upload = request.multipart("a\"\n.jpg", b"\xff\xd8");
        assert_eq!(upload.content_type, "multipart/form-data; boundary=huodong-xy1415220315145602");
        let expected = b"--huodong-xy1415220315145602\r\n\
            Content-Disposition: form-data; name=\"reqId\"\r\n\r\nxy1415220315145602\r\n\
            --huodong-xy1415220315145602\r\n\
            Content-Disposition: form-data; name=\"sign\"\r\n\r\na+b/c=&\r\n\
            --huodong-xy1415220315145602\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a%22%0A.jpg\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n\xff\xd8\r\n\
            --huodong-xy1415220315145602--\r\n";
        assert_eq!(upload.bytes, expected);
    }

    #[test]
    fn a_boundary_is_not_in_the_file() {
        let upload = request().multipart("a", b"..--huodong-xy1415220315145602..");
        assert!(upload.content_type.ends_with("boundary=huodong-xy1415220315145602-"));
    }

    #[test]
    fn the_content_key_is_not_shown() {
        assert!(!format!("{:?}", request()).contains("0123456789"));
    }
}
