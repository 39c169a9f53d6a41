//! A server with an openid page, a browser that remembers cookies, and a WeChat that answers as it
//! is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use huodong_campaign::{CampaignNo, CreateInstitution, CreateOpenidPage, InstitutionId, OwnerId};
use huodong_server::Settings;
use reqwest::{Response, Url};

use crate::app::TestApp;

pub const CAMPAIGN: &str = "1019393703635943424";
pub const OTHER_CAMPAIGN: &str = "1019393703635943425";
pub const WECHAT_APPID: &str = "wx0123456789abcdef";
pub const WECHAT_SECRET: &str = "wechat-secret-0123456789";
pub const PUBLIC_URL: &str = "https://m.example.com";
pub const RETURN_TO: &str = "https://m.bank.example/h5";

/// A server with two openid pages of one official account.
pub async fn start(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with_settings(change).await;
    furnish(&app).await;
    app
}

/// Gives a server two openid pages of one official account.
pub async fn furnish(app: &TestApp) {
    let appid = InstitutionId::from("OP_OPENID");
    let institution = CreateInstitution {
        appid: Some(appid.clone()),
        org_id: "90000001".into(),
        name: "示例银行".to_owned(),
        certificate: huodong_server::seed::INSTITUTION.certificate_pem.to_owned(),
        member_prefix: "AAA".into(),
        owners: vec![OwnerId::from("80000007")],
        rate_per_s: None,
    };
    app.done(institution).await;
    for campaign in [CAMPAIGN, OTHER_CAMPAIGN] {
        let campaign = CampaignNo::from(campaign);
        let page = CreateOpenidPage {
            sealed_secret: app.app.seal_wechat_secret(&campaign, WECHAT_SECRET),
            campaign: Some(campaign),
            appid: appid.clone(),
            wechat_appid: WECHAT_APPID.into(),
            return_to: vec![RETURN_TO.into(), "http://127.0.0.1".into()],
        };
        app.done(page).await;
    }
    app.app.refresh().await.unwrap();
}

/// The same, whose WeChat is this one.
pub async fn start_with(wechat: &FakeWechat) -> TestApp {
    let base = wechat.base();
    start(|settings| {
        settings.public_url = Some(PUBLIC_URL.to_owned());
        settings.wechat_api_base = Some(base);
    })
    .await
}

/// Keeps cookies and follows no redirect.
pub struct Browser<'a> {
    app: &'a TestApp,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn of(app: &'a TestApp) -> Self {
        let http = reqwest::Client::builder().no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, http, cookies: BTreeMap::new() }
    }

    /// Goes to another node from now on.
    pub fn go_to(&mut self, app: &'a TestApp) {
        self.app = app;
    }

    pub async fn get(&mut self, path: &str) -> Response {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.http.get(self.app.url(path));
        if !pairs.is_empty() {
            request = request.header("Cookie", pairs.join("; "));
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Opens a campaign's page, and gives the state it went to WeChat with.
    pub async fn begin(&mut self, campaign: &str, wmcb: &str) -> String {
        let response = self.get(&page(campaign, wmcb)).await;
        assert_eq!(response.status(), 302);
        let to = location(&response);
        let state = to.query_pairs().find(|(name, _)| name == "state").unwrap();
        state.1.into_owned()
    }

    /// Comes back from WeChat.
    pub async fn finish(&mut self, campaign: &str, code: &str, state: &str) -> Response {
        self.get(&format!("/deliverWM/{campaign}/return?code={code}&state={state}")).await
    }
}

/// The address of a campaign's page.
pub fn page(campaign: &str, wmcb: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("wmcb", wmcb).finish();
    format!("/deliverWM/{campaign}?{query}")
}

pub fn location(response: &Response) -> Url {
    Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

/// It is a page that tells a user this, and nothing else.
#[track_caller]
pub fn assert_told(
    status: u16,
    html: &str,
    response: (u16, &reqwest::header::HeaderMap),
    says: &str,
) {
    let (got, headers) = response;
    assert_eq!(got, status, "{html}");
    assert!(html.contains(says), "{says}: {html}");
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let policy = headers["content-security-policy"].to_str().unwrap();
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!headers.contains_key("location"));
}

/// The same, of a response as it came.
pub async fn told(response: Response, status: u16, says: &str) -> String {
    let (got, headers) = (response.status().as_u16(), response.headers().clone());
    let html = response.text().await.unwrap();
    assert_told(status, &html, (got, &headers), says);
    html
}

/// How a fake WeChat answers.
#[derive(Clone, Debug)]
pub enum Script {
    Answer(u16, String),
    Never,
}

/// A WeChat that answers as it is told and remembers what it was asked.
pub struct FakeWechat {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeWechat {
    pub async fn start() -> Self {
        let script =
            Arc::new(Mutex::new(Script::Answer(200, r#"{"openid":"oABC-_123"}"#.to_owned())));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let state = (Arc::clone(&script), Arc::clone(&asked));
        let router = Router::new().route("/sns/oauth2/access_token", get(answer)).with_state(state);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = huodong_server::ListenOptions::default();
        tokio::spawn(async move {
            huodong_server::serve(listener, router, options, std::future::pending()).await;
        });
        Self { address, script, asked }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answers(&self, status: u16, body: &str) {
        *self.script.lock().unwrap() = Script::Answer(status, body.to_owned());
    }

    pub fn never_answers(&self) {
        *self.script.lock().unwrap() = Script::Never;
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

type Shared = (Arc<Mutex<Script>>, Arc<Mutex<Vec<String>>>);

async fn answer(
    State((script, asked)): State<Shared>,
    uri: http::Uri,
) -> (http::StatusCode, String) {
    asked.lock().unwrap().push(uri.to_string());
    let script = script.lock().unwrap().clone();
    match script {
        Script::Answer(status, body) => (http::StatusCode::from_u16(status).unwrap(), body),
        Script::Never => {
            std::future::pending::<()>().await;
            unreachable!("it never answers")
        }
    }
}
