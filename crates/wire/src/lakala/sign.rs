//! What the signatures cover, and the headers that carry them. All are SHA256withRSA over lines
//! that end with a line feed, the raw body last: a request's by the partner's key, a reply's and
//! a callback's by the platform's.

use thiserror::Error;

pub use crate::time::parse_timestamp;

/// How an `Authorization` header of this vendor begins.
pub const SCHEME: &str = "LKLAPI-SHA256withRSA";

/// The header of a reply that names the partner.
pub const REPLY_APPID: &str = "Lklapi-Appid";
/// The header of a reply that names the platform's certificate by its serial, in hex.
pub const REPLY_SERIAL: &str = "Lklapi-Serial";
/// The header of a reply that says when it was signed, in unix seconds.
pub const REPLY_TIMESTAMP: &str = "Lklapi-Timestamp";
/// The header of a reply that makes its signature unique.
pub const REPLY_NONCE: &str = "Lklapi-Nonce";
/// The header of a reply that carries the signature, in base64.
pub const REPLY_SIGNATURE: &str = "Lklapi-Signature";

/// The longest nonce, in characters. The vendor's kit sends 12.
pub const NONCE_CHARS_MAX: usize = 64;
/// A nonce of ours has so many letters and digits; a callback's must.
pub const NONCE_CHARS: usize = 12;

/// The longest appid and serial_no, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The longest signature, in characters: base64 of 8192 bits.
const SIGNATURE_CHARS_MAX: usize = 1368;

/// What is wrong with an `Authorization` header. The text is for the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    /// It begins otherwise.
    #[error("Authorization 必须以 LKLAPI-SHA256withRSA 开头")]
    Scheme,
    /// It is not a list of `name="value"`.
    #[error("Authorization 第 {0} 项必须是 name=\"value\"")]
    Garbage(usize),
    /// A part stands in it twice.
    #[error("Authorization 的 {0} 不能重复")]
    Repeated(&'static str),
    /// A part is missing or empty.
    #[error("Authorization 缺少 {0}")]
    Missing(&'static str),
    /// A part is too long or has other characters than it may.
    #[error("Authorization 的 {0} 格式错误")]
    Malformed(&'static str),
}

/// What a request's signature covers beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSigned<'a> {
    /// The partner.
    pub appid: &'a str,
    /// The serial of the partner's certificate, as it was sent.
    pub serial_no: &'a str,
    /// Unix seconds, in decimal.
    pub timestamp: &'a str,
    /// Characters that were not used before.
    pub nonce_str: &'a str,
}

impl<'a> RequestSigned<'a> {
    /// The message that is signed.
    pub fn string_to_sign(&self, body: &[u8]) -> Vec<u8> {
        lines(&[self.appid, self.serial_no, self.timestamp, self.nonce_str], body)
    }

    /// The value of the `Authorization` header.
    pub fn to_header(&self, signature: &str) -> String {
        let Self { appid, serial_no, timestamp, nonce_str } = self;
        format!(
            "{SCHEME} appid=\"{appid}\",serial_no=\"{serial_no}\",timestamp=\"{timestamp}\",\
             nonce_str=\"{nonce_str}\",signature=\"{signature}\""
        )
    }

    /// Reads what [`to_header`](Self::to_header) writes, and the signature; parts may come in any
    /// order, with blanks between them, and unknown ones are ignored.
    pub fn parse(header: &'a str) -> Result<(Self, &'a str), AuthorizationError> {
        let names = ["appid", "serial_no", "timestamp", "nonce_str", "signature"];
        let [appid, serial_no, timestamp, nonce_str, signature] = parse(header, names)?;
        Ok((Self { appid, serial_no, timestamp, nonce_str }, signature))
    }
}

/// What a callback's signature covers beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackSigned<'a> {
    /// Unix seconds, in decimal.
    pub timestamp: &'a str,
    /// [`NONCE_CHARS`] characters that were not used before.
    pub nonce_str: &'a str,
}

impl<'a> CallbackSigned<'a> {
    /// The message that is signed.
    pub fn string_to_sign(&self, body: &[u8]) -> Vec<u8> {
        lines(&[self.timestamp, self.nonce_str], body)
    }

