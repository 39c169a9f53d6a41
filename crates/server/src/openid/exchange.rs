use bytes::BytesMut;
use huodong_campaign::OpenidPage;
use serde::Deserialize;

use super::fault::Fault;
use crate::{App, sandbox};

/// WeChat, as servers reach it.
const WECHAT: &str = "https://api.weixin.qq.com";
const PATH: &str = "/sns/oauth2/access_token";
/// WeChat's answers have some 500 bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// What the vendor's tables have room for.
const OPENID_LENGTH_MAX: usize = 128;

/// WeChat's answer to a code: who it was, or why it does not say.
#[derive(Debug, Deserialize)]
struct Answer {
    openid: Option<String>,
    errcode: Option<i64>,
    errmsg: Option<String>,
}

/// Asks WeChat whose code this is.
pub(super) async fn openid_for(app: &App, page: &OpenidPage, code: &str) -> Result<String, Fault> {
    let opened = app.open_wechat_secret(&page.campaign, &page.sealed_secret);
    let secret = opened.map_err(|error| {
        tracing::error!(campaign = page.campaign.as_str(), %error, "the WeChat secret");
        Fault::NotSetUp
    })?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("appid", &page.wechat_appid)
        .append_pair("secret", &secret)
        .append_pair("code", code)
        .append_pair("grant_type", "authorization_code")
        .finish();
    let answer = match &app.settings.wechat_api_base {
        None if app.settings.sandbox => sandbox::access_token(app, &query),
        base => {
            let base = base.as_deref().unwrap_or(WECHAT).trim_end_matches('/');
            fetch(app, &format!("{base}{PATH}?{query}")).await?
        }
    };
    read(&answer, page.campaign.as_str())
}

/// The address has the secret in it, so no error may show it.
async fn fetch(app: &App, url: &str) -> Result<Vec<u8>, Fault> {
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let timeout = error.is_timeout();
        tracing::warn!(error = causes(&error), timeout, "WeChat did not answer");
        if timeout { Fault::WechatSlow } else { Fault::WechatBroken }
    };
    let http = app.openid.http.get_or_try_init(async || {
        let timeout = app.settings.wechat_timeout;
        let builder = reqwest::Client::builder().connect_timeout(timeout).timeout(timeout);
        builder.redirect(reqwest::redirect::Policy::none()).build()
    });
    let mut response = http.await.map_err(failed)?.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        tracing::warn!(status = response.status().as_u16(), "WeChat answered with a bad status");
        return Err(Fault::WechatBroken);
    }
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            tracing::warn!("WeChat's answer is too large");
            return Err(Fault::WechatBroken);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.to_vec())
}

fn read(answer: &[u8], campaign: &str) -> Result<String, Fault> {
    let Ok(answer) = serde_json::from_slice::<Answer>(answer) else {
        tracing::warn!(campaign, "WeChat's answer is not its JSON");
        return Err(Fault::WechatBroken);
    };
    if let Some(errcode) = answer.errcode.filter(|code| *code != 0) {
        let errmsg = answer.errmsg.unwrap_or_default();
        tracing::warn!(campaign, errcode, ?errmsg, "WeChat refused a code");
        return Err(Fault::WechatRefused(errcode));
    }
    let shaped = |openid: &String| {
        let part = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (1..=OPENID_LENGTH_MAX).contains(&openid.len()) && openid.bytes().all(part)
    };
    answer.openid.filter(shaped).ok_or_else(|| {
        tracing::warn!(campaign, "WeChat's answer has no openid");
        Fault::WechatBroken
    })
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_does_not_show_the_secret() {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        // Nothing listens on port 1.
        let url = "http://127.0.0.1:1/sns/oauth2/access_token?secret=s3cret";
        let error = http.get(url).send().await.expect_err("no connection");
        assert!(error.to_string().contains("s3cret"), "reqwest shows addresses: {error}");
        let logged = causes(&error.without_url());
        assert!(!logged.contains("s3cret") && logged.contains("refused"), "{logged}");
    }

    #[test]
    fn an_answer_gives_an_openid_or_a_reason() {
        let read = |answer: &str| read(answer.as_bytes(), "c1");
        assert_eq!(read(r#"{"openid":"o-_1","scope":"x"}"#).as_deref(), Ok("o-_1"));
        assert_eq!(read(r#"{"errcode":0,"openid":"o1"}"#).as_deref(), Ok("o1"));
        assert_eq!(read(r#"{"errcode":40029,"openid":"o1"}"#), Err(Fault::WechatRefused(40_029)));
        for broken in ["", "[]", "{}", r#"{"openid":""}"#, r#"{"openid":"a b"}"#, r#"{"openid":1}"#]
        {
            assert_eq!(read(broken), Err(Fault::WechatBroken), "{broken}");
        }
    }
}
