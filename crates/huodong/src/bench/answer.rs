//! As much of an HTTP/1.1 answer as a load generator must understand.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The envelope's `code`, or where that says nothing its data's `resCode` or its `subCode`; `None`
    /// where the body has none.
    pub(super) code: Option<i64>,
    /// How many bytes it took.
    pub(super) length: usize,
    /// True when the server closes the connection after it.
    pub(super) closes: bool,
}

/// What came is no answer a server of ours gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// The answer at the beginning of `bytes`, or `None` while it is not all there.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Answer>, Garbled> {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = bytes.split_at(head_end);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next().and_then(status).ok_or(Garbled)?;
    let (mut body_length, mut closes) = (None, false);
    for line in lines {
        if let Some(value) = header(line, b"content-length") {
            body_length = number(value);
        } else if let Some(value) = header(line, b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let body_length = usize::try_from(body_length.ok_or(Garbled)?).map_err(|_| Garbled)?;
    let body = &rest[4..];
    if body.len() < body_length {
        return Ok(None);
    }
    let length = head_end + 4 + body_length;
    Ok(Some(Answer { status, code: code(&body[..body_length]), length, closes }))
}

fn status(line: &[u8]) -> Option<u16> {
    let digits = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    number(digits).and_then(|status| u16::try_from(status).ok())
}

fn header<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// The number behind the first `"code":`, and where that is zero, behind `"resCode":` or `"subCode":`.
/// A body that is not JSON is the base64 of it.
fn code(body: &[u8]) -> Option<i64> {
    if !body.starts_with(b"{") {
        return BASE64_STANDARD
            .decode(body)
            .ok()
            .filter(|json| json.starts_with(b"{"))
            .and_then(|json| code(&json));
    }
    match number_of(body, b"\"code\":")? {
        0 => {
            let more = number_of(body, b"\"resCode\":").or(number_of(body, b"\"subCode\":"));
            Some(more.unwrap_or(0))
        }
        code => Some(code),
    }
}

/// The number behind a name, which may be written as text, with a letter in front.
fn number_of(body: &[u8], name: &[u8]) -> Option<i64> {
    let at = body.windows(name.len()).position(|window| window == name)?;
    let value = body[at + name.len()..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let value = value.strip_prefix(b"A").or(value.strip_prefix(b"B")).unwrap_or(value);
    let end = value.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'-');
    number(&value[..end.unwrap_or(value.len())])
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 25\r\n\r\n\
          {\"code\":32240004,\"msg\":1}HTTP/1.1 200";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = parse(WHOLE);
        let length = WHOLE.len() - "HTTP/1.1 200".len();
        let answer = Answer { status: 200, code: Some(32_240_004), length, closes: false };
        assert_eq!(whole, Ok(Some(answer)));
        for short in 0..length {
            assert_eq!(parse(&WHOLE[..short]), Ok(None), "at {short}");
        }
    }

    #[test]
    fn a_code_may_be_text_and_stand_in_the_data() {
        assert_eq!(code(br#"{"msg":"ok","code":"000000","data":{"resCode":"000000"}}"#), Some(0));
        assert_eq!(code(br#"{"code":"000000","data":{"resCode":"300003"}}"#), Some(300_003));
        assert_eq!(code(br#"{"code":"200001","data":{"resCode":"200001"}}"#), Some(200_001));
        assert_eq!(code(br#"{"code":0,"data":{}}"#), Some(0));
        assert_eq!(code(br#"{"message":1}"#), None);
        assert_eq!(code(br#"{"code":"00000","subCode":"0000"}"#), Some(0));
        assert_eq!(code(br#"{"code":"00000","subCode":"A029998"}"#), Some(29_998));
        assert_eq!(code(BASE64_STANDARD.encode(r#"{"code":"10003"}"#).as_bytes()), Some(10_003));
        assert_eq!(code(b"not base64"), None);
    }

    #[test]
    fn what_is_no_answer_is_told_apart_from_one_that_is_not_all_there() {
        assert_eq!(parse(b"SSH-2.0-OpenSSH\r\n\r\n"), Err(Garbled));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Garbled));
        let closing = b"HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let answer = Answer { status: 503, code: None, length: closing.len(), closes: true };
        assert_eq!(parse(closing), Ok(Some(answer)));
    }
}
