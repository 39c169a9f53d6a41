//! What is accepted as a request, and how what is not is told apart.
#![allow(clippy::unwrap_used, missing_docs)]

use huodong_wire::gongyi::{
    Api, BusinessInfo, CheckIsTransExist, CheckXhh, Code, DecodeError, GetActivityInfo, PreTry,
    QueryUserXhh, Request, RewardDonateQuery, RewardToDonate, decode,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn donate() -> Value {
    json!({
        "activity_no": "123456",
        "project_no": "224328",
        "third_uid": "user_001",
        "reward": 1000,
        "reward_transcode": "trans_7890",
        "reward_time": "2025-08-01 12:00:00",
        "money": 5000,
        "bid": "12345",
    })
}

fn query() -> Value {
    json!({
        "activity_no": "123456",
        "project_no": "224328",
        "third_uid": "user_001",
        "donate_transcode": "donate_12345",
        "bid": "12345",
        "reward_transcode": "trans_7890",
    })
}

fn pre_try() -> Value {
    json!({
        "open_id": "user_001",
        "trans_code": "20250801_0001",
        "time_start": "2025-08-01 12:00:00",
        "time_expire": "2025-08-01 12:10:00",
        "xhh_num": 3,
        "business_info": r#"{"donate_transcode":"d_1","reward_transcode":"trans_7890"}"#,
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Vec<u8> {
    body[field] = value;
    body.to_string().into_bytes()
}

fn without(mut body: Value, field: &str) -> Vec<u8> {
    body.as_object_mut().unwrap().remove(field);
    body.to_string().into_bytes()
}

/// The text a partner reads, or what was decoded.
fn refusal<'a, R: Request<'a> + std::fmt::Debug>(body: &'a [u8]) -> String {
    match decode::<R>(body) {
        Err(error @ DecodeError::Field { .. }) => {
            assert_eq!(Code::from(&error), Code::InvalidRequest);
            error.to_string()
        }
        other => panic!("not refused for a field: {other:?}"),
    }
}

fn donate_refusal(field: &str, value: Value) -> String {
    refusal::<RewardToDonate<'_>>(&with(donate(), field, value))
}

#[test]
fn the_documents_example_is_accepted_without_copying() {
    let body = donate().to_string();
    let donate: RewardToDonate<'_> = decode(body.as_bytes()).unwrap();
    assert_eq!(donate.reward_time.to_string(), "2025-08-01T12:00:00");
    assert_eq!((donate.reward, donate.money), (1000, 5000));
    assert!(matches!(donate.bid, std::borrow::Cow::Borrowed("12345")));
}

#[test]
fn unknown_fields_are_ignored() {
    let body = with(donate(), "new_field", json!({"a": [1, null, "x"]}));
    assert!(decode::<RewardToDonate<'_>>(&body).is_ok());
}

#[test]
fn escaped_strings_are_accepted() {
    let body = donate().to_string().replace("user_001", r"\u82b1\n");
    assert_eq!(decode::<RewardToDonate<'_>>(body.as_bytes()).unwrap().third_uid, "花\n");
}

#[test]
fn every_field_of_a_donation_is_mandatory() {
    for (field, _) in donate().as_object().unwrap() {
        let refused = refusal::<RewardToDonate<'_>>(&without(donate(), field));
        assert_eq!(refused, format!("{field} 不能缺少"));
    }
}

#[test]
fn a_wrong_type_is_named() {
    for field in ["activity_no", "project_no", "third_uid", "reward_transcode", "bid"] {
        for wrong in [json!(1), json!(null), json!(true), json!([]), json!({"a": 1})] {
            assert_eq!(donate_refusal(field, wrong), format!("{field} 必须是字符串"));
        }
    }
    for field in ["reward", "money"] {
        for wrong in [json!("5000"), json!(null), json!(1.5), json!([5]), json!(false)] {
            assert_eq!(
                donate_refusal(field, wrong),
                format!("{field} 必须是介于 0 到 4294967295 之间的整数")
            );
        }
    }
}

#[test]
fn a_number_outside_uint32_is_named() {
    for wrong in ["-1", "4294967296", "18446744073709551616", "1e999", "-9223372036854775809"] {
        let body = donate().to_string().replace("5000", wrong);
        assert_eq!(
            refusal::<RewardToDonate<'_>>(body.as_bytes()),
            "money 必须是介于 0 到 4294967295 之间的整数",
            "{wrong}"
        );
    }
    assert!(decode::<RewardToDonate<'_>>(&with(donate(), "money", json!(u32::MAX))).is_ok());
}

#[test]
fn lengths_count_characters_not_bytes() {
    for field in ["activity_no", "project_no", "third_uid", "reward_transcode", "bid"] {
        let most = with(donate(), field, json!("花".repeat(64)));
        assert!(decode::<RewardToDonate<'_>>(&most).is_ok(), "{field}");
        let refused = donate_refusal(field, json!("花".repeat(65)));
        assert_eq!(refused, format!("{field} 长度不能超过 64 个字符"));
    }
}

#[test]
fn a_mandatory_string_is_not_empty() {
    for field in ["activity_no", "third_uid", "reward_transcode", "bid", "reward_time"] {
        assert_eq!(donate_refusal(field, json!("")), format!("{field} 不能为空"));
    }
}

#[test]
fn a_repeated_field_is_named() {
    let body = donate().to_string().replacen('{', r#"{"money":1,"#, 1);
    assert_eq!(refusal::<RewardToDonate<'_>>(body.as_bytes()), "money 不能重复");
    let body = donate().to_string().replacen('{', r#"{"x":1,"x":2,"#, 1);
    assert!(decode::<RewardToDonate<'_>>(body.as_bytes()).is_ok());
}

#[test]
fn reward_time_has_one_format() {
    for wrong in ["2025-08-01T12:00:00", "2025-08-01 12:00", "2025-02-30 00:00:00", "x"] {
        let refused = donate_refusal("reward_time", json!(wrong));
        assert_eq!(refused, "reward_time 必须是 yyyy-MM-dd HH:mm:ss 格式的时间");
    }
    assert_eq!(donate_refusal("reward_time", json!(1754020800)), "reward_time 必须是字符串");
}

#[test]
fn a_broken_escape_in_a_field_is_named() {
    let body = donate().to_string().replace("user_001", r"\ud800");
    assert_eq!(refusal::<RewardToDonate<'_>>(body.as_bytes()), "third_uid 不是合法的字符串");
}

#[test]
fn what_is_not_one_json_object_is_not_json() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deep_in_known = donate().to_string().replace("5000", &"[".repeat(50_000));
    let half = &donate().to_string()[..60];
    let twice = donate().to_string().repeat(2);
    let array = json!(["123", "1", "u", 1, "t", "2025-08-01 12:00:00", 1, "b"]).to_string();
    for body in ["", " ", "null", "[]", "7", "\u{feff}{}", "{", "{}}", "{'a':1}"] {
        assert_eq!(decode::<GetActivityInfo<'_>>(body.as_bytes()), Err(DecodeError::NotJson));
    }
    for body in [&deep, &deep_in_known, half, &twice, &array] {
        assert_eq!(decode::<RewardToDonate<'_>>(body.as_bytes()), Err(DecodeError::NotJson));
    }
    assert_eq!(Code::from(&DecodeError::NotJson), Code::BodyUnreadable);
}

#[test]
fn broken_utf8_is_not_json_even_in_an_unknown_field() {
    let mut body = with(donate(), "note", json!("@"));
    let at = body.iter().position(|byte| *byte == b'@').unwrap();
    body[at] = 0xff;
    assert_eq!(decode::<RewardToDonate<'_>>(&body), Err(DecodeError::NotJson));
}

#[test]
fn many_brackets_that_are_not_deep_are_fine() {
    let wide = with(donate(), "list", json!(vec![json!([]); 1_000]));
    assert!(decode::<RewardToDonate<'_>>(&wide).is_ok());
    let text = with(donate(), "text", json!("[".repeat(1_000)));
    assert!(decode::<RewardToDonate<'_>>(&text).is_ok());
}

#[test]
fn a_huge_body_is_refused_without_a_panic() {
    let refused = donate_refusal("third_uid", json!("u".repeat(1 << 20)));
    assert_eq!(refused, "third_uid 长度不能超过 64 个字符");
    let fields = (0..100_000).map(|n| format!(r#","{n}":1"#)).collect::<String>();
    let body = format!(r#"{{"money":"x"{fields}}}"#);
    assert_eq!(
        refusal::<RewardToDonate<'_>>(body.as_bytes()),
        "money 必须是介于 0 到 4294967295 之间的整数"
    );
}

#[test]
fn a_query_names_its_donation_one_way_or_the_other() {
    let refused = |fields: &[&str]| {
        let mut body = query();
        for field in fields {
            body[field] = json!("");
        }
        decode::<RewardDonateQuery<'_>>(body.to_string().as_bytes()).err().map(|e| e.to_string())
    };
    assert_eq!(refused(&[]), None);
    assert_eq!(refused(&["bid"]), None);
    assert_eq!(refused(&["donate_transcode"]), None);
    assert_eq!(refused(&["donate_transcode", "bid"]).as_deref(), Some("bid 不能缺少"));
    assert_eq!(
        refused(&["donate_transcode", "reward_transcode"]).as_deref(),
        Some("reward_transcode 不能缺少")
    );
    assert_eq!(
        refused(&["donate_transcode", "bid", "reward_transcode"]).as_deref(),
        Some("donate_transcode 与 bid+reward_transcode 必须传入其一")
    );
}

#[test]
fn a_query_takes_null_and_nothing_as_absent() {
    for absent in [with(query(), "bid", json!(null)), without(query(), "bid")] {
        assert_eq!(decode::<RewardDonateQuery<'_>>(&absent).unwrap().bid, None);
    }
    let wrong = with(query(), "bid", json!(5));
    assert_eq!(refusal::<RewardDonateQuery<'_>>(&wrong), "bid 必须是字符串");
    let long = with(query(), "donate_transcode", json!("d".repeat(65)));
    assert_eq!(refusal::<RewardDonateQuery<'_>>(&long), "donate_transcode 长度不能超过 64 个字符");
    for field in ["activity_no", "project_no", "third_uid"] {
        let refused = refusal::<RewardDonateQuery<'_>>(&without(query(), field));
        assert_eq!(refused, format!("{field} 不能缺少"));
    }
}

#[test]
fn flowers_come_as_a_number_or_as_digits() {
    for good in [json!(3), json!("3"), json!("0003")] {
        assert_eq!(decode::<PreTry<'_>>(&with(pre_try(), "xhh_num", good)).unwrap().xhh_num, 3);
    }
    for wrong in [json!("-3"), json!("+3"), json!(""), json!("3.0"), json!("4294967296"), json!([])]
    {
        let refused = refusal::<PreTry<'_>>(&with(pre_try(), "xhh_num", wrong));
        assert_eq!(refused, "xhh_num 必须是介于 0 到 4294967295 之间的整数");
    }
}

#[test]
fn business_info_is_a_string_of_json_or_the_object() {
    let expected = BusinessInfo {
        donate_transcode: Some("d_1".into()),
        reward_transcode: Some("trans_7890".into()),
    };
    let object = json!({"donate_transcode": "d_1", "reward_transcode": "trans_7890", "x": []});
    let body = pre_try().to_string().into_bytes();
    assert_eq!(decode::<PreTry<'_>>(&body).unwrap().business_info.as_ref(), Some(&expected));
    let body = with(pre_try(), "business_info", object);
    assert_eq!(decode::<PreTry<'_>>(&body).unwrap().business_info, Some(expected));
    for none in [json!(""), json!(null)] {
        let body = with(pre_try(), "business_info", none);
        assert_eq!(decode::<PreTry<'_>>(&body).unwrap().business_info, None);
    }
}

#[test]
fn a_wrong_business_info_is_named() {
    let refused = |value| refusal::<PreTry<'_>>(&with(pre_try(), "business_info", value));
    for wrong in [json!("x"), json!("[]"), json!(7), json!([])] {
        assert_eq!(refused(wrong), "business_info 必须是内容为 JSON 对象的字符串");
    }
    assert_eq!(
        refused(json!(r#"{"donate_transcode":7}"#)),
        "business_info 中的 donate_transcode 必须是字符串"
    );
    assert_eq!(
        refused(json!({"donate_transcode": 7})),
        "business_info.donate_transcode 必须是字符串"
    );
    assert_eq!(
        refused(json!({"reward_transcode": "r"})),
        "business_info.donate_transcode 不能缺少"
    );
}

#[test]
fn the_flowers_window_is_at_most_ten_minutes() {
    let refused =
        |expire: &str| refusal::<PreTry<'_>>(&with(pre_try(), "time_expire", expire.into()));
    assert_eq!(refused("2025-08-01 12:10:01"), "time_expire 不能晚于 time_start 10 分钟以上");
    assert_eq!(refused("2025-08-01 11:59:59"), "time_expire 不能早于 time_start");
}

#[test]
fn a_trans_code_begins_with_a_day_and_is_short() {
    for (wrong, reason) in [
        ("20250230x", "必须以 yyyyMMdd 格式的日期开头"),
        ("2025", "必须以 yyyyMMdd 格式的日期开头"),
        ("2025080花x", "必须以 yyyyMMdd 格式的日期开头"),
        ("202508011234567890123456789012345", "长度不能超过 32 个字符"),
    ] {
        let body = with(pre_try(), "trans_code", json!(wrong));
        assert_eq!(refusal::<PreTry<'_>>(&body), format!("trans_code {reason}"));
        let body = json!({"open_id": "u", "trans_code": wrong}).to_string();
        let refused = refusal::<CheckIsTransExist<'_>>(body.as_bytes());
        assert_eq!(refused, format!("trans_code {reason}"));
    }
}

#[test]
fn an_open_id_has_at_most_32_characters() {
    let body = json!({"open_id": "u".repeat(33)}).to_string();
    assert_eq!(refusal::<QueryUserXhh<'_>>(body.as_bytes()), "open_id 长度不能超过 32 个字符");
}

#[test]
fn a_flowers_check_names_a_real_day() {
    let body = |day: &str| json!({"open_id": "u", "trans_date": day, "xhh_num": "1"}).to_string();
    let check = body("20250801");
    assert_eq!(decode::<CheckXhh<'_>>(check.as_bytes()).unwrap().trans_date.day(), 1);
    for wrong in ["20250832", "2025-08-01"] {
        let refused = refusal::<CheckXhh<'_>>(body(wrong).as_bytes());
        assert_eq!(refused, "trans_date 必须是 yyyyMMdd 格式的日期");
    }
}

/// What is written is read back, and says the same to a server.
fn round_trip<'a, R: Request<'a> + PartialEq + std::fmt::Debug>(body: &'a [u8]) -> Api {
    let request = decode::<R>(body).unwrap();
    let written = serde_json::to_vec(&request).unwrap();
    let again = serde_json::from_slice::<Value>(&written).unwrap();
    let first = serde_json::from_slice::<Value>(body).unwrap();
    assert_eq!(again, first);
    R::API
}

#[test]
fn the_clients_requests_are_the_servers() {
    let check = json!({"open_id": "u", "trans_date": "20250801", "xhh_num": 2, "business_id": "b"});
    let exist = json!({"open_id": "u", "trans_code": "20250801"});
    round_trip::<GetActivityInfo<'_>>(br#"{"project_no":"224328"}"#);
    round_trip::<RewardToDonate<'_>>(donate().to_string().as_bytes());
    round_trip::<RewardDonateQuery<'_>>(query().to_string().as_bytes());
    round_trip::<CheckXhh<'_>>(check.to_string().as_bytes());
    round_trip::<PreTry<'_>>(pre_try().to_string().as_bytes());
    round_trip::<CheckIsTransExist<'_>>(exist.to_string().as_bytes());
    round_trip::<QueryUserXhh<'_>>(br#"{"open_id":"u"}"#);
}

fn decode_all(body: &[u8]) {
    _ = decode::<GetActivityInfo<'_>>(body);
    _ = decode::<RewardToDonate<'_>>(body);
    _ = decode::<RewardDonateQuery<'_>>(body);
    _ = decode::<CheckXhh<'_>>(body);
    _ = decode::<PreTry<'_>>(body);
    _ = decode::<CheckIsTransExist<'_>>(body);
    _ = decode::<QueryUserXhh<'_>>(body);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&body);
    }

    #[test]
    fn no_mutation_of_a_good_body_makes_it_panic(
        which in 0_usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut body = [donate(), query(), pre_try()][which].to_string().into_bytes();
        for (at, byte, edit) in edits {
            let at = at.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => _ = body.remove(at),
            }
        }
        decode_all(&body);
    }

    /// A field's value is either accepted, or the refusal names that field and no other.
    #[test]
    fn a_refusal_names_the_field_that_is_wrong(
        field in prop::sample::select(vec!["third_uid", "reward", "reward_time", "money", "bid"]),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,80}".prop_map(Value::from),
            Just(Value::Null),
            Just(json!([[]])),
            Just(json!({"a": {}})),
        ],
    ) {
        match decode::<RewardToDonate<'_>>(&with(donate(), field, value)) {
            Ok(_) => {}
            Err(DecodeError::Field { field: named, .. }) => prop_assert_eq!(named, field),
            Err(DecodeError::NotJson) => prop_assert!(false, "valid JSON was called invalid"),
        }
    }
}
