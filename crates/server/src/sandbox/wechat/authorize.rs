use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, Uri, header};
use reqwest::Url;

use super::accounts::openid_of;
use super::codes::Grant;
use crate::App;
use crate::html::{self, escaped, filled};

const PAGE: &str = include_str!("consent.html");
const STYLE: &str = include_str!("consent.css");
/// Whom one can be.
const USERS: [&str; 4] = ["小明", "小红", "阿强", "丽丽"];
/// How long a typed name may be, in characters.
const NAME_LENGTH_MAX: usize = 32;
/// As WeChat has it.
const STATE_LENGTH_MAX: usize = 128;

/// What a page asks for.
struct Asked {
    wechat_appid: String,
    redirect_uri: Url,
    scope: String,
    state: String,
}

/// Why WeChat shows an error in place of asking.
struct Wrong(StatusCode, &'static str);

/// `GET connect/oauth2/authorize`: asks who one is, and whether one agrees.
pub(super) async fn ask(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    match asked(&app, query.as_bytes()) {
        Ok(asked) => consent(&asked),
        Err(wrong) => wrong.page(),
    }
}

/// `POST connect/oauth2/authorize`: the form, filled in.
pub(super) async fn decide(State(app): State<Arc<App>>, form: Bytes) -> Response {
    match decided(&app, &form) {
        Ok(response) => response,
        Err(wrong) => wrong.page(),
    }
}

fn asked(app: &App, form: &[u8]) -> Result<Asked, Wrong> {
    let field = |name: &str| value(form, name).unwrap_or_default().into_owned();
    let bad = |says| Wrong(StatusCode::BAD_REQUEST, says);
    if field("response_type") != "code" {
        return Err(bad("response_type 参数错误，应为 code。"));
    }
    let scope = field("scope");
    if !["snsapi_base", "snsapi_userinfo"].contains(&&*scope) {
        return Err(bad("scope 参数错误或没有 scope 权限（10005）。"));
    }
    let state = field("state");
    if state.len() > STATE_LENGTH_MAX || !state.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err(bad("state 参数错误：至多 128 个字母和数字。"));
    }
    let redirect_uri = Url::parse(&field("redirect_uri")).ok();
    let redirect_uri =
        redirect_uri.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let redirect_uri = redirect_uri.ok_or(bad("redirect_uri 参数错误（10003）。"))?;
    let wechat_appid = field("appid");
    if app.directory.openid_pages_of(&wechat_appid).is_empty() {
        return Err(bad("该公众号不存在（10013）：没有 openid 页面使用这个 appid。"));
    }
    Ok(Asked { wechat_appid, redirect_uri, scope, state })
}

fn decided(app: &App, form: &[u8]) -> Result<Response, Wrong> {
    let asked = asked(app, form)?;
    let mut to = asked.redirect_uri;
    if value(form, "decision").as_deref() == Some("agree") {
        let typed = value(form, "name").unwrap_or_default();
        let picked = value(form, "user").unwrap_or_default();
        let user = Some(typed.trim()).filter(|name| !name.is_empty()).unwrap_or(&picked);
        if !(1..=NAME_LENGTH_MAX).contains(&user.chars().count()) {
            return Err(Wrong(
                StatusCode::BAD_REQUEST,
                "请选择一个用户，或输入 1 到 32 个字的名字。",
            ));
        }
        let openid = openid_of(&asked.wechat_appid, user);
        let grant = Grant { wechat_appid: asked.wechat_appid, openid, scope: asked.scope };
        let now = app.engine.clock().real().as_second();
        let code = app.wechat_codes.give(app.chance, grant, now);
        let code = code.ok_or(Wrong(StatusCode::SERVICE_UNAVAILABLE, "授权太多，请稍后再试。"))?;
        to.query_pairs_mut().append_pair("code", &code);
    }
    // Who declines comes back without a code.
    to.query_pairs_mut().append_pair("state", &asked.state);
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let to = HeaderValue::from_str(to.as_str()).expect("a parsed address is visible ASCII");
    headers.insert(header::LOCATION, to);
    html::guard(headers);
    Ok(response)
}

fn value<'f>(form: &'f [u8], name: &str) -> Option<Cow<'f, str>> {
    form_urlencoded::parse(form).find_map(|(given, value)| (given == name).then_some(value))
}

fn consent(asked: &Asked) -> Response {
    let mut users = String::new();
    for (place, user) in USERS.iter().enumerate() {
        let openid = openid_of(&asked.wechat_appid, user);
        let checked = if place == 0 { " checked" } else { "" };
        // Writing to a String does not fail.
        let _ = writeln!(
            users,
            "<label class=\"user\"><input type=\"radio\" name=\"user\" value=\"{user}\"{checked}>\
             <span>{user}<small>{openid}</small></span></label>"
        );
    }
    let host = asked.redirect_uri.host_str().unwrap_or_default();
    let port = asked.redirect_uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    let page = filled(
        PAGE,
        &[
            ("style", STYLE),
            ("appid", &escaped(&asked.wechat_appid)),
            ("scope", &asked.scope),
            ("redirect_uri", &escaped(asked.redirect_uri.as_str())),
            ("host", &escaped(&format!("{host}{port}"))),
            ("state", &asked.state),
            ("users", &users),
        ],
    );
    // Where a form may go is not bounded: the answer to it sends the browser on to other sites.
    html::own_forms(html::page(StatusCode::OK, page, STYLE, ""))
}

impl Wrong {
    fn page(&self) -> Response {
        let Self(status, says) = self;
        let page = format!(
            "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>微信授权 · 沙箱</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>无法授权</h1>\n<p>{says}</p>\n</main>\n</body>\n</html>\n"
        );
        html::page(*status, page, STYLE, "form-action 'none'")
    }
}
