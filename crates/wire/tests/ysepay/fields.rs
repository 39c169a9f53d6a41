//! Top-level fields in the forms they come in, the string to sign, and the common ones.

use huodong_wire::ysepay::{
    Api, Charset, Common, DecodeError, Empty, FIELDS_MAX, Fields, FieldsError,
    req_id_ends_with_time, req_id_is_well_formed,
};
use jiff::civil::date;

use crate::fixed;

fn of(fields: &[(&str, &str)]) -> Fields {
    let mut read = Fields::default();
    for (name, value) in fields {
        read.push(*name, *value).unwrap();
    }
    read
}

const REQUEST: [(&str, &str); 9] = [
    ("method", "ysMarket.activityConsult"),
    ("version", "1.0"),
    ("charset", "utf-8"),
    ("timeStamp", "2025-11-21 10:00:00"),
    ("certId", "826100053110000"),
    ("reqId", "xy251121100000_-1"),
    ("check", "Y2hlY2s="),
    ("bizContent", "Yml6"),
    ("sign", "c2lnbg=="),
];

#[test]
fn json_forms_and_parts_give_the_same_fields() {
    let json = br#" {"b":"\u82b1+ &=","a":"1","sign":"s"} "#;
    let form = "b=%E8%8A%B1%2B+%26%3D&a=1&sign=s".as_bytes();
    let parts = of(&[("b", "花+ &="), ("a", "1"), ("sign", "s")]);
    assert_eq!(Fields::from_json(json).unwrap(), parts);
    assert_eq!(Fields::from_form(form).unwrap(), parts);
    assert_eq!(parts.get("b"), Some("花+ &="));
    assert_eq!((parts.get("c"), of(&[("c", "")]).get("c")), (None, None));
}

#[test]
fn what_is_no_text_in_json_counts_as_it_is_written() {
    let json = br#"{"a":1.0,"b":true,"c":null,"d":-1e3,"e":false,"f":12345678901234567890123}"#;
    let expected = of(&[
        ("a", "1.0"),
        ("b", "true"),
        ("c", ""),
        ("d", "-1e3"),
        ("e", "false"),
        ("f", "12345678901234567890123"),
    ]);
    assert_eq!(Fields::from_json(json).unwrap(), expected);
    for nested in [r#"{"a":{}}"#, r#"{"a":[]}"#] {
        let refused = Fields::from_json(nested.as_bytes()).unwrap_err();
        assert_eq!(refused, FieldsError::NotText("a".to_owned()));
        assert_eq!(refused.to_string(), "a 必须是字符串");
    }
}

#[test]
fn what_holds_no_fields_is_told() {
    for wrong in ["", "x", "[]", "\"a\"", "{\"a\":1", "{} {}", "null", "{\"a\":\"\\ud800\"}"] {
        let refused = Fields::from_json(wrong.as_bytes()).unwrap_err();
        assert_eq!(refused, FieldsError::NotJson, "{wrong}");
    }
    assert_eq!(Fields::from_json(b"{\"a\":\"\xff\"}").unwrap_err(), FieldsError::NotJson);
    for wrong in [&b"a=%ff"[..], b"%d5%c5=1", b"a=\xd5\xc5"] {
        assert_eq!(Fields::from_form(wrong).unwrap_err(), FieldsError::NotForm);
    }
    assert_eq!(Fields::from_form(b"").unwrap(), Fields::default());
}

#[test]
fn a_name_is_there_once() {
    let repeated = FieldsError::Repeated("a".to_owned());
    for twice in [r#"{"a":"1","b":"2","a":"1"}"#, r#"{"a":"1","\u0061":"2"}"#] {
        assert_eq!(Fields::from_json(twice.as_bytes()).unwrap_err(), repeated);
    }
    assert_eq!(Fields::from_form(b"a=1&b=2&a=1").unwrap_err(), repeated);
    assert_eq!(Fields::from_form(b"a=1&%61=2").unwrap_err(), repeated);
    assert_eq!(repeated.to_string(), "a 不能重复");
    assert_eq!(of(&[("a", "1")]).push("a", "").unwrap_err(), repeated);
}

#[test]
fn there_are_so_many_fields_at_most() {
    let json = |count: usize| {
        let fields = (0..count).map(|at| format!("\"f{at}\":\"\"")).collect::<Vec<_>>();
        format!("{{{}}}", fields.join(","))
    };
    let form = |count: usize| (0..count).map(|at| format!("f{at}=&")).collect::<String>();
    assert!(Fields::from_json(json(FIELDS_MAX).as_bytes()).is_ok());
    assert!(Fields::from_form(form(FIELDS_MAX).as_bytes()).is_ok());
    for more in [FIELDS_MAX + 1, FIELDS_MAX + 2, 100_000] {
        let refused = Fields::from_form(form(more).as_bytes()).unwrap_err();
        assert_eq!(refused, FieldsError::TooMany);
        let refused = Fields::from_json(json(more).as_bytes()).unwrap_err();
        assert_eq!(refused, FieldsError::TooMany);
    }
    assert_eq!(FieldsError::TooMany.to_string(), "公共参数不能超过 64 个");
}

