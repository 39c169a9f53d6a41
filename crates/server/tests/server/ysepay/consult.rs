//! What consult says of activities: each code of the table, the first that holds.

use std::collections::HashMap;

use huodong_campaign::{ActivityNo, Fen, Redeem};
use huodong_server::seed::{
    ALIPAY_PID, CONSULTS, ONE_MERCHANT_ACTIVITY, OTHER_ALIPAY_PID, POOR_ACTIVITY,
    UNPERMITTED_ACTIVITY,
};
use huodong_wire::ysepay::Api;
use serde_json::{Value, json};

use super::partner::{Partner, asking, asking_for, sandbox};
use crate::app::{TestApp, fresh_nonce, with};
use crate::lakala::partner::{Partner as Institution, activity, request_of};

/// Gives a user a coupon.
async fn issue(server: &TestApp, activity_id: &str, user: &str) {
    let body = with(request_of(activity_id), "channel_openid", user);
    Institution::of(server).issue(&body).await.assert_outcome("SUCCESS", "000000");
}

async fn results(partner: &Partner<'_>, content: &Value) -> Vec<String> {
    let answer = partner.call(Api::Consult, content).await;
    answer.results().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_activity_of_the_seed_is_what_it_is_said_to_be() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        for seed in CONSULTS {
            let content = with(asking(&[seed.activity_id]), "merchantId", ALIPAY_PID);
            let answer = partner.call(Api::Consult, &content).await;
            if answer.reply.sub_code() == "0" {
                assert_eq!(answer.results(), [seed.result], "{}", seed.activity_id);
            } else {
                assert_eq!(answer.reply.sub_code(), seed.result, "{}", seed.activity_id);
            }
        }
    }
}

#[tokio::test]
async fn the_answer_keeps_the_order_and_repeats_what_is_asked_twice() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let asked = [
        activity::FUTURE,
        activity::INSTANT,
        "no-such-activity",
        activity::INSTANT,
        UNPERMITTED_ACTIVITY,
        POOR_ACTIVITY,
        activity::PAUSED,
    ];
    let answer = partner.call(Api::Consult, &asking(&asked)).await;
    let expected = [
        "ACTIVITY_NOT_START",
        "SUCCESS",
        "OTHER",
        "SUCCESS",
        "ACTIVITY_NOT_PERMISSION",
        "BUDGET_NOT_ENOUGH",
        "OTHER",
    ];
    assert_eq!(answer.results(), expected);
    let list = answer.success()["consultResultInfoList"].as_array().unwrap();
    let ids: Vec<_> = list.iter().map(|it| it["activityId"].as_str().unwrap()).collect();
    assert_eq!(ids, asked);
}

#[tokio::test]
async fn a_hundred_activities_may_be_asked_about_and_no_more() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let hundred: Vec<_> = [activity::INSTANT, activity::FUTURE].repeat(50);
    let answer = partner.call(Api::Consult, &asking(&hundred)).await;
    assert_eq!(answer.results(), ["SUCCESS", "ACTIVITY_NOT_START"].repeat(50));
    let more = [&hundred[..], &[activity::INSTANT]].concat();
    let answer = partner.call(Api::Consult, &asking(&more)).await;
    let msg = "参数校验不通过:consultActivityInfoList 不能超过 100 个";
    answer.assert_refused("901001001", msg);
    let none = partner.call(Api::Consult, &asking(&[])).await;
    none.assert_refused("901001001", "参数校验不通过:consultActivityInfoList 不能为空");
}

#[tokio::test]
async fn one_of_open_id_and_user_id_is_given_and_repeated() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let by_open_id = asking_for("u-1", &[activity::INSTANT]);
    let mut by_user_id = by_open_id.clone();
    by_user_id["openId"] = "".into();
    by_user_id["userId"] = "u-1".into();
    for (content, given, other) in
        [(by_open_id.clone(), "openId", "userId"), (by_user_id.clone(), "userId", "openId")]
    {
        let answer = partner.call(Api::Consult, &content).await;
        assert_eq!((&answer.success()[given], answer.data.get(other)), (&json!("u-1"), None));
    }
    let msg = "参数校验不通过:openId 与 userId 必须二选一";
    let both = with(by_user_id, "openId", "u-1");
    partner.call(Api::Consult, &both).await.assert_refused("901001001", msg);
    let neither = with(by_open_id, "openId", Value::Null);
    partner.call(Api::Consult, &neither).await.assert_refused("901001001", msg);
}

#[tokio::test]
async fn a_field_that_breaks_a_rule_is_named() {
    let server = sandbox().await;
    let partner = Partner::plain(&server);
    let good = asking(&[activity::INSTANT]);
    for (content, msg) in [
        (with(good.clone(), "merchantId", "m".repeat(65)), "merchantId 长度不能超过 64 个字符"),
        (with(good.clone(), "openId", 7), "openId 必须是字符串"),
        (with(good.clone(), "consultActivityInfoList", "x"), "consultActivityInfoList 必须是数组"),
        (
            with(good, "consultActivityInfoList", json!([{"activityId": ""}])),
            "consultActivityInfoList[0].activityId 不能为空",
        ),
    ] {
        let answer = partner.call(Api::Consult, &content).await;
        answer.assert_refused("901001001", &format!("参数校验不通过:{msg}"));
    }
}

