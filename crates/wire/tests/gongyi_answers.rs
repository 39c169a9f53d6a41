//! Answers as they travel: what a server writes and what a client reads.
#![allow(clippy::unwrap_used, missing_docs)]

use huodong_wire::gongyi::{
    ActivityInfo, ActivityList, Donation, DonationStatus, Empty, Envelope, Exchange,
    FlowersAllowed, FlowersHistory, PreTryAnswer, XwjRule,
};
use insta::assert_snapshot;
use serde::Serialize;
use serde_json::value::RawValue;

fn written<T: Serialize>(code: i64, msg: &str, data: T) -> String {
    let trace_id = "1a2b3c4d5e6f708190a1b2c3d4e5f607".into();
    let envelope = Envelope { code, msg: msg.into(), op_time: 1_650_812_345, trace_id, data };
    String::from_utf8(envelope.to_json()).unwrap()
}

fn activity() -> ActivityInfo<'static> {
    ActivityInfo {
        activity_no: "123".into(),
        activity_type: 2,
        activity_name: "测试活动".into(),
        org_no: "110058".into(),
        activity_status: 2,
        money: "500000".into(),
        merchant_no: "19680000001".into(),
        project_no_list: vec!["224328".into(), "50000636".into()],
        xwj_rule: vec![XwjRule { content: "步行".into(), title: "绿色出行".into() }],
    }
}

fn donation(donate_status: DonationStatus) -> Donation<'static> {
    Donation {
        activity_no: "123456".into(),
        project_no: "224328".into(),
        third_uid: "user_001".into(),
        reward: 1000,
        money: 5000,
        reward_transcode: "trans_7890".into(),
        donate_transcode: "2026112110000000000000000042".into(),
        donate_status,
    }
}

#[test]
fn activities_are_a_list_in_the_documents_field_order() {
    let list = ActivityList { activity_info: vec![activity()] };
    assert_snapshot!(written(0, "Success", &list), @r#"{"code":0,"msg":"Success","op_time":1650812345,"trace_id":"1a2b3c4d5e6f708190a1b2c3d4e5f607","data":{"activity_info":[{"activity_no":"123","activity_type":2,"activity_name":"测试活动","org_no":"110058","activity_status":2,"money":"500000","merchant_no":"19680000001","project_no_list":["224328","50000636"],"xwj_rule":[{"content":"步行","title":"绿色出行"}]}]}}"#);
    assert_snapshot!(written(0, "Success", ActivityList::default()), @r#"{"code":0,"msg":"Success","op_time":1650812345,"trace_id":"1a2b3c4d5e6f708190a1b2c3d4e5f607","data":{"activity_info":[]}}"#);
}

#[test]
fn a_donation_is_answered_with_its_fields_and_status() {
    assert_snapshot!(written(0, "Success", donation(DonationStatus::Paid)), @r#"{"code":0,"msg":"Success","op_time":1650812345,"trace_id":"1a2b3c4d5e6f708190a1b2c3d4e5f607","data":{"activity_no":"123456","project_no":"224328","third_uid":"user_001","reward":1000,"money":5000,"reward_transcode":"trans_7890","donate_transcode":"2026112110000000000000000042","donate_status":11}}"#);
}

#[test]
fn a_refusal_carries_an_empty_object() {
    assert_snapshot!(written(32_240_001, "请求参数异常: money 不能缺少", Empty {}), @r#"{"code":32240001,"msg":"请求参数异常: money 不能缺少","op_time":1650812345,"trace_id":"1a2b3c4d5e6f708190a1b2c3d4e5f607","data":{}}"#);
}

#[test]
fn flowers_are_answered() {
    let data = |json: String| json.split_once(r#""data":"#).unwrap().1.to_owned();
    let refused = FlowersAllowed { attach: Some("今日已领 5 朵".into()) };
    assert_snapshot!(data(written(0, "Success", FlowersAllowed::default())), @"{}}");
    assert_snapshot!(data(written(30_110_502, "x", refused)), @r#"{"attach":"今日已领 5 朵"}}"#);
    assert_snapshot!(data(written(0, "x", PreTryAnswer { exchange_id: "7".into() })), @r#"{"exchange_id":"7"}}"#);
    assert_snapshot!(data(written(0, "x", Exchange { exchange_id: "".into(), xhh_code: 30_110_404 })), @r#"{"exchange_id":"","xhh_code":30110404}}"#);
    assert_snapshot!(data(written(0, "x", FlowersHistory { history_xhh: 12 })), @r#"{"history_xhh":12}}"#);
}

#[test]
fn an_answer_is_read_before_its_data() {
    let body = written(0, "Success", donation(DonationStatus::Placed));
    let read: Envelope<'_, Option<&RawValue>> = serde_json::from_str(&body).unwrap();
    assert_eq!(read.code, 0);
    let data: Donation<'static> = serde_json::from_str(read.data.unwrap().get()).unwrap();
    assert_eq!(data, donation(DonationStatus::Placed));
    let bare: Envelope<'_, Option<&RawValue>> = serde_json::from_str(r#"{"code":-1}"#).unwrap();
    assert_eq!((bare.code, bare.data.is_none()), (-1, true));
}

#[test]
fn activities_are_read_from_the_list_and_from_the_documents_bare_object() {
    let one = serde_json::to_string(&activity()).unwrap();
    let expected = ActivityList { activity_info: vec![activity()] };
    for data in [one.clone(), format!(r#"{{"activity_info":[{one}]}}"#)] {
        assert_eq!(serde_json::from_str::<ActivityList<'static>>(&data).unwrap(), expected);
    }
    for none in ["{}", r#"{"activity_info":[]}"#, r#"{"activity_info":null}"#] {
        let list: ActivityList<'static> = serde_json::from_str(none).unwrap();
        assert_eq!(list, ActivityList::default());
    }
}

#[test]
fn lists_written_as_null_are_empty() {
    let text = r#"{"activity_no":"1","activity_type":5,"activity_status":2,"money":"0","project_no_list":null}"#;
    let activity: ActivityInfo<'static> = serde_json::from_str(text).unwrap();
    assert_eq!((activity.project_no_list.len(), activity.xwj_rule.len()), (0, 0));
}

#[test]
fn a_status_of_no_enumeration_is_unknown_and_not_final() {
    for (number, status, is_final) in [
        (1, DonationStatus::Unknown(1), false),
        (2, DonationStatus::Placed, false),
        (11, DonationStatus::Paid, true),
        (13, DonationStatus::Failed, true),
        (15, DonationStatus::Refunded, true),
    ] {
        assert_eq!(serde_json::from_value::<DonationStatus>(number.into()).unwrap(), status);
        assert_eq!(serde_json::to_value(status).unwrap(), number);
        assert_eq!(status.is_final(), is_final);
    }
}
