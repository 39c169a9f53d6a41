//! OpenSSL's command line as a second opinion: it signs what the server takes, and verifies what
//! the server signed.

use std::fs;
use std::path::Path;
use std::process::Command;

use huodong_server::seed;
use huodong_wire::lakala::Api;
use tempfile::TempDir;

use super::partner::{Answer, request, sandbox, send};
use crate::app::{fresh_nonce, now};

/// Runs openssl in a directory, and gives what it wrote.
pub fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new("openssl").args(arguments).current_dir(directory).output();
    let ran = ran.expect("these tests need the openssl command");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// Whether openssl finds that this certificate's key signed this message.
pub fn verifies(certificate_pem: &str, message: &[u8], signature: &str) -> bool {
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    fs::write(at.join("cert.pem"), certificate_pem).unwrap();
    fs::write(at.join("message"), message).unwrap();
    fs::write(at.join("signature.b64"), signature).unwrap();
    openssl(at, &["base64", "-d", "-A", "-in", "signature.b64", "-out", "signature"]);
    openssl(at, &["x509", "-in", "cert.pem", "-pubkey", "-noout", "-out", "public.pem"]);
    let arguments =
        ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"];
    Command::new("openssl").args(arguments).current_dir(at).output().unwrap().status.success()
}

/// A call whose serial, string and signature come from openssl and `format!` alone.
fn signed_by_openssl(body: &str) -> String {
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    fs::write(at.join("key.pem"), seed::INSTITUTION.private_key_pem).unwrap();
    fs::write(at.join("cert.pem"), seed::INSTITUTION.certificate_pem).unwrap();
    let serial = openssl(at, &["x509", "-in", "cert.pem", "-noout", "-serial"]);
    let serial = String::from_utf8(serial).unwrap();
    let serial = serial.trim().strip_prefix("serial=").unwrap();
    let (timestamp, nonce) = (now(), fresh_nonce());
    let message = format!("OP00000003\n{serial}\n{timestamp}\n{nonce}\n{body}\n");
    fs::write(at.join("message"), message).unwrap();
    openssl(at, &["dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "message"]);
    let signature = String::from_utf8(openssl(at, &["base64", "-A", "-in", "signature"])).unwrap();
    format!(
        "LKLAPI-SHA256withRSA appid=\"OP00000003\",serial_no=\"{serial}\",\
         timestamp=\"{timestamp}\",nonce_str=\"{nonce}\",signature=\"{}\"",
        signature.trim()
    )
}

fn verified_by_openssl(answer: &Answer) -> bool {
    let [appid, serial, timestamp, nonce, signature] =
        ["Lklapi-Appid", "Lklapi-Serial", "Lklapi-Timestamp", "Lklapi-Nonce", "Lklapi-Signature"]
            .map(|name| answer.header(name));
    let message = format!("{appid}\n{serial}\n{timestamp}\n{nonce}\n{}\n", answer.text);
    verifies(seed::REPLY_KEY.certificate_pem, message.as_bytes(), signature)
}

#[tokio::test]
async fn openssl_signs_a_call_and_verifies_its_answer() {
    let server = sandbox().await;
    let body = request().to_string();
    let authorization = signed_by_openssl(&body);
    let answer = send(&server, Api::Issue, Some(authorization.clone()), body.clone()).await;
    answer.assert_outcome("SUCCESS", "000000");
    assert!(verified_by_openssl(&answer));
    // Refusals are signed, too.
    let replayed = send(&server, Api::Issue, Some(authorization), body).await;
    replayed.assert_refused("100004", "");
    assert!(verified_by_openssl(&replayed));
    let stranger = send(&server, Api::Query, None, "{}").await;
    stranger.assert_refused("100002", "");
    assert!(verified_by_openssl(&stranger));
    // And openssl does tell a wrong one.
    let text = format!("{} ", answer.text);
    assert!(!verified_by_openssl(&Answer { text, ..answer }));
}
