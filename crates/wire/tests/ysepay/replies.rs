//! Answers: how they are written, and how a client reads them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{
    AddDataCode, CannotOpen, ConsultCode, FieldsError, GatewayCode, ReceivedReply, Reply,
    ReplyError, ReplyForm, Stamp,
};
use jiff::civil::date;

use crate::fixed;

const DATA: &str = r#"{"state":"PENDING","reqMsgId":"2511210000000000000000000017"}"#;

fn stamp() -> Stamp<'static> {
    Stamp { now: date(2025, 11, 21).at(10, 0, 7, 0), norce: "0123456789abcdef0123456789abcdef" }
}

fn plain(reply: &Reply<'_>) -> String {
    let body = reply.encode(None, None, stamp(), ReplyForm::Plain);
    String::from_utf8(body).unwrap()
}

#[test]
fn an_answer_is_read_in_both_forms() {
    let reply = Reply::success(AddDataCode::Success, DATA);
    for key in fixed::all() {
        for form in [ReplyForm::Base64, ReplyForm::Plain] {
            let body = reply.encode(Some(&fixed::content_key()), Some(&key), stamp(), form);
            let read = ReceivedReply::read(&body).unwrap();
            assert_eq!((read.form(), read.code(), read.msg()), (form, "00000", "成功"));
            assert_eq!(read.gateway_code(), Some(GatewayCode::Success));
            assert_eq!((read.sub_code(), read.sub_msg()), ("0000", "成功"));
            assert!(read.is_signed() && read.verify(key.public()));
            let opened = read.open(&fixed::content_key()).unwrap();
            assert_eq!(opened.as_deref(), Some(DATA.as_bytes()));
        }
    }
}

#[test]
fn what_is_empty_is_left_out_and_all_is_text() {
    let refused = Reply::gateway(GatewayCode::UnknownCertId, "");
    assert_eq!(
        plain(&refused),
        r#"{"code":"10002","msg":"发起方商户号不存在或已停用","norce":"0123456789abcdef0123456789abcdef","timeStamp":"2025-11-21 10:00:07"}"#
    );
    let refused = Reply::refused(ConsultCode::InvalidField, "openId 与 userId 必须二选一");
    assert_eq!(
        plain(&refused),
        r#"{"code":"00000","msg":"成功","norce":"0123456789abcdef0123456789abcdef","subCode":"901001001","subMsg":"参数校验不通过:openId 与 userId 必须二选一","timeStamp":"2025-11-21 10:00:07"}"#
    );
    // Without the request's key nothing can be encrypted, and nothing is sent in the clear.
    assert!(!plain(&Reply::success(AddDataCode::Success, DATA)).contains("PENDING"));
}

#[test]
fn a_refusal_from_before_the_initiator_is_known_is_not_signed() {
    let reply = Reply::gateway(GatewayCode::UnknownCertId, "");
    let read = ReceivedReply::read(&reply.encode(None, None, stamp(), ReplyForm::Base64)).unwrap();
    assert_eq!(read.gateway_code(), Some(GatewayCode::UnknownCertId));
    assert!(!read.is_signed() && !read.verify(fixed::sm2().public()));
    assert_eq!((read.sub_code(), read.open(&fixed::content_key())), ("", Ok(None)));
}

#[test]
fn a_gateways_message_says_more_within_fifty_characters() {
    let reply = Reply::gateway(GatewayCode::InvalidField, "reqId 不能为空");
    assert_eq!(reply.msg, "公共参数错误:reqId 不能为空");
    let reply = Reply::gateway(GatewayCode::InvalidField, &"长".repeat(100));
    assert_eq!(reply.msg.chars().count(), 50);
}

#[test]
fn what_was_changed_on_the_way_does_not_verify() {
    let key = fixed::sm2();
    let reply = Reply::success(AddDataCode::Success, DATA);
    let body = reply.encode(Some(&fixed::content_key()), Some(&key), stamp(), ReplyForm::Plain);
    let text = String::from_utf8(body).unwrap();
    for (from, to) in
        [("\"0000\"", "\"9999\""), ("10:00:07", "10:00:08"), ("{\"", "{\"a\":\"b\",\"")]
    {
        assert!(text.contains(from));
        let read = ReceivedReply::read(text.replacen(from, to, 1).as_bytes()).unwrap();
        assert!(read.is_signed() && !read.verify(key.public()), "{to}");
    }
    let another = fixed::rsa_1024();
    assert!(!ReceivedReply::read(text.as_bytes()).unwrap().verify(another.public()));
}

#[test]
fn business_data_under_another_key_is_not_opened() {
    let reply = Reply::success(AddDataCode::Success, DATA);
    let body = reply.encode(Some(&fixed::content_key()), None, stamp(), ReplyForm::Plain);
    let read = ReceivedReply::read(&body).unwrap();
    let another = huodong_wire::ysepay::ContentKey::new([7; 16]);
    assert_eq!(read.open(&another), Err(CannotOpen));
}

#[test]
fn answers_come_in_quotes_and_with_line_breaks() {
    let json = r#"{"code":"00000","businessData":null,"new":1}"#;
    let base64 = STANDARD.encode(json);
    for body in [
        json.to_owned(),
        format!(" {json}\r\n"),
        base64.clone(),
        format!("\"{base64}\""),
        format!("{}\r\n{}\r\n", &base64[..8], &base64[8..]),
    ] {
        let read = ReceivedReply::read(body.as_bytes()).unwrap();
        assert_eq!((read.code(), read.open(&fixed::content_key())), ("00000", Ok(None)));
        assert_eq!(read.fields().get("new"), Some("1"));
    }
}

#[test]
fn what_is_no_answer_is_told() {
    let unreadable = ReplyError::Unreadable(FieldsError::NotJson);
    for body in ["", "<html>", "W10=", "[]", "\"", "{", "花"] {
        assert_eq!(ReceivedReply::read(body.as_bytes()).unwrap_err(), unreadable, "{body}");
    }
    assert_eq!(ReceivedReply::read(b"\xff").unwrap_err(), unreadable);
    for body in ["{}", r#"{"code":""}"#, r#"{"code":null}"#] {
        assert_eq!(ReceivedReply::read(body.as_bytes()).unwrap_err(), ReplyError::NoCode);
    }
}
