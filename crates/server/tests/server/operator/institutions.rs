//! Lakala's partners and the certificates they are known by.

use huodong_campaign::Role;
use huodong_engine::Chance;
use huodong_server::keys;
use huodong_wire::lakala::Certificate;
use reqwest::Method;
use serde_json::{Value, json};

use super::counter::{APPID, CERTIFICATE, OTHER_CERTIFICATE, institution};
use super::desk::Desk;
use crate::app::{with, without};

/// RSA of 1024 bits.
const SHORT: &str = "\
-----BEGIN CERTIFICATE-----
MIIB/jCCAWegAwIBAgIUCGIAGUIC/5AQkrSRf2sS/MHscaAwDQYJKoZIhvcNAQEL
BQAwEDEOMAwGA1UEAwwFc2hvcnQwIBcNMjYxMTIyMDI1NTI5WhgPMjEyNjEwMjkw
MjU1MjlaMBAxDjAMBgNVBAMMBXNob3J0MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB
iQKBgQC3e27ifHkDGER7qCbcxrNm5oTQD8/U8hVm2IZJAd2kV4rw9pnD/pcSTzOY
9NtqmPaCHRmuZRfxN6bpXoL2CaTksk+3SPpsYlYUPm3mag7ycmSnj5KjWIqbwV9/
Eb40wz32Zofuje0xpsZcybNrT1EzW5A7yUT2wJfk26ByfRfs7wIDAQABo1MwUTAd
BgNVHQ4EFgQU4hyi2X4UjOXg5DRXlmPZgSEDGTowHwYDVR0jBBgwFoAU4hyi2X4U
jOXg5DRXlmPZgSEDGTowDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOB
gQAn42c2avnwdbUVfWBSNMb4sxyCYvP1QE8QyRO/BsSAoSydO5r3dhgztNu9tiRW
UPQKgZmlReBbAtTs5FsWgI48nTlM5YGdw1s5ZYZuBuCqx59BPmVRvTzb5Rb/6oaI
UYeQgYXuzOu+EogkYT3hgcQWb61+QOgrG0EbmTJ+8amtag==
-----END CERTIFICATE-----
";

fn serial(pem: &str) -> String {
    Certificate::from_pem(pem).unwrap().serial_hex().to_owned()
}