#[tokio::test]
async fn a_merchant_must_be_one_of_the_initiators() {
    let server = sandbox().await;
    let content = asking(&[activity::INSTANT, ONE_MERCHANT_ACTIVITY]);
    for partner in Partner::all(&server) {
        let at = |pid: &str| with(content.clone(), "merchantId", pid);
        let unknown = partner.call(Api::Consult, &at("2088000000000009")).await;
        unknown.assert_refused("901001101", "发起方权限不足:merchantId");
        let permitted = "ACTIVITY_NOT_PERMISSION";
        assert_eq!(results(&partner, &at(ALIPAY_PID)).await, ["SUCCESS", permitted]);
        assert_eq!(results(&partner, &at(OTHER_ALIPAY_PID)).await, ["SUCCESS", "SUCCESS"]);
        // Where only some merchants may, one must be named.
        assert_eq!(results(&partner, &content).await, ["SUCCESS", permitted]);
    }
}

#[tokio::test]
async fn a_users_limits_are_those_of_issuing() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let user = fresh_nonce();
    let asked = [activity::ONE_EACH, activity::TWO_A_DAY];
    let say = async || results(&partner, &asking_for(&user, &asked)).await;
    assert_eq!(say().await, ["SUCCESS", "SUCCESS"]);
    issue(&server, activity::ONE_EACH, &user).await;
    issue(&server, activity::TWO_A_DAY, &user).await;
    assert_eq!(say().await, ["COUNT_OVER_LIMIT", "SUCCESS"]);
    issue(&server, activity::TWO_A_DAY, &user).await;
    assert_eq!(say().await, ["COUNT_OVER_LIMIT", "COUNT_OVER_LIMIT"]);
    // By either name it is the same user; another is another.
    let by_uid = json!({
        "userId": user,
        "consultActivityInfoList": asked.map(|id| json!({"activityId": id})),
    });
    assert_eq!(results(&partner, &by_uid).await, ["COUNT_OVER_LIMIT", "COUNT_OVER_LIMIT"]);
    assert_eq!(results(&partner, &asking(&asked)).await, ["SUCCESS", "SUCCESS"]);
    server.advance(24 * 60 * 60).await;
    assert_eq!(say().await, ["COUNT_OVER_LIMIT", "SUCCESS"]);
}

#[tokio::test]
async fn the_budget_comes_before_the_users_limits() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let user = fresh_nonce();
    for poor in [activity::LAST, activity::POOR] {
        assert_eq!(results(&partner, &asking_for(&user, &[poor])).await, ["SUCCESS"]);
        issue(&server, poor, &user).await;
        assert_eq!(results(&partner, &asking_for(&user, &[poor])).await, ["BUDGET_NOT_ENOUGH"]);
    }
}

#[tokio::test]
async fn an_activity_is_looked_at_as_it_is_now() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let window = huodong_campaign::SHANGHAI;
    let start = window.to_timestamp(jiff::civil::date(2099, 1, 1).at(0, 0, 0, 0)).unwrap();
    let say = async || results(&partner, &asking(&[activity::FUTURE])).await;
    assert_eq!(say().await, ["ACTIVITY_NOT_START"]);
    server.app.engine.clock().set(start);
    assert_eq!(say().await, ["SUCCESS"]);
}

#[tokio::test]
async fn what_was_redeemed_or_has_expired_still_counts_for_its_user() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let user = fresh_nonce();
    let body = with(request_of(activity::ONE_EACH), "channel_openid", &*user);
    let issued = Institution::of(&server).issue(&body).await;
    let trade_no = issued.data["trade_no"].as_str().unwrap();
    let coupon = huodong_server::parse_order_number(trade_no).unwrap();
    let redeem = Redeem {
        coupon,
        owner_id: "80000007".into(),
        org_amount: Fen(10_000),
        reference: "till-1".into(),
    };
    server.done(redeem).await;
    let told = results(&partner, &asking_for(&user, &[activity::ONE_EACH])).await;
    assert_eq!(told, ["COUNT_OVER_LIMIT"]);
}

#[tokio::test]
async fn consult_changes_nothing_of_an_activity() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let state = async || {
        let mut all = HashMap::new();
        for id in [activity::INSTANT, activity::ONE_EACH, activity::LAST] {
            let activity_no = ActivityNo::from(id);
            let found = server.app.engine.read(move |reader| reader.activity(&activity_no)).await;
            let (found, frozen, ..) = found.unwrap().unwrap();
            all.insert(id, (found.coupon.unwrap().stock_left, frozen));
        }
        all
    };
    let before = state().await;
    let asked = [activity::INSTANT, activity::ONE_EACH, activity::LAST];
    let user = fresh_nonce();
    for _ in 0..5 {
        assert_eq!(results(&partner, &asking_for(&user, &asked)).await, ["SUCCESS"; 3]);
    }
    assert_eq!(state().await, before);
    server.assert_balanced().await;
}
