//! Initiators' merchants, one by one.

use serde_json::{Value, json};

use super::desk::Desk;
use super::gateway::{CERT_ID, MERCHANT, OTHER_CERT_ID, enrol, merchant, open};
use super::lists::{csv_rows, texts, walk};
use crate::app::{with, without};

fn path() -> String {
    format!("/merchants/{MERCHANT}")
}

#[tokio::test]
async fn a_merchant_is_made_shown_and_changed() {
    let desk = Desk::open().await;
    open(&desk).await;
    let new = with(merchant("m-1"), "alipay_pid", "2088123412341234");
    let made = desk.post("/merchants", with(new, "type", 4)).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    for (field, value) in [
        ("merc_id", json!("m-1")),
        ("cert_id", json!(CERT_ID)),
        ("name", json!("示例食堂")),
        ("type", json!(4)),
        ("kind", json!("social_organization")),
        ("intent_confirmed", json!(true)),
        ("alipay_pid", json!("2088123412341234")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(desk.shown("/merchants/m-1").await, made);
    let changes = json!({"name": "别名", "type": 1, "intent_confirmed": false});
    let changed = desk.patch("/merchants/m-1", changes).await.ok();
    assert_eq!((&changed["name"], &changed["type"]), (&json!("别名"), &json!(1)));
    assert_eq!((&changed["kind"], &changed["intent_confirmed"]), (&json!("micro"), &json!(false)));
    assert_eq!(changed["alipay_pid"], "2088123412341234");
    let changed = desk.patch("/merchants/m-1", json!({"alipay_pid": null})).await.ok();
    assert_eq!(changed["alipay_pid"], Value::Null);
    assert_eq!(desk.shown("/merchants/m-1").await, changed);
    let unnamed = desk.post("/merchants", without(merchant(""), "merc_id")).await.ok();
    assert!(!unnamed["merc_id"].as_str().unwrap().is_empty());
    // Nobody has confirmed what is not said.
    let silent = without(merchant("m-2"), "intent_confirmed");
    assert_eq!(desk.post("/merchants", silent).await.ok()["intent_confirmed"], false);
}

#[tokio::test]
async fn a_merchant_passes_to_another_initiator() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.patch(&path(), json!({"alipay_pid": "2088"})).await.ok();
    let enrolled = enrol(&desk, MERCHANT).await;
    let moved = desk.patch(&path(), json!({"cert_id": OTHER_CERT_ID})).await.ok();
    assert_eq!((&moved["cert_id"], &moved["alipay_pid"]), (&json!(OTHER_CERT_ID), &Value::Null));
    assert_eq!(desk.shown(&path()).await, moved);
    let theirs = desk.shown(&format!("/merchants?cert_id={OTHER_CERT_ID}")).await;
    assert_eq!(theirs["items"], json!([moved]));
    // What it was enrolled for stays the other's.
    let shown = desk.shown(&format!("/enrolments/{}", enrolled.id)).await;
    assert_eq!(shown["cert_id"], CERT_ID);
    assert_eq!(shown["merchant"]["cert_id"], OTHER_CERT_ID);
    let back = json!({"cert_id": CERT_ID, "alipay_pid": "2099"});
    assert_eq!(desk.patch(&path(), back).await.ok()["alipay_pid"], "2099");
    let nobody = desk.patch(&path(), json!({"cert_id": "nobody"})).await;
    nobody.problem(422, "invalid-field", Some("cert_id"));
    let report = desk.server.app.engine.read(|reader| reader.verify()).await.unwrap();
    assert!(report.violations.is_empty(), "{:?}", report.violations);
}

#[tokio::test]
async fn no_two_merchants_have_one_pid() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.patch(&path(), json!({"alipay_pid": "2088"})).await.ok();
    let second = with(merchant("m-2"), "alipay_pid", "2088");
    desk.post("/merchants", second).await.problem(409, "taken", Some("alipay_pid"));
    desk.post("/merchants", merchant("m-2")).await.ok();
    let taken = desk.patch("/merchants/m-2", json!({"alipay_pid": "2088"})).await;
    taken.problem(409, "taken", Some("alipay_pid"));
    desk.patch(&path(), json!({"alipay_pid": "2088"})).await.ok();
    desk.patch(&path(), json!({"alipay_pid": null})).await.ok();
    desk.patch("/merchants/m-2", json!({"alipay_pid": "2088"})).await.ok();
}

