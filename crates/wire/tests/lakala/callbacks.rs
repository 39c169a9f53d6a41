//! Callbacks as they travel, and how they are taken.

use huodong_wire::lakala::{
    Acknowledgement, Callback, IssueCallback, TradeStatus, UsageStatus, WriteOffCallback,
    body_string_to_sign,
};
use insta::assert_snapshot;
use jiff::civil::date;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::identity::{ONE, OTHER};

fn issued() -> IssueCallback<'static> {
    IssueCallback {
        org_id: "86802221ca93cd".into(),
        call_trade_no: "20231025142512623545".into(),
        amount: 100,
        trade_status: TradeStatus::Success,
        fail_msg: "".into(),
        trade_create_time: date(2023, 10, 25).at(14, 24, 18, 0),
        trade_payment_time: Some(date(2023, 10, 25).at(14, 24, 19, 0)),
        sign_type: "".into(),
        sign: "".into(),
    }
}

fn used() -> WriteOffCallback<'static> {
    WriteOffCallback {
        member_id: "AAA200154561278".into(),
        owner_id: "80000007".into(),
        channel_openid: "oKL-mwRzR-SBfI4QDAI1QXOpkyc8".into(),
        promotion_id: "WX1623452352312523523".into(),
        third_coupon_id: "wxd596543989121024".into(),
        activity_id: "1100000086".into(),
        promo_amount: Some(1000),
        total_amount: Some(9000),
        org_amount: Some(10_000),
        trade_no: "202112030923010001".into(),
        mer_order_id: "20211203092301".into(),
        gmt_used: Some(date(2021, 12, 3).at(10, 30, 0, 0)),
        usage: UsageStatus::Used,
    }
}

fn sent(callback: &IssueCallback<'_>) -> Vec<u8> {
    callback.to_signed_json(&ONE.key)
}

