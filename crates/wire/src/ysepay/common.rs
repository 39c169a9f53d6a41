//! The common fields of a request (公共请求参数).

use jiff::civil::DateTime;

use super::{Charset, Fields};
use crate::decode::DecodeError;
use crate::time::parse_wall_time;

/// The one version of the interface.
pub const VERSION: &str = "1.0";
/// A method holds at most so many characters.
pub const METHOD_CHARS_MAX: usize = 128;
/// A certId holds at most so many characters; the document prints no length.
pub const CERT_ID_CHARS_MAX: usize = 64;
/// A reqId holds at least so many characters.
pub const REQ_ID_CHARS_MIN: usize = 14;
/// A reqId holds at most so many characters.
pub const REQ_ID_CHARS_MAX: usize = 32;

/// A request's common fields, each well formed. Whether they are true is for others to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common<'a> {
    /// Which API.
    pub method: &'a str,
    /// The encoding of the decrypted `bizContent`.
    pub charset: Charset,
    /// When it was sent, in Shanghai.
    pub time_stamp: DateTime,
    /// The initiator.
    pub cert_id: &'a str,
    /// The initiator's number for it.
    pub req_id: &'a str,
    /// The content key, encrypted.
    pub check: &'a str,
    /// The business parameters, encrypted under the content key.
    pub biz_content: &'a str,
    /// The signature.
    pub sign: &'a str,
}

impl<'a> Common<'a> {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is missing, empty or breaks a rule, by name.
    pub fn read(fields: &'a Fields) -> Result<Self, DecodeError> {
        let method = text(fields, "method", METHOD_CHARS_MAX)?;
        let version = text(fields, "version", usize::MAX)?;
        rule(version == VERSION, "version", "必须是 1.0")?;
        let charset = text(fields, "charset", usize::MAX)?;
        let charset = Charset::from_name(charset)
            .ok_or_else(|| DecodeError::field("charset", "必须是 utf-8、gbk 或 gb2312"))?;
        let time_stamp =
            parse_wall_time(text(fields, "timeStamp", usize::MAX)?).ok_or_else(|| {
                DecodeError::field("timeStamp", "必须是 yyyy-MM-dd HH:mm:ss 格式的时间")
            })?;
        let cert_id = text(fields, "certId", CERT_ID_CHARS_MAX)?;
        let req_id = text(fields, "reqId", usize::MAX)?;
        rule(req_id_is_well_formed(req_id), "reqId", "必须是 14 至 32 位的数字、字母、_ 或 -")?;
        let [check, biz_content, sign] = ["check", "bizContent", "sign"];
        Ok(Self {
            method,
            charset,
            time_stamp,
            cert_id,
            req_id,
            check: text(fields, check, usize::MAX)?,
            biz_content: text(fields, biz_content, usize::MAX)?,
            sign: text(fields, sign, usize::MAX)?,
        })
    }
}

fn text<'a>(
    fields: &'a Fields,
    name: &'static str,
    chars_max: usize,
) -> Result<&'a str, DecodeError> {
    let value = fields.get(name).ok_or_else(|| DecodeError::field(name, "不能为空"))?;
    if value.len() > chars_max && value.chars().count() > chars_max {
        return Err(DecodeError::field(name, format!("长度不能超过 {chars_max} 个字符")));
    }
    Ok(value)
}

fn rule(holds: bool, name: &'static str, reason: &'static str) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::field(name, reason)) }
}

/// Whether it is 14 to 32 of `[0-9A-Za-z_-]`.
pub fn req_id_is_well_formed(req_id: &str) -> bool {
    (REQ_ID_CHARS_MIN..=REQ_ID_CHARS_MAX).contains(&req_id.len())
        && req_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether its last twelve are yyMMddHHmmss, as the document demands and live clients do not heed.
pub fn req_id_ends_with_time(req_id: &str) -> bool {
    let Some(start) = req_id.len().checked_sub(12) else { return false };
    let Some(end) = req_id.get(start..) else { return false };
    crate::time::parse_stamp(&format!("20{end}")).is_some()
}
