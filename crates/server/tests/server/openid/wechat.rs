//! The sandbox's own WeChat.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::scene::{Browser, CAMPAIGN, WECHAT_APPID, WECHAT_SECRET, location, page, start};
use crate::app::TestApp;

const AUTHORIZE: &str = "/sandbox/wechat/connect/oauth2/authorize";

async fn sandbox() -> TestApp {
    start(|settings| settings.sandbox = true).await
}

/// What the consent page sends, for this redirect_uri.
fn form(redirect_uri: &str) -> Vec<(&'static str, String)> {
    [
        ("appid", WECHAT_APPID),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", "snsapi_base"),
        ("state", "STATE1"),
        ("user", "小明"),
        ("decision", "agree"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn changed(field: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut form = form("http://127.0.0.1:9/back?x=1");
    form.retain(|(name, _)| *name != field);
    form.push((field, value.to_owned()));
    form
}

async fn decide(app: &TestApp, form: &[(&'static str, String)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let http = reqwest::Client::builder().no_proxy();
    let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
    http.post(app.url(AUTHORIZE)).body(body).send().await.unwrap()
}

async fn code_for(app: &TestApp, user: &str) -> String {
    let response = decide(app, &changed("name", user)).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let to = location(&response);
    let code = to.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert_eq!(to.as_str(), format!("http://127.0.0.1:9/back?x=1&code={code}&state=STATE1"));
    code
}

async fn token(app: &TestApp, change: (&str, &str), code: &str) -> Value {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("appid", WECHAT_APPID),
        ("secret", WECHAT_SECRET),
        ("code", code),
        ("grant_type", "authorization_code"),
    ] {
        query.append_pair(name, if name == change.0 { change.1 } else { value });
    }
    let path = format!("/sandbox/wechat/sns/oauth2/access_token?{}", query.finish());
    let response = app.http.get(app.url(&path)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_sandbox_asks_its_own_wechat() {
    let app = sandbox().await;
    let mut browser = Browser::of(&app);
    let response = browser.get(&page(CAMPAIGN, "http://127.0.0.1/bank")).await;
    let to = location(&response);
    assert_eq!(to.as_str().split('?').next(), Some(&*app.url(AUTHORIZE)));
    assert_eq!(to.fragment(), Some("wechat_redirect"));
    let redirect_uri = app.url(&format!("/deliverWM/{CAMPAIGN}/return"));
    assert!(to.query_pairs().any(|(name, value)| name == "redirect_uri" && value == redirect_uri));
    let asking = app.http.get(to.clone()).send().await.unwrap();
    assert_eq!(asking.status(), 200);
    let policy = asking.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let mut form = form(&redirect_uri);
    form[4].1 = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let back = location(&decide(&app, &form).await);
    let response = browser.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
    let to = location(&response);
    let openid = to.query_pairs().next().unwrap().1.into_owned();
    assert_eq!(to.as_str(), format!("http://127.0.0.1/bank?openid={openid}&from=dshy"));
    assert!(openid.len() == 28 && openid.starts_with('o'), "{openid}");
}

#[tokio::test]
async fn a_user_has_one_openid_and_each_user_another() {
    let app = sandbox().await;
    let mut openids = Vec::new();
    for user in ["小明", "小明", "Somebody new"] {
        let answer = token(&app, ("", ""), &code_for(&app, user).await).await;
        assert_eq!(answer["expires_in"], 7_200);
        assert_eq!(answer["scope"], "snsapi_base");
        openids.push(answer["openid"].as_str().unwrap().to_owned());
    }
    assert_eq!(openids[0], openids[1]);
    assert_ne!(openids[0], openids[2]);
}

#[tokio::test]
async fn who_declines_comes_back_without_a_code() {
    let app = sandbox().await;
    let response = decide(&app, &changed("decision", "decline")).await;
    assert_eq!(location(&response).as_str(), "http://127.0.0.1:9/back?x=1&state=STATE1");
}

#[tokio::test]
async fn a_token_is_asked_for_as_at_wechat() {
    let app = sandbox().await;
    let code = code_for(&app, "小红").await;
    for (change, errcode) in [
        (("appid", ""), 41_002),
        (("secret", ""), 41_004),
        (("code", ""), 41_008),
        (("grant_type", "client_credential"), 40_002),
        (("appid", "wx_nobody"), 40_013),
        (("secret", "wrong"), 40_125),
        (("code", "made-up"), 40_029),
    ] {
        assert_eq!(token(&app, change, &code).await["errcode"], errcode, "{change:?}");
    }
    assert!(token(&app, ("", ""), &code).await["openid"].is_string());
    assert_eq!(token(&app, ("", ""), &code).await["errcode"], 40_163);
}

#[tokio::test]
async fn a_wrong_question_is_shown_as_wrong() {
    let app = sandbox().await;
    let long = "s".repeat(129);
    for (field, value, says) in [
        ("appid", "wx_nobody", "10013"),
        ("redirect_uri", "javascript:alert(1)", "10003"),
        ("redirect_uri", "", "10003"),
        ("response_type", "token", "response_type"),
        ("scope", "everything", "10005"),
        ("state", "a-b", "state"),
        ("state", &long, "state"),
        ("user", "", "请选择一个用户"),
        ("name", &long, "请选择一个用户"),
    ] {
        let response = decide(&app, &changed(field, value)).await;
        assert_eq!(response.status(), 400, "{field}");
        let html = response.text().await.unwrap();
        assert!(html.contains(says), "{field}: {html}");
    }
}

#[tokio::test]
async fn what_a_caller_writes_is_text_on_the_consent_page() {
    let app = sandbox().await;
    let mut query = form_urlencoded::Serializer::new(String::new());
    let redirect_uri = "http://127.0.0.1/?a=\"'><script>alert(1)</script>";
    for (name, value) in form(redirect_uri) {
        query.append_pair(name, &value);
    }
    let url = app.url(&format!("{AUTHORIZE}?{}", query.finish()));
    let html = app.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("name=\"redirect_uri\"") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn a_foreign_page_cannot_agree_for_the_user() {
    let app = sandbox().await;
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form("http://127.0.0.1/"))
        .finish();
    let request = app.http.post(app.url(AUTHORIZE)).header("Origin", "http://evil.example");
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn only_a_sandbox_has_a_wechat() {
    let app = start(|_| {}).await;
    for path in [AUTHORIZE, "/sandbox/wechat/sns/oauth2/access_token"] {
        assert_eq!(app.http.get(app.url(path)).send().await.unwrap().status(), 404);
    }
}
