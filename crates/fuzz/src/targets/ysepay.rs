use huodong_wire::ysepay::{
    AddDataRequest, Charset, Common, ConsultRequest, DecodeError, Empty, Fields, Message,
    ReceivedReply, Refused, SubCode, UploadRequest, decode, req_id_ends_with_time,
    req_id_is_well_formed,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::read_again;

pub(super) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "&",
    "=",
    "%",
    "+",
    ";",
    ";;",
    "null",
    "true",
    "1.0",
    "券",
    "\"method\":\"ysMarket.activityConsult\"",
    "\"charset\":\"gbk\"",
    "\"version\":\"1.0\"",
    "\"timeStamp\":\"2026-01-01 00:00:00\"",
    "\"certId\":",
    "\"reqId\":\"xy260101000000\"",
    "\"check\":",
    "\"bizContent\":",
    "\"sign\":",
    "\"code\":\"00000\"",
    "\"subCode\":",
    "\"businessData\":",
    "\"meta\":{",
    "\"sysFlowId\":",
    "\"picType\":",
    "\"picNm\":",
    "\"sha256\":",
    "\"mercId\":",
    "\"activityId\":\"schoolcanteen_001\"",
    "\"creator\":",
    "\"supplementaryRemark\":",
    "\"supplementaryPicture\":",
    "\"thirdMercIdCups\":",
    "\"schoolPhoto\":\"1;2;3;4;5;\"",
    "\"perferentPhoto\":",
    "\"frontPhoto\":",
    "\"consultActivityInfoList\":[",
    "\"openId\":",
    "\"userId\":",
    "\"merchantId\":",
];

/// A body, read as a request's in both forms, as an answer's, and as each call's business message.
pub fn ysepay(body: &[u8]) {
    if let Ok(fields) = Fields::from_json(body) {
        written_again(&fields);
        common(&fields);
    }
    if let Ok(fields) = Fields::from_form(body) {
        written_again(&fields);
        common(&fields);
    }
    if let Ok(reply) = ReceivedReply::read(body) {
        assert!(!reply.code().is_empty(), "an answer without a code is none");
        _ = reply.fields().string_to_sign(Empty::Kept);
    }
    read_again!(body, |body| message::<UploadRequest<'_>>(body));
    read_again!(body, |body| message::<AddDataRequest<'_>>(body));
    read_again!(body, |body| message::<ConsultRequest<'_>>(body));
    charsets(body);
}

/// What was read in either form is read again from JSON.
fn written_again(fields: &Fields) {
    let object: Map<String, Value> =
        fields.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let json = serde_json::to_vec(&object).expect("texts are JSON");
    assert_eq!(Fields::from_json(&json).as_ref(), Ok(fields));
    let (kept, skipped) =
        (fields.string_to_sign(Empty::Kept), fields.string_to_sign(Empty::Skipped));
    assert!(kept.len() >= skipped.len());
    let empty =
        fields.iter().any(|(name, value)| value.is_empty() && !matches!(name, "sign" | "file"));
    assert!(empty || kept == skipped, "they differ in nothing but what is empty");
}

fn common(fields: &Fields) {
    match Common::read(fields) {
        Ok(common) => {
            assert!(req_id_is_well_formed(common.req_id));
            _ = req_id_ends_with_time(common.req_id);
        }
        Err(DecodeError::Field { field, reason }) => {
            assert!(!field.is_empty() && !reason.is_empty(), "a refusal says what is wrong");
        }
        Err(DecodeError::NotJson) => unreachable!("fields are no JSON"),
    }
}

fn message<'a, M: Message + Deserialize<'a>>(body: &'a [u8]) -> Result<M, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::NotJson)?;
    decode::<M>(text).map_err(|Refused { code, reason }| DecodeError::field(code.number(), reason))
}

/// What is written is read again as the same. Not everything that is read can be written: GBK's
/// reader knows GB 18030's longer characters, too.
fn charsets(body: &[u8]) {
    for charset in [Charset::Utf8, Charset::Gbk, Charset::Gb2312] {
        if let Some(text) = charset.decode(body)
            && let Some(bytes) = charset.encode(&text)
        {
            assert_eq!(charset.decode(&bytes).as_deref(), Some(&*text), "{charset}");
        }
    }
}