    /// The value of the `Authorization` header, its parts in the printed order without blanks.
    pub fn to_header(&self, signature: &str) -> String {
        let Self { timestamp, nonce_str } = self;
        format!(
            "{SCHEME} timestamp=\"{timestamp}\",nonce_str=\"{nonce_str}\",signature=\"{signature}\""
        )
    }

    /// Reads what [`to_header`](Self::to_header) writes, and the signature, as leniently as
    /// [`RequestSigned::parse`] does.
    pub fn parse(header: &'a str) -> Result<(Self, &'a str), AuthorizationError> {
        let [timestamp, nonce_str, signature] =
            parse(header, ["timestamp", "nonce_str", "signature"])?;
        Ok((Self { timestamp, nonce_str }, signature))
    }
}

/// What a reply's signature covers beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplySigned<'a> {
    /// The value of [`REPLY_APPID`].
    pub appid: &'a str,
    /// The value of [`REPLY_SERIAL`].
    pub serial: &'a str,
    /// The value of [`REPLY_TIMESTAMP`].
    pub timestamp: &'a str,
    /// The value of [`REPLY_NONCE`].
    pub nonce: &'a str,
}

impl ReplySigned<'_> {
    /// The message that is signed.
    pub fn string_to_sign(&self, body: &[u8]) -> Vec<u8> {
        lines(&[self.appid, self.serial, self.timestamp, self.nonce], body)
    }
}

fn lines(parts: &[&str], body: &[u8]) -> Vec<u8> {
    let parts = parts.iter().map(|part| part.as_bytes());
    let mut message = Vec::with_capacity(body.len() + 256);
    for line in parts.chain([body]) {
        message.extend_from_slice(line);
        message.push(b'\n');
    }
    message
}

/// The values of the named parts, each of which must be there once.
fn parse<'a, const N: usize>(
    header: &'a str,
    names: [&'static str; N],
) -> Result<[&'a str; N], AuthorizationError> {
    let mut found = [""; N];
    let mut rest = after_scheme(header).ok_or(AuthorizationError::Scheme)?;
    for place in 1.. {
        let (name, value, after) = part(rest).ok_or(AuthorizationError::Garbage(place))?;
        if let Some(at) = names.iter().position(|known| *known == name) {
            if !found[at].is_empty() {
                return Err(AuthorizationError::Repeated(names[at]));
            }
            if value.is_empty() {
                return Err(AuthorizationError::Missing(names[at]));
            }
            if !is_well_formed(name, value) {
                return Err(AuthorizationError::Malformed(names[at]));
            }
            found[at] = value;
        }
        rest = match after.strip_prefix(',') {
            Some(rest) => rest,
            None if after.is_empty() => break,
            None => return Err(AuthorizationError::Garbage(place)),
        };
    }
    match found.iter().position(|value| value.is_empty()) {
        Some(missing) => Err(AuthorizationError::Missing(names[missing])),
        None => Ok(found),
    }
}

