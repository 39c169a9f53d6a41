//! What an issue is answered.

use huodong_campaign::{
    ActivityNo, Coupon, CouponKey, Fen, InstitutionId, OwnerId, Redeem, UpdateOffer,
};
use huodong_server::{order_number, parse_order_number};
use serde_json::{Value, json};

use super::partner::{Partner, activity, promotion_of, query_for, request, request_of, sandbox};
use crate::app::{TestApp, fresh_nonce, with};

async fn coupon(server: &TestApp, body: &Value) -> Option<Coupon> {
    let key = CouponKey {
        appid: InstitutionId::from("OP00000003"),
        mer_order_id: body["mer_order_id"].as_str().unwrap().into(),
    };
    server.app.engine.read(move |reader| reader.coupon_by_key(&key)).await.unwrap()
}

#[tokio::test]
async fn a_coupon_is_issued_at_once() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request();
    let answer = partner.issue(&body).await;
    let stored = coupon(&server, &body).await.unwrap();
    let expected = json!({
        "msg": "处理成功",
        "code": "000000",
        "data": {
            "resCode": "000000",
            "failMsg": "",
            "activity_id": activity::INSTANT,
            "owner_id": "80000007",
            "promotion_id": promotion_of(activity::INSTANT),
            "third_coupon_id": format!("wxd{}", stored.id),
            "mer_order_id": body["mer_order_id"],
            "trade_no": order_number(stored.id),
            "batch_code": "1623452352086",
            "channel_openid": body["channel_openid"],
            "trade_status": "SUCCESS",
        },
    });
    assert_eq!(answer.whole, expected);
    assert!(answer.data["trade_no"].as_str().unwrap().starts_with("20261121"));
    assert_eq!(answer.header("Lklapi-Appid"), "OP00000003");
    let names = ["msg", "code", "resCode", "failMsg", "activity_id", "owner_id", "promotion_id"];
    let places: Vec<_> =
        names.iter().map(|name| answer.text.find(&format!("\"{name}\""))).collect();
    assert!(places.is_sorted(), "fields come as printed: {}", answer.text);
    server.assert_balanced().await;
}

#[tokio::test]
async fn a_wrapped_request_gets_a_wrapped_answer() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let wrapped =
        |data: Value| json!({"req_time": "20261121100000", "version": "3.0", "req_data": data});
    let body = request();
    let bare = partner.issue(&body).await;
    let answer = partner.issue(&wrapped(body)).await;
    assert_eq!(answer.data, bare.data);
    let outer = ["code", "msg", "resp_time", "resp_data"];
    assert!(outer.iter().all(|name| answer.whole.get(name).is_some()), "{}", answer.text);
    assert_eq!(answer.whole.as_object().unwrap().len(), outer.len());
    assert_eq!(
        (&answer.whole["code"], &answer.whole["msg"]),
        (&json!("000000"), &json!("处理成功"))
    );
    // The business clock's time in Shanghai.
    let time = answer.whole["resp_time"].as_str().unwrap();
    assert!(time.len() == 14 && time.starts_with("202611211"), "{time}");

    let queried = partner.query(&wrapped(query_for(&bare))).await;
    assert_eq!(queried.whole["resp_data"]["data"]["trade_status"], "SUCCESS");

    // Refusals too, even of what cannot be decoded.
    let bad = partner.issue(&wrapped(json!({"member_id": 1}))).await;
    assert_eq!(bad.whole["code"], "200001");
    assert_eq!(bad.whole["resp_data"]["code"], "200001");
    let other_version =
        json!({"req_time": "20261121100000", "version": "2.0", "req_data": request()});
    partner.issue(&other_version).await.assert_refused("200001", "version 必须是 3.0");
}

#[tokio::test]
async fn what_the_campaign_refuses_has_failed_for_ever() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (activity_id, res_code) in [
        (activity::FUTURE, "300001"),
        (activity::DRAFT, "300001"),
        (activity::PAUSED, "300002"),
        (activity::ENDED, "300002"),
        (activity::REFUSED, "300005"),
    ] {
        let body = request_of(activity_id);
        let answer = partner.issue(&body).await;
        answer.assert_outcome("FAIL", res_code);
        assert_eq!(answer.data["third_coupon_id"], "");
        assert!(parse_order_number(answer.data["trade_no"].as_str().unwrap()).is_some());
        assert_eq!(partner.issue(&body).await.whole, answer.whole);
        partner.query(&query_for(&answer)).await.assert_outcome("FAIL", res_code);
    }
}

#[tokio::test]
async fn stock_and_money_run_out() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (activity_id, reason) in [(activity::LAST, "库存不足"), (activity::POOR, "活动资金不足")]
    {
        partner.issue(&request_of(activity_id)).await.assert_outcome("SUCCESS", "000000");
        let late = request_of(activity_id);
        let answer = partner.issue(&late).await;
        answer.assert_outcome("FAIL", "300003");
        assert_eq!(answer.data["failMsg"], reason);
        // Who was told FAIL has given the user something else by now.
        if activity_id == activity::LAST {
            let activity_no = ActivityNo::from(activity_id);
            let more = UpdateOffer {
                activity_no,
                terms: None,
                issuers: None,
                initiators: None,
                merchants: None,
                add_stock: Some(5),
            };
            server.done(more).await;
        }
        assert_eq!(partner.issue(&late).await.whole, answer.whole);
    }
    partner.issue(&request_of(activity::LAST)).await.assert_outcome("SUCCESS", "000000");
    server.assert_balanced().await;
}

