//! Answers as they travel: what a server writes and what a client reads.

use huodong_wire::lakala::{Code, IssueData, QueryData, Reply, Shape, TradeStatus, UsageStatus};
use insta::assert_snapshot;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use serde_json::value::RawValue;

fn now() -> DateTime {
    date(2025, 11, 21).at(10, 0, 5, 0)
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

fn issued() -> IssueData<'static> {
    IssueData {
        res_code: "000000".into(),
        fail_msg: "".into(),
        activity_id: "1100000086".into(),
        owner_id: "80000007".into(),
        promotion_id: "WX1623452352312523523".into(),
        third_coupon_id: "wxd596543989121024".into(),
        mer_order_id: "20211203092301".into(),
        trade_no: "202112030923010001".into(),
        batch_code: "1254325364564365".into(),
        channel_openid: "oKL-mwRzR-SBfI4QDAI1QXOpkyc8".into(),
        trade_status: Some(TradeStatus::Success),
    }
}

fn used() -> QueryData<'static> {
    QueryData {
        res_code: "000000".into(),
        fail_msg: "".into(),
        trade_status: Some(TradeStatus::Success),
        promo_amount: Some(1000),
        total_amount: Some(9000),
        org_amount: Some(10_000),
        gmt_used: Some(date(2021, 12, 3).at(10, 30, 0, 0)),
        usage: Some(UsageStatus::Used),
    }
}

