use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Uri, header};
use serde_json::{Value, json};

use super::codes::BadCode;
use crate::App;

/// `GET sns/oauth2/access_token?appid=&secret=&code=&grant_type=authorization_code`
pub(super) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let answer = access_token(&app, uri.query().unwrap_or_default());
    let mut response = Response::new(Body::from(answer));
    // WeChat calls its JSON that.
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// The same without the way there: what a page in this sandbox asks its own WeChat.
pub(crate) fn access_token(app: &App, query: &str) -> Vec<u8> {
    let answer = answer(app, query).unwrap_or_else(|(errcode, errmsg)| {
        json!({"errcode": errcode, "errmsg": format!("{errmsg}, rid: sandbox")})
    });
    answer.to_string().into_bytes()
}

fn answer(app: &App, query: &str) -> Result<Value, (i64, &'static str)> {
    let given: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let field = |name: &str| given.get(name).map(|value| &**value).filter(|it| !it.is_empty());
    let appid = field("appid").ok_or((41_002, "appid missing"))?;
    let secret = field("secret").ok_or((41_004, "appsecret missing"))?;
    let code = field("code").ok_or((41_008, "missing code"))?;
    if field("grant_type") != Some("authorization_code") {
        return Err((40_002, "invalid grant_type"));
    }
    let pages = app.directory.openid_pages_of(appid);
    if pages.is_empty() {
        return Err((40_013, "invalid appid"));
    }
    let is_its = |sealed: &[u8], campaign| {
        let known = app.open_wechat_secret(campaign, sealed);
        known.is_ok_and(|known| {
            let (known, given) = (known.as_bytes(), secret.as_bytes());
            aws_lc_rs::constant_time::verify_slices_are_equal(known, given).is_ok()
        })
    };
    if !pages.iter().any(|known| is_its(&known.page.sealed_secret, &known.page.campaign)) {
        return Err((40_125, "invalid appsecret"));
    }
    let now = app.engine.clock().real().as_second();
    let grant = app.wechat_codes.take(code, appid, now).map_err(|bad| match bad {
        BadCode::Unknown => (40_029, "invalid code"),
        BadCode::Used => (40_163, "code been used"),
        BadCode::Expired => (42_003, "code expired"),
    })?;
    let token = || format!("sandbox_{}", hex::encode(app.chance.bytes::<24>()));
    Ok(json!({
        "access_token": token(),
        "expires_in": 7_200,
        "refresh_token": token(),
        "openid": grant.openid,
        "scope": grant.scope,
    }))
}
