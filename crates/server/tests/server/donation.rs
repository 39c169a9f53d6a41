//! GetActivityInfo, RewardToDonate, RewardDonateQuery.

use std::time::Duration;

use futures_util::future::join_all;
use huodong_campaign::Refund;
use huodong_engine::EngineOptions;
use huodong_server::parse_order_number;
use huodong_wire::gongyi::Api;
use serde_json::{Value, json};

use crate::app::{
    BID, BID_2, FAILS, FUNDS, ORG, OTHER_BID, PROJECT, PROJECT_2, PROJECT_UNBOUND, REFUSED, Setup,
    TestApp, UNAVAILABLE, activity, donation, tamper, with, without,
};
use crate::writer::stop_writer;

const INVALID: i64 = 32_240_001;
const REFUSED_CODE: i64 = 32_240_004;

/// A query for what a donation's answer tells.
fn query(data: &Value) -> Value {
    json!({
        "activity_no": data["activity_no"],
        "project_no": data["project_no"],
        "third_uid": data["third_uid"],
        "donate_transcode": data["donate_transcode"],
    })
}

#[tokio::test]
async fn a_donation_of_an_instant_activity_is_paid_at_once() {
    let app = TestApp::start().await;
    let body = with(donation(), "reward_transcode", "trans_7890");
    let answer = app.call(Api::RewardToDonate, &body).await;
    let code = answer.data["donate_transcode"].as_str().unwrap();
    assert_eq!(code.len(), 28);
    let expected = format!(
        r#"{{"code":0,"msg":"Success","op_time":{},"trace_id":"{}","data":{{"activity_no":"instant","project_no":"224328","third_uid":"user_001","reward":1000,"money":5000,"reward_transcode":"trans_7890","donate_transcode":"{code}","donate_status":11}}}}"#,
        answer.op_time, answer.trace_id
    );
    assert_eq!(answer.text, expected);
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS - 5000);
    app.assert_balanced().await;
}

#[tokio::test]
async fn a_deferred_donation_is_placed_then_paid() {
    let app = TestApp::start().await;
    let body = with(donation(), "activity_no", activity::DEFERRED);
    let placed = app.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(placed["donate_status"], 2);
    assert_eq!(app.frozen(activity::DEFERRED).await, FUNDS - 5000);
    let asked = app.call(Api::RewardDonateQuery, &query(&placed)).await.success();
    assert_eq!(asked, placed);
    app.advance(61).await;
    let asked = app.call(Api::RewardDonateQuery, &query(&placed)).await.success();
    assert_eq!(asked, with(placed.clone(), "donate_status", 11));
    let repeated = app.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(repeated, asked, "a repetition tells the present status");
    app.assert_balanced().await;
}

#[tokio::test]
async fn a_donation_whose_payment_fails_gives_the_money_back() {
    let app = TestApp::start().await;
    let body = with(donation(), "money", FAILS);
    let failed = app.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(failed["donate_status"], 13);
    let body = with(with(donation(), "money", FAILS), "activity_no", activity::DEFERRED);
    let placed = app.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(placed["donate_status"], 2);
    app.advance(61).await;
    let asked = app.call(Api::RewardDonateQuery, &query(&placed)).await.success();
    assert_eq!(asked["donate_status"], 13);
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS);
    assert_eq!(app.frozen(activity::DEFERRED).await, FUNDS);
    app.assert_balanced().await;
}

#[tokio::test]
async fn a_refunded_donation_says_so() {
    let app = TestApp::start().await;
    let paid = app.call(Api::RewardToDonate, &donation()).await.success();
    let id = parse_order_number(paid["donate_transcode"].as_str().unwrap()).unwrap();
    app.done(Refund { donation: id, reason: "a test".to_owned() }).await;
    let asked = app.call(Api::RewardDonateQuery, &query(&paid)).await.success();
    assert_eq!(asked, with(paid, "donate_status", 15));
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS);
}

