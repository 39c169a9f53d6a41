//! On the way back from WeChat.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use huodong_campaign::{CampaignNo, UpdateOpenidPage};
use huodong_engine::Chance;
use serde_json::Value;

use super::scene::{
    Browser, CAMPAIGN, FakeWechat, OTHER_CAMPAIGN, PUBLIC_URL, RETURN_TO, WECHAT_APPID,
    WECHAT_SECRET, location, start, start_with, told,
};
use crate::app::{PATIENCE, TestApp};

#[tokio::test]
async fn a_user_comes_back_with_the_openid_wechat_gives() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    for (wmcb, is) in [
        (RETURN_TO, "https://m.bank.example/h5?openid=oABC-_123&from=dshy"),
        (
            "https://m.bank.example/h5/list?a=%26&b=张#/coupons",
            "https://m.bank.example/h5/list?a=%26&b=%E5%BC%A0&openid=oABC-_123&from=dshy#/coupons",
        ),
        (
            "https://m.bank.example/h5?openid=stranger&a=1",
            "https://m.bank.example/h5?a=1&openid=oABC-_123&from=dshy",
        ),
    ] {
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, wmcb).await;
        let response = browser.finish(CAMPAIGN, "the+code", &state).await;
        assert_eq!(response.status(), 302);
        assert_eq!(location(&response).as_str(), is);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        assert!(browser.cookies.is_empty(), "the cookie is taken away");
    }
    let query = format!(
        "/sns/oauth2/access_token?appid={WECHAT_APPID}&secret={WECHAT_SECRET}&code=the+code\
         &grant_type=authorization_code"
    );
    assert_eq!(wechat.asked(), vec![query; 3]);
}

#[tokio::test]
async fn two_tabs_do_not_lose_each_others_way() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let mut browser = Browser::of(&app);
    let first = browser.begin(CAMPAIGN, "https://m.bank.example/h5/1").await;
    let second = browser.begin(CAMPAIGN, "https://m.bank.example/h5/2").await;
    for (state, path) in [(first, "/h5/1"), (second, "/h5/2")] {
        let response = browser.finish(CAMPAIGN, "code", &state).await;
        assert_eq!(location(&response).path(), path);
    }
}

#[tokio::test]
async fn a_state_is_only_for_the_browser_it_was_given_to() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let mut user = Browser::of(&app);
    let state = user.begin(CAMPAIGN, RETURN_TO).await;
    let says = "不是在这个浏览器中开始的";
    // Somebody who was sent the link.
    let mut other = Browser::of(&app);
    told(other.finish(CAMPAIGN, "code", &state).await, 400, says).await;
    // Who has a state, and a cookie, of their own.
    let own = other.begin(CAMPAIGN, RETURN_TO).await;
    told(other.finish(CAMPAIGN, "code", &state).await, 400, says).await;
    // And calls that cookie by the other's name.
    let sealed = other.cookies.values().next().unwrap().clone();
    other.cookies.insert(format!("huodong_openid_{}", &state[..8]), sealed);
    told(other.finish(CAMPAIGN, "code", &state).await, 400, says).await;
    // At another campaign's page, and with a cookie that was tampered with.
    told(user.finish(OTHER_CAMPAIGN, "code", &state).await, 400, says).await;
    let mut user = Browser::of(&app);
    let state = user.begin(CAMPAIGN, RETURN_TO).await;
    let sealed = user.cookies.values_mut().next().unwrap();
    sealed.replace_range(20..21, if &sealed[20..21] == "A" { "B" } else { "A" });
    told(user.finish(CAMPAIGN, "code", &state).await, 400, says).await;
    assert!(wechat.asked().is_empty(), "no code was spent");
    // The other's own state is still good.
    assert_eq!(other.finish(CAMPAIGN, "code", &own).await.status(), 302);
}

