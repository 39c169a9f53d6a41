//! Small red flowers.

use huodong_campaign::SHANGHAI;
use huodong_wire::gongyi::Api;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{FLOWERS_PER_DAY, TestApp, activity, donation, fresh_nonce, with};

const INVALID: i64 = 32_240_001;
const DAILY_LIMIT: i64 = 30_110_502;

/// The business clock's time in Shanghai, moved by some minutes.
fn wall(app: &TestApp, minutes: i64, format: &str) -> String {
    let time = app.app.engine.clock().now() + SignedDuration::from_mins(minutes);
    SHANGHAI.to_datetime(time).strftime(format).to_string()
}

fn today(app: &TestApp) -> String {
    wall(app, 0, "%Y%m%d")
}

/// Five flowers for user_001, under a key of its own.
fn flowers(app: &TestApp) -> Value {
    json!({
        "open_id": "user_001",
        "trans_code": format!("{}{}", today(app), &fresh_nonce()[16..]),
        "time_start": wall(app, -1, "%Y-%m-%d %H:%M:%S"),
        "time_expire": wall(app, 5, "%Y-%m-%d %H:%M:%S"),
        "xhh_num": 5,
    })
}

async fn history(app: &TestApp) -> Value {
    app.call(Api::QueryUserXhh, &json!({"open_id": "user_001"})).await.success()
}

#[tokio::test]
async fn flowers_are_given_once_and_found_again() {
    let app = TestApp::start().await;
    let body = flowers(&app);
    let given = app.call(Api::PreTry, &body).await.success();
    assert!(!given["exchange_id"].as_str().unwrap().is_empty());
    assert_eq!(app.call(Api::PreTry, &body).await.success(), given);
    assert_eq!(history(&app).await, json!({"history_xhh": 5}));
    let check = json!({"open_id": "user_001", "trans_code": body["trans_code"]});
    let found = app.call(Api::CheckIsTransExist, &check).await.success();
    assert_eq!(found, json!({"exchange_id": given["exchange_id"], "xhh_code": 0}));
    for (field, value) in [("open_id", json!("user_002")), ("xhh_num", json!(4))] {
        let answer = app.call(Api::PreTry, &with(body.clone(), field, value)).await;
        let msg = format!("请求参数异常: {field} 与 trans_code 首次请求时不一致");
        answer.assert_refused(INVALID, &msg);
    }
}

#[tokio::test]
async fn an_exchange_that_does_not_exist_is_told_so() {
    let app = TestApp::start().await;
    let none = json!({"exchange_id": "", "xhh_code": 30_110_404});
    let body = flowers(&app);
    app.call(Api::PreTry, &body).await.success();
    for (open_id, trans_code) in
        [("user_002", body["trans_code"].as_str().unwrap()), ("user_001", "20260101none")]
    {
        let check = json!({"open_id": open_id, "trans_code": trans_code});
        assert_eq!(app.call(Api::CheckIsTransExist, &check).await.success(), none);
    }
    let check = json!({"open_id": "user_001", "trans_code": body["trans_code"]});
    let other = app.other_caller().call(Api::CheckIsTransExist, &check).await;
    assert_eq!(other.success(), none);
}

#[tokio::test]
async fn a_user_receives_so_many_flowers_a_day() {
    let app = TestApp::start().await;
    let check = |num: u32, day: String| json!({"open_id": "user_001", "trans_date": day, "xhh_num": num.to_string()});
    let most = FLOWERS_PER_DAY;
    let allowed = app.call(Api::CheckXhh, &check(most, today(&app))).await.success();
    assert_eq!(allowed, json!({}));
    app.call(Api::PreTry, &flowers(&app)).await.success();
    for answer in [
        app.call(Api::CheckXhh, &check(6, today(&app))).await,
        app.call(Api::PreTry, &with(flowers(&app), "xhh_num", 6)).await,
    ] {
        let reason = "该用户当日已领取 5 朵,每日上限 10 朵";
        answer.assert_refused(DAILY_LIMIT, &format!("已达当日小红花上限: {reason}"));
        assert_eq!(answer.data, json!({"attach": reason}));
    }
    let tomorrow = wall(&app, 24 * 60, "%Y%m%d");
    app.call(Api::CheckXhh, &check(6, tomorrow)).await.success();
    app.call(Api::PreTry, &with(flowers(&app), "xhh_num", "5")).await.success();
    app.advance(24 * 3600).await;
    app.call(Api::PreTry, &flowers(&app)).await.success();
    assert_eq!(history(&app).await, json!({"history_xhh": 15}));
}

