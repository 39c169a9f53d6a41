//! What is in an envelope, and what opens it, is nobody's who reads the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use huodong_server::seed::{GATEWAY_RSA_KEY, GATEWAY_SM2_KEY};
use huodong_wire::ysepay::Api;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::add_data::enrolment;
use super::partner::{Form, Partner, Request, asking_for, jpeg, sandbox, send};
use crate::lakala::partner::activity;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What nobody is to read.
fn secrets(partner: &Partner<'_>, request: &Request) -> Vec<String> {
    let key = request.key.bytes();
    let mut secrets = vec![
        String::from_utf8_lossy(key).into_owned(),
        hex::encode(key),
        BASE64.encode(key),
        format!("{key:?}"),
    ];
    for name in ["check", "bizContent", "sign"] {
        secrets.push(request.fields[name].clone());
    }
    let pems =
        [&*partner.key.to_pem(), GATEWAY_RSA_KEY.private_key_pem, GATEWAY_SM2_KEY.private_key_pem]
            .map(str::to_owned);
    for pem in pems {
        let lines = pem.lines().filter(|line| !line.contains("PRIVATE KEY"));
        // The first lines of every key of a kind are alike.
        secrets.extend(lines.filter(|line| line.len() > 40).skip(1).map(str::to_owned));
    }
    secrets
}

#[tokio::test]
async fn nothing_of_an_envelope_is_logged() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let server = sandbox().await;
    let mut secret = Vec::new();
    for partner in Partner::all(&server) {
        let user = format!("user-{}", partner.cert_id);
        let photo = jpeg(b"photo-of-a-front");
        let upload = partner.upload(&photo);
        let id = partner.send(&upload).await.success()["picId"].as_str().unwrap().to_owned();
        let mut content = enrolment(&partner.merchants[0], "education_001", &[id]);
        content["supplementaryRemark"] = "remark-of-a-merchant".into();
        let requests = [
            partner.request(Api::Consult, &asking_for(&user, &[activity::INSTANT])),
            partner.request(Api::AddData, &content),
            partner.request(Api::Consult, &json!({"openId": user})),
            partner.request_of(Api::Consult, b"\xff no text of anybody's"),
        ];
        for request in &requests {
            // The other tests, which nobody listens to, have had a say in what is not worth logging.
            tracing::callsite::rebuild_interest_cache();
            partner.send(request).await;
            send(&server, &request.clone().with("sign", "AAAA"), Form::Json).await;
            let damaged = request.clone().with("check", "AAAA").signed(&partner.key);
            partner.send(&damaged).await;
            partner.send(&damaged.with("check", &*request.fields["bizContent"])).await;
        }
        for request in requests.iter().chain([&upload]) {
            secret.extend(secrets(&partner, request));
        }
        secret.extend([user, "photo-of-a-front".to_owned(), "remark-of-a-merchant".to_owned()]);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // It is the log of these calls.
    for logged in ["10003", "10004", "901001001", "A029998", "ysepay", "trace_id"] {
        assert!(log.contains(logged), "{logged} is not logged:\n{log}");
    }
    for secret in &secret {
        assert!(!log.contains(secret.as_str()), "{secret} is logged");
    }
}