#[test]
fn the_string_to_sign_is_sorted_by_bytes_and_has_neither_sign_nor_file() {
    let fields = of(&[
        ("b", "2&3=4"),
        ("a", "花"),
        ("B", " "),
        ("sign", "x"),
        ("file", "y"),
        ("signType", "z"),
        ("é", "1"),
        ("a_", "1"),
        ("empty", ""),
    ]);
    let without = fields.string_to_sign(Empty::Skipped);
    assert_eq!(without, "B= &a=花&a_=1&b=2&3=4&signType=z&é=1");
    let with = fields.string_to_sign(Empty::Kept);
    assert_eq!(with, "B= &a=花&a_=1&b=2&3=4&empty=&signType=z&é=1");
    assert_eq!(Fields::default().string_to_sign(Empty::Kept), "");
    assert_eq!(of(&[("sign", "x"), ("file", "y")]).string_to_sign(Empty::Kept), "");
    assert_eq!(of(&[("a", ""), ("b", "")]).string_to_sign(Empty::Kept), "a=&b=");
}

#[test]
fn empty_values_may_be_signed_or_left_out() {
    for key in fixed::all() {
        let with_empty = of(&[("a", "1"), ("b", ""), ("c", "3")]);
        for (signed, of_any) in [("a=1&c=3", true), ("a=1&b=&c=3", true), ("a=1&b=", false)] {
            let mut fields = with_empty.clone();
            fields.push("sign", key.sign(signed.as_bytes())).unwrap();
            assert_eq!(fields.verify(key.public()), of_any, "{signed}");
        }
        let mut fields = of(&[("a", "1"), ("c", "3")]);
        fields.push("sign", key.sign(b"a=1&b=&c=3")).unwrap();
        assert!(!fields.verify(key.public()), "what is not there is not signed");
    }
}

#[test]
fn what_is_not_signed_by_the_key_does_not_verify() {
    let key = fixed::sm2();
    let signed = |string: &str| {
        let mut fields = of(&[("a", "1")]);
        fields.push("sign", key.sign(string.as_bytes())).unwrap();
        fields
    };
    assert!(signed("a=1").verify(key.public()));
    assert!(!signed("a=2").verify(key.public()));
    assert!(!signed("a=1").verify(fixed::rsa_1024().public()));
    assert!(!of(&[("a", "1")]).verify(key.public()));
    for sign in ["", "*", "MEUC"] {
        assert!(!of(&[("a", "1"), ("sign", sign)]).verify(key.public()));
    }
}

#[test]
fn common_fields_are_read() {
    let fields = of(&REQUEST);
    let common = Common::read(&fields).unwrap();
    assert_eq!(Api::from_method(common.method), Some(Api::Consult));
    assert_eq!(common.charset, Charset::Utf8);
    assert_eq!(common.time_stamp, date(2025, 11, 21).at(10, 0, 0, 0));
    assert_eq!((common.cert_id, common.req_id), ("826100053110000", "xy251121100000_-1"));
    assert_eq!((common.check, common.biz_content, common.sign), ("Y2hlY2s=", "Yml6", "c2lnbg=="));
}

fn refused(name: &str, value: Option<&str>) -> Option<String> {
    let changed = REQUEST.into_iter().filter_map(|(field, good)| match field == name {
        true => value.map(|value| (field, value)),
        false => Some((field, good)),
    });
    let fields = of(&changed.collect::<Vec<_>>());
    match Common::read(&fields) {
        Ok(_) => None,
        Err(DecodeError::Field { field, reason }) => {
            assert_eq!(field, name);
            Some(reason)
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_common_field_is_named_when_it_is_wrong() {
    for (name, _) in REQUEST {
        for missing in [None, Some("")] {
            assert_eq!(refused(name, missing).as_deref(), Some("不能为空"), "{name}");
        }
    }
    for (name, most) in [("method", 128), ("certId", 64)] {
        assert_eq!(refused(name, Some(&"花".repeat(most))), None);
        let reason = format!("长度不能超过 {most} 个字符");
        assert_eq!(refused(name, Some(&"花".repeat(most + 1))), Some(reason));
    }
    for (name, wrong, reason) in [
        ("version", "1", "必须是 1.0"),
        ("version", "2.0", "必须是 1.0"),
        ("charset", "latin1", "必须是 utf-8、gbk 或 gb2312"),
        ("timeStamp", "2025-11-21T10:00:00", "必须是 yyyy-MM-dd HH:mm:ss 格式的时间"),
        ("timeStamp", "20251121100000", "必须是 yyyy-MM-dd HH:mm:ss 格式的时间"),
        ("reqId", "x2511211000001", ""),
        ("reqId", "251121100000", "必须是 14 至 32 位的数字、字母、_ 或 -"),
        ("reqId", "2511211000000.", "必须是 14 至 32 位的数字、字母、_ 或 -"),
    ] {
        let expected = Some(reason).filter(|reason| !reason.is_empty());
        assert_eq!(refused(name, Some(wrong)).as_deref(), expected, "{wrong}");
    }
    for charset in ["GBK", "Gb2312", "UTF-8"] {
        assert_eq!(refused("charset", Some(charset)), None);
    }
}

#[test]
fn a_req_id_is_14_to_32_of_letters_digits_and_two_signs() {
    for good in ["aZ09_-aZ09_-aZ", &"x".repeat(32)] {
        assert!(req_id_is_well_formed(good), "{good}");
    }
    for wrong in ["", &"x".repeat(13), &"x".repeat(33), "xxxxxxxxxxxxx花", "xxxxxxxxxxxxxx "] {
        assert!(!req_id_is_well_formed(wrong), "{wrong}");
    }
}

#[test]
fn the_strict_form_of_a_req_id_ends_with_the_time() {
    // The last is the document's example.
    for good in ["xy251121100000", "251121235959", "xy1415220315145602"] {
        assert!(req_id_ends_with_time(good), "{good}");
    }
    for wrong in
        ["", "25112110000", "xy251321100000", "xy251121240000", "xy25112110000x", "花花花花花"]
    {
        assert!(!req_id_ends_with_time(wrong), "{wrong}");
    }
}
