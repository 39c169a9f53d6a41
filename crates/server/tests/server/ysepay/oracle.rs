//! What does not open is answered alike, whatever is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use huodong_engine::Chance;
use huodong_wire::ysepay::{Api, ContentKey, open};

use super::partner::{Form, Partner, Request, asking, sandbox, send};
use crate::lakala::partner::activity;

/// A byte of what a field holds in base64, changed.
fn damaged(request: &Request, field: &str, at: usize) -> Request {
    let mut bytes = BASE64.decode(&request.fields[field]).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    request.clone().with(field, BASE64.encode(bytes))
}

/// Every way in which an envelope can be broken.
fn broken(partner: &Partner<'_>) -> Vec<Request> {
    let good = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let other = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let mut all = vec![
        // No base64.
        good.clone().with("check", "!!!!"),
        good.clone().with("bizContent", "!!!!"),
        // Of the wrong length.
        good.clone().with("check", "AAAA"),
        good.clone().with("check", BASE64.encode([0; 256])),
        good.clone().with("check", BASE64.encode([0xff; 256])),
        good.clone().with("check", BASE64.encode([4; 97 + 16])),
        good.clone().with("bizContent", BASE64.encode([7; 15])),
        // Another's key: nearly always the padding is wrong then.
        good.clone().with("check", &*other.fields["check"]),
        good.clone().with("bizContent", BASE64.encode(Chance.bytes::<64>())),
        // The last block is gone, and with it the padding.
        good.clone().with("bizContent", {
            let bytes = BASE64.decode(&good.fields["bizContent"]).unwrap();
            BASE64.encode(&bytes[..bytes.len() - 16])
        }),
        // No block at all.
        good.clone().with("bizContent", "===="),
    ];
    // The padding of RSA's block, the point and the hash of SM2's, wherever a byte is changed.
    all.extend((0..256).step_by(13).map(|at| damaged(&good, "check", at)));
    // A key of another length than 16.
    all.push(good.clone().with("check", sealed_of_another_length(partner)));
    all
}

/// A `check` that opens, but to what is no content key.
fn sealed_of_another_length(partner: &Partner<'_>) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), partner.gateway.to_pem()).unwrap();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["pkeyutl", "-encrypt", "-pubin", "-inkey"]).arg(file.path());
    let mut openssl = openssl
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), b"seventeen letters").unwrap();
    let sealed = openssl.wait_with_output().unwrap();
    assert!(sealed.status.success());
    BASE64.encode(sealed.stdout)
}

#[tokio::test]
async fn whatever_does_not_open_is_answered_alike_10004() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        let gateway = server.app.platform.gateway(partner.key.mode()).unwrap();
        let mut said = Vec::new();
        for request in broken(&partner) {
            let sealed = ["check", "bizContent"].map(|name| &*request.fields[name]);
            if open(&gateway.opening, sealed[0], sealed[1]).is_ok() {
                // One of 256 keys that are none leaves a padding that is right.
                continue;
            }
            let answer = partner.send(&request.signed(&partner.key)).await;
            answer.assert_gateway("10004", "check 或 bizContent 解密失败");
            let length = answer.reply.fields().get("sign").map(str::len);
            let of_one_length = partner.key.mode().name() == "rsa";
            let said_now = (
                answer.said().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
                length.filter(|_| of_one_length),
            );
            said.push(said_now);
        }
        assert!(said.len() > 20, "{}", said.len());
        let first: &(Vec<(String, String)>, Option<usize>) = &said[0];
        assert!(said.iter().all(|answer| answer == first), "{said:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_broken_envelope_is_kept() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let good = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let broken = good.clone().with("bizContent", "AAAA").signed(&partner.key);
    partner.send(&broken).await.assert_gateway("10004", "check 或 bizContent 解密失败");
    partner.send(&good).await.success();
}

#[tokio::test]
async fn a_content_key_may_be_any_sixteen_bytes() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        let key = ContentKey::new([0; 16]);
        let check = partner.gateway.seal_check(&key, &mut |bytes| bytes.fill(7));
        let content = asking(&[activity::INSTANT]).to_string();
        let request = partner.request(Api::Consult, &serde_json::Value::Null);
        let mut request = request
            .with("check", check)
            .with("bizContent", key.encrypt(content.as_bytes()))
            .signed(&partner.key);
        request.key = key;
        assert!(send(&server, &request, Form::Json).await.success().is_object());
    }
}
