//! Keys of a partner's own, and the platform's, which rotate while everything goes on.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{Sandbox, fail, run, succeed};

#[test]
fn a_new_key_is_private_belongs_to_its_certificate_and_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("keys");
    let out = out.to_str().unwrap();
    let new = ["keys", "new", "--cn", "Example Bank", "--years", "3", "--out", out];
    let serial = succeed(&new);
    let private = format!("{out}/private_key.pem");
    let mode = std::fs::metadata(&private).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let certificate = format!("{out}/certificate.pem");
    let shown = openssl(&["x509", "-in", &certificate, "-noout", "-serial", "-subject"]);
    assert!(shown.to_lowercase().contains(&format!("serial={}", serial.trim())), "{shown}");
    assert!(shown.contains("Example Bank"), "{shown}");
    let of_key = openssl(&["pkey", "-in", &private, "-pubout"]);
    assert_eq!(of_key, openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"]));

    let before = std::fs::read(&private).unwrap();
    let (exit, message) = fail(&new);
    assert_eq!(exit, 1);
    assert!(message.contains("is there already"), "{message}");
    assert_eq!(std::fs::read(&private).unwrap(), before);
}

#[test]
fn a_platform_key_rotates_while_partners_call() {
    let sandbox = Sandbox::start();
    let home = tempfile::tempdir().unwrap();
    let certificates = home.path().join("certificates");
    let certificates = certificates.to_str().unwrap();
    let token = sandbox.credentials["operator"]["token"].as_str().unwrap();
    let operator = ["--server", &sandbox.base_url, "--token", token];
    let platform = |words: &[&str]| succeed(&[&["keys", "platform"], words, &operator].concat());
    let call = |certificate: &str| {
        run(&[
            "call",
            "lakala",
            "issue",
            "--base-url",
            &sandbox.base_url,
            "--platform-certificate",
            certificate,
        ])
    };
    assert_eq!(platform(&["list"]).lines().filter(|line| line.contains("signing")).count(), 4);

    let old = platform(&["certificates", "--out", certificates]);
    for file in ["reply.pem", "notify.pem", "gateway_rsa.pem", "gateway_sm2.pem"] {
        assert!(old.contains(file), "{old}");
    }
    let before = home.path().join("before.pem");
    std::fs::copy(format!("{certificates}/reply.pem"), &before).unwrap();

    let added = platform(&["add", "reply"]);
    let serial = added.split_whitespace().next().unwrap();
    assert!(added.contains("published"), "{added}");
    platform(&["certificates", "--out", certificates]);
    let both = format!("{certificates}/reply.pem");
    assert!(call(&both).status.success(), "both are valid, the old one signs");
    assert!(platform(&["sign-with", serial]).contains("signing"));
    let output = call(&both);
    let exchange = String::from_utf8(output.stderr).unwrap();
    assert!(exchange.contains(&format!("Signature: right, by certificate {serial}")), "{exchange}");
    let output = call(before.to_str().unwrap());
    let exchange = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(exchange.contains("which is not known here"), "{exchange}");

    let list = platform(&["list"]);
    let old = list.lines().find(|line| line.contains("reply") && line.contains("published"));
    let old = old.unwrap().split_whitespace().next().unwrap();
    assert!(platform(&["retire", old]).contains("retired"));
    let (exit, message) = fail(&[&["keys", "platform", "retire", serial], &operator[..]].concat());
    assert_eq!(exit, 1);
    assert!(message.contains("answered 4"), "{message}");
}