#[tokio::test]
async fn each_field_of_a_merchant_is_checked_and_named() {
    let desk = Desk::open().await;
    open(&desk).await;
    let base = merchant("m-1");
    for (body, field) in [
        (without(base.clone(), "cert_id"), "cert_id"),
        (without(base.clone(), "name"), "name"),
        (without(base.clone(), "type"), "type"),
        (with(base.clone(), "merc_id", "123456789012345678901"), "merc_id"),
        (with(base.clone(), "merc_id", "商户"), "merc_id"),
        (with(base.clone(), "name", "字".repeat(129)), "name"),
        (with(base.clone(), "type", 6), "type"),
        (with(base.clone(), "type", "0"), "type"),
        (with(base.clone(), "type", Value::Null), "type"),
        (with(base.clone(), "intent_confirmed", "是"), "intent_confirmed"),
        (with(base.clone(), "alipay_pid", ""), "alipay_pid"),
        (with(base.clone(), "kind", "micro"), "kind"),
        (with(base.clone(), "cert_id", "nobody"), "cert_id"),
    ] {
        desk.post("/merchants", body).await.problem(422, "invalid-field", Some(field));
    }
    desk.post("/merchants", base.clone()).await.ok();
    desk.post("/merchants", base).await.problem(409, "taken", Some("merc_id"));
    desk.patch("/merchants/m-1", json!({"type": 9})).await.problem(
        422,
        "invalid-field",
        Some("type"),
    );
    // Who is shut out is given no more merchants.
    desk.post(&format!("/initiators/{CERT_ID}/revoke"), json!({})).await.ok();
    let late = desk.post("/merchants", merchant("m-2")).await;
    late.problem(422, "invalid-field", Some("cert_id"));
}

#[tokio::test]
async fn every_change_of_a_merchant_is_in_the_audit_log() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.patch(&path(), json!({"alipay_pid": null, "type": 2})).await.ok();
    let lines = desk.shown(&format!("/audit?subject={MERCHANT}")).await["items"].clone();
    let actions: Vec<_> = lines.as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["merchant.update", "merchant.create"]);
    assert_eq!(
        lines[0]["detail"],
        json!({"merc_id": MERCHANT, "kind": "individual", "alipay_pid": null})
    );
}

#[tokio::test]
async fn merchants_are_filtered_by_all_that_is_given() {
    let desk = Desk::open().await;
    open(&desk).await;
    for (merc_id, cert_id, kind, confirmed) in [
        ("a", CERT_ID, 1, true),
        ("b", CERT_ID, 1, false),
        ("c", OTHER_CERT_ID, 1, true),
        ("d", OTHER_CERT_ID, 5, false),
    ] {
        let new = with(with(merchant(merc_id), "cert_id", cert_id), "type", kind);
        desk.post("/merchants", with(new, "intent_confirmed", confirmed)).await.ok();
    }
    for (query, found) in [
        ("cert_id=826584358129999", &["d", "c"][..]),
        ("kind=micro", &["c", "b", "a"]),
        ("kind=government", &["d"]),
        ("kind=institution", &[]),
        ("intent_confirmed=false", &["d", "b"]),
        ("intent_confirmed=true&kind=micro", &["c", "a"]),
        ("intent_confirmed=true&kind=micro&cert_id=826584358120001", &["a"]),
        ("cert_id=nobody", &[]),
    ] {
        let path = format!("/merchants?{query}");
        assert_eq!(texts(&walk(&desk, &path, 1).await, "merc_id"), found, "{query}");
        let csv = csv_rows(&desk.get(&format!("{path}&format=csv")).await);
        let csv: Vec<_> = csv.iter().map(|row| row[0].to_owned()).collect();
        assert_eq!(csv, found, "{query}");
    }
    for (query, field) in [
        ("kind=1", "kind"),
        ("intent_confirmed=1", "intent_confirmed"),
        ("type=1", "type"),
        ("merc_id=a", "merc_id"),
    ] {
        let answer = desk.get(&format!("/merchants?{query}")).await;
        answer.problem(400, "malformed", Some(field));
    }
}