#[tokio::test]
async fn a_key_has_one_effect_and_one_answer() {
    let app = TestApp::start().await;
    let body = donation();
    let first = app.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(app.call(Api::RewardToDonate, &body).await.success(), first);
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS - 5000);
    for (field, value) in [
        ("activity_no", json!(activity::DEFERRED)),
        ("project_no", json!(PROJECT_2)),
        ("third_uid", json!("user_002")),
        ("reward", json!(1001)),
        ("reward_time", json!("2025-08-01 12:00:01")),
        ("money", json!(5001)),
    ] {
        let answer = app.call(Api::RewardToDonate, &with(body.clone(), field, value)).await;
        let msg = format!("请求参数异常: {field} 与 reward_transcode 首次请求时不一致");
        answer.assert_refused(INVALID, &msg);
    }
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS - 5000);
    let other_bid = app.call(Api::RewardToDonate, &with(body, "bid", BID_2)).await.success();
    assert_ne!(other_bid["donate_transcode"], first["donate_transcode"]);
}

#[tokio::test]
async fn donations_are_refused_for_a_reason() {
    let app = TestApp::start().await;
    for (field, value, msg) in [
        ("activity_no", json!("nobody's"), "activity_no 不存在"),
        ("activity_no", json!(activity::OTHERS), "activity_no 不存在"),
        ("activity_no", json!(activity::DRAFT), "activity_no 对应的活动未上线"),
        ("activity_no", json!(activity::PAUSED), "activity_no 对应的活动暂停中"),
        ("activity_no", json!(activity::ENDED), "activity_no 对应的活动已结束"),
        ("activity_no", json!(activity::FUTURE), "activity_no 对应的活动未开始"),
        ("project_no", json!("nobody's"), "project_no 不存在"),
        ("project_no", json!(PROJECT_UNBOUND), "project_no 未绑定该活动"),
        ("bid", json!("nobody's"), "bid 不存在或不属于该应用"),
        ("bid", json!(OTHER_BID), "bid 不存在或不属于该应用"),
        ("money", json!(0), "money 必须大于 0"),
    ] {
        let answer = app.call(Api::RewardToDonate, &with(donation(), field, value)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
        assert_eq!(answer.data, json!({}));
    }
    for (field, value, code, msg) in [
        ("money", json!(REFUSED), REFUSED_CODE, "支付调用失败,不需要重试: 支付渠道拒绝"),
        ("money", json!(u32::MAX), REFUSED_CODE, "支付调用失败,不需要重试: 活动冻结金额不足"),
        ("money", json!(UNAVAILABLE), 32_240_047, "支付调用失败,需要重试: 支付渠道暂不可用"),
    ] {
        let answer = app.call(Api::RewardToDonate, &with(donation(), field, value)).await;
        answer.assert_refused(code, msg);
    }
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS);
    app.assert_balanced().await;
}

#[tokio::test]
async fn an_activity_whose_window_is_over_takes_nothing() {
    let app = TestApp::start().await;
    app.app.engine.clock().advance(jiff::SignedDuration::from_hours(24 * 31));
    let answer = app.call(Api::RewardToDonate, &donation()).await;
    // Whether the timer that ends it has run already makes no difference but in the words.
    assert_eq!(answer.code, INVALID);
    assert!(answer.msg.starts_with("请求参数异常: activity_no 对应的活动已"), "{}", answer.msg);
}

#[tokio::test]
async fn a_user_at_a_limit_is_refused_for_good() {
    let app = TestApp::start().await;
    let body = || with(donation(), "activity_no", activity::LIMITED);
    app.call(Api::RewardToDonate, &body()).await.success();
    let answer = app.call(Api::RewardToDonate, &body()).await;
    answer
        .assert_refused(REFUSED_CODE, "支付调用失败,不需要重试: third_uid 已达活动的捐赠次数上限");
    let other = with(body(), "third_uid", "user_002");
    app.call(Api::RewardToDonate, &other).await.success();
}

#[tokio::test]
async fn a_field_may_be_as_long_as_the_contract_says() {
    let app = TestApp::start().await;
    let at_most = with(donation(), "third_uid", "花".repeat(64));
    app.call(Api::RewardToDonate, &at_most).await.success();
    let longer = with(donation(), "third_uid", "花".repeat(65));
    let answer = app.call(Api::RewardToDonate, &longer).await;
    answer.assert_refused(INVALID, "请求参数异常: third_uid 长度不能超过 64 个字符");
}