#[test]
fn an_issue_is_answered_as_the_document_shows() {
    let body = text(Reply::success(issued()).encode(Shape::Bare, now()));
    assert_snapshot!(body, @r#"{"msg":"处理成功","code":"000000","data":{"resCode":"000000","failMsg":"","activity_id":"1100000086","owner_id":"80000007","promotion_id":"WX1623452352312523523","third_coupon_id":"wxd596543989121024","mer_order_id":"20211203092301","trade_no":"202112030923010001","batch_code":"1254325364564365","channel_openid":"oKL-mwRzR-SBfI4QDAI1QXOpkyc8","trade_status":"SUCCESS"}}"#);
}

#[test]
fn a_query_is_answered_as_the_document_shows() {
    let body = text(Reply::success(used()).encode(Shape::Bare, now()));
    assert_snapshot!(body, @r#"{"msg":"处理成功","code":"000000","data":{"resCode":"000000","failMsg":"","trade_status":"SUCCESS","promo_amount":"1000","total_amount":"9000","org_amount":"10000","gmt_used":"2021-12-03 10:30:00","tradeStatus":"USED"}}"#);
}

#[test]
fn a_refusal_leaves_all_else_empty() {
    let refused = Reply::<IssueData<'_>>::refused(Code::Internal, Code::Internal.text());
    assert_snapshot!(text(refused.encode(Shape::Bare, now())), @r#"{"msg":"系统异常","code":"999999","data":{"resCode":"999999","failMsg":"系统异常","activity_id":"","owner_id":"","promotion_id":"","third_coupon_id":"","mer_order_id":"","trade_no":"","batch_code":"","channel_openid":"","trade_status":""}}"#);
    let refused = Reply::<QueryData<'_>>::refused(Code::Internal, Code::Internal.text());
    assert_snapshot!(text(refused.encode(Shape::Bare, now())), @r#"{"msg":"系统异常","code":"999999","data":{"resCode":"999999","failMsg":"系统异常","trade_status":"","promo_amount":"","total_amount":"","org_amount":"","gmt_used":"","tradeStatus":""}}"#);
}

#[test]
fn a_wrapped_answer_holds_the_bare_one() {
    let refused = Reply::<QueryData<'_>>::refused(Code::OrderNotFound, "订单不存在");
    assert_snapshot!(text(refused.encode(Shape::Wrapped, now())), @r#"{"code":"200004","msg":"订单不存在","resp_time":"20251121100005","resp_data":{"msg":"订单不存在","code":"200004","data":{"resCode":"200004","failMsg":"订单不存在","trade_status":"","promo_amount":"","total_amount":"","org_amount":"","gmt_used":"","tradeStatus":""}}}"#);
}

/// The answer and its data, as a client takes them.
fn read(body: &[u8]) -> (Shape, String, IssueData<'static>) {
    let (shape, reply) = Reply::<&RawValue>::read(body).unwrap();
    let data = reply
        .data
        .map_or_else(IssueData::default, |data| serde_json::from_str(data.get()).unwrap());
    (shape, format!("{} {}", reply.code, reply.msg), data)
}

#[test]
fn an_answer_is_read_in_either_shape() {
    for shape in [Shape::Bare, Shape::Wrapped] {
        let body = Reply::success(issued()).encode(shape, now());
        assert_eq!(read(&body), (shape, "000000 处理成功".to_owned(), issued()));
        let body = Reply::success(used()).encode(shape, now());
        let (_, reply) = Reply::<&RawValue>::read(&body).unwrap();
        assert_eq!(reply.known(), Some(Code::Success));
        let data = serde_json::from_str::<QueryData<'static>>(reply.data.unwrap().get()).unwrap();
        assert_eq!(data, used());
    }
}

#[test]
fn an_answer_may_say_less() {
    let none = IssueData::default;
    for (body, shape, said, data) in [
        (r#"{"code":"A1"}"#, Shape::Bare, "A1 ", none()),
        (r#"{"code":"A1","msg":null,"data":null}"#, Shape::Bare, "A1 ", none()),
        (r#"{"code":"A1","msg":"m","resp_data":null}"#, Shape::Bare, "A1 m", none()),
        (r#"{"code":"A1","msg":"m","resp_data":{}}"#, Shape::Wrapped, "A1 m", none()),
        (
            r#"{"code":"0","resp_data":{"code":"1","msg":"n","data":{"resCode":null}}}"#,
            Shape::Wrapped,
            "1 n",
            none(),
        ),
        (
            r#"{"code":"000000","resp_data":{"resCode":"5","openId":"o"}}"#,
            Shape::Wrapped,
            "000000 ",
            IssueData { res_code: "5".into(), channel_openid: "o".into(), ..none() },
        ),
    ] {
        assert_eq!(read(body.as_bytes()), (shape, said.to_owned(), data), "{body}");
    }
    for wrong in [
        "",
        "{}",
        "null",
        r#"{"code":7}"#,
        r#"{"code":""}"#,
        r#"{"resp_data":{}}"#,
        r#"["000000","m"]"#,
        r#"{"code":"000000","data":[]}"#,
        r#"{"code":"000000","data":"x"}"#,
        r#"{"code":"000000","resp_data":[]}"#,
    ] {
        assert!(Reply::<&RawValue>::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn amounts_and_times_of_a_query_may_be_empty_null_or_numbers() {
    let read = |text: &str| serde_json::from_str::<QueryData<'static>>(text);
    let data = read(r#"{"resCode":"000000","promo_amount":null,"org_amount":5,"gmt_used":""}"#);
    let expected =
        QueryData { res_code: "000000".into(), org_amount: Some(5), ..QueryData::default() };
    assert_eq!(data.unwrap(), expected);
    for wrong in [r#"{"promo_amount":"1.5"}"#, r#"{"promo_amount":-1}"#, r#"{"gmt_used":"x"}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_status_of_no_enumeration_is_kept_and_not_final() {
    for (text, status, is_final) in [
        ("PROCESS", TradeStatus::Process, false),
        ("SUCCESS", TradeStatus::Success, true),
        ("FAIL", TradeStatus::Fail, true),
        ("success", TradeStatus::Unknown("success".to_owned()), false),
    ] {
        assert_eq!(serde_json::from_value::<TradeStatus>(text.into()).unwrap(), status);
        assert_eq!(serde_json::to_value(&status).unwrap(), text);
        assert_eq!(status.is_final(), is_final);
    }
    for (text, usage) in [
        ("USED", UsageStatus::Used),
        ("EXPIRED", UsageStatus::Expired),
        ("LOST", UsageStatus::Unknown("LOST".to_owned())),
    ] {
        assert_eq!(serde_json::from_value::<UsageStatus>(text.into()).unwrap(), usage);
        assert_eq!(serde_json::to_value(&usage).unwrap(), text);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        _ = Reply::<&RawValue>::read(&body);
        _ = serde_json::from_slice::<QueryData<'_>>(&body);
    }
}
