//! OpenSSL's command line as a second opinion: what it signs verifies here, and what is signed
//! here verifies there.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::lakala::sign::{CallbackSigned, ReplySigned, RequestSigned};
use huodong_wire::lakala::{Certificate, CertificateError, KeyError, SigningKey};

fn openssl(dir: &Path, arguments: &str) -> Vec<u8> {
    let ran = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "openssl {arguments}: {told}");
    ran.stdout
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

/// A key as key.pem and its certificate as certificate.pem.
fn identity(dir: &Path, bits: u32) {
    openssl(
        dir,
        &format!(
            "req -x509 -newkey rsa:{bits} -nodes -keyout key.pem -out certificate.pem -days 30 \
             -subj /CN=partner -set_serial 0x00dfba8194c41b84cf"
        ),
    );
}

#[test]
fn each_verifies_what_the_other_signed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    identity(dir, 2048);
    openssl(dir, "x509 -in certificate.pem -pubkey -noout -out public.pem");
    let certificate = Certificate::from_pem(&read(dir, "certificate.pem")).unwrap();
    let key = SigningKey::from_pem(&read(dir, "key.pem")).unwrap();
    assert!(certificate.is_of(&key));

    let (timestamp, nonce) = ("1763690400", "abcdefGHI012");
    let body = "{\"msg\":\"处理成功\"}\r\n".as_bytes();
    let request = RequestSigned {
        appid: "OP00000003",
        serial_no: "00DFBA8194C41B84CF",
        timestamp,
        nonce_str: nonce,
    };
    let reply = ReplySigned { appid: "OP00000003", serial: "dfba8194c41b84cf", timestamp, nonce };
    let callback = CallbackSigned { timestamp, nonce_str: nonce };
    for message in [
        request.string_to_sign(body),
        reply.string_to_sign(body),
        callback.string_to_sign(body),
        Vec::new(),
    ] {
        std::fs::write(dir.join("message"), &message).unwrap();
        openssl(dir, "dgst -sha256 -sign key.pem -out theirs message");
        let theirs = STANDARD.encode(std::fs::read(dir.join("theirs")).unwrap());
        assert!(certificate.verify(&message, &theirs));

        let ours = key.sign(&message);
        std::fs::write(dir.join("ours"), STANDARD.decode(&ours).unwrap()).unwrap();
        let told = openssl(dir, "dgst -sha256 -verify public.pem -signature ours message");
        assert_eq!(told, b"Verified OK\n");
        assert_eq!(ours, theirs);
    }
}

#[test]
fn openssl_tells_the_same_serial_and_validity() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    identity(dir, 3072);
    let certificate = Certificate::from_pem(&read(dir, "certificate.pem")).unwrap();
    let told = openssl(
        dir,
        "x509 -in certificate.pem -noout -serial -startdate -enddate -dateopt iso_8601",
    );
    let at = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let ours = format!(
        "serial={}\nnotBefore={}\nnotAfter={}\n",
        certificate.serial_hex().to_uppercase(),
        at(certificate.not_before()),
        at(certificate.not_after())
    );
    assert_eq!(String::from_utf8(told).unwrap(), ours);
}

#[test]
fn keys_are_read_in_both_of_openssls_formats() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    identity(dir, 2048);
    openssl(dir, "rsa -in key.pem -traditional -out pkcs1.pem");
    assert!(read(dir, "pkcs1.pem").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let keys = ["key.pem", "pkcs1.pem"].map(|name| SigningKey::from_pem(&read(dir, name)).unwrap());
    assert_eq!(keys[0].sign(b"x"), keys[1].sign(b"x"));
}

#[test]
fn a_key_of_1024_bits_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    identity(dir, 1024);
    let refused = Certificate::from_pem(&read(dir, "certificate.pem")).unwrap_err();
    assert!(matches!(refused, CertificateError::KeyRejected(_)), "{refused:?}");
    let refused = SigningKey::from_pem(&read(dir, "key.pem")).unwrap_err();
    assert!(matches!(refused, KeyError::Rejected(_)), "{refused:?}");
}
