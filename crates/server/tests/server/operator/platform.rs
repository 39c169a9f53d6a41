//! What the platform signs with, and its pages for users' openids.

use huodong_campaign::{CampaignNo, KeyPurpose};
use huodong_wire::lakala::Certificate;
use huodong_wire::ysepay::{Mode, PublicKey};
use serde_json::{Value, json};

use super::counter::{APPID, institution};
use super::desk::Desk;
use crate::app::{with, without};

fn signing(desk: &Desk, purpose: KeyPurpose) -> Option<String> {
    let signer = desk.server.app.platform.signer(purpose);
    signer.map(|it| it.certificate.serial_hex().to_owned())
}

#[tokio::test]
async fn a_platform_key_is_made_signs_and_is_retired() {
    let desk = Desk::open().await;
    let make = async |purpose: &str| {
        let made = desk.post("/platform-keys", json!({"purpose": purpose})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.ok()
    };
    let text = |key: &Value| key["serial_no"].as_str().unwrap().to_owned();
    let before = signing(&desk, KeyPurpose::Reply);
    let first = make("reply").await;
    let certificate = Certificate::from_pem(first["certificate"].as_str().unwrap()).unwrap();
    assert_eq!(certificate.serial_hex(), text(&first));
    assert!(certificate.is_valid_at(desk.server.app.engine.clock().real()));
    // The first of its purpose signs at once.
    let status = if before.is_none() { "signing" } else { "published" };
    assert_eq!(first["status"], status);
    let second = make("reply").await;
    assert_eq!(second["status"], "published");
    let path = |key: &Value, step: &str| format!("/platform-keys/{}/{step}", text(key));

    assert_eq!(desk.post(&path(&first, "sign-with"), json!({})).await.ok()["status"], "signing");
    assert_eq!(signing(&desk, KeyPurpose::Reply), Some(text(&first)));
    let in_use = desk.post(&path(&first, "retire"), json!({})).await;
    in_use.problem(409, "wrong-state", Some("status"));
    let upper = format!("/platform-keys/{}/sign-with", text(&second).to_uppercase());
    assert_eq!(desk.post(&upper, json!({})).await.ok()["status"], "signing");
    assert_eq!(signing(&desk, KeyPurpose::Reply), Some(text(&second)));
    // The one that signed before is still given to partners, until it is retired.
    let shown = desk.shown("/platform-keys").await["items"].clone();
    let status_of = |key: &Value| {
        let found = shown.as_array().unwrap().iter().find(|it| it["serial_no"] == key["serial_no"]);
        found.unwrap()["status"].clone()
    };
    assert_eq!((status_of(&first), status_of(&second)), (json!("published"), json!("signing")));
    assert_eq!(desk.post(&path(&first, "retire"), json!({})).await.ok()["status"], "retired");
    let retired = desk.post(&path(&first, "sign-with"), json!({})).await;
    retired.problem(409, "wrong-state", Some("status"));
    for step in ["sign-with", "retire"] {
        let unknown = desk.post(&format!("/platform-keys/00ff/{step}"), json!({})).await;
        unknown.problem(404, "not-found", Some("serial_no"));
    }
    let actions = desk.shown("/audit?actor=admin&limit=5").await["items"].clone();
    let actions: Vec<_> = actions.as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(
        actions,
        [
            "platform_key.retire",
            "platform_key.sign_with",
            "platform_key.sign_with",
            "platform_key.add",
            "platform_key.add",
        ]
    );
}

#[tokio::test]
async fn a_key_of_the_gateways_is_of_its_mode_and_opens_until_it_is_retired() {
    let desk = Desk::open().await;
    for (purpose, mode) in [("gateway_rsa", Mode::Rsa), ("gateway_sm2", Mode::Sm2)] {
        let make = async || {
            let made = desk.post("/platform-keys", json!({"purpose": purpose, "years": 2})).await;
            assert_eq!(made.status, 201, "{}", made.text);
            made.ok()
        };
        // The key that signs, and all that open, by their public halves.
        let in_use = || {
            let gateway = desk.server.app.platform.gateway(mode).unwrap();
            assert_eq!(gateway.certificate.public_key(), gateway.key.public());
            let opening = gateway.opening.iter().map(|key| key.public().clone());
            (gateway.key.public().clone(), opening.collect::<Vec<_>>())
        };
        let public = |key: &Value| {
            let certificate = key["certificate"].as_str().unwrap();
            let public = PublicKey::from_pem(certificate).unwrap();
            assert_eq!(public.mode(), mode);
            public
        };
        let step = async |key: &Value, step: &str| {
            let path = format!("/platform-keys/{}/{step}", key["serial_no"].as_str().unwrap());
            desk.post(&path, json!({})).await
        };
        let first = make().await;
        assert_eq!((&first["purpose"], &first["status"]), (&json!(purpose), &json!("signing")));
        assert_eq!(in_use(), (public(&first), vec![public(&first)]));
        // A second one opens as soon as partners may have its certificate.
        let second = make().await;
        assert_eq!(second["status"], "published");
        assert_eq!(in_use(), (public(&first), vec![public(&first), public(&second)]));
        assert_eq!(step(&second, "sign-with").await.ok()["status"], "signing");
        assert_eq!(in_use(), (public(&second), vec![public(&second), public(&first)]));
        step(&second, "retire").await.problem(409, "wrong-state", Some("status"));
        assert_eq!(step(&first, "retire").await.ok()["status"], "retired");
        assert_eq!(in_use(), (public(&second), vec![public(&second)]));
        let shown = desk.shown("/platform-keys").await["items"].clone();
        let of_it = shown.as_array().unwrap().iter().filter(|it| it["purpose"] == purpose);
        assert_eq!(of_it.count(), 2);
    }
}

#[tokio::test]
async fn what_a_platform_key_is_for_must_be_said() {
    let desk = Desk::open().await;
    for (body, field) in [
        (json!({}), "purpose"),
        (json!({"purpose": "letters"}), "purpose"),
        (json!({"purpose": "gateway"}), "purpose"),
        (json!({"purpose": "gateway_sm2", "years": 31}), "years"),
        (json!({"purpose": "notify", "years": 0}), "years"),
        (json!({"purpose": "notify", "years": 31}), "years"),
        (json!({"purpose": "notify", "private_key": "x"}), "private_key"),
    ] {
        desk.post("/platform-keys", body).await.problem(422, "invalid-field", Some(field));
    }
}

fn page() -> Value {
    json!({
        "campaign": "1017578611540230144", "appid": APPID, "wechat_appid": "wx0123456789abcdef",
        "wechat_secret": "wechat-secret-0123456789", "return_to": ["https://m.bank.example/h5"],
    })
}

/// The secret as the page would open it, with the account it is of.
async fn secret(desk: &Desk, campaign: &str) -> (String, String) {
    let number = CampaignNo::from(campaign);
    let app = &desk.server.app;
    let asked = number.clone();
    let stored = app.engine.read(move |reader| reader.openid_page(&asked)).await.unwrap().unwrap();
    let opened = app.open_wechat_secret(&number, &stored.sealed_secret).unwrap();
    (stored.wechat_appid.into(), opened)
}

#[tokio::test]
async fn an_openid_page_is_made_shown_and_changed() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let made = desk.post("/openid-pages", page()).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(made["return_to"], page()["return_to"]);
    let path = "/openid-pages/1017578611540230144";
    assert_eq!(desk.shown(path).await, made);
    assert_eq!(desk.shown("/openid-pages").await["items"], json!([made]));
    let number = "1017578611540230144";
    let first = secret(&desk, number).await;
    assert_eq!(first, ("wx0123456789abcdef".to_owned(), "wechat-secret-0123456789".to_owned()));

    let return_to = json!(["https://m.bank.example/h5", "http://127.0.0.1:3000/"]);
    let changed = desk.patch(path, json!({"return_to": return_to})).await.ok();
    assert_eq!(changed["return_to"], return_to);
    assert_eq!(secret(&desk, number).await, first);
    desk.patch(path, json!({"wechat_secret": "another"})).await.ok();
    assert_eq!(secret(&desk, number).await, (first.0, "another".to_owned()));
    let account = json!({"wechat_appid": "wx2", "wechat_secret": "third"});
    assert_eq!(desk.patch(path, account).await.ok()["wechat_appid"], "wx2");
    assert_eq!(secret(&desk, number).await, ("wx2".to_owned(), "third".to_owned()));
    let alone = desk.patch(path, json!({"wechat_appid": "wx3"})).await;
    alone.problem(422, "invalid-field", Some("wechat_secret"));

    let unnamed = desk.post("/openid-pages", without(page(), "campaign")).await.ok();
    let campaign = unnamed["campaign"].as_str().unwrap();
    assert_eq!(secret(&desk, campaign).await.1, "wechat-secret-0123456789");
}