#[tokio::test]
async fn an_institution_is_made_shown_and_changed() {
    let desk = Desk::open().await;
    let made = desk.post("/institutions", institution()).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(made["serial_no"], serial(CERTIFICATE));
    assert_eq!(made["status"], "active");
    assert_eq!(made["owners"], json!(["80000007"]));
    assert_eq!(made["previous_serial_no"], Value::Null);
    assert_eq!(made["rate_per_s"], Value::Null);
    let path = format!("/institutions/{APPID}");
    assert_eq!(desk.shown(&path).await, made);
    assert_eq!(desk.shown("/institutions").await["items"], json!([made]));
    let changes = json!({"name": "别名", "owners": ["80000007", "80000008"], "rate_per_s": 5});
    let changed = desk.patch(&path, changes.clone()).await.ok();
    for field in ["name", "owners", "rate_per_s"] {
        assert_eq!(changed[field], changes[field], "{field}");
    }
    assert_eq!(changed["member_prefix"], "AAA");
    let changed = desk.patch(&path, json!({"rate_per_s": null, "member_prefix": "BBB"})).await.ok();
    assert_eq!((&changed["rate_per_s"], &changed["member_prefix"]), (&Value::Null, &json!("BBB")));
    assert_eq!(changed["owners"], json!(["80000007", "80000008"]));
    let unnamed = without(institution(), "appid");
    let unnamed = desk.post("/institutions", unnamed).await.ok();
    assert!(!unnamed["appid"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_change_takes_effect_in_this_server_at_once() {
    let desk = Desk::open().await;
    let known = || desk.server.app.directory.institution(APPID);
    assert!(known().is_none());
    desk.post("/institutions", institution()).await.ok();
    assert_eq!(known().unwrap().certificate.serial_hex(), serial(CERTIFICATE));
    desk.patch(&format!("/institutions/{APPID}"), json!({"rate_per_s": 7})).await.ok();
    assert_eq!(known().unwrap().rate.per_s(), 7);
    desk.post(&format!("/institutions/{APPID}/revoke"), json!({})).await.ok();
    assert!(!known().unwrap().may_call());
}

#[tokio::test]
async fn a_replaced_certificate_is_accepted_for_the_overlap() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let replace = format!("/institutions/{APPID}/replace-certificate");
    let accepted = || {
        let known = desk.server.app.directory.institution(APPID).unwrap();
        let now = desk.server.app.engine.clock().real();
        known.certificates(now).map(|it| it.serial_hex().to_owned()).collect::<Vec<_>>()
    };
    let next = json!({"certificate": OTHER_CERTIFICATE, "overlap_s": 3600});
    let replaced = desk.post(&replace, next).await.ok();
    assert_eq!(replaced["serial_no"], serial(OTHER_CERTIFICATE));
    assert_eq!(replaced["previous_serial_no"], serial(CERTIFICATE));
    assert!(replaced["previous_accepted_until"].is_string());
    assert_eq!(accepted(), [serial(OTHER_CERTIFICATE), serial(CERTIFICATE)]);
    // Without an overlap the one before is over at once.
    let back = desk.post(&replace, json!({"certificate": CERTIFICATE})).await.ok();
    assert_eq!((&back["previous_serial_no"], &back["previous_accepted_until"]), {
        (&Value::Null, &Value::Null)
    });
    assert_eq!(accepted(), [serial(CERTIFICATE)]);
    let long = json!({"certificate": CERTIFICATE, "overlap_s": 2_592_001});
    desk.post(&replace, long).await.problem(422, "invalid-field", Some("overlap_s"));
}

#[tokio::test]
async fn a_certificate_that_verifies_nothing_is_refused_and_said_why() {
    let desk = Desk::open().await;
    let past = "2020-01-01T00:00:00Z".parse().unwrap();
    let expired = keys::make("x", 1, past, Chance).unwrap();
    let elliptic = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    desk.post("/institutions", institution()).await.ok();
    let replace = format!("/institutions/{APPID}/replace-certificate");
    for (pem, says) in [
        ("nonsense".to_owned(), "holds no certificate in PEM"),
        (expired.private_key_pem.clone(), "holds no certificate in PEM"),
        (CERTIFICATE.replace("MII", "AAA"), "not X.509"),
        (elliptic.cert.pem(), "not an RSA key"),
        (SHORT.to_owned(), "2048 to 8192 bits"),
        (expired.certificate_pem.clone(), "has expired, at 2021-01-01T08:00:00+08:00"),
    ] {
        let new = with(without(institution(), "appid"), "certificate", pem.as_str());
        for answer in [
            desk.post("/institutions", new).await,
            desk.post(&replace, json!({"certificate": pem})).await,
        ] {
            let problem = answer.problem(422, "invalid-field", Some("certificate"));
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("certificate: ") && detail.contains(says), "{detail}");
            assert!(!detail.contains("PRIVATE") && !detail.contains("MII"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_private_key_that_was_pasted_along_is_kept_nowhere() {
    let desk = Desk::open().await;
    let now = desk.server.app.engine.clock().real();
    let made = keys::make("a bank", 1, now, Chance).unwrap();
    let both = format!("{}{}", made.private_key_pem, made.certificate_pem);
    let shown = desk.post("/institutions", with(institution(), "certificate", both)).await.ok();
    assert_eq!(shown["serial_no"], made.serial);
    for path in [&format!("/institutions/{APPID}"), "/audit"] {
        let seen = desk.call(Role::Admin, Method::GET, path, None).await;
        assert_eq!(seen.status, 200);
        assert!(
            seen.text.contains("BEGIN CERTIFICATE") && !seen.text.contains("PRIVATE"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_revoked_institution_stays_revoked() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let path = format!("/institutions/{APPID}");
    assert_eq!(desk.post(&format!("{path}/revoke"), json!({})).await.ok()["status"], "revoked");
    let wrong_state = |answer: super::desk::Answer| {
        answer.problem(409, "wrong-state", Some("appid"));
    };
    wrong_state(desk.post(&format!("{path}/revoke"), json!({})).await);
    wrong_state(desk.patch(&path, json!({"name": "n"})).await);
    let next = json!({"certificate": OTHER_CERTIFICATE});
    wrong_state(desk.post(&format!("{path}/replace-certificate"), next).await);
}

#[tokio::test]
async fn every_change_of_an_institution_is_in_the_audit_log() {
    let desk = Desk::open().await;
    let path = format!("/institutions/{APPID}");
    desk.post("/institutions", institution()).await.ok();
    desk.patch(&path, json!({"name": "别名"})).await.ok();
    let next = json!({"certificate": OTHER_CERTIFICATE, "overlap_s": 60});
    desk.post(&format!("{path}/replace-certificate"), next).await.ok();
    desk.post(&format!("{path}/revoke"), json!({})).await.ok();
    let lines = desk.shown(&format!("/audit?subject={APPID}")).await["items"].clone();
    let actions: Vec<_> = lines.as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(
        actions,
        [
            "institution.revoke",
            "institution.replace_certificate",
            "institution.update",
            "institution.create",
        ]
    );
    assert_eq!(lines[2]["detail"], json!({"appid": APPID, "name": "别名"}));
}

#[tokio::test]
async fn each_field_of_an_institution_is_checked_and_named() {
    let desk = Desk::open().await;
    let base = institution();
    for (body, field) in [
        (without(base.clone(), "certificate"), "certificate"),
        (without(base.clone(), "owners"), "owners"),
        (with(base.clone(), "owners", json!([])), "owners"),
        (with(base.clone(), "owners", json!(vec!["1"; 1_001])), "owners"),
        (with(base.clone(), "owners", json!(["800000070"])), "owners[0]"),
        (with(base.clone(), "member_prefix", ""), "member_prefix"),
        (with(base.clone(), "member_prefix", "AAAAAAAAAAA"), "member_prefix"),
        (with(base.clone(), "org_id", "a b"), "org_id"),
        (with(base.clone(), "appid", "x\"y"), "appid"),
        (with(base.clone(), "rate_per_s", 0), "rate_per_s"),
        (with(base.clone(), "private_key", "k"), "private_key"),
    ] {
        desk.post("/institutions", body).await.problem(422, "invalid-field", Some(field));
    }
    desk.post("/institutions", base.clone()).await.ok();
    desk.post("/institutions", base).await.problem(409, "taken", Some("appid"));
}
