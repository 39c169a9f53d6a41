//! The business messages: what is read, and how what is not is told.

use huodong_wire::ysepay::{
    ActivityInfo, AddDataAnswer, AddDataCode, AddDataRequest, Charset, ConsultAnswer, ConsultCode,
    ConsultRequest, ConsultResult, ConsultResultInfo, EnrolmentState, PhotoIds, Refused, SubCode,
    UploadAnswer, UploadRequest, decode, encode,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn upload() -> Value {
    json!({"meta": {
        "sysFlowId": "202511210001",
        "picType": "A001",
        "picNm": "学校.jpg",
        "sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    }})
}

fn add_data() -> Value {
    json!({
        "mercId": "826100053110001",
        "activityId": "schoolcanteen_001",
        "creator": "张三",
        "thirdMercIdCups": "1900001",
        "schoolPhoto": "213;123;",
        "frontPhoto": "7",
    })
}

fn consult() -> Value {
    json!({
        "merchantId": "2088",
        "userId": "2088102",
        "consultActivityInfoList": [{"activityId": "A1"}, {"activityId": "A2", "more": 1}],
    })
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (outer, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(outer).unwrap()[field] = value;
    body
}

fn without(mut body: Value, pointer: &str) -> Value {
    let (outer, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(outer).unwrap().as_object_mut().unwrap().remove(field);
    body
}

fn refused_upload(pointer: &str, value: Value) -> String {
    let text = with(upload(), pointer, value).to_string();
    decode::<UploadRequest<'_>>(&text).unwrap_err().to_string()
}

fn refused_add_data(pointer: &str, value: Value) -> String {
    let text = with(add_data(), pointer, value).to_string();
    decode::<AddDataRequest<'_>>(&text).unwrap_err().to_string()
}

fn refused_consult(pointer: &str, value: Value) -> String {
    let text = with(consult(), pointer, value).to_string();
    decode::<ConsultRequest<'_>>(&text).unwrap_err().to_string()
}

#[test]
fn an_upload_says_what_the_photo_is() {
    let text = upload().to_string();
    let UploadRequest { meta } = decode(&text).unwrap();
    assert_eq!(
        (&*meta.flow_id, &*meta.pic_type, &*meta.name),
        ("202511210001", "A001", "学校.jpg")
    );
    assert_eq!(meta.sha256[..2], [0x58, 0x91]);
    let upper = text.replace(
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03",
    );
    assert_eq!(decode::<UploadRequest<'_>>(&upper).unwrap().meta, meta);
    let written = encode(&UploadRequest { meta });
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), upload());
}

#[test]
fn an_uploads_fields_are_named_when_they_are_wrong() {
    for field in ["sysFlowId", "picType", "picNm", "sha256"] {
        let pointer = format!("/meta/{field}");
        let missing = without(upload(), &pointer).to_string();
        let missing = decode::<UploadRequest<'_>>(&missing).unwrap_err();
        assert_eq!(missing.code, AddDataCode::InvalidField);
        assert_eq!(missing.reason, format!("meta.{field} 不能缺少"));
        assert_eq!(refused_upload(&pointer, json!("")), format!("A029998 meta.{field} 不能为空"));
        let wrong = refused_upload(&pointer, json!(7));
        assert_eq!(wrong, format!("A029998 meta.{field} 必须是字符串"));
    }
    for (field, most) in [("sysFlowId", 64), ("picType", 64), ("picNm", 255)] {
        let pointer = format!("/meta/{field}");
        let text = with(upload(), &pointer, json!("图".repeat(most))).to_string();
        assert!(decode::<UploadRequest<'_>>(&text).is_ok(), "{field}");
        let wrong = refused_upload(&pointer, json!("图".repeat(most + 1)));
        assert_eq!(wrong, format!("A029998 meta.{field} 长度不能超过 {most} 个字符"));
    }
    for wrong in ["5891", "zz", &"5".repeat(63), &"5".repeat(65), &"花".repeat(64)] {
        let wrong = refused_upload("/meta/sha256", json!(wrong));
        assert_eq!(wrong, "A029998 meta.sha256 必须是 64 位十六进制的 SHA-256");
    }
    for wrong in [json!(null), json!("x"), json!(["a", "b", "c", "d"])] {
        assert_eq!(refused_upload("/meta", wrong), "A029998 meta 必须是对象");
    }
    assert_eq!(decode::<UploadRequest<'_>>("{}").unwrap_err().to_string(), "A029998 meta 不能缺少");
}

#[test]
fn an_enrolment_is_read_and_written_alike() {
    let text = add_data().to_string();
    let request: AddDataRequest<'_> = decode(&text).unwrap();
    assert_eq!(request.school.ids(), ["213", "123"]);
    assert_eq!(request.front.ids(), ["7"]);
    assert_eq!(request.school, PhotoIds::of(["213", "123"]));
    assert!(request.rental.is_empty() && request.rental.ids().is_empty());
    assert_eq!(request.supplementary_remark, None);
    assert_eq!(request.third_merc_id_cups.as_deref(), Some("1900001"));
    assert!(matches!(request.merc_id, std::borrow::Cow::Borrowed("826100053110001")));
    let written = serde_json::from_str::<Value>(&encode(&request)).unwrap();
    assert_eq!(written, with(add_data(), "/schoolPhoto", json!("213;123")));
}

#[test]
fn every_field_of_an_enrolment_has_its_wire_name_and_length() {
    const PHOTOS: [&str; 10] = [
        "schoolPhoto",
        "cooperationPhoto",
        "perferentPhoto",
        "restaurentEnvironmentPhoto",
        "restaurentFrontPhoto",
        "teachingCommitmentPhoto",
        "organizationPhoto",
        "rentmentCommitmentPhoto",
        "frontPhoto",
        "supplementaryPicture",
    ];
    for (field, most, must) in [
        ("mercId", 20, true),
        ("activityId", 20, true),
        ("creator", 15, true),
        ("supplementaryRemark", 2000, false),
        ("thirdMercIdCups", 20, false),
        ("thirdMercIdNucc", 20, false),
    ]
    .into_iter()
    .chain(PHOTOS.map(|photo| (photo, 1000, false)))
    {
        let pointer = format!("/{field}");
        let longest = with(add_data(), &pointer, json!("花".repeat(most))).to_string();
        assert!(decode::<AddDataRequest<'_>>(&longest).is_ok(), "{field}");
        let wrong = refused_add_data(&pointer, json!("花".repeat(most + 1)));
        assert_eq!(wrong, format!("A029998 {field} 长度不能超过 {most} 个字符"));
        assert_eq!(refused_add_data(&pointer, json!(1)), format!("A029998 {field} 必须是字符串"));
        for none in [json!(""), json!(null)] {
            let text = with(add_data(), &pointer, none).to_string();
            assert_eq!(decode::<AddDataRequest<'_>>(&text).is_err(), must, "{field}");
        }
    }
    for (at, field) in PHOTOS.into_iter().enumerate() {
        let text = with(add_data(), &format!("/{field}"), json!("31;32")).to_string();
        let request: AddDataRequest<'_> = decode(&text).unwrap();
        let (name, ids) = request.photos()[at];
        assert_eq!((name, ids.ids()), (field, vec!["31", "32"]));
    }
}

#[test]
fn five_photos_are_the_most_and_more_have_their_own_code() {
    for five in ["1;2;3;4;5", "1;2;3;4;5;"] {
        let text = with(add_data(), "/frontPhoto", json!(five)).to_string();
        let request: AddDataRequest<'_> = decode(&text).unwrap();
        assert_eq!(request.front.ids(), ["1", "2", "3", "4", "5"]);
    }
    for six in ["1;2;3;4;5;6", "1;2;3;4;5;6;"] {
        let text = with(add_data(), "/supplementaryPicture", json!(six)).to_string();
        let refused = decode::<AddDataRequest<'_>>(&text).unwrap_err();
        assert_eq!(refused.code, AddDataCode::TooManyPhotos);
        assert_eq!(refused.reason, "supplementaryPicture");
    }
    // What is wrong with a single field comes first.
    let body = with(add_data(), "/frontPhoto", json!("1;2;3;4;5;6"));
    let wrong = refusal_of_add_data(&without(body, "/creator"));
    assert_eq!(wrong, "A029998 creator 不能缺少");
}

fn refusal_of_add_data(body: &Value) -> String {
    decode::<AddDataRequest<'_>>(&body.to_string()).unwrap_err().to_string()
}

#[test]
fn a_list_of_photos_has_no_empty_id() {
    for wrong in [";", ";;", "1;;2", ";1", "1;;"] {
        let refused = refused_add_data("/schoolPhoto", json!(wrong));
        assert_eq!(refused, "A029998 schoolPhoto 图片 id 不能为空", "{wrong}");
    }
}

#[test]
fn a_consult_is_read_and_written_alike() {
    let text = consult().to_string();
    let request: ConsultRequest<'_> = decode(&text).unwrap();
    let info = |id: &'static str| ActivityInfo { activity_id: id.into() };
    assert_eq!(request.activities, [info("A1"), info("A2")]);
    assert_eq!((request.open_id.as_deref(), request.user_id.as_deref()), (None, Some("2088102")));
    let written = serde_json::from_str::<Value>(&encode(&request)).unwrap();
    let list = json!([{"activityId": "A1"}, {"activityId": "A2"}]);
    assert_eq!(written, with(consult(), "/consultActivityInfoList", list));
}

#[test]
fn one_of_open_id_and_user_id_is_given() {
    let both = refused_consult("/openId", json!("o"));
    assert_eq!(both, "901001001 openId 与 userId 必须二选一");
    assert_eq!(refused_consult("/userId", json!("")), both);
    assert_eq!(refused_consult("/userId", json!(null)), both);
    let text = with(without(consult(), "/userId"), "/openId", json!("o".repeat(128))).to_string();
    assert!(decode::<ConsultRequest<'_>>(&text).is_ok());
    for (field, most) in [("/openId", 128), ("/userId", 64), ("/merchantId", 64)] {
        let wrong = refused_consult(field, json!("花".repeat(most + 1)));
        assert_eq!(wrong, format!("901001001 {} 长度不能超过 {most} 个字符", &field[1..]));
    }
}

#[test]
fn one_to_a_hundred_activities_are_asked_about() {
    let list = |count: usize| json!(vec![json!({"activityId": "A"}); count]);
    let text = with(consult(), "/consultActivityInfoList", list(100)).to_string();
    assert_eq!(decode::<ConsultRequest<'_>>(&text).unwrap().activities.len(), 100);
    let refused = |value| refused_consult("/consultActivityInfoList", value);
    let named = |reason: &str| format!("901001001 consultActivityInfoList{reason}");
    assert_eq!(refused(list(101)), named(" 不能超过 100 个"));
    assert_eq!(refused(json!([])), named(" 不能为空"));
    assert_eq!(refused(json!({"activityId": "A"})), named(" 必须是数组"));
    assert_eq!(refused(json!("A")), named(" 必须是数组"));
    assert_eq!(refused(json!(["A"])), named("[0] 必须是对象"));
    assert_eq!(refused(json!([{"activityId": "A"}, ["A"]])), named("[1] 必须是对象"));
    assert_eq!(refused(json!([{"activityId": "A"}, {}])), named("[1].activityId 不能缺少"));
    assert_eq!(refused(json!([{"activityId": 7}])), named("[0].activityId 必须是字符串"));
    let long = json!([{"activityId": "花".repeat(65)}]);
    assert_eq!(refused(long), named("[0].activityId 长度不能超过 64 个字符"));
    // A good list is not blamed for what comes after it.
    let body = json!({"consultActivityInfoList": [{"activityId": "A"}], "userId": 1});
    let wrong = decode::<ConsultRequest<'_>>(&body.to_string()).unwrap_err().to_string();
    assert_eq!(wrong, "901001001 userId 必须是字符串");
}

#[test]
fn what_is_no_object_is_told() {
    for wrong in ["", "[]", "null", "7", "\"x\"", "{", "{} {}"] {
        let told = decode::<ConsultRequest<'_>>(wrong).unwrap_err().to_string();
        assert_eq!(told, "901001001 bizContent 必须是 JSON 对象", "{wrong}");
    }
    let told = Refused::<AddDataCode>::not_text(Charset::Gbk).to_string();
    assert_eq!(told, "A029998 bizContent 不是 gbk 编码的文本");
}

#[test]
fn answers_are_written_as_the_documents_print_them() {
    assert_eq!(encode(&UploadAnswer { photo_id: "123".into() }), r#"{"picId":"123"}"#);
    let answer = AddDataAnswer { state: EnrolmentState::Pending, req_msg_id: "28".into() };
    assert_eq!(encode(&answer), r#"{"state":"PENDING","reqMsgId":"28"}"#);
    let results = [
        ("A1", ConsultResult::Success),
        ("A2", ConsultResult::CountOverLimit),
        ("A3", ConsultResult::BudgetNotEnough),
        ("A4", ConsultResult::ActivityNotStart),
        ("A5", ConsultResult::ActivityNotPermission),
        ("A6", ConsultResult::Other),
    ]
    .map(|(id, result)| ConsultResultInfo { activity_id: id.into(), result });
    let answer =
        ConsultAnswer { open_id: "o".into(), results: results.to_vec(), ..Default::default() };
    insta::assert_snapshot!(encode(&answer), @r#"{"openId":"o","consultResultInfoList":[{"activityId":"A1","consultResultCode":"SUCCESS"},{"activityId":"A2","consultResultCode":"COUNT_OVER_LIMIT"},{"activityId":"A3","consultResultCode":"BUDGET_NOT_ENOUGH"},{"activityId":"A4","consultResultCode":"ACTIVITY_NOT_START"},{"activityId":"A5","consultResultCode":"ACTIVITY_NOT_PERMISSION"},{"activityId":"A6","consultResultCode":"OTHER"}]}"#);
    let read: ConsultAnswer<'_> = serde_json::from_str(&encode(&answer)).unwrap();
    assert_eq!(read, answer);
}

#[test]
fn a_client_reads_answers_that_have_grown() {
    let read: UploadAnswer<'_> = serde_json::from_str(r#"{"picId":123,"new":[1]}"#).unwrap();
    assert_eq!(read.photo_id, "123");
    let read: AddDataAnswer<'_> =
        serde_json::from_str(r#"{"state":"AUDITING","reqMsgId":null}"#).unwrap();
    assert_eq!(read.state, EnrolmentState::Unknown("AUDITING".to_owned()));
    assert_eq!(read.req_msg_id, "");
    let read: ConsultAnswer<'_> = serde_json::from_str(
        r#"{"consultResultInfoList":[{"activityId":"A","consultResultCode":"NEW"}]}"#,
    )
    .unwrap();
    assert_eq!(read.results[0].result, ConsultResult::Unknown("NEW".to_owned()));
    assert_eq!(ConsultCode::from_number("0"), Some(ConsultCode::Success));
    assert_eq!(AddDataCode::from_number("0"), None);
}

proptest! {
    #[test]
    fn no_text_makes_a_decoder_panic(text in "\\PC*") {
        let _ = decode::<UploadRequest<'_>>(&text);
        let _ = decode::<AddDataRequest<'_>>(&text);
        let _ = decode::<ConsultRequest<'_>>(&text);
    }

    #[test]
    fn lists_of_photos_are_read_as_written(ids in prop::collection::vec("[^;\\x00-\\x1f\"\\\\]{1,9}", 1..=5)) {
        let meta = PhotoIds::of(&ids);
        prop_assert_eq!(meta.ids(), ids.clone());
        let request = AddDataRequest { merc_id: "m".into(), activity_id: "a".into(), creator: "c".into(), front: meta, ..Default::default() };
        let text = encode(&request);
        let read: AddDataRequest<'_> = decode(&text).unwrap();
        prop_assert_eq!(read.front.ids(), ids);
    }
}
