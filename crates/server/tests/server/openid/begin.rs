//! On the way to WeChat.

use std::time::Instant;

use super::scene::{
    Browser, CAMPAIGN, OTHER_CAMPAIGN, PUBLIC_URL, RETURN_TO, WECHAT_APPID, location, page, start,
    told,
};
use crate::app::TestApp;

async fn server() -> TestApp {
    start(|settings| settings.public_url = Some(PUBLIC_URL.to_owned())).await
}

#[tokio::test]
async fn a_user_is_sent_to_wechat_with_a_state_of_their_own() {
    let app = server().await;
    let mut browser = Browser::of(&app);
    let response = browser.get(&page(CAMPAIGN, &format!("{RETURN_TO}?a=1"))).await;
    assert_eq!(response.status(), 302);
    let to = response.headers()["location"].to_str().unwrap().to_owned();
    let begins = format!(
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid={WECHAT_APPID}\
         &redirect_uri=https%3A%2F%2Fm.example.com%2FdeliverWM%2F{CAMPAIGN}%2Freturn\
         &response_type=code&scope=snsapi_base&state="
    );
    let state = to.strip_prefix(&begins).and_then(|rest| rest.strip_suffix("#wechat_redirect"));
    let state = state.unwrap_or_else(|| panic!("{to}"));
    assert!(state.len() == 32 && state.bytes().all(|c| c.is_ascii_hexdigit()), "{state}");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let attributes =
        format!("; Path=/deliverWM/{CAMPAIGN}; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
    assert!(cookie.ends_with(&attributes), "{cookie}");
    assert!(!cookie.contains(state) && !cookie.contains("bank"), "{cookie}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    assert_ne!(Browser::of(&app).begin(CAMPAIGN, RETURN_TO).await, state);
}

#[tokio::test]
async fn a_user_is_sent_nowhere_that_is_not_allowed() {
    let app = server().await;
    let (foreign, wrong) = ((403, "不在本活动允许的范围内"), (400, "链接有误"));
    for (wmcb, (status, says)) in [
        ("https://evil.example/h5", foreign),
        ("http://m.bank.example/h5", foreign),
        ("https://m.bank.example:8443/h5", foreign),
        ("https://m.bank.example.evil.example/h5", foreign),
        ("https://m.bank.example./h5", foreign),
        ("https://m.bank.example/h5x", foreign),
        ("https://m.bank.example/h5/../admin", foreign),
        ("https://m.bank.example/h5/%2e%2e/admin", foreign),
        ("https://evil.example/?https://m.bank.example/h5", foreign),
        ("https://evil.example#@m.bank.example/h5", foreign),
        ("https://m.bank.example@evil.example/h5", wrong),
        ("https://user:pass@m.bank.example/h5", wrong),
        ("https://evil.example\\@m.bank.example/h5", wrong),
        ("https:\\\\m.bank.example/h5", wrong),
        ("https:m.bank.example/h5", wrong),
        ("https:///m.bank.example/h5", wrong),
        ("//m.bank.example/h5", wrong),
        ("m.bank.example/h5", wrong),
        ("/h5", wrong),
        ("javascript:alert(1)//m.bank.example/h5", wrong),
        ("data:text/html,<script>alert(1)</script>", wrong),
        ("https://m.bank.example/h5\r\nSet-Cookie: a=b", wrong),
        ("https://m.bank.example/h5/\u{0}", wrong),
        ("\thttps://m.bank.example/h5", wrong),
        ("https://m.bank.example/h5/..%2fadmin", wrong),
        ("https://m.bank.example/h5/..;/admin", wrong),
        ("https://m.bank.example/h5/%252e%252e%252fadmin", wrong),
        ("\"><script>alert(1)</script>", wrong),
        (&format!("https://m.bank.example/h5?{}", "a".repeat(2_048)), wrong),
        ("", (400, "缺少回跳地址")),
    ] {
        let mut browser = Browser::of(&app);
        let html = told(browser.get(&page(CAMPAIGN, wmcb)).await, status, says).await;
        assert!(!html.contains("<script") && !html.contains("evil"), "{wmcb}: {html}");
        assert!(browser.cookies.is_empty(), "{wmcb}");
    }
}

#[tokio::test]
async fn a_return_address_comes_once_encoded_or_not() {
    let app = server().await;
    let mut browser = Browser::of(&app);
    for query in [
        "wmcb=https%3A%2F%2Fm.bank.example%2Fh5%3Fa%3D1",
        "wmcb=https%253A%252F%252Fm.bank.example%252Fh5",
        "wmcb=https://m.bank.example/h5?a=1&b=2",
    ] {
        let response = browser.get(&format!("/deliverWM/{CAMPAIGN}?{query}")).await;
        assert_eq!(response.status(), 302, "{query}");
        assert_eq!(location(&response).host_str(), Some("open.weixin.qq.com"));
    }
    for query in ["", "?", "?wmcb", "?other=1", "?wmcb=https%3A%2F%2Fm.bank.example%2Fh5&wmcb=x"] {
        let response = browser.get(&format!("/deliverWM/{CAMPAIGN}{query}")).await;
        told(response, 400, "缺少回跳地址").await;
    }
}

#[tokio::test]
async fn a_campaign_that_is_not_there_is_not_found() {
    let app = server().await;
    let mut browser = Browser::of(&app);
    for campaign in ["404", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%ff", "..%2f"] {
        let html = told(browser.get(&page(campaign, RETURN_TO)).await, 404, "活动不存在").await;
        assert!(!html.contains("<script"), "{html}");
    }
    let response = browser.finish("404", "code", &"0".repeat(32)).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn without_an_address_of_its_own_a_server_sends_nobody_on() {
    let app = start(|_| {}).await;
    let mut browser = Browser::of(&app);
    told(browser.get(&page(CAMPAIGN, RETURN_TO)).await, 503, "活动尚未就绪").await;
}

#[tokio::test]
async fn a_page_sends_so_many_on_and_keeps_none_of_another_pages_users_from_it() {
    let app = start(|settings| {
        settings.public_url = Some(PUBLIC_URL.to_owned());
        settings.openid_rate_per_s = 1;
    })
    .await;
    let mut browser = Browser::of(&app);
    let (mut sent_on, began) = (0, Instant::now());
    // As fast as they come, some of twenty are too many.
    for _ in 0..20 {
        let response = browser.get(&page(CAMPAIGN, RETURN_TO)).await;
        match response.status().as_u16() {
            302 => sent_on += 1,
            _ => drop(told(response, 503, "系统繁忙").await),
        }
    }
    assert!((1..=2 + began.elapsed().as_secs()).contains(&sent_on), "{sent_on}");
    assert!(browser.cookies.len() <= 3, "{:?}", browser.cookies);
    browser.begin(OTHER_CAMPAIGN, RETURN_TO).await;
}
