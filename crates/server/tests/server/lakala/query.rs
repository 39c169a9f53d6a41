//! Asking how a coupon stands.

use huodong_campaign::{Fen, OwnerId, Redeem};
use huodong_server::parse_order_number;
use serde_json::json;

use super::partner::{Partner, activity, query_for, request, request_of, sandbox};
use crate::app::with;

#[tokio::test]
async fn a_coupon_is_found_and_its_use_is_told() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let issued = partner.issue(&request_of(activity::PERCENT)).await;
    let query = query_for(&issued);
    let before = partner.query(&query).await;
    assert_eq!(
        before.whole,
        json!({
            "msg": "处理成功",
            "code": "000000",
            "data": {
                "resCode": "000000",
                "failMsg": "",
                "trade_status": "SUCCESS",
                "promo_amount": "",
                "total_amount": "",
                "org_amount": "",
                "gmt_used": "",
                "tradeStatus": "",
            },
        })
    );
    server.app.engine.clock().freeze(true);
    server.app.engine.clock().set("2026-11-21T02:30:00Z".parse().unwrap());
    let redeem = Redeem {
        coupon: parse_order_number(issued.data["trade_no"].as_str().unwrap()).unwrap(),
        owner_id: OwnerId::from("80000007"),
        org_amount: Fen(10_001),
        reference: "till 1".into(),
    };
    server.done(redeem).await;
    let after = partner.query(&query).await.data;
    let expected = json!({
        "resCode": "000000",
        "failMsg": "",
        "trade_status": "SUCCESS",
        "promo_amount": "2000",
        "total_amount": "8001",
        "org_amount": "10001",
        "gmt_used": "2026-11-21 10:30:00",
        "tradeStatus": "USED",
    });
    assert_eq!(after, expected);
}

#[tokio::test]
async fn an_expired_coupon_says_so() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let issued = partner.issue(&request_of(activity::ONE_DAY)).await;
    server.advance(24 * 3_600 + 1).await;
    let data = partner.query(&query_for(&issued)).await.data;
    assert_eq!(
        (&data["trade_status"], &data["tradeStatus"]),
        (&json!("SUCCESS"), &json!("EXPIRED"))
    );
    assert_eq!((&data["promo_amount"], &data["gmt_used"]), (&json!(""), &json!("")));
    server.assert_balanced().await;
}

#[tokio::test]
async fn all_four_must_match_an_order_of_the_caller() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let issued = partner.issue(&request()).await;
    let other = partner.issue(&request()).await;
    let query = query_for(&issued);
    for (field, value, detail) in [
        ("owner_id", json!("80000008"), "owner_id 与订单不一致"),
        ("mer_order_id", json!("nobody's"), "mer_order_id 不存在"),
        ("activity_id", json!(activity::PERCENT), "activity_id 与订单不一致"),
        ("trade_no", other.data["trade_no"].clone(), "trade_no 与订单不一致"),
        ("trade_no", json!("202112030923010001"), "trade_no 与订单不一致"),
    ] {
        let answer = partner.query(&with(query.clone(), field, value)).await;
        answer.assert_refused("200004", detail);
    }
    // Another institution's is as unknown as one that never was.
    let answer = Partner::other(&server).query(&query).await;
    answer.assert_refused("200004", "mer_order_id 不存在");
}