#[tokio::test]
async fn a_state_that_is_none_is_refused() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let mut browser = Browser::of(&app);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    for query in [
        String::new(),
        "code=c".to_owned(),
        "code=c&state=".to_owned(),
        "code=c&state=short".to_owned(),
        format!("code=c&state={}", state.to_uppercase()),
        format!("code=c&state={state}0"),
        format!("code=c&state={state}&state={state}"),
        format!("code=c&state={}", "<script>alert(1)</script>"),
    ] {
        let response = browser.get(&format!("/deliverWM/{CAMPAIGN}/return?{query}")).await;
        let html = told(response, 400, "缺失或无效").await;
        assert!(!html.contains("<script"), "{html}");
    }
    assert!(wechat.asked().is_empty());
    assert_eq!(browser.finish(CAMPAIGN, "c", &state).await.status(), 302);
}

#[tokio::test]
async fn a_state_is_good_once() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let mut browser = Browser::of(&app);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    let cookies = browser.cookies.clone();
    assert_eq!(browser.finish(CAMPAIGN, "one", &state).await.status(), 302);
    told(browser.finish(CAMPAIGN, "two", &state).await, 400, "不是在这个浏览器中").await;
    browser.cookies = cookies;
    told(browser.finish(CAMPAIGN, "two", &state).await, 400, "只能使用一次").await;
    assert_eq!(wechat.asked().len(), 1);
}

#[tokio::test]
async fn a_state_is_good_for_ten_minutes_and_for_this_process() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let key = &app.app.master_key;
    // The cookie's time is moved in place of the real clock.
    let aged = async |by: i64| {
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, RETURN_TO).await;
        let cookie = browser.cookies.values_mut().next().unwrap();
        let sealed = URL_SAFE_NO_PAD.decode(&*cookie).unwrap();
        let opened = key.open("openid/ticket", &sealed).unwrap();
        let mut ticket: Value = serde_json::from_slice(&opened).unwrap();
        assert_eq!(ticket["return_to"], RETURN_TO);
        ticket["expires_at"] = (ticket["expires_at"].as_i64().unwrap() - by).into();
        let sealed = key.seal(Chance, "openid/ticket", ticket.to_string().as_bytes());
        *cookie = URL_SAFE_NO_PAD.encode(sealed);
        browser.finish(CAMPAIGN, "code", &state).await
    };
    assert_eq!(aged(0).await.status(), 302);
    told(aged(600).await, 400, "授权已过期").await;
    // Young enough, but from before the server began: whether it was used only a database knows that
    // nodes share.
    let young = aged(300).await;
    if app.app.engine.reader().is_shared() {
        assert_eq!(young.status(), 302);
    } else {
        told(young, 400, "授权已过期").await;
        assert_eq!(wechat.asked().len(), 1);
    }
}

#[tokio::test]
async fn who_does_not_agree_is_told_so() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    for code in ["", "&code=", "&code=a&code=b"] {
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, RETURN_TO).await;
        let path = format!("/deliverWM/{CAMPAIGN}/return?state={state}{code}");
        told(browser.get(&path).await, 403, "没有同意授权").await;
    }
    assert!(wechat.asked().is_empty());
}

#[tokio::test]
async fn an_address_that_was_taken_off_the_list_meanwhile_is_refused() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let mut browser = Browser::of(&app);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    let return_to = Some(vec!["https://elsewhere.example/".into()]);
    let campaign = CampaignNo::from(CAMPAIGN);
    app.done(UpdateOpenidPage { campaign, wechat: None, return_to }).await;
    app.app.refresh().await.unwrap();
    told(browser.finish(CAMPAIGN, "code", &state).await, 403, "不在本活动允许的范围内").await;
    assert!(wechat.asked().is_empty());
}

