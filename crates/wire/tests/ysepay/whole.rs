//! A whole request and a whole answer, byte for byte.

use huodong_wire::ysepay::{
    AddDataAnswer, AddDataCode, AddDataRequest, Api, Common, Empty, EnrolmentState, Fields,
    PhotoIds, PrivateKey, Reply, ReplyForm, Stamp, VERSION, decode, encode, open,
};
use jiff::civil::date;

use crate::fixed;

fn message() -> AddDataRequest<'static> {
    AddDataRequest {
        merc_id: "826100053110001".into(),
        activity_id: "education_001".into(),
        creator: "张三".into(),
        third_merc_id_nucc: Some("1900002".into()),
        organization: PhotoIds::of(["213", "123"]),
        rental: PhotoIds::of(["7"]),
        front: PhotoIds::of(["8"]),
        ..AddDataRequest::default()
    }
}

/// The initiator's key signs, the gateway's is sealed for; here they are one.
fn request(key: &PrivateKey) -> Fields {
    let sealed = fixed::sealed(encode(&message()).as_bytes(), key.public());
    let mut fields = Fields::default();
    for (name, value) in [
        ("method", Api::AddData.method()),
        ("version", VERSION),
        ("charset", "utf-8"),
        ("timeStamp", "2025-11-21 10:00:00"),
        ("certId", "826100053110000"),
        ("reqId", "xy251121100000"),
        ("check", &sealed.check),
        ("bizContent", &sealed.biz_content),
    ] {
        fields.push(name, value).unwrap();
    }
    let sign = key.sign(fields.string_to_sign(Empty::Skipped).as_bytes());
    fields.push("sign", sign).unwrap();
    fields
}

fn shown(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

fn answer(key: &PrivateKey) -> String {
    let data = AddDataAnswer {
        state: EnrolmentState::Pending,
        req_msg_id: "2511210000000000000000000017".into(),
    };
    let reply = Reply::success(AddDataCode::Success, encode(&data));
    let stamp = Stamp {
        now: date(2025, 11, 21).at(10, 0, 7, 0),
        norce: "0123456789abcdef0123456789abcdef",
    };
    let body = reply.encode(Some(&fixed::content_key()), Some(key), stamp, ReplyForm::Plain);
    String::from_utf8(body).unwrap()
}

#[test]
fn a_gateway_reads_what_a_client_sends() {
    for key in fixed::all() {
        let fields = request(&key);
        let common = Common::read(&fields).unwrap();
        assert!(fields.verify(key.public()));
        let opened = open([&key], common.check, common.biz_content).unwrap();
        let text = common.charset.decode(&opened.content).unwrap();
        assert_eq!(decode::<AddDataRequest<'_>>(&text).unwrap(), message());
    }
}

#[test]
fn a_request_in_sm2() {
    insta::assert_snapshot!(shown(&request(&fixed::sm2())));
}

#[test]
fn a_request_in_rsa() {
    insta::assert_snapshot!(shown(&request(&fixed::rsa_1024())));
}

#[test]
fn an_answer_in_sm2() {
    insta::assert_snapshot!(answer(&fixed::sm2()));
}

#[test]
fn an_answer_in_rsa() {
    insta::assert_snapshot!(answer(&fixed::rsa_2048()));
}
