//! What is shown once is shown once, and what is taken back is taken back at once.

use std::time::{Duration, Instant};

use huodong_campaign::Role;
use huodong_wire::gongyi::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::counter;
use super::desk::Desk;
use crate::app::{APP, Caller, PATIENCE, SECRET, donation};

fn caller<'a>(desk: &'a Desk, secret: &str) -> Caller<'a> {
    let mut caller = desk.server.caller();
    caller.secret = secret.to_owned();
    caller
}

async fn let_in(desk: &Desk, secret: &str) -> bool {
    let answer = caller(desk, secret).call(Api::RewardToDonate, &donation()).await;
    assert!([0, 15_150_001, 15_150_002].contains(&answer.code), "{}", answer.text);
    answer.code == 0
}

/// Everything a viewer and an administrator can see, as one text.
async fn everything(desk: &Desk) -> String {
    let mut seen = String::new();
    for path in [
        "/whoami",
        "/organizations",
        "/applications",
        "/applications/demo_app",
        "/applications/new_app",
        "/applications?format=csv",
        "/bids",
        "/projects",
        "/activities",
        "/institutions",
        "/institutions?format=csv",
        "/coupons",
        "/callbacks",
        "/callbacks/counts",
        "/platform-keys",
        "/platform-keys?format=csv",
        "/openid-pages",
        "/openid-pages?format=csv",
        "/openid-pages/secretive",
        "/donations",
        "/flowers",
        "/ledger/accounts",
        "/ledger/transfers",
        "/audit?limit=500",
        "/audit?format=csv",
        "/tokens",
        "/tokens?format=csv",
        "/openapi.json",
    ] {
        for role in [Role::Viewer, Role::Admin] {
            let answer = desk.call(role, Method::GET, path, None).await;
            assert_eq!(answer.status, 200, "{path}");
            seen.push_str(&answer.text);
        }
    }
    seen
}

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let desk = Desk::open().await;
    let new = json!({"appid": "new_app", "org_no": "110058", "name": "n"});
    let made = desk.post("/applications", new).await.ok();
    let rotated = desk.post("/applications/new_app/rotate-secret", json!({"overlap_s": 60})).await;
    let token = desk.post("/tokens", json!({"name": "new", "role": "viewer"})).await.ok();
    desk.post("/institutions", counter::institution()).await.ok();
    let wechat = "a-wechat-secret-of-at-least-43-characters-0123";
    let page = json!({"campaign": "secretive", "appid": counter::APPID, "wechat_appid": "wx",
        "wechat_secret": wechat, "return_to": ["https://m.bank.example/"]});
    desk.post("/openid-pages", page).await.ok();
    desk.patch("/openid-pages/secretive", json!({"wechat_secret": format!("{wechat}-2")}))
        .await
        .ok();
    let key = desk.post("/platform-keys", json!({"purpose": "notify"})).await;
    assert!(!key.text.contains("PRIVATE"));
    let serial = key.ok()["serial_no"].as_str().unwrap().to_owned();
    let secrets = [
        made["secret"].as_str().unwrap().to_owned(),
        rotated.ok()["secret"].as_str().unwrap().to_owned(),
        token["token"].as_str().unwrap().to_owned(),
        wechat.to_owned(),
        opened_key(&desk, &serial).await,
    ];
    assert!(secrets[2].starts_with("hdop_") && secrets[2].len() == 48);
    assert_ne!(secrets[0], secrets[1]);
    let seen = everything(&desk).await;
    assert!(seen.contains("new_app"));
    for secret in &secrets {
        assert!(secret.len() >= 43);
        assert!(!seen.contains(secret.as_str()));
    }
    assert!(seen.contains(&serial) && seen.contains("BEGIN CERTIFICATE"));
    assert!(!seen.contains("PRIVATE KEY"));
    assert!(!seen.contains("\"sealed") && !seen.contains("\"digest"));
}

/// A line from the middle of a platform key's private key.
async fn opened_key(desk: &Desk, serial: &str) -> String {
    let keys = desk.server.app.engine.read(|reader| reader.platform_keys()).await.unwrap();
    let key = keys.iter().find(|key| key.serial.as_str() == serial).unwrap();
    let purpose = format!("platform/{serial}");
    let opened = desk.server.app.master_key.open(&purpose, &key.sealed_key).unwrap();
    let pem = String::from_utf8(opened).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY"));
    let line = pem.lines().nth(5).unwrap().to_owned();
    // Nor is what it is sealed as; a stretch of bytes as hex and as JSON would write them.
    let sealed = &key.sealed_key[..16];
    let shown = everything(desk).await;
    assert!(!shown.contains(&hex::encode(sealed)));
    assert!(!shown.contains(&serde_json::to_string(sealed).unwrap().replace(['[', ']'], "")));
    line
}

