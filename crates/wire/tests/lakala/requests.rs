//! What is accepted as a request, and how what is not is told apart.

use huodong_wire::lakala::{
    Api, Code, DecodeError, IssueRequest, QueryRequest, Shape, decode, encode, sign,
};
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use serde_json::{Value, json};

fn issue() -> Value {
    json!({
        "member_id": "AAA200154561278",
        "activity_id": "1100000086",
        "owner_id": "80000007",
        "promotion_id": "WX1623452352312523523",
        "channel_openid": "oKL-mwRzR-SBfI4QDAI1QXOpkyc8",
        "mer_order_id": "20211203092301",
        "writeOffNotify": "https://test.bank.com/notif",
    })
}

fn query() -> Value {
    json!({
        "owner_id": "80000007",
        "mer_order_id": "20211203092301",
        "activity_id": "1100000086",
        "trade_no": "202112030923010001",
    })
}

fn wrapped(body: &Value) -> Value {
    json!({"req_time": "20251121100000", "version": "3.0", "req_data": body})
}

fn now() -> DateTime {
    date(2025, 11, 21).at(10, 0, 0, 0)
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field);
    body
}

/// The text a partner reads, the same in both shapes.
fn refusal(api: Api, body: &Value) -> String {
    let read = |body: Value, shape: Shape| {
        let text = body.to_string();
        let (told, error) = match api {
            Api::Issue => refused_by(decode::<IssueRequest<'_>>(text.as_bytes())),
            Api::Query => refused_by(decode::<QueryRequest<'_>>(text.as_bytes())),
        };
        assert_eq!((told, Code::from(&error)), (shape, Code::InvalidField), "{error}");
        error.to_string()
    };
    let bare = read(body.clone(), Shape::Bare);
    assert_eq!(read(wrapped(body), Shape::Wrapped), bare);
    bare
}

fn refused_by<R: std::fmt::Debug>(read: (Shape, Result<R, DecodeError>)) -> (Shape, DecodeError) {
    (read.0, read.1.unwrap_err())
}

fn issue_refusal(field: &str, value: Value) -> String {
    refusal(Api::Issue, &with(issue(), field, value))
}

#[test]
fn the_documents_examples_are_accepted_in_both_shapes() {
    let text = issue().to_string();
    let (shape, bare) = decode::<IssueRequest<'_>>(text.as_bytes());
    let bare = bare.unwrap();
    assert_eq!((shape, bare.post_notify.as_deref()), (Shape::Bare, None));
    assert!(matches!(bare.member_id, std::borrow::Cow::Borrowed("AAA200154561278")));
    let text = wrapped(&issue()).to_string();
    let (shape, inner) = decode::<IssueRequest<'_>>(text.as_bytes());
    assert_eq!((shape, inner), (Shape::Wrapped, Ok(bare)));
    let text = query().to_string();
    let (_, asked) = decode::<QueryRequest<'_>>(text.as_bytes());
    assert_eq!(asked.unwrap().trade_no, "202112030923010001");
}

#[test]
fn what_a_client_writes_is_what_a_server_reads() {
    let body = with(issue(), "postNotify", json!("http://127.0.0.1:8080/a?b=c"));
    let text = body.to_string();
    let request = decode::<IssueRequest<'_>>(text.as_bytes()).1.unwrap();
    for (shape, expected) in [(Shape::Bare, body.clone()), (Shape::Wrapped, wrapped(&body))] {
        let written = encode(&request, shape, now());
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
        assert_eq!(Shape::of(&written), shape);
        let read = decode::<IssueRequest<'_>>(&written);
        assert_eq!(read, (shape, Ok(request.clone())));
    }
    let text = query().to_string();
    let request = decode::<QueryRequest<'_>>(text.as_bytes()).1.unwrap();
    assert_eq!(encode(&request, Shape::Bare, now()), br#"{"owner_id":"80000007","mer_order_id":"20211203092301","activity_id":"1100000086","trade_no":"202112030923010001"}"#);
}

#[test]
fn every_field_is_mandatory_but_post_notify() {
    for (field, _) in issue().as_object().unwrap() {
        let refused = refusal(Api::Issue, &without(issue(), field));
        assert_eq!(refused, format!("{field} 不能缺少"));
        assert_eq!(issue_refusal(field, json!("")), format!("{field} 不能为空"));
        for wrong in [json!(1), json!(null), json!({"a": 1}), json!([])] {
            assert_eq!(issue_refusal(field, wrong), format!("{field} 必须是字符串"));
        }
    }
    for (field, _) in query().as_object().unwrap() {
        let refused = refusal(Api::Query, &without(query(), field));
        assert_eq!(refused, format!("{field} 不能缺少"));
    }
    for none in [json!(""), json!(null)] {
        let body = with(issue(), "postNotify", none).to_string();
        assert_eq!(decode::<IssueRequest<'_>>(body.as_bytes()).1.unwrap().post_notify, None);
    }
    assert_eq!(issue_refusal("postNotify", json!(7)), "postNotify 必须是字符串");
}

#[test]
fn each_length_is_the_documents_and_counts_characters() {
    let accepted = |field: &str, length: usize| {
        let body = with(issue(), field, json!("花".repeat(length))).to_string();
        decode::<IssueRequest<'_>>(body.as_bytes()).1.is_ok()
    };
    for (field, most) in [
        ("member_id", 20),
        ("activity_id", 32),
        ("owner_id", 8),
        ("promotion_id", 32),
        ("channel_openid", 128),
        ("mer_order_id", 64),
    ] {
        assert!(accepted(field, most), "{field}");
        let refused = issue_refusal(field, json!("花".repeat(most + 1)));
        assert_eq!(refused, format!("{field} 长度不能超过 {most} 个字符"));
    }
    assert!(accepted("member_id", 10));
    let refused = issue_refusal("member_id", json!("花".repeat(9)));
    assert_eq!(refused, "member_id 长度不能少于 10 个字符");
    let address = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    for field in ["writeOffNotify", "postNotify"] {
        let body = with(issue(), field, json!(address(256))).to_string();
        assert!(decode::<IssueRequest<'_>>(body.as_bytes()).1.is_ok());
        let refused = issue_refusal(field, json!(address(257)));
        assert_eq!(refused, format!("{field} 长度不能超过 256 个字符"));
    }
    for (field, most) in
        [("owner_id", 8), ("mer_order_id", 64), ("activity_id", 32), ("trade_no", 64)]
    {
        let refused = refusal(Api::Query, &with(query(), field, json!("1".repeat(most + 1))));
        assert_eq!(refused, format!("{field} 长度不能超过 {most} 个字符"));
    }
}

#[test]
fn an_address_is_an_absolute_http_url_for_machines() {
    for good in ["http://a", "https://a:8443/x?y=%20z", "HTTPS://A.example", "http://[::1]:1/"] {
        let body = with(issue(), "writeOffNotify", json!(good)).to_string();
        assert!(decode::<IssueRequest<'_>>(body.as_bytes()).1.is_ok(), "{good}");
    }
    for wrong in [
        "a.example/x",
        "/x",
        "ftp://a.example",
        "file:///etc/passwd",
        "http:a.example",
        "http://",
        "http:///x",
        "http://:80/",
        "http://a:99999/",
        "http://[::1",
        "http://a b/",
        " http://a/",
        "http://a/\n",
        "http://a\\b/",
        "http://a/花",
        "javascript:alert(1)",
    ] {
        let refused = issue_refusal("writeOffNotify", json!(wrong));
        assert_eq!(refused, "writeOffNotify 必须是 http 或 https 的绝对地址", "{wrong}");
    }
    for wrong in ["http://u@a/", "http://u:p@a/", "http://:p@a/"] {
        let refused = issue_refusal("postNotify", json!(wrong));
        assert_eq!(refused, "postNotify 不能包含用户名或密码", "{wrong}");
    }
    let refused = issue_refusal("postNotify", json!("http://a/#x"));
    assert_eq!(refused, "postNotify 不能包含 # 片段");
}

#[test]
fn a_repeated_field_is_named() {
    let body = issue().to_string().replacen('{', r#"{"owner_id":"1","#, 1);
    let (_, read) = decode::<IssueRequest<'_>>(body.as_bytes());
    assert_eq!(read.unwrap_err().to_string(), "owner_id 不能重复");
}

#[test]
fn unknown_fields_are_ignored_in_both_shapes() {
    let body = with(issue(), "out_org_code", json!({"a": [1, null]}));
    assert!(decode::<IssueRequest<'_>>(body.to_string().as_bytes()).1.is_ok());
    let body = with(wrapped(&body), "out_org_code", json!("OP00000003"));
    assert!(decode::<IssueRequest<'_>>(body.to_string().as_bytes()).1.is_ok());
}

#[test]
fn the_wrapper_has_fields_of_its_own() {
    let refused = |body: Value| {
        let text = body.to_string();
        let (shape, read) = decode::<IssueRequest<'_>>(text.as_bytes());
        assert_eq!(shape, Shape::Wrapped);
        read.unwrap_err().to_string()
    };
    let good = || wrapped(&issue());
    assert_eq!(refused(without(good(), "req_time")), "req_time 不能缺少");
    assert_eq!(refused(without(good(), "version")), "version 不能缺少");
    assert_eq!(refused(with(good(), "version", json!("2.0"))), "version 必须是 3.0");
    assert_eq!(refused(with(good(), "version", json!(3.0))), "version 必须是字符串");
    for wrong in ["2025-11-21 10:00:00", "20251321100000", "now"] {
        let refused = refused(with(good(), "req_time", json!(wrong)));
        assert_eq!(refused, "req_time 必须是 yyyyMMddHHmmss 格式的时间");
    }
    for wrong in [json!([]), json!("x"), json!(1)] {
        assert_eq!(refused(with(good(), "req_data", wrong)), "req_data 必须是 JSON 对象");
    }
}

#[test]
fn what_is_not_one_json_object_is_not_json() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deep_within = wrapped(&issue()).to_string().replace("\"80000007\"", &"[".repeat(50_000));
    for body in ["", "null", "[]", "7", "{", "{}}", "\u{feff}{}", &deep, &deep_within] {
        let (shape, read) = decode::<QueryRequest<'_>>(body.as_bytes());
        assert_eq!((shape, read), (Shape::Bare, Err(DecodeError::NotJson)));
    }
    assert_eq!(Code::from(&DecodeError::NotJson), Code::BodyUnreadable);
}

#[test]
fn the_shape_is_known_before_the_rest_can_be_read() {
    assert_eq!(Shape::of(br#"{"req_data":7,"x":1}"#), Shape::Wrapped);
    for bare in [&b"{}"[..], b"", b"\xff", br#"{"req_data":"#, br#"{"req_data":null}"#] {
        assert_eq!(Shape::of(bare), Shape::Bare);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), header in ".*") {
        _ = decode::<IssueRequest<'_>>(&body);
        _ = decode::<QueryRequest<'_>>(&body);
        _ = sign::RequestSigned::parse(&header);
        _ = sign::CallbackSigned::parse(&format!("{} {header}", sign::SCHEME));
    }

    #[test]
    fn no_mutation_of_a_good_body_makes_it_panic(
        wrap in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let body = if wrap { wrapped(&issue()) } else { issue() };
        let mut body = body.to_string().into_bytes();
        for (at, byte, edit) in edits {
            let at = at.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => _ = body.remove(at),
            }
        }
        _ = decode::<IssueRequest<'_>>(&body);
        _ = decode::<QueryRequest<'_>>(&body);
    }

    /// A field's value is either accepted, or the refusal names that field and no other.
    #[test]
    fn a_refusal_names_the_field_that_is_wrong(
        field in prop::sample::select(vec!["member_id", "owner_id", "writeOffNotify", "postNotify"]),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            "(https?://)?.{0,60}".prop_map(Value::from),
            Just(json!({"a": {}})),
        ],
    ) {
        let body = with(issue(), field, value).to_string();
        match decode::<IssueRequest<'_>>(body.as_bytes()).1 {
            Ok(_) => {}
            Err(DecodeError::Field { field: named, .. }) => prop_assert_eq!(named, field),
            Err(DecodeError::NotJson) => prop_assert!(false, "valid JSON was called invalid"),
        }
    }

    #[test]
    fn a_header_that_is_written_is_read_back(
        appid in "[!#-+--~]{1,64}", serial_no in "[0-9a-fA-F]{1,64}",
        timestamp in "[0-9]{1,12}", nonce_str in "[0-9A-Za-z]{1,64}", signature in "[0-9A-Za-z+/=]{1,344}",
    ) {
        let signed = sign::RequestSigned {
            appid: &appid, serial_no: &serial_no, timestamp: &timestamp, nonce_str: &nonce_str,
        };
        let header = signed.to_header(&signature);
        prop_assert_eq!(sign::RequestSigned::parse(&header), Ok((signed, signature.as_str())));
    }
}