/// The body with its signature, which no two runs share, left out.
fn without_sign(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap();
    let (start, sign) = text.split_once(r#""sign":""#).unwrap();
    assert_eq!(sign.len(), 344 + 2);
    format!(r#"{start}"sign":"…"}}"#)
}

#[test]
fn an_issue_callback_is_written_as_the_document_shows() {
    assert_snapshot!(without_sign(&sent(&issued())), @r#"{"orgId":"86802221ca93cd","callTradeNo":"20231025142512623545","amount":"1.00","tradeStatus":"SUCCESS","failMsg":"","tradeCreateTime":"2023-10-25 14:24:18","tradePaymentTime":"2023-10-25 14:24:19","signType":"RSA2","sign":"…"}"#);
    let failed = IssueCallback {
        trade_status: TradeStatus::Fail,
        fail_msg: "库存或资金不足".into(),
        trade_payment_time: None,
        ..issued()
    };
    assert_snapshot!(without_sign(&sent(&failed)), @r#"{"orgId":"86802221ca93cd","callTradeNo":"20231025142512623545","amount":"1.00","tradeStatus":"FAIL","failMsg":"库存或资金不足","tradeCreateTime":"2023-10-25 14:24:18","tradePaymentTime":"","signType":"RSA2","sign":"…"}"#);
}

#[test]
fn what_is_signed_within_is_sorted_and_leaves_out_what_is_empty() {
    assert_snapshot!(body_string_to_sign(&sent(&issued())).unwrap(), @"amount=1.00&callTradeNo=20231025142512623545&orgId=86802221ca93cd&tradeCreateTime=2023-10-25 14:24:18&tradePaymentTime=2023-10-25 14:24:19&tradeStatus=SUCCESS");
    let other =
        r#"{"b":"é\u0026","a":"","c":null,"Z":1.50,"sign":"s","signType":"t","d":{"x": 1}}"#;
    assert_eq!(body_string_to_sign(other.as_bytes()).unwrap(), r#"Z=1.50&b=é&&d={"x": 1}"#);
    assert!(body_string_to_sign(b"[]").is_err());
}

#[test]
fn a_callback_is_read_back_and_its_inner_signature_verified() {
    let body = sent(&issued());
    let Callback::Issue(read) = Callback::decode(&body).unwrap() else { panic!("not an issue's") };
    assert!(read.is_signed_by(&ONE.certificate, &body));
    assert!(!read.is_signed_by(&OTHER.certificate, &body));
    let unsigned = IssueCallback { sign_type: "".into(), sign: "".into(), ..read };
    assert_eq!(unsigned, issued());
    assert_eq!(Callback::decode(&used().to_json()), Ok(Callback::WriteOff(used())));
}

#[test]
fn the_inner_signature_covers_fields_that_are_new_to_us() {
    let mut body = serde_json::from_slice::<Value>(&sent(&issued())).unwrap();
    body["couponName"] = json!("x");
    let text = body_string_to_sign(body.to_string().as_bytes()).unwrap();
    body["sign"] = ONE.key.sign(text.as_bytes()).into();
    let verifies = |body: &Value| {
        let body = body.to_string().into_bytes();
        match Callback::decode(&body).unwrap() {
            Callback::Issue(read) => read.is_signed_by(&ONE.certificate, &body),
            Callback::WriteOff(_) => panic!("not an issue's"),
        }
    };
    assert!(verifies(&body));
    for (field, value) in [("couponName", "y"), ("amount", "100.00"), ("signType", "RSA")] {
        let mut changed = body.clone();
        changed[field] = value.into();
        assert!(!verifies(&changed), "{field}");
    }
}

#[test]
fn a_write_off_callback_is_written_as_the_document_shows() {
    let text = |callback: WriteOffCallback<'_>| String::from_utf8(callback.to_json()).unwrap();
    assert_snapshot!(text(used()), @r#"{"member_id":"AAA200154561278","owner_id":"80000007","channel_openid":"oKL-mwRzR-SBfI4QDAI1QXOpkyc8","promotion_id":"WX1623452352312523523","third_coupon_id":"wxd596543989121024","activity_id":"1100000086","promo_amount":"1000","total_amount":"9000","org_amount":"10000","trade_no":"202112030923010001","mer_order_id":"20211203092301","gmt_used":"2021-12-03 10:30:00","tradeStatus":"USED"}"#);
    let (promo_amount, total_amount, org_amount, gmt_used) = (None, None, None, None);
    let usage = UsageStatus::Expired;
    let expired =
        WriteOffCallback { promo_amount, total_amount, org_amount, gmt_used, usage, ..used() };
    assert_snapshot!(text(expired), @r#"{"member_id":"AAA200154561278","owner_id":"80000007","channel_openid":"oKL-mwRzR-SBfI4QDAI1QXOpkyc8","promotion_id":"WX1623452352312523523","third_coupon_id":"wxd596543989121024","activity_id":"1100000086","promo_amount":"","total_amount":"","org_amount":"","trade_no":"202112030923010001","mer_order_id":"20211203092301","gmt_used":"","tradeStatus":"EXPIRED"}"#);
}

#[test]
fn a_wrong_field_of_a_callback_is_named() {
    for (field, value, error) in [
        ("callTradeNo", json!(5), "callTradeNo 必须是字符串"),
        ("amount", json!("1.005"), "amount 必须是单位为元、最多两位小数的金额"),
        ("tradeCreateTime", json!("x"), "tradeCreateTime 必须是 yyyy-MM-dd HH:mm:ss 格式的时间"),
    ] {
        let mut body = serde_json::from_slice::<Value>(&sent(&issued())).unwrap();
        body[field] = value;
        let refused = Callback::decode(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), error);
    }
    let refused = Callback::decode(b"{}").unwrap_err();
    assert_eq!(refused.to_string(), "trade_no 不能缺少");
}

#[test]
fn only_a_json_object_whose_code_is_success_takes_a_callback() {
    for taken in [
        Acknowledgement::success().to_json(),
        br#"{"code":"SUCCESS"}"#.to_vec(),
        br#" {"x":[1],"code":"SUCCE\u0053S","msg":null}"#.to_vec(),
    ] {
        assert!(Acknowledgement::accepts(&taken));
    }
    for not in [
        &Acknowledgement::fail("处理失败").to_json()[..],
        b"",
        b"SUCCESS",
        br#""SUCCESS""#,
        br#"["SUCCESS"]"#,
        br#"{"code":"success"}"#,
        br#"{"code":" SUCCESS"}"#,
        br#"{"code":["SUCCESS"]}"#,
        br#"{"data":{"code":"SUCCESS"}}"#,
        br#"{"code":"SUCCESS""#,
        br#"{"code":"SUCCESS"} x"#,
        b"\xff",
    ] {
        assert!(!Acknowledgement::accepts(not), "{}", String::from_utf8_lossy(not));
    }
}

#[test]
fn an_acknowledgement_is_written_as_the_document_shows() {
    let text = |said: Acknowledgement<'_>| String::from_utf8(said.to_json()).unwrap();
    assert_snapshot!(text(Acknowledgement::success()), @r#"{"code":"SUCCESS","msg":"处理成功"}"#);
    assert_snapshot!(text(Acknowledgement::fail("处理失败")), @r#"{"code":"FAIL","msg":"处理失败"}"#);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        _ = Callback::decode(&body);
        _ = body_string_to_sign(&body);
        _ = Acknowledgement::accepts(&body);
    }
}
