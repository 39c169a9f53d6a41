//! The axum extractor: a handler runs only for the platform's callbacks.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRef;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use huodong_client::lakala::UsageStatus;
use huodong_client::lakala::callback::{Acknowledge, Event, SignedCallback, Verifier};
use tower::ServiceExt;

use crate::callback::{signed, write_off};
use crate::identity::PLATFORM;
use crate::script::{At, NOW};

#[derive(Clone, FromRef)]
struct State {
    verifier: Verifier,
}

async fn coupon(SignedCallback(event): SignedCallback) -> Acknowledge {
    match event {
        Event::Used(_) => Acknowledge::Success,
        other => Acknowledge::Fail(format!("{} is not used", other.trade_no())),
    }
}

/// Posts a body to the handler and tells the answer's status and body.
async fn told(header: Option<String>, body: Vec<u8>) -> (StatusCode, String) {
    let verifier = Verifier::new([PLATFORM.certificate.clone()]).source(At(NOW));
    let router = Router::new().route("/", post(coupon)).with_state(State { verifier });
    let mut request = Request::post("/");
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    let answer = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_signed_callback_is_handed_over_and_the_answer_is_the_handlers() {
    for (usage, expected) in [
        (UsageStatus::Used, r#"{"code":"SUCCESS","msg":"处理成功"}"#),
        (UsageStatus::Expired, r#"{"code":"FAIL","msg":"T1 is not used"}"#),
    ] {
        let body = write_off(usage).to_json();
        let header = signed(&PLATFORM.key, NOW, &body);
        assert_eq!(told(Some(header), body).await, (StatusCode::OK, expected.to_owned()));
    }
}

#[tokio::test]
async fn anything_else_is_refused_before_the_handler() {
    let body = write_off(UsageStatus::Used).to_json();
    let header = signed(&PLATFORM.key, NOW, &body);
    let long = vec![b' '; huodong_client::lakala::callback::BODY_BYTES_MAX + 1];
    let changed = [&body[..], b" "].concat();
    let junk = b"junk".to_vec();
    for (header, body, status) in [
        (None, body, StatusCode::UNAUTHORIZED),
        (Some(header.clone()), changed, StatusCode::UNAUTHORIZED),
        (Some(header), long, StatusCode::UNAUTHORIZED),
        (Some(signed(&PLATFORM.key, NOW, &junk)), junk, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (told, said) = told(header, body).await;
        assert_eq!(told, status);
        assert!(said.starts_with(r#"{"code":"FAIL","#), "{said}");
    }
}
