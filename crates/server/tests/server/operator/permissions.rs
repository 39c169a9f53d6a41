//! Who may do what, asked of every operation of the document.

use std::time::Duration;

use huodong_campaign::{RevokeToken, Role, TokenId};
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::desk::{Answer, Desk, ROLES};

/// What finance may do beside reading. Every change that is named nowhere here is an
/// administrator's.
const MONEY: [&str; 6] =
    ["deposit", "withdraw", "fund_activity", "refund_donation", "redeem_coupon", "void_coupon"];

/// What a reviewer may.
const REVIEW: [&str; 2] = ["approve_enrolment", "reject_enrolment"];

struct Operation {
    method: Method,
    path: String,
    id: String,
    roles: Vec<String>,
    open: bool,
}

async fn operations(desk: &Desk) -> Vec<Operation> {
    let answer = Answer::to(desk.request(Method::GET, "/openapi.json")).await;
    let document = answer.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let everybody = || ROLES.iter().map(|(_, name)| (*name).to_owned()).collect();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation.get("security").map(|it| it[0].clone());
            let named = security.as_ref().and_then(|it| it["token"].as_array().cloned());
            let roles = match named {
                Some(roles) => roles.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
                None => everybody(),
            };
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: without_names(path.strip_prefix("/operator/v1").unwrap()),
                id: operation["operationId"].as_str().unwrap().to_owned(),
                roles,
                open: security == Some(json!({})),
            });
        }
    }
    all
}

/// The path with something in the place of its parameters that is not there.
fn without_names(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

impl Operation {
    fn body(&self) -> Option<Value> {
        (self.method != Method::GET).then(|| json!({}))
    }
}

#[tokio::test]
async fn every_role_may_do_exactly_what_is_written_for_it() {
    let desk = Desk::open().await;
    let operations = operations(&desk).await;
    assert!(operations.len() > 70, "{}", operations.len());
    for it in &operations {
        let expected = match () {
            () if it.method == Method::GET => vec!["viewer", "reviewer", "finance", "admin"],
            () if MONEY.contains(&it.id.as_str()) => vec!["finance", "admin"],
            () if REVIEW.contains(&it.id.as_str()) => vec!["reviewer", "admin"],
            () => vec!["admin"],
        };
        assert_eq!(it.roles, expected, "{} in the document", it.id);
        for (role, name) in ROLES {
            let answer = desk.call(role, it.method.clone(), &it.path, it.body()).await;
            if expected.contains(&name) {
                assert!(
                    ![401, 403].contains(&answer.status),
                    "{} as {name}: {}",
                    it.id,
                    answer.text
                );
            } else {
                let problem = answer.problem(403, "forbidden", None);
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.ends_with(&format!("needs {}", expected.join(" or "))), "{detail}");
            }
        }
    }
}

#[tokio::test]
async fn every_operation_but_the_document_needs_a_token() {
    let desk = Desk::open().await;
    for it in operations(&desk).await {
        let answer = Answer::to(desk.request(it.method.clone(), &it.path)).await;
        assert_eq!(it.open, it.id == "get_openapi");
        if it.open {
            answer.ok();
        } else {
            answer.problem(401, "unauthenticated", None);
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
}

#[tokio::test]
async fn the_document_has_every_route_and_every_route_is_there() {
    let desk = Desk::open().await;
    let operations = operations(&desk).await;
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    for it in &operations {
        let answer = desk.call(Role::Admin, it.method.clone(), &it.path, it.body()).await;
        assert_ne!(answer.status, 405, "{} {}", it.method, it.path);
        // What is not there is the thing, not the route.
        assert!(!answer.text.contains("openapi.json lists"), "{} {}", it.method, it.path);
        for method in &methods {
            let documented = operations.iter().any(|o| o.path == it.path && o.method == *method);
            if !documented {
                let answer = desk.call(Role::Admin, method.clone(), &it.path, None).await;
                answer.problem(405, "no-such-method", None);
            }
        }
    }
    desk.get("/nonsense").await.problem(404, "not-found", None);
    desk.get("/organizations/a/b/c").await.problem(404, "not-found", None);
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused() {
    let desk = Desk::open().await;
    let now = desk.server.app.engine.clock().real();
    let expired = desk.token("old", Role::Admin, Some(now - Duration::from_secs(1))).await;
    let living = desk.token("young", Role::Admin, Some(now + Duration::from_secs(600))).await;
    let whoami = async |header: &str| {
        Answer::to(desk.request(Method::GET, "/whoami").header(AUTHORIZATION, header)).await
    };
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic YTpi",
        &living,
        &format!("Bearer {living}x"),
        &format!("Bearer {expired}"),
    ] {
        whoami(header).await.problem(401, "unauthenticated", None);
    }
    // What is not even shaped as a token is told apart before the database is asked.
    for (header, detail) in [
        ("Bearer nonsense", "the token is not one of this server's: they read hdop_…"),
        ("Bearer hdop_nonsense", "the token is unknown"),
    ] {
        assert_eq!(whoami(header).await.json()["detail"], detail);
    }
    whoami(&format!("Bearer {living}")).await.ok();
    whoami(&format!("bearer {living}")).await.ok();
    desk.server.done(RevokeToken { name: TokenId::from("young") }).await;
    let problem = whoami(&format!("Bearer {living}")).await.problem(401, "unauthenticated", None);
    assert_eq!(problem["detail"], "the token was revoked");
}

#[tokio::test]
async fn a_token_ends_by_the_real_clock() {
    let desk = Desk::open().await;
    let now: Timestamp = desk.server.app.engine.clock().real();
    let token = desk.token("hour", Role::Viewer, Some(now + Duration::from_secs(3600))).await;
    desk.server.advance(7200).await;
    let whoami = desk.with_token(&token, Method::GET, "/whoami", None).await.ok();
    assert_eq!(whoami["name"], "hour");
    assert_eq!(whoami["role"], "viewer");
    assert!(whoami["expires_at"].as_str().unwrap().ends_with("+08:00"), "{whoami}");
}
