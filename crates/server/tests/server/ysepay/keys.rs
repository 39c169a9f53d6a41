//! The gateway's keys and the initiators': how they are changed without a call being lost.

use std::process::Command;

use huodong_campaign::{
    CertId, EnvelopeMode, KeyPurpose, PlatformSerial, ReplaceInitiatorKey, RetireKey, SignWith,
};
use huodong_engine::Chance;
use huodong_server::{ensure_platform_keys, keys};
use huodong_wire::ysepay::{Api, Mode, PrivateKey, open};
use jiff::SignedDuration;

use super::partner::{Partner, Request, asking, sandbox};
use crate::app::TestApp;
use crate::lakala::partner::activity;

/// Gives the gateway another key of this mode; it does not sign yet.
async fn another_key(server: &TestApp, mode: Mode) -> PlatformSerial {
    let purpose = match mode {
        Mode::Rsa => KeyPurpose::GatewayRsa,
        Mode::Sm2 => KeyPurpose::GatewaySm2,
    };
    let now = server.app.engine.clock().real();
    let made = keys::make_gateway(mode, "another", 1, now, Chance).unwrap();
    let add =
        server.app.add_platform_key(purpose, &made.private_key_pem, &made.certificate_pem).unwrap();
    server.done(add).await;
    server.app.refresh().await.unwrap();
    PlatformSerial::from(made.serial)
}

/// A request whose envelope these keys do not open. Of 256 that were sealed for another key one
/// leaves a padding that is right under the key that is made up in its place.
fn not_opened_by(keys: &[PrivateKey], request: impl FnMut() -> Request) -> Request {
    let is_closed = |request: &Request| {
        let [check, content] = ["check", "bizContent"].map(|name| &*request.fields[name]);
        open(keys, check, content).is_err()
    };
    std::iter::repeat_with(request).find(is_closed).unwrap()
}

#[tokio::test]
async fn a_gateways_key_is_rotated_without_a_call_being_lost() {
    let server = sandbox().await;
    for partner in [Partner::of(&server), Partner::rsa(&server)] {
        let mode = partner.key.mode();
        let before = server.app.platform.gateway(mode).unwrap();
        let new = another_key(&server, mode).await;
        // Whoever has the new certificate already may seal for it; answers bear the old signature.
        let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
        partner.send(&request).await.success();
        server.done(SignWith { serial: new.clone() }).await;
        server.app.refresh().await.unwrap();
        let now = server.app.platform.gateway(mode).unwrap();
        assert_eq!(now.certificate.serial_hex(), new.as_str());
        assert_eq!(now.opening.len(), 2);
        // Sealed for the old one, answered with the new one.
        let late = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
        let mut up_to_date = partner.clone();
        up_to_date.gateway = now.certificate.public_key().clone();
        up_to_date.send(&late).await.success();
        up_to_date.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
        server.done(RetireKey { serial: before.certificate.serial_hex().into() }).await;
        server.app.refresh().await.unwrap();
        let living = server.app.platform.gateway(mode).unwrap();
        assert_eq!(living.opening.len(), 1);
        let too_late = not_opened_by(&living.opening, || {
            partner.request(Api::Consult, &asking(&[activity::INSTANT]))
        });
        let refused = up_to_date.send(&too_late).await;
        refused.assert_gateway("10004", "check 或 bizContent 解密失败");
        up_to_date.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
    }
}

#[tokio::test]
async fn an_initiators_key_is_replaced_and_the_old_one_accepted_for_a_while() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let real = server.app.engine.clock().real();
    let made = keys::make_sm2("an initiator", 1, real, Chance).unwrap();
    let new = PrivateKey::from_pem(&made.private_key_pem).unwrap();
    let replace = |previous_until| ReplaceInitiatorKey {
        cert_id: CertId::from(partner.cert_id.as_str()),
        mode: EnvelopeMode::Sm2,
        // A certificate does as well as a key.
        public_key: made.certificate_pem.clone(),
        previous_until,
    };
    let ask = || partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    server.done(replace(Some(real + SignedDuration::from_hours(1)))).await;
    server.app.refresh().await.unwrap();
    partner.send(&ask()).await.success();
    partner.send(&ask().signed(&new)).await.success();
    server.done(replace(None)).await;
    server.app.refresh().await.unwrap();
    partner.send(&ask()).await.assert_gateway("10003", "验签失败");
    partner.send(&ask().signed(&new)).await.success();
}

#[tokio::test]
async fn an_initiator_can_change_its_mode() {
    let server = sandbox().await;
    let (sm2, rsa) = (Partner::of(&server), Partner::rsa(&server));
    let replace = ReplaceInitiatorKey {
        cert_id: CertId::from(sm2.cert_id.as_str()),
        mode: EnvelopeMode::Rsa,
        public_key: rsa.key.public().to_pem(),
        previous_until: None,
    };
    server.done(replace).await;
    server.app.refresh().await.unwrap();
    let changed = Partner { cert_id: sm2.cert_id.clone(), ..rsa.clone() };
    changed.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
    let as_before = sm2.request(Api::Consult, &asking(&[activity::INSTANT]));
    changed.send(&as_before).await.assert_gateway("10003", "验签失败");
}

#[tokio::test]
async fn a_platform_makes_what_keys_it_lacks() {
    let server = TestApp::start().await;
    for mode in Mode::ALL {
        assert!(server.app.platform.gateway(mode).is_none());
    }
    ensure_platform_keys(&server.app).await.unwrap();
    for mode in Mode::ALL {
        let gateway = server.app.platform.gateway(mode).unwrap();
        assert_eq!((gateway.key.mode(), gateway.opening.len()), (mode, 1));
        let serial = gateway.certificate.serial_hex().to_owned();
        ensure_platform_keys(&server.app).await.unwrap();
        let again = server.app.platform.gateway(mode).unwrap();
        assert_eq!(again.certificate.serial_hex(), serial);
    }
}

#[tokio::test]
async fn openssl_takes_the_gateways_certificates_for_what_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    for mode in Mode::ALL {
        let made = keys::make_gateway(mode, "银盛网关", 10, now, Chance).unwrap();
        let file = directory.path().join(format!("{mode}.pem"));
        std::fs::write(&file, &made.certificate_pem).unwrap();
        let openssl = |arguments: &[&str]| {
            let run = Command::new("openssl").args(arguments).arg(&file).output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            String::from_utf8(run.stdout).unwrap()
        };
        let verify = ["verify", "-no_check_time", "-vfyopt", "distid:1234567812345678", "-CAfile"];
        let verify: Vec<_> = match mode {
            Mode::Rsa => vec![verify[0], verify[1], verify[4]],
            Mode::Sm2 => verify.to_vec(),
        };
        let verify = [&verify[..], &[file.to_str().unwrap()]].concat();
        assert!(openssl(&verify).ends_with(": OK\n"));
        let about = openssl(&[
            "x509", "-noout", "-subject", "-nameopt", "utf8", "-serial", "-enddate", "-ext",
            "keyUsage", "-in",
        ]);
        for line in [
            "银盛网关",
            &made.serial.to_uppercase(),
            "Nov 21 00:00:00 2036",
            "Digital Signature, Key Encipherment",
        ] {
            assert!(about.contains(line), "{line}: {about}");
        }
    }
}
