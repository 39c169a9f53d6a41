use huodong_wire::lakala::sign::{CallbackSigned, RequestSigned};
use huodong_wire::lakala::{
    Acknowledgement, Callback, Certificate, DecodeError, IssueRequest, Message, QueryRequest,
    Shape, SigningKey, body_string_to_sign, decode, parse_yuan, yuan,
};

use super::read_again;

pub(super) const WORDS: &[&str] = &[
    "{",
    "}",
    "\"",
    ":",
    ",",
    "null",
    "[]",
    "1.00",
    "18446744073709551615",
    "\\ud83d",
    "券",
    "\"req_time\":\"20260101000000\"",
    "\"version\":\"3.0\"",
    "\"req_data\":{",
    "\"member_id\":",
    "\"activity_id\":",
    "\"owner_id\":",
    "\"promotion_id\":",
    "\"channel_openid\":",
    "\"mer_order_id\":",
    "\"writeOffNotify\":",
    "\"postNotify\":",
    "\"trade_no\":",
    "\"callTradeNo\":",
    "\"amount\":",
    "\"tradeStatus\":\"USED\"",
    "\"gmt_used\":",
    "\"sign\":",
    "https://",
    "http://[::1]:1/",
    "LKLAPI-SHA256withRSA ",
    "appid=\"",
    "serial_no=\"",
    "timestamp=\"",
    "nonce_str=\"",
    "signature=\"",
    "-----BEGIN CERTIFICATE-----\n",
];

/// A body, read as each call's, as a callback's and as an answer to one; or an `Authorization`
/// header, a certificate, an amount.
pub fn lakala(body: &[u8]) {
    request::<IssueRequest<'_>>(body);
    request::<QueryRequest<'_>>(body);
    read_again!(body, |body| decode::<IssueRequest<'_>>(body).1);
    read_again!(body, |body| decode::<QueryRequest<'_>>(body).1);
    if let Ok(callback) = Callback::decode(body) {
        let written = match &callback {
            Callback::Issue(issue) => serde_json::to_vec(issue).expect("it is plain data"),
            Callback::WriteOff(write_off) => write_off.to_json(),
        };
        assert_eq!(Callback::decode(&written), Ok(callback));
    }
    _ = body_string_to_sign(body);
    _ = Acknowledgement::accepts(body);
    if let Ok(text) = std::str::from_utf8(body) {
        header(text);
        if let Some(fen) = parse_yuan(text) {
            assert_eq!(parse_yuan(&yuan(fen)), Some(fen));
        }
        _ = Certificate::from_pem(text);
        _ = SigningKey::from_pem(text);
    }
}

/// The shape that a refusal is answered in is the one the decoder found.
fn request<'a, M: Message + serde::Deserialize<'a>>(body: &'a [u8]) {
    let (shape, _) = decode::<M>(body);
    assert_eq!(shape, Shape::of(body));
}

fn header(text: &str) {
    if let Ok((signed, signature)) = RequestSigned::parse(text) {
        let written = signed.to_header(signature);
        assert_eq!(RequestSigned::parse(&written), Ok((signed, signature)));
        _ = signed.string_to_sign(b"body");
    }
    if let Ok((signed, signature)) = CallbackSigned::parse(text) {
        let written = signed.to_header(signature);
        assert_eq!(CallbackSigned::parse(&written), Ok((signed, signature)));
    }
}