#[tokio::test]
async fn every_field_is_mandatory() {
    let app = TestApp::start().await;
    for field in donation().as_object().unwrap().keys() {
        let answer = app.call(Api::RewardToDonate, &without(donation(), field)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {field} 不能缺少"));
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = TestApp::start().await;
    let body = with(donation(), "new_in_2030", json!({"a": [1, null]}));
    app.call(Api::RewardToDonate, &body).await.success();
}

#[tokio::test]
async fn a_donation_is_found_by_its_number_or_its_key() {
    let app = TestApp::start().await;
    let body = donation();
    let paid = app.call(Api::RewardToDonate, &body).await.success();
    let by_number = query(&paid);
    let by_key = with(
        with(without(by_number.clone(), "donate_transcode"), "bid", BID),
        "reward_transcode",
        body["reward_transcode"].clone(),
    );
    let by_both = with(by_key.clone(), "donate_transcode", paid["donate_transcode"].clone());
    for query in [by_number, by_key, by_both] {
        assert_eq!(app.call(Api::RewardDonateQuery, &query).await.success(), paid);
    }
}

#[tokio::test]
async fn a_query_that_does_not_match_is_refused() {
    let app = TestApp::start().await;
    let body = donation();
    let paid = app.call(Api::RewardToDonate, &body).await.success();
    let good =
        with(with(query(&paid), "bid", BID), "reward_transcode", body["reward_transcode"].clone());
    for (field, value, msg) in [
        ("activity_no", json!(activity::DEFERRED), "activity_no 与捐赠订单不一致"),
        ("project_no", json!(PROJECT_2), "project_no 与捐赠订单不一致"),
        ("third_uid", json!("user_002"), "third_uid 与捐赠订单不一致"),
        ("bid", json!(BID_2), "bid 与捐赠订单不一致"),
        ("reward_transcode", json!("another"), "reward_transcode 与捐赠订单不一致"),
        ("donate_transcode", json!("donate_12345"), "donate_transcode 不存在"),
        ("donate_transcode", json!("2026112110030456700000000089"), "donate_transcode 不存在"),
    ] {
        let answer = app.call(Api::RewardDonateQuery, &with(good.clone(), field, value)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
    }
    let by_key = without(good.clone(), "donate_transcode");
    for (field, value, msg) in [
        ("reward_transcode", "another", "reward_transcode 不存在"),
        ("bid", BID_2, "reward_transcode 不存在"),
        ("bid", OTHER_BID, "bid 不存在或不属于该应用"),
    ] {
        let answer = app.call(Api::RewardDonateQuery, &with(by_key.clone(), field, value)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
    }
    let neither = without(without(by_key, "bid"), "reward_transcode");
    let answer = app.call(Api::RewardDonateQuery, &neither).await;
    assert_eq!(answer.code, INVALID);
    assert!(answer.msg.contains("donate_transcode"), "{}", answer.msg);
}

#[tokio::test]
async fn another_applications_donation_is_as_unknown_as_none() {
    let app = TestApp::start().await;
    let paid = app.call(Api::RewardToDonate, &donation()).await.success();
    let answer = app.other_caller().call(Api::RewardDonateQuery, &query(&paid)).await;
    answer.assert_refused(INVALID, "请求参数异常: donate_transcode 不存在");
}

#[tokio::test]
async fn a_projects_activities_are_told_in_the_documents_words() {
    let app = TestApp::start().await;
    let answer = app.call(Api::GetActivityInfo, &json!({"project_no": PROJECT})).await;
    let data = answer.success();
    let list = data["activity_info"].as_array().unwrap();
    let find = |name: &str| list.iter().find(|one| one["activity_no"] == name);
    let status = |name: &str| find(name).unwrap()["activity_status"].as_u64().unwrap();
    assert_eq!(
        find(activity::INSTANT).unwrap(),
        &json!({
            "activity_no": "instant",
            "activity_type": 2,
            "activity_name": "活动 instant",
            "org_no": ORG,
            "activity_status": 2,
            "money": "1000000",
            "merchant_no": "19680000001",
            "project_no_list": [PROJECT, PROJECT_2],
            "xwj_rule": [{"content": "步行", "title": "少开一天车"}],
        })
    );
    assert_eq!(list.len(), 8);
    assert_eq!(status(activity::DRAFT), 1);
    assert_eq!(status(activity::PAUSED), 3);
    assert_eq!(status(activity::ENDED), 4);
    assert_eq!(find(activity::ENDED).unwrap()["money"], "0");
    assert!(find(activity::OTHERS).is_none());
}

#[tokio::test]
async fn an_unknown_project_has_an_empty_list() {
    let app = TestApp::start().await;
    for project_no in ["nobody's", PROJECT_UNBOUND] {
        let answer = app.call(Api::GetActivityInfo, &json!({"project_no": project_no})).await;
        assert_eq!(answer.success(), json!({"activity_info": []}));
    }
}

#[tokio::test]
async fn a_call_whose_deadline_passes_is_told_to_retry() {
    let app = TestApp::with_settings(|settings| settings.deadline = Duration::ZERO).await;
    let answer = app.call(Api::RewardToDonate, &donation()).await;
    answer.assert_refused(15_150_028, "网关返回超时,需要重试");
}

#[tokio::test]
async fn a_query_whose_deadline_passes_is_told_to_retry_in_the_words_of_queries() {
    let deadline = Duration::from_millis(200);
    let app = TestApp::with_settings(|settings| settings.deadline = deadline).await;
    let placed = app.call_until_in_time(Api::RewardToDonate, &donation()).await.success();
    let engine = &app.app.engine;
    let (began, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let mut holding = Vec::new();
    for _ in 0..engine.reader().connections() {
        let (engine, began) = (engine.clone(), began.clone());
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let question = move |_: &_| {
            began.send(()).unwrap();
            // Until the other end is dropped.
            Ok(held.recv().is_err())
        };
        holding.push(hold);
        tokio::spawn(async move { engine.read(question).await });
        has_begun.recv().await.unwrap();
    }
    let answer = app.call(Api::RewardDonateQuery, &query(&placed)).await;
    answer.assert_refused(32_240_046, "支付查单失败,需要重试");
    drop(holding);
    app.call_until_in_time(Api::RewardDonateQuery, &query(&placed)).await.success();
}

#[tokio::test]
async fn an_order_that_can_never_be_looked_up_is_not_asked_for_again() {
    let app = TestApp::start().await;
    let placed = app.call(Api::RewardToDonate, &donation()).await.success();
    let query = query(&placed);
    app.call(Api::RewardDonateQuery, &query).await.success();
    tamper(&app.directory, "UPDATE donations SET status = 99");
    let answer = app.call(Api::RewardDonateQuery, &query).await;
    assert_eq!(answer.code, REFUSED_CODE, "{}", answer.text);
}

#[tokio::test]
async fn a_server_whose_writer_has_stopped_says_that_nothing_was_written() {
    let app = TestApp::start().await;
    app.app.engine.stop().await;
    let answer = app.call(Api::RewardToDonate, &donation()).await;
    answer.assert_refused(32_240_007, "库存扣取失败,需要重试");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_at_once_and_a_retry_is_safe() {
    // One place is for what the engine tells itself now and then.
    let engine = EngineOptions { queue_max: 2, batch_max: 1, ..EngineOptions::default() };
    let app = TestApp::with(Setup { engine, ..Setup::default() }).await;
    // The writer stands still until somebody was told.
    let (entered, go_on) = stop_writer(&app.app.engine);
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();
    let mut waiting: Vec<Value> = (0..64).map(|_| donation()).collect();
    let mut busy = 0;
    while !waiting.is_empty() {
        let calls = waiting.iter().map(async |body| {
            let answer = app.call(Api::RewardToDonate, body).await;
            if answer.code != 0 {
                // It goes on the first time.
                let _ = go_on.send(());
            }
            answer
        });
        let answers = join_all(calls).await;
        let mut refused = Vec::new();
        for (body, answer) in waiting.into_iter().zip(answers) {
            if answer.code != 0 {
                answer.assert_refused(32_240_007, "库存扣取失败,需要重试");
                refused.push(body);
            }
        }
        busy += refused.len();
        waiting = refused;
    }
    assert!(busy > 0, "64 callers do not fit into a queue of two");
    assert_eq!(app.frozen(activity::INSTANT).await, FUNDS - 64 * 5000);
    app.assert_balanced().await;
}
