//! Requests to the ysepay gateway, made by hand: any field can be made wrong.

use huodong_campaign::SHANGHAI;
use huodong_client::ysepay::{ReqId, Request};
use huodong_client::{Source as _, System};
use huodong_engine::{Chance, Clock};
use huodong_wire::ysepay::{Api, Charset, ContentKey, Empty, Fields, VERSION, seal};

use crate::failure::{Context as _, Failure};
use crate::initiator::Initiator;

/// What a request is to be, but for its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sealing {
    /// In which encoding the content is.
    pub(crate) charset: Charset,
    /// The request's number; a fresh one unless given.
    pub(crate) req_id: Option<String>,
    /// What the content is encrypted under; fresh unless given.
    pub(crate) content_key: Option<ContentKey>,
    /// Fields that replace what is filled in, before the request is signed.
    pub(crate) set: Vec<(String, String)>,
}

impl Sealing {
    /// Seals a content, signs, and says under which key.
    pub(crate) fn seal(
        &self,
        initiator: &Initiator,
        api: Api,
        content: &str,
    ) -> Result<Request, Failure> {
        let content = self.charset.encode(content);
        let content = content.ok_or_else(|| {
            Failure::usage(format!("the content has a character that {} has not", self.charset))
        })?;
        let key = self.content_key.clone();
        let key = key.unwrap_or_else(|| ContentKey::from_random(Chance.bytes()));
        let sealed = seal(&content, &key, &initiator.gateway, &mut |bytes| System.fill(bytes));
        let now = SHANGHAI.to_datetime(Clock::system().real());
        let req_id = self.req_id.clone();
        let mut fields = vec![
            ("method".to_owned(), api.method().to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("charset".to_owned(), self.charset.name().to_owned()),
            ("timeStamp".to_owned(), now.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            ("certId".to_owned(), initiator.cert_id.clone()),
            ("reqId".to_owned(), req_id.unwrap_or_else(|| ReqId::fresh(&System).to_string())),
            ("check".to_owned(), sealed.check),
            ("bizContent".to_owned(), sealed.biz_content),
        ];
        for (name, value) in &self.set {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, slot)) => slot.clone_from(value),
                None => fields.push((name.clone(), value.clone())),
            }
        }
        let mut signed = Fields::default();
        for (name, value) in fields {
            signed.push(name, value).cannot("make the request")?;
        }
        if signed.get("sign").is_none() {
            let sign = initiator.key.sign(signed.string_to_sign(Empty::Skipped).as_bytes());
            signed.push("sign", sign).cannot("sign the request")?;
        }
        Ok(Request { fields: signed, key })
    }
}

/// `NAME=VALUE`, for a field of the envelope.
pub(crate) fn set(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a field is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// utf-8, gbk or gb2312.
pub(crate) fn charset(name: &str) -> Result<Charset, String> {
    Charset::from_name(name).ok_or_else(|| "the charsets are utf-8, gbk and gb2312".to_owned())
}