#[tokio::test]
async fn each_field_of_an_openid_page_is_checked_and_named() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let to = |address: &str| with(page(), "return_to", json!(["https://a.example", address]));
    for (body, field) in [
        (with(page(), "appid", "nobody"), "appid"),
        (with(page(), "campaign", "a/b"), "campaign"),
        (with(page(), "wechat_secret", ""), "wechat_secret"),
        (with(page(), "wechat_secret", "a b"), "wechat_secret"),
        (without(page(), "wechat_secret"), "wechat_secret"),
        (with(page(), "return_to", json!([])), "return_to"),
        (with(page(), "return_to", json!(vec!["https://a.example"; 21])), "return_to"),
        (to("m.bank.example"), "return_to[1]"),
        (to("/h5"), "return_to[1]"),
        (to("https://"), "return_to[1]"),
        (to("ftp://m.bank.example/"), "return_to[1]"),
        (to("javascript:alert(1)"), "return_to[1]"),
        (to("https://user:pass@m.bank.example/"), "return_to[1]"),
        (to("https://m.bank.example/h5#top"), "return_to[1]"),
        (to("https://m.bank.example/h5?a=b"), "return_to[1]"),
    ] {
        desk.post("/openid-pages", body).await.problem(422, "invalid-field", Some(field));
    }
    desk.post("/openid-pages", page()).await.ok();
    desk.post("/openid-pages", page()).await.problem(409, "taken", Some("campaign"));
    for body in [json!({}), json!({"wechat_secret": "s"})] {
        let unknown = desk.patch("/openid-pages/nobody", body).await;
        unknown.problem(404, "not-found", Some("campaign"));
    }
}
