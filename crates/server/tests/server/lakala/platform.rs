//! The platform's own keys.

use huodong_campaign::{KeyPurpose, KeyStatus, PlatformSerial, RetireKey, SignWith};
use huodong_engine::Chance;
use huodong_server::{ensure_platform_keys, keys, seed};
use huodong_wire::lakala::Certificate;

use super::partner::{Partner, request, sandbox};
use crate::app::TestApp;

#[tokio::test]
async fn a_platform_key_is_replaced_without_a_failed_call() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let seeded = Certificate::from_pem(seed::REPLY_KEY.certificate_pem).unwrap();
    let made = keys::make("replies", 1, server.app.engine.clock().real(), Chance).unwrap();
    let new = Certificate::from_pem(&made.certificate_pem).unwrap();
    let add = server.app.add_platform_key(
        KeyPurpose::Reply,
        &made.private_key_pem,
        &made.certificate_pem,
    );
    let added = server.done(add.unwrap()).await;
    assert_eq!(added.status, KeyStatus::Published);
    assert_eq!(added.serial.as_str(), made.serial);
    server.app.refresh().await.unwrap();
    assert!(partner.issue(&request()).await.is_signed_with(&seeded));

    let serial = PlatformSerial::from(made.serial.as_str());
    server.done(SignWith { serial }).await;
    server.app.refresh().await.unwrap();
    let answer = partner.issue(&request()).await;
    assert!(answer.is_signed_with(&new) && !answer.is_signed_with(&seeded));
    assert_eq!(answer.header("Lklapi-Serial"), made.serial);
    let keys = server.app.engine.read(|reader| reader.platform_keys()).await.unwrap();
    let standing =
        |serial: &str| keys.iter().find(|key| key.serial.as_str() == serial).map(|key| key.status);
    // Both are valid until the old one is retired.
    assert_eq!(standing(seeded.serial_hex()), Some(KeyStatus::Published));
    assert_eq!(standing(new.serial_hex()), Some(KeyStatus::Signing));
    server.done(RetireKey { serial: PlatformSerial::from(seeded.serial_hex()) }).await;
    server.app.refresh().await.unwrap();
    assert!(partner.issue(&request()).await.is_signed_with(&new));
}

#[tokio::test]
async fn a_server_makes_the_keys_it_lacks_once() {
    let server = TestApp::start().await;
    let serials = || {
        [KeyPurpose::Reply, KeyPurpose::Notify].map(|purpose| {
            let signer = server.app.platform.signer(purpose);
            signer.map(|signer| signer.certificate.serial_hex().to_owned())
        })
    };
    assert_eq!(serials(), [None, None]);
    ensure_platform_keys(&server.app).await.unwrap();
    let made = serials();
    assert!(made[0].is_some() && made[1].is_some() && made[0] != made[1], "{made:?}");
    ensure_platform_keys(&server.app).await.unwrap();
    server.app.refresh().await.unwrap();
    assert_eq!(serials(), made);
}

#[tokio::test]
async fn metrics_tell_how_long_the_certificates_that_sign_have_left() {
    let server = TestApp::start().await;
    let page = async || {
        server.http.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap()
    };
    assert!(!page().await.contains("platform_certificate_days_left{"));
    ensure_platform_keys(&server.app).await.unwrap();
    let made = keys::make("callbacks", 1, server.app.engine.clock().real(), Chance).unwrap();
    let add = server.app.add_platform_key(
        KeyPurpose::Notify,
        &made.private_key_pem,
        &made.certificate_pem,
    );
    let serial = server.done(add.unwrap()).await.serial;
    server.done(SignWith { serial }).await;
    server.app.refresh().await.unwrap();
    let page = page().await;
    for (purpose, years) in [("reply", 10), ("notify", 1)] {
        let name = format!("huodong_platform_certificate_days_left{{purpose=\"{purpose}\"}} ");
        let days = page.lines().find_map(|line| line.strip_prefix(&name)).expect(&name);
        let days: i64 = days.parse().unwrap();
        // A day begun is no whole day, and some years are longer.
        assert!((years * 365 - 1..=years * 366).contains(&days), "{name}{days}");
    }
}

#[tokio::test]
async fn a_key_and_another_certificate_are_no_pair() {
    let server = sandbox().await;
    let mixed = server.app.add_platform_key(
        KeyPurpose::Notify,
        seed::NOTIFY_KEY.private_key_pem,
        seed::REPLY_KEY.certificate_pem,
    );
    assert_eq!(mixed.err(), Some(keys::PairError::NotAPair));
}
