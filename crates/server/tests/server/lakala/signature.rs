//! Who may call.

use std::time::Instant;

use futures_util::future::join_all;
use huodong_campaign::{InstitutionId, ReplaceCertificate, RevokeInstitution, UpdateInstitution};
use huodong_engine::Chance;
use huodong_server::keys;
use huodong_wire::lakala::{Api, SigningKey};
use jiff::SignedDuration;
use serde_json::json;

use super::partner::{Partner, request, sandbox, send};
use crate::app::{TestApp, fresh_nonce, now};

const WRONG: &str = "签名错误: 验签未通过，请检查 serial_no、私钥与待签名串";

#[tokio::test]
async fn only_the_institutions_signature_over_these_bytes_is_let_in() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request().to_string();
    let good = partner.authorization(body.as_bytes());
    let to = async |authorization: &str, body: &str| {
        partner.send(Api::Issue, Some(authorization.to_owned()), body.to_owned()).await
    };
    for (from, to_, detail) in [
        ("signature=\"", "signature=\"AAAA", WRONG),
        ("timestamp=\"", "timestamp=\"1", WRONG),
        ("nonce_str=\"", "nonce_str=\"x", WRONG),
        ("signature=\"", "signature=\"!", WRONG),
        ("serial_no=\"", "serial_no=\"1", WRONG),
        ("appid=", "app=", "缺少 appid"),
        ("serial_no=", "serial=", "缺少 serial_no"),
        ("LKLAPI-SHA256withRSA", "LKLAPI-SHA256withSM2", "必须以 LKLAPI-SHA256withRSA 开头"),
        (",", ";", "必须是 name=\"value\""),
    ] {
        to(&good.replacen(from, to_, 1), &body).await.assert_refused("100002", detail);
    }
    to(&good, &format!("{body} ")).await.assert_refused("100002", WRONG);
    let missing = partner.send(Api::Issue, None, body.clone()).await;
    missing.assert_refused("100002", "缺少请求头 Authorization");
    let unknown = to(&good.replace("OP00000003", "OP99999999"), &body).await;
    unknown.assert_refused("100001", "appid 不存在");
    assert_eq!(unknown.header("Lklapi-Appid"), "OP99999999");
    // None of that has used the nonce up.
    to(&good, &body).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn another_institutions_key_is_of_no_use() {
    let server = sandbox().await;
    let other = Partner::other(&server);
    let posing = Partner { key: other.key, ..Partner::of(&server) };
    posing.issue(&request()).await.assert_refused("100002", WRONG);
    let of_other = Partner { serial_no: other.serial_no, ..Partner::of(&server) };
    of_other.issue(&request()).await.assert_refused("100002", WRONG);
}

#[tokio::test]
async fn serial_numbers_are_compared_as_numbers() {
    let server = sandbox().await;
    let hex = Partner::of(&server).serial_no;
    let decimal = u64::from_str_radix(&hex, 16).unwrap().to_string();
    for serial_no in
        [hex.clone(), hex.to_uppercase(), format!("00{hex}"), format!("0000{hex}"), decimal]
    {
        let partner = Partner { serial_no, ..Partner::of(&server) };
        partner.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    }
}

#[tokio::test]
async fn parts_of_the_header_come_in_any_order() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request().to_string();
    let header = partner.authorization(body.as_bytes());
    let (scheme, parts) = header.split_once(' ').unwrap();
    let mut parts: Vec<&str> = parts.split(',').collect();
    parts.reverse();
    let header = format!("{scheme}  {}", parts.join(" , "));
    partner.send(Api::Issue, Some(header), body).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn a_timestamp_is_fresh_for_five_minutes_by_the_real_clock() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    // The business clock is nobody's concern here.
    server.app.engine.clock().set("2030-01-01T00:00:00Z".parse().unwrap());
    let body = request().to_string();
    let at = async |timestamp: i64| {
        let header = partner.authorization_at(timestamp, &fresh_nonce(), body.as_bytes());
        partner.send(Api::Issue, Some(header), body.clone()).await
    };
    at(now() - 302).await.assert_refused("100003", "时间戳超出有效期");
    at(now() + 400).await.assert_refused("100003", "时间戳超出有效期");
    at(now() - 200).await.assert_outcome("SUCCESS", "000000");
    at(now() + 200).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_passes_once() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request().to_string();
    let header = partner.authorization(body.as_bytes());
    let calls = (0..16).map(|_| partner.send(Api::Issue, Some(header.clone()), body.clone()));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.code == "000000").count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code == "100004").count(), 15);
    // What is refused before keeps its nonce.
    let nonce = fresh_nonce();
    let stale = partner.authorization_at(now() - 400, &nonce, body.as_bytes());
    partner.send(Api::Issue, Some(stale), body.clone()).await.assert_refused("100003", "");
    let fresh = partner.authorization_at(now(), &nonce, body.as_bytes());
    partner.send(Api::Issue, Some(fresh), body).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn an_institution_has_its_own_rate() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    partner.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    let halted = UpdateInstitution {
        appid: InstitutionId::from("OP00000003"),
        name: None,
        member_prefix: None,
        owners: None,
        rate_per_s: Some(Some(0)),
    };
    server.done(halted).await;
    server.app.refresh().await.unwrap();
    partner.issue(&request()).await.assert_refused("100006", "请求过于频繁,需要重试");
    let other = Partner::other(&server).query(&json!({})).await;
    assert_eq!(other.code, "200001");
}