/// Some of the vendor's own callbacks leave out the blank after the scheme.
fn after_scheme(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim_ascii().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// One `name="value"` with any blanks around its tokens, and what follows it.
fn part(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_ascii();
    let (value, rest) = rest.trim_ascii_start().strip_prefix('"')?.split_once('"')?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    is_name.then(|| (name, value, rest.trim_ascii_start()))
}

fn is_well_formed(name: &str, value: &str) -> bool {
    let within = |most: usize| value.len() <= most && value.bytes().all(|b| b.is_ascii_graphic());
    match name {
        "timestamp" => parse_timestamp(value).is_some(),
        "nonce_str" => within(NONCE_CHARS_MAX),
        "signature" => within(SIGNATURE_CHARS_MAX),
        _ => within(NAME_CHARS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: RequestSigned<'_> = RequestSigned {
        appid: "OP00000003",
        serial_no: "00dfba8194c41b84cf",
        timestamp: "1650812345",
        nonce_str: "abcdefGHI012",
    };
    const HEADER: &str = "LKLAPI-SHA256withRSA appid=\"OP00000003\",\
        serial_no=\"00dfba8194c41b84cf\",timestamp=\"1650812345\",nonce_str=\"abcdefGHI012\",\
        signature=\"c2ln+/==\"";

    #[test]
    fn a_request_signs_five_lines() {
        let expected = b"OP00000003\n00dfba8194c41b84cf\n1650812345\nabcdefGHI012\n{\"a\":\xff}\n";
        assert_eq!(REQUEST.string_to_sign(b"{\"a\":\xff}"), expected);
    }

    #[test]
    fn a_reply_signs_five_and_a_callback_three() {
        let (timestamp, nonce) = ("1650812345", "abcdefGHI012");
        let reply = ReplySigned { appid: "a", serial: "0f", timestamp, nonce };
        assert_eq!(reply.string_to_sign(b"{}"), b"a\n0f\n1650812345\nabcdefGHI012\n{}\n");
        let callback = CallbackSigned { timestamp, nonce_str: nonce };
        assert_eq!(callback.string_to_sign(b"{}"), b"1650812345\nabcdefGHI012\n{}\n");
    }

    #[test]
    fn headers_are_written_without_blanks_and_read_back() {
        assert_eq!(REQUEST.to_header("c2ln+/=="), HEADER);
        assert_eq!(RequestSigned::parse(HEADER), Ok((REQUEST, "c2ln+/==")));
        let callback = CallbackSigned { timestamp: "1", nonce_str: "abcdefGHI012" };
        let header = callback.to_header("c2ln");
        assert_eq!(
            header,
            "LKLAPI-SHA256withRSA timestamp=\"1\",nonce_str=\"abcdefGHI012\",signature=\"c2ln\""
        );
        assert_eq!(CallbackSigned::parse(&header), Ok((callback, "c2ln")));
    }

    #[test]
    fn parts_come_in_any_order_with_any_blanks_and_unknown_ones_are_ignored() {
        let header = " lklapi-sha256WITHrsa  signature = \"c2ln+/==\" ,\tnonce_str=\"abcdefGHI012\",\
            version=\"\", timestamp=\"1650812345\",serial_no= \"00dfba8194c41b84cf\", \
            appid=\"OP00000003\" ";
        assert_eq!(RequestSigned::parse(header), Ok((REQUEST, "c2ln+/==")));
        let header = HEADER.replacen(' ', "", 1);
        assert_eq!(RequestSigned::parse(&header), Ok((REQUEST, "c2ln+/==")));
    }

    #[test]
    fn another_scheme_is_told() {
        for wrong in ["", "Bearer x", &SCHEME[..19], "花花花花花花花花"] {
            assert_eq!(RequestSigned::parse(wrong), Err(AuthorizationError::Scheme), "{wrong}");
        }
    }

    #[test]
    fn each_part_is_named_when_missing_empty_repeated_or_malformed() {
        for name in ["appid", "serial_no", "timestamp", "nonce_str", "signature"] {
            let renamed = HEADER.replace(&format!("{name}="), "other=");
            assert_eq!(RequestSigned::parse(&renamed), Err(AuthorizationError::Missing(name)));
            let repeated = format!("{HEADER},{name}=\"1\"");
            assert_eq!(RequestSigned::parse(&repeated), Err(AuthorizationError::Repeated(name)));
            for (value, error) in [
                ("", AuthorizationError::Missing(name)),
                ("a b", AuthorizationError::Malformed(name)),
                ("花", AuthorizationError::Malformed(name)),
                (&"x".repeat(1369), AuthorizationError::Malformed(name)),
            ] {
                let header = format!("{SCHEME} {name}=\"{value}\"");
                assert_eq!(RequestSigned::parse(&header), Err(error), "{header}");
            }
        }
        let header = HEADER.replace("1650812345", "soon");
        assert_eq!(RequestSigned::parse(&header), Err(AuthorizationError::Malformed("timestamp")));
    }

    #[test]
    fn what_is_no_list_is_told_by_its_place() {
        assert_eq!(RequestSigned::parse(SCHEME), Err(AuthorizationError::Garbage(1)));
        for (wrong, place) in [
            ("appid", 1),
            ("appid=OP", 1),
            ("appid=\"OP", 1),
            ("=\"x\"", 1),
            ("a b=\"x\"", 1),
            ("appid=\"OP\" serial_no=\"1\"", 1),
            ("appid=\"OP\",", 2),
            ("appid=\"OP\",,", 2),
            ("appid=\"OP\",serial_no='1'", 2),
        ] {
            let header = format!("{SCHEME} {wrong}");
            let error = AuthorizationError::Garbage(place);
            assert_eq!(RequestSigned::parse(&header), Err(error), "{header}");
        }
    }
}