#[tokio::test]
async fn a_user_has_as_many_as_allowed() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let another = |activity_id| with(request_of(activity_id), "channel_openid", "oKL-one");
    partner.issue(&another(activity::ONE_EACH)).await.assert_outcome("SUCCESS", "000000");
    let refused = partner.issue(&another(activity::ONE_EACH)).await;
    refused.assert_outcome("FAIL", "300004");
    assert_eq!(refused.data["failMsg"], "用户领取张数已达活动上限");
    // Another name for the member does not make it another user.
    let renamed = with(another(activity::ONE_EACH), "member_id", "AAA200154561279");
    partner.issue(&renamed).await.assert_outcome("FAIL", "300004");
    partner.issue(&request_of(activity::ONE_EACH)).await.assert_outcome("SUCCESS", "000000");

    for _ in 0..2 {
        partner.issue(&another(activity::TWO_A_DAY)).await.assert_outcome("SUCCESS", "000000");
    }
    partner.issue(&another(activity::TWO_A_DAY)).await.assert_outcome("FAIL", "300004");
    server.advance(24 * 3_600).await;
    partner.issue(&another(activity::TWO_A_DAY)).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn a_deferred_coupon_is_decided_by_the_clock() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (activity_id, status, res_code) in
        [(activity::DEFERRED, "SUCCESS", "000000"), (activity::FAILING, "FAIL", "300005")]
    {
        let body = request_of(activity_id);
        let placed = partner.issue(&body).await;
        placed.assert_outcome("PROCESS", "000000");
        partner.query(&query_for(&placed)).await.assert_outcome("PROCESS", "000000");
        server.advance(6).await;
        partner.query(&query_for(&placed)).await.assert_outcome(status, res_code);
        let again = partner.issue(&body).await;
        again.assert_outcome(status, res_code);
        assert_eq!(again.data["trade_no"], placed.data["trade_no"]);
    }
    server.assert_balanced().await;
}

#[tokio::test]
async fn one_key_is_one_coupon() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = with(request(), "postNotify", "https://partner.example/post");
    let first = partner.issue(&body).await;
    first.assert_outcome("SUCCESS", "000000");
    assert_eq!(partner.issue(&body).await.whole, first.whole);
    for (field, value) in [
        ("member_id", "AAA200154561279"),
        ("owner_id", "80000008"),
        ("channel_openid", "another"),
        ("writeOffNotify", "https://partner.example/elsewhere"),
        ("postNotify", "https://partner.example/elsewhere"),
    ] {
        let changed = partner.issue(&with(body.clone(), field, value)).await;
        changed.assert_refused("200003", &format!("{field} 与首次请求时不一致"));
    }
    let elsewhere =
        with(request_of(activity::PERCENT), "mer_order_id", body["mer_order_id"].clone());
    partner.issue(&elsewhere).await.assert_refused("200003", "activity_id 与首次请求时不一致");
    // The key is the institution's own.
    let others = json!({
        "member_id": "BBB200154561278",
        "activity_id": "1200000001",
        "owner_id": "90000001",
        "promotion_id": promotion_of("1200000001"),
        "channel_openid": body["channel_openid"],
        "mer_order_id": body["mer_order_id"],
        "writeOffNotify": "https://other.example/notify",
    });
    let other = Partner::other(&server).issue(&others).await;
    other.assert_outcome("SUCCESS", "000000");
    assert_ne!(other.data["trade_no"], first.data["trade_no"]);
}

#[tokio::test]
async fn a_used_coupon_is_still_a_success() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request();
    let first = partner.issue(&body).await;
    let redeem = Redeem {
        coupon: coupon(&server, &body).await.unwrap().id,
        owner_id: OwnerId::from("80000007"),
        org_amount: Fen(10_000),
        reference: "till 1".into(),
    };
    server.done(redeem).await;
    assert_eq!(partner.issue(&body).await.whole, first.whole);
}

#[tokio::test]
async fn unknown_offers_are_refused_and_nothing_is_written() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (field, value, detail) in [
        ("activity_id", "9999999999", "activity_id 不存在或不属于该机构"),
        // It exists, for donations.
        ("activity_id", "100001", "activity_id 不存在或不属于该机构"),
        // It exists, for another institution.
        ("activity_id", "1200000001", "activity_id 不存在或不属于该机构"),
        ("promotion_id", "WX1", "promotion_id 与活动不一致"),
        ("owner_id", "90000001", "owner_id 不存在或不属于该机构"),
        ("member_id", "BBB200154561278", "member_id 前缀不属于该机构"),
    ] {
        let body = request();
        let wrong = with(body.clone(), field, value);
        partner.issue(&wrong).await.assert_refused("200002", detail);
        assert_eq!(coupon(&server, &body).await, None);
        // So the key is still free.
        partner.issue(&body).await.assert_outcome("SUCCESS", "000000");
    }
}

#[tokio::test]
async fn what_cannot_be_carried_out_now_may_be_sent_again() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request_of(activity::UNAVAILABLE);
    partner.issue(&body).await.assert_refused("999999", "发券渠道暂不可用");
    assert_eq!(coupon(&server, &body).await, None);
    server.app.engine.stop().await;
    partner.issue(&request()).await.assert_refused("999999", "系统异常");
}

#[tokio::test]
async fn members_of_any_name_get_coupons() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = with(request(), "member_id", "AAA会员一二三四五六七");
    let body = with(body, "channel_openid", format!("\"\\\n{}", fresh_nonce()));
    let answer = partner.issue(&body).await;
    answer.assert_outcome("SUCCESS", "000000");
    assert_eq!(answer.data["channel_openid"], body["channel_openid"]);
}