#[tokio::test]
async fn flowers_may_thank_for_a_paid_donation_once() {
    let app = TestApp::start().await;
    let paid = app.call(Api::RewardToDonate, &donation()).await.success();
    let info = json!({
        "donate_transcode": paid["donate_transcode"],
        "reward_transcode": paid["reward_transcode"],
    });
    let thanks = |info: &Value| with(flowers(&app), "business_info", info.to_string());
    let wrong_key = with(info.clone(), "reward_transcode", "another");
    let unknown = json!({"donate_transcode": "donate_1234"});
    let other_user = with(thanks(&info), "open_id", "user_002");
    for (body, msg) in [
        (thanks(&wrong_key), "business_info 中捐赠订单的 reward_transcode 与请求不一致"),
        (thanks(&unknown), "business_info.donate_transcode 不存在或不属于该应用"),
        (other_user, "business_info 中捐赠订单的 third_uid 与请求不一致"),
    ] {
        let answer = app.call(Api::PreTry, &body).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
    }
    let answer = app.other_caller().call(Api::PreTry, &thanks(&info)).await;
    answer.assert_refused(
        INVALID,
        "请求参数异常: business_info.donate_transcode 不存在或不属于该应用",
    );
    app.call(Api::PreTry, &thanks(&info)).await.success();
    let again = app.call(Api::PreTry, &thanks(&info)).await;
    again.assert_refused(INVALID, "请求参数异常: business_info 中的捐赠订单已发过花");
}

#[tokio::test]
async fn a_donation_that_is_not_paid_earns_no_flowers() {
    let app = TestApp::start().await;
    let deferred = with(donation(), "activity_no", activity::DEFERRED);
    let placed = app.call(Api::RewardToDonate, &deferred).await.success();
    let info = json!({"donate_transcode": placed["donate_transcode"]});
    let body = with(flowers(&app), "business_info", info);
    let answer = app.call(Api::PreTry, &body).await;
    answer.assert_refused(INVALID, "请求参数异常: business_info 中的捐赠订单未支付成功");
}

#[tokio::test]
async fn the_exchange_has_a_window_of_ten_minutes_at_most() {
    let app = TestApp::start().await;
    let at = |minutes| wall(&app, minutes, "%Y-%m-%d %H:%M:%S");
    let window =
        |from, to| with(with(flowers(&app), "time_start", at(from)), "time_expire", at(to));
    for (from, to, msg) in [
        (0, 11, "time_expire 不能晚于 time_start 10 分钟以上"),
        (0, -1, "time_expire 不能早于 time_start"),
        (2, 3, "当前时间不在 time_start 与 time_expire 之间"),
        (-3, -2, "当前时间不在 time_start 与 time_expire 之间"),
    ] {
        let answer = app.call(Api::PreTry, &window(from, to)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
    }
    app.call(Api::PreTry, &window(-5, 5)).await.success();
}

#[tokio::test]
async fn flower_fields_are_checked() {
    let app = TestApp::start().await;
    for (field, value, msg) in [
        ("open_id", json!("u".repeat(33)), "open_id 长度不能超过 32 个字符"),
        (
            "trans_code",
            json!(format!("20260101{}", "x".repeat(25))),
            "trans_code 长度不能超过 32 个字符",
        ),
        ("trans_code", json!("x20260101"), "trans_code 必须以 yyyyMMdd 格式的日期开头"),
        ("xhh_num", json!(0), "xhh_num 必须大于 0"),
    ] {
        let answer = app.call(Api::PreTry, &with(flowers(&app), field, value)).await;
        answer.assert_refused(INVALID, &format!("请求参数异常: {msg}"));
    }
    let check = json!({"open_id": "u", "trans_date": today(&app), "xhh_num": 0});
    let answer = app.call(Api::CheckXhh, &check).await;
    answer.assert_refused(INVALID, "请求参数异常: xhh_num 必须大于 0");
}