#[tokio::test]
async fn a_replaced_certificate_is_accepted_until_its_moment() {
    let server = sandbox().await;
    let old = Partner::of(&server);
    let real = server.app.engine.clock().real();
    let made = keys::make("OP00000003", 1, real, Chance).unwrap();
    let new = Partner {
        serial_no: made.serial.clone(),
        key: SigningKey::from_pem(&made.private_key_pem).unwrap(),
        ..Partner::of(&server)
    };
    let replace = async |previous_until| {
        let appid = InstitutionId::from("OP00000003");
        let certificate = made.certificate_pem.clone();
        server.done(ReplaceCertificate { appid, certificate, previous_until }).await;
        server.app.refresh().await.unwrap();
    };
    new.issue(&request()).await.assert_refused("100002", WRONG);
    replace(Some(real + SignedDuration::from_hours(1))).await;
    new.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    old.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    // The serial says which of the two it is to be.
    let mixed =
        Partner { key: old.key.clone(), serial_no: made.serial.clone(), ..Partner::of(&server) };
    mixed.issue(&request()).await.assert_refused("100002", WRONG);

    let seeded = ReplaceCertificate {
        appid: InstitutionId::from("OP00000003"),
        certificate: huodong_server::seed::INSTITUTION.certificate_pem.to_owned(),
        previous_until: Some(real - SignedDuration::from_secs(1)),
    };
    server.done(seeded).await;
    server.app.refresh().await.unwrap();
    old.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    new.issue(&request()).await.assert_refused("100002", WRONG);
}

#[tokio::test]
async fn a_revoked_institution_is_unknown() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    server.done(RevokeInstitution { appid: InstitutionId::from("OP00000003") }).await;
    server.app.refresh().await.unwrap();
    partner.issue(&request()).await.assert_refused("100001", "appid 不存在");
}

#[tokio::test]
async fn strangers_beyond_their_rate_are_answered_unsigned() {
    let server = TestApp::with_settings(|settings| {
        settings.sandbox = true;
        settings.lakala.strangers_signed_per_s = 0;
    })
    .await;
    let partner = Partner::of(&server);
    let forged = partner.authorization(b"another body");
    for (authorization, detail) in [(None, "缺少请求头 Authorization"), (Some(forged), WRONG)]
    {
        let answer = send(&server, Api::Issue, authorization, "{}").await;
        answer.assert_refused("100002", detail);
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("lklapi-")));
    }
    // Who is let in is answered signed all the same, even when refused.
    partner.query(&json!({})).await.assert_refused("200001", "owner_id 不能缺少");
}

#[tokio::test]
async fn calls_too_late_again_or_too_often_are_signed_within_a_budget_of_their_institution() {
    let server = TestApp::with_settings(|settings| {
        settings.sandbox = true;
        settings.lakala.strangers_signed_per_s = 1;
    })
    .await;
    let partner = Partner::of(&server);
    let body = request().to_string();
    let passed = partner.authorization(body.as_bytes());
    partner.send(Api::Issue, Some(passed.clone()), body.clone()).await;
    let stale = partner.authorization_at(now() - 400, &fresh_nonce(), body.as_bytes());
    let (mut signed, began) = (0, Instant::now());
    for (authorization, code) in [(&passed, "100004"), (&stale, "100003")].repeat(20) {
        let answer = send(&server, Api::Issue, Some(authorization.clone()), body.clone()).await;
        assert_eq!(answer.code, code);
        signed += u64::from(answer.is_signed(&server));
    }
    // One at once and one a second.
    assert!((1..=2 + began.elapsed().as_secs()).contains(&signed), "{signed}");
    // A refresh does not renew the budget, and another institution has its own.
    server.app.refresh().await.unwrap();
    let other = Partner::other(&server);
    let stale = other.authorization_at(now() - 400, &fresh_nonce(), b"{}");
    other.send(Api::Issue, Some(stale), "{}").await.assert_refused("100003", "");
    // What is let in is signed however many were turned away.
    partner.issue(&request()).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn another_method_is_not_served() {
    let server = sandbox().await;
    let response = server.http.get(server.url(Api::Issue.default_path())).send().await.unwrap();
    assert_eq!(response.status(), 405);
}
