//! Ysepay's partners and the keys they are known by.

use huodong_campaign::Role;
use huodong_wire::ysepay::PublicKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::counter::CERTIFICATE;
use super::desk::{Answer, Desk};
use super::gateway::{CERT_ID, P256, RSA_512, RSA_1024, SM2, initiator, sha256};
use crate::app::{with, without};

fn fingerprint(pem: &str) -> String {
    hex::encode(sha256(&PublicKey::from_pem(pem).unwrap().to_der()))
}

fn path() -> String {
    format!("/initiators/{CERT_ID}")
}

#[tokio::test]
async fn an_initiator_is_made_shown_and_changed() {
    let desk = Desk::open().await;
    let made = desk.post("/initiators", initiator()).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    for (field, value) in [
        ("cert_id", json!(CERT_ID)),
        ("name", json!("示例服务商")),
        ("status", json!("active")),
        ("mode", json!("sm2")),
        ("plain_replies", json!(false)),
        ("strict_req_id", json!(false)),
        ("rate_per_s", Value::Null),
        ("key_sha256", json!(fingerprint(SM2))),
        ("key_bits", json!(256)),
        ("public_key", json!(SM2)),
        ("previous_key_sha256", Value::Null),
        ("previous_accepted_until", Value::Null),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(desk.shown(&path()).await, made);
    assert_eq!(desk.shown("/initiators").await["items"], json!([made]));
    let changes =
        json!({"name": "别名", "plain_replies": true, "strict_req_id": true, "rate_per_s": 5});
    let changed = desk.patch(&path(), changes.clone()).await.ok();
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    let changed = desk.patch(&path(), json!({"rate_per_s": null, "plain_replies": false})).await;
    let changed = changed.ok();
    assert_eq!((&changed["rate_per_s"], &changed["plain_replies"]), (&Value::Null, &json!(false)));
    assert_eq!((&changed["name"], &changed["strict_req_id"]), (&json!("别名"), &json!(true)));
    let unnamed = desk.post("/initiators", without(initiator(), "cert_id")).await.ok();
    assert!(!unnamed["cert_id"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_change_takes_effect_in_this_server_at_once() {
    let desk = Desk::open().await;
    let known = || desk.server.app.directory.initiator(CERT_ID);
    let keys = || {
        let now = desk.server.app.engine.clock().real();
        known().unwrap().keys(now).map(PublicKey::to_pem).collect::<Vec<_>>()
    };
    assert!(known().is_none());
    let rsa = with(with(initiator(), "mode", "rsa"), "public_key", RSA_1024);
    desk.post("/initiators", rsa).await.ok();
    assert_eq!(keys(), [RSA_1024]);
    desk.patch(&path(), json!({"rate_per_s": 7, "plain_replies": true})).await.ok();
    assert_eq!(
        (known().unwrap().rate.per_s(), known().unwrap().initiator.plain_replies),
        (7, true)
    );
    let next = json!({"public_key": CERTIFICATE, "overlap_s": 60});
    desk.post(&format!("{}/replace-key", path()), next).await.ok();
    assert_eq!(keys(), [&PublicKey::from_pem(CERTIFICATE).unwrap().to_pem(), RSA_1024]);
    let other = json!({"public_key": SM2, "mode": "sm2"});
    desk.post(&format!("{}/replace-key", path()), other).await.ok();
    assert_eq!(keys(), [SM2]);
    desk.post(&format!("{}/revoke", path()), json!({})).await.ok();
    assert!(known().is_none());
}

#[tokio::test]
async fn a_key_is_taken_from_any_text_that_holds_one() {
    let desk = Desk::open().await;
    for (pem, mode, bits) in [
        (SM2.to_owned(), "sm2", 256),
        (RSA_1024.to_owned(), "rsa", 1024),
        (CERTIFICATE.to_owned(), "rsa", 2048),
        (format!("以下是公钥\r\n{}", RSA_1024.replace('\n', "\r\n")), "rsa", 1024),
    ] {
        let new = with(without(initiator(), "cert_id"), "mode", mode);
        let made = desk.post("/initiators", with(new, "public_key", pem.as_str())).await.ok();
        assert_eq!(made["key_bits"], bits, "{pem}");
        assert_eq!(made["key_sha256"], fingerprint(&pem));
        // Kept as what it is, whatever it came in.
        assert!(made["public_key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    }
}

#[tokio::test]
async fn a_key_of_no_use_is_refused_and_said_why() {
    let desk = Desk::open().await;
    desk.post("/initiators", initiator()).await.ok();
    for (pem, mode, says) in [
        ("nonsense", "rsa", "there is no public key in it"),
        ("", "sm2", "there is no public key in it"),
        (P256, "sm2", "neither an RSA nor an SM2 key"),
        (RSA_512, "rsa", "RSA key of 1024 to 4096 bits"),
        (RSA_1024, "sm2", "it is a key of mode rsa, not of sm2"),
        (SM2, "rsa", "it is a key of mode sm2, not of rsa"),
        (&SM2.replace("BEGIN PUBLIC", "BEGIN PRIVATE"), "sm2", "there is no public key in it"),
        (&SM2.replace("C3vw", "C3vx"), "sm2", "not one of the curve's"),
    ] {
        let new = with(without(initiator(), "cert_id"), "mode", mode);
        for answer in [
            desk.post("/initiators", with(new, "public_key", pem)).await,
            desk.post(&format!("{}/replace-key", path()), json!({"public_key": pem, "mode": mode}))
                .await,
        ] {
            let problem = answer.problem(422, "invalid-field", Some("public_key"));
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("public_key: ") && detail.contains(says), "{detail}");
            assert!(!detail.contains("MF"), "{detail}");
        }
    }
    assert_eq!(desk.shown("/initiators").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_private_key_that_was_pasted_along_is_kept_nowhere() {
    let desk = Desk::open().await;
    let both = format!("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n{SM2}");
    let shown = desk.post("/initiators", with(initiator(), "public_key", both)).await.ok();
    assert_eq!(shown["public_key"], SM2);
    for path in [&path(), "/audit"] {
        let seen = desk.call(Role::Admin, Method::GET, path, None).await;
        assert_eq!(seen.status, 200);
        assert!(seen.text.contains("BEGIN PUBLIC KEY") && !seen.text.contains("PRIVATE"), "{path}");
    }
}

#[tokio::test]
async fn a_replaced_key_is_accepted_for_the_overlap() {
    let desk = Desk::open().await;
    let rsa = with(with(initiator(), "mode", "rsa"), "public_key", RSA_1024);
    desk.post("/initiators", rsa).await.ok();
    let replace = format!("{}/replace-key", path());
    let next = json!({"public_key": CERTIFICATE, "overlap_s": 3600});
    let replaced = desk.post(&replace, next.clone()).await.ok();
    assert_eq!(replaced["key_sha256"], fingerprint(CERTIFICATE));
    assert_eq!(replaced["previous_key_sha256"], fingerprint(RSA_1024));
    let until = replaced["previous_accepted_until"].as_str().unwrap().to_owned();
    // Said again, as after a lost answer: the same two, and no longer than before.
    let again = desk.post(&replace, next).await.ok();
    assert_eq!(again["previous_key_sha256"], fingerprint(RSA_1024));
    assert_eq!(again["previous_accepted_until"], until);
    // Without an overlap the one before is over at once.
    let back = desk.post(&replace, json!({"public_key": RSA_1024})).await.ok();
    assert_eq!(back["key_sha256"], fingerprint(RSA_1024));
    assert_eq!(
        (&back["previous_key_sha256"], &back["previous_accepted_until"]),
        (&Value::Null, &Value::Null)
    );
    let long = json!({"public_key": CERTIFICATE, "overlap_s": 2_592_001});
    desk.post(&replace, long).await.problem(422, "invalid-field", Some("overlap_s"));
}

#[tokio::test]
async fn a_key_of_another_mode_takes_the_initiator_with_it_only_if_asked() {
    let desk = Desk::open().await;
    desk.post("/initiators", initiator()).await.ok();
    let replace = format!("{}/replace-key", path());
    let slipped = desk.post(&replace, json!({"public_key": RSA_1024})).await;
    slipped.problem(422, "invalid-field", Some("public_key"));
    let overlapping = json!({"public_key": RSA_1024, "mode": "rsa", "overlap_s": 60});
    desk.post(&replace, overlapping).await.problem(422, "invalid-field", Some("overlap_s"));
    assert_eq!(desk.shown(&path()).await["mode"], "sm2");
    let moved = desk.post(&replace, json!({"public_key": RSA_1024, "mode": "rsa"})).await.ok();
    assert_eq!((&moved["mode"], &moved["key_bits"]), (&json!("rsa"), &json!(1024)));
}

#[tokio::test]
async fn a_revoked_initiator_stays_revoked() {
    let desk = Desk::open().await;
    desk.post("/initiators", initiator()).await.ok();
    let revoke = format!("{}/revoke", path());
    assert_eq!(desk.post(&revoke, json!({})).await.ok()["status"], "revoked");
    let wrong_state = |answer: Answer| {
        answer.problem(409, "wrong-state", Some("cert_id"));
    };
    wrong_state(desk.post(&revoke, json!({})).await);
    wrong_state(desk.patch(&path(), json!({"name": "n"})).await);
    let next = json!({"public_key": SM2});
    wrong_state(desk.post(&format!("{}/replace-key", path()), next).await);
}

#[tokio::test]
async fn every_change_of_an_initiator_is_in_the_audit_log() {
    let desk = Desk::open().await;
    desk.post("/initiators", initiator()).await.ok();
    desk.patch(&path(), json!({"name": "别名"})).await.ok();
    let next = json!({"public_key": RSA_1024, "mode": "rsa"});
    desk.post(&format!("{}/replace-key", path()), next).await.ok();
    desk.post(&format!("{}/revoke", path()), json!({})).await.ok();
    let lines = desk.shown(&format!("/audit?subject={CERT_ID}")).await["items"].clone();
    let actions: Vec<_> = lines.as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(
        actions,
        ["initiator.revoke", "initiator.replace_key", "initiator.update", "initiator.create"]
    );
    assert_eq!(lines[2]["detail"], json!({"cert_id": CERT_ID, "name": "别名"}));
}

#[tokio::test]
async fn each_field_of_an_initiator_is_checked_and_named() {
    let desk = Desk::open().await;
    let base = initiator();
    for (body, field) in [
        (without(base.clone(), "public_key"), "public_key"),
        (without(base.clone(), "mode"), "mode"),
        (without(base.clone(), "name"), "name"),
        (with(base.clone(), "mode", "rsa2"), "mode"),
        (with(base.clone(), "cert_id", "a b"), "cert_id"),
        (with(base.clone(), "name", ""), "name"),
        (with(base.clone(), "plain_replies", "yes"), "plain_replies"),
        (with(base.clone(), "strict_req_id", 1), "strict_req_id"),
        (with(base.clone(), "rate_per_s", 0), "rate_per_s"),
        (with(base.clone(), "private_key", "k"), "private_key"),
    ] {
        desk.post("/initiators", body).await.problem(422, "invalid-field", Some(field));
    }
    desk.post("/initiators", base.clone()).await.ok();
    desk.post("/initiators", base).await.problem(409, "taken", Some("cert_id"));
    desk.patch(&path(), json!({"mode": "rsa"})).await.problem(422, "invalid-field", Some("mode"));
}