#[tokio::test]
async fn a_rotated_secret_signs_on_for_the_overlap_and_no_longer() {
    let desk = Desk::open().await;
    let rotate = format!("/applications/{APP}/rotate-secret");
    assert!(let_in(&desk, SECRET).await);
    let first = desk.post(&rotate, json!({"overlap_s": 3600})).await.ok();
    assert!(first["previous_secret_valid_until"].is_string());
    let first = first["secret"].as_str().unwrap().to_owned();
    assert!(let_in(&desk, SECRET).await);
    assert!(let_in(&desk, &first).await);
    // A second rotation, without overlap, ends both that came before.
    let second = desk.post(&rotate, json!({})).await.ok();
    assert_eq!(second["previous_secret_valid_until"], Value::Null);
    assert!(!let_in(&desk, SECRET).await);
    assert!(!let_in(&desk, &first).await);
    assert!(let_in(&desk, second["secret"].as_str().unwrap()).await);
}

#[tokio::test]
async fn an_overlap_passes_by_the_real_clock() {
    let desk = Desk::open().await;
    let rotate = format!("/applications/{APP}/rotate-secret");
    let (first, mut secret) = (Instant::now(), SECRET.to_owned());
    loop {
        let began = Instant::now();
        let rotated = desk.post(&rotate, json!({"overlap_s": 1})).await.ok();
        if let_in(&desk, &secret).await {
            break;
        }
        // On a slow machine it may be over before it is looked at. The next has an overlap as well.
        assert!(began.elapsed() >= Duration::from_secs(1), "shut out within the overlap");
        assert!(first.elapsed() < PATIENCE, "an overlap is never seen");
        secret = rotated["secret"].as_str().unwrap().to_owned();
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!let_in(&desk, &secret).await);
}

#[tokio::test]
async fn a_revoked_application_is_shut_out_at_once_and_for_good() {
    let desk = Desk::open().await;
    assert!(let_in(&desk, SECRET).await);
    let revoke = format!("/applications/{APP}/revoke");
    assert_eq!(desk.post(&revoke, json!({})).await.ok()["status"], "revoked");
    assert!(!let_in(&desk, SECRET).await);
    desk.post(&revoke, json!({})).await.problem(409, "wrong-state", Some("appid"));
    let rotate = format!("/applications/{APP}/rotate-secret");
    desk.post(&rotate, json!({})).await.problem(409, "wrong-state", Some("appid"));
    desk.post("/bids", json!({"appid": APP})).await.problem(409, "wrong-state", Some("appid"));
    // Its donations stay.
    assert_eq!(desk.shown("/donations").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_is_made_used_and_revoked() {
    let desk = Desk::open().await;
    let new = json!({"name": "alice@hz", "role": "finance", "expires_at": "2099-01-01 00:00:00"});
    let made = desk.post("/tokens", new.clone()).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(made["expires_at"], "2099-01-01T00:00:00+08:00");
    let token = made["token"].as_str().unwrap();
    let whoami = async || desk.with_token(token, Method::GET, "/whoami", None).await;
    assert_eq!(whoami().await.ok()["name"], "alice@hz");
    desk.post("/tokens", new).await.problem(409, "taken", Some("name"));
    let revoked = desk.post("/tokens/alice@hz/revoke", json!({})).await.ok();
    assert!(revoked["revoked_at"].is_string());
    whoami().await.problem(401, "unauthenticated", None);
    desk.post("/tokens/alice@hz/revoke", json!({})).await.problem(409, "wrong-state", Some("name"));
    desk.post("/tokens/nobody/revoke", json!({})).await.problem(404, "not-found", Some("name"));
    let past = json!({"name": "b", "role": "viewer", "expires_at": "2020-01-01 00:00:00"});
    desk.post("/tokens", past).await.problem(422, "invalid-field", Some("expires_at"));
}

#[tokio::test]
async fn an_applications_settings_change_and_null_is_the_servers_default() {
    let desk = Desk::open().await;
    let path = format!("/applications/{APP}");
    let changed = desk.patch(&path, json!({"rate_per_s": 5, "flowers_per_day": 3})).await.ok();
    assert_eq!((&changed["rate_per_s"], &changed["flowers_per_day"]), (&json!(5), &json!(3)));
    let changed = desk.patch(&path, json!({"name": "别名"})).await.ok();
    assert_eq!((&changed["rate_per_s"], &changed["name"]), (&json!(5), &json!("别名")));
    let changed = desk.patch(&path, json!({"rate_per_s": null})).await.ok();
    assert_eq!(changed["rate_per_s"], Value::Null);
    assert_eq!(desk.shown(&path).await, changed);
}