#[tokio::test]
async fn what_wechat_says_wrong_is_a_clear_page() {
    let wechat = FakeWechat::start().await;
    let app = start_with(&wechat).await;
    let large = format!(r#"{{"openid":"o1","pad":"{}"}}"#, "x".repeat(20_000));
    let long = format!(r#"{{"openid":"{}"}}"#, "o".repeat(129));
    for (status, body, told_status, says) in [
        (200, r#"{"errcode":40029,"errmsg":"invalid code"}"#, 400, "错误码 40029"),
        (200, r#"{"errcode":40163,"errmsg":"code been used"}"#, 400, "错误码 40163"),
        (200, r#"{"errcode":40013,"errmsg":"<script>"}"#, 502, "错误码 40013"),
        (200, r#"{"errcode":40125,"errmsg":"invalid appsecret"}"#, 502, "错误码 40125"),
        (200, r#"{"errcode":-1}"#, 503, "错误码 -1"),
        (200, r#"{"errcode":0}"#, 502, "微信暂时不可用"),
        (200, "{}", 502, "微信暂时不可用"),
        (200, "<html>busy</html>", 502, "微信暂时不可用"),
        (200, "", 502, "微信暂时不可用"),
        (200, r#"{"openid":""}"#, 502, "微信暂时不可用"),
        (200, r#"{"openid":"o1&from=evil"}"#, 502, "微信暂时不可用"),
        (200, &long, 502, "微信暂时不可用"),
        (200, &large, 502, "微信暂时不可用"),
        (500, r#"{"openid":"o1"}"#, 502, "微信暂时不可用"),
        (302, r#"{"openid":"o1"}"#, 502, "微信暂时不可用"),
    ] {
        wechat.answers(status, body);
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, RETURN_TO).await;
        let response = browser.finish(CAMPAIGN, "code", &state).await;
        let html = told(response, told_status, says).await;
        assert!(!html.contains("<script") && !html.contains(WECHAT_SECRET), "{html}");
    }
}

/// A server whose WeChat never answers, and how long that is waited for.
async fn waiting(timeout: Duration) -> (FakeWechat, TestApp) {
    let wechat = FakeWechat::start().await;
    wechat.never_answers();
    let base = wechat.base();
    let app = start(|settings| {
        settings.public_url = Some(PUBLIC_URL.to_owned());
        settings.wechat_api_base = Some(base);
        settings.wechat_timeout = timeout;
    })
    .await;
    (wechat, app)
}

#[tokio::test]
async fn a_wechat_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let (_wechat, app) = waiting(Duration::from_millis(100)).await;
    let mut browser = Browser::of(&app);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    told(browser.finish(CAMPAIGN, "code", &state).await, 504, "微信响应超时").await;
}

#[tokio::test]
async fn of_too_many_who_come_back_at_once_some_may_come_again() {
    let (wechat, app) = waiting(10 * PATIENCE).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, RETURN_TO).await;
        waiting.push((browser, state));
    }
    let finishes = waiting.iter_mut().map(|(browser, state)| browser.finish(CAMPAIGN, "c", state));
    let all = futures_util::future::join_all(finishes);
    let another = async {
        while wechat.asked().len() < 64 {
            tokio::task::yield_now().await;
        }
        let mut browser = Browser::of(&app);
        let state = browser.begin(CAMPAIGN, RETURN_TO).await;
        told(browser.finish(CAMPAIGN, "c", &state).await, 503, "系统繁忙").await;
        assert_eq!(browser.cookies.len(), 1, "the state is still good");
    };
    tokio::select! {
        _ = all => panic!("nobody answers them"),
        () = another => {}
    }
}

#[tokio::test]
async fn a_wechat_that_is_not_there_is_a_clear_page() {
    // While the socket is there nobody else can listen at its port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    let app = start(|settings| {
        settings.public_url = Some(PUBLIC_URL.to_owned());
        settings.wechat_api_base = Some(base);
    })
    .await;
    let mut browser = Browser::of(&app);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    told(browser.finish(CAMPAIGN, "code", &state).await, 502, "微信暂时不可用").await;
}
