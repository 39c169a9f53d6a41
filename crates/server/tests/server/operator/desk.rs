//! A server with a token of each role, and what comes back from it.

use huodong_campaign::{CreateToken, Role, TokenId};
use huodong_engine::Chance;
use huodong_server::operator::token;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use crate::app::{PATIENCE, TestApp};

pub const ROLES: [(Role, &str); 4] = [
    (Role::Viewer, "viewer"),
    (Role::Reviewer, "reviewer"),
    (Role::Finance, "finance"),
    (Role::Admin, "admin"),
];

pub struct Desk {
    pub server: TestApp,
    tokens: Vec<(Role, String)>,
}

impl Desk {
    pub async fn open() -> Self {
        Self::at(TestApp::start().await).await
    }

    pub async fn at(server: TestApp) -> Self {
        let mut desk = Self { server, tokens: Vec::new() };
        for (role, name) in ROLES {
            let plain = desk.token(name, role, None).await;
            desk.tokens.push((role, plain));
        }
        desk
    }

    /// Makes a token behind the API's back.
    pub async fn token(&self, name: &str, role: Role, expires_at: Option<Timestamp>) -> String {
        let (plain, digest) = token::generate(Chance);
        let name = TokenId::from(name);
        self.server.done(CreateToken { name, role, digest, expires_at }).await;
        plain
    }

    pub fn token_of(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == role).unwrap().1
    }

    /// Asks as a viewer.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Role::Viewer, Method::GET, path, None).await
    }

    /// What a viewer sees.
    pub async fn shown(&self, path: &str) -> Value {
        self.get(path).await.ok()
    }

    /// Posts as an administrator.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Role::Admin, Method::POST, path, Some(body)).await
    }

    /// Patches as an administrator.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Role::Admin, Method::PATCH, path, Some(body)).await
    }

    pub async fn call(
        &self,
        role: Role,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.with_token(self.token_of(role), method, path, body).await
    }

    pub async fn with_token(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = self.request(method, path).header(AUTHORIZATION, format!("Bearer {token}"));
        Answer::to(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A request that shows no token yet.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.server.url(&format!("/operator/v1{path}"));
        self.server.http.request(method, url).timeout(PATIENCE * 2)
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        assert_eq!(self.headers["cache-control"], "no-store");
        self.json()
    }

    /// It is a problem of this kind, in the one shape; gives it for a closer look.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str, field: Option<&str>) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:huodong:problem:{kind}"), "{}", self.text);
        assert_eq!(problem.get("field").and_then(Value::as_str), field, "{}", self.text);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
        problem
    }
}
