//! Callbacks, as the institution receives them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::any;
use huodong_campaign::{CallbackEvent, Fen, InstitutionId, OwnerId, Redeem, RevokeInstitution};
use huodong_server::{parse_order_number, seed};
use huodong_store::{CallbackFilter, CallbackStatus, PageRequest};
use huodong_wire::lakala::body_string_to_sign;
use huodong_wire::lakala::sign::CallbackSigned;
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::openssl::verifies;
use super::partner::{Partner, activity, promotion_of, request_of, sandbox};
use crate::app::{TestApp, with};

/// A request that came: its path, headers and body.
type Came = (String, HeaderMap, Vec<u8>);

/// What came, in the order in which it came.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<Came>>>);

impl Inbox {
    /// Takes callbacks in at an address of its own.
    async fn open() -> (Self, SocketAddr) {
        let inbox = Self::default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let take = async |State(inbox): State<Self>, request: axum::extract::Request| {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
            inbox.0.lock().push((head.uri.path().to_owned(), head.headers, body));
            "{\"code\":\"SUCCESS\",\"msg\":\"处理成功\"}"
        };
        let router = Router::new().fallback(any(take)).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (inbox, address)
    }

    fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.0.lock())
    }
}

async fn delivering() -> (TestApp, Inbox, SocketAddr) {
    let server = sandbox().await;
    server.app.engine.clock().freeze(true);
    server.app.engine.clock().set("2026-11-21T02:00:00Z".parse().unwrap());
    server.app.start_delivery().unwrap();
    let (inbox, address) = Inbox::open().await;
    (server, inbox, address)
}

fn to(address: SocketAddr, activity_id: &str) -> Value {
    let body = with(request_of(activity_id), "writeOffNotify", format!("http://{address}/used"));
    with(body, "postNotify", format!("http://{address}/issued?a=b"))
}

/// The header signs the body, says the platform's certificate and openssl.
fn assert_signed(headers: &HeaderMap, body: &[u8]) {
    let header = headers["authorization"].to_str().unwrap();
    let (signed, signature) = CallbackSigned::parse(header).unwrap();
    assert_eq!(header, signed.to_header(signature), "the printed form");
    assert_eq!(signed.nonce_str.len(), 12);
    let message = signed.string_to_sign(body);
    assert!(verifies(seed::NOTIFY_KEY.certificate_pem, &message, signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_is_told_with_both_signatures() {
    let (server, inbox, address) = delivering().await;
    let partner = Partner::of(&server);
    let issued = partner.issue(&to(address, activity::INSTANT)).await;
    server.advance(1).await;
    let failed = partner.issue(&to(address, activity::PAUSED)).await;
    server.advance(1).await;
    let came = inbox.take();
    assert_eq!(came.len(), 2, "{came:?}");
    for (answer, status, fail_msg, created, paid, (path, headers, body)) in [
        (&issued, "SUCCESS", "", "2026-11-21 10:00:00", "2026-11-21 10:00:00", &came[0]),
        (&failed, "FAIL", "活动已结束或已暂停", "2026-11-21 10:00:01", "", &came[1]),
    ] {
        assert_eq!(
            (path.as_str(), headers["content-type"].to_str().unwrap()),
            ("/issued", "application/json; charset=utf-8")
        );
        assert_signed(headers, body);
        let mut told: Value = serde_json::from_slice(body).unwrap();
        let sign = told["sign"].take();
        let expected = json!({
            "orgId": "86802221ca93cd",
            "callTradeNo": answer.data["trade_no"],
            "amount": "10.00",
            "tradeStatus": status,
            "failMsg": fail_msg,
            "tradeCreateTime": created,
            "tradePaymentTime": paid,
            "signType": "RSA2",
            "sign": null,
        });
        assert_eq!(told, expected);
        let message = body_string_to_sign(body).unwrap();
        let sign = sign.as_str().unwrap();
        assert!(verifies(seed::NOTIFY_KEY.certificate_pem, message.as_bytes(), sign));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn use_and_expiry_are_told() {
    let (server, inbox, address) = delivering().await;
    let partner = Partner::of(&server);
    let without_post = |body: Value| crate::app::without(body, "postNotify");
    let bodies = [
        without_post(to(address, activity::PERCENT)),
        without_post(to(address, activity::ONE_DAY)),
    ];
    let used = partner.issue(&bodies[0]).await;
    let expired = partner.issue(&bodies[1]).await;
    let redeem = Redeem {
        coupon: parse_order_number(used.data["trade_no"].as_str().unwrap()).unwrap(),
        owner_id: OwnerId::from("80000007"),
        org_amount: Fen(20_000),
        reference: "till 1".into(),
    };
    server.done(redeem).await;
    // What is owed is sent, whoever is let in by now.
    server.done(RevokeInstitution { appid: InstitutionId::from("OP00000003") }).await;
    server.app.refresh().await.unwrap();
    server.advance(1).await;
    server.advance(24 * 3_600).await;
    server.advance(1).await;
    let came = inbox.take();
    assert_eq!(came.len(), 2, "{came:?}");
    for (answer, asked, status, amounts, gmt_used, (path, headers, body)) in [
        (&used, &bodies[0], "USED", ["4000", "16000", "20000"], "2026-11-21 10:00:00", &came[0]),
        (&expired, &bodies[1], "EXPIRED", ["", "", ""], "", &came[1]),
    ] {
        assert_eq!(path, "/used");
        assert_signed(headers, body);
        let told: Value = serde_json::from_slice(body).unwrap();
        let expected = json!({
            "member_id": "AAA200154561278",
            "owner_id": "80000007",
            "channel_openid": asked["channel_openid"],
            "promotion_id": promotion_of(asked["activity_id"].as_str().unwrap()),
            "third_coupon_id": answer.data["third_coupon_id"],
            "activity_id": asked["activity_id"],
            "promo_amount": amounts[0],
            "total_amount": amounts[1],
            "org_amount": amounts[2],
            "trade_no": answer.data["trade_no"],
            "mer_order_id": asked["mer_order_id"],
            "gmt_used": gmt_used,
            "tradeStatus": status,
        });
        assert_eq!(told, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_remembered_and_counted() {
    let (server, inbox, address) = delivering().await;
    let partner = Partner::of(&server);
    partner.issue(&to(address, activity::INSTANT)).await.assert_outcome("SUCCESS", "000000");
    server.advance(1).await;
    let (_, headers, body) = inbox.take().remove(0);
    let page = PageRequest { before: None, limit: 10 };
    let found =
        server.app.engine.read(move |reader| reader.callbacks(&CallbackFilter::default(), page));
    let callback = found.await.unwrap().rows.remove(0);
    let sent = server.app.sent.of(callback.id);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].attempt, sent[0].event), (1, CallbackEvent::IssueResult));
    assert_eq!(sent[0].address, format!("http://{address}/issued?a=b"));
    assert_eq!(sent[0].body, body);
    assert!(sent[0].headers.iter().any(|(name, value)| {
        *name == "Authorization" && value == headers["authorization"].to_str().unwrap()
    }));
    let counts = server.app.engine.read(|reader| reader.callback_counts()).await.unwrap();
    assert_eq!(counts, [(CallbackStatus::Delivered, 1)]);
    let metrics = server.http.get(server.url("/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "huodong_callback_attempts_total{event=\"issue\",outcome=\"acknowledged\"} 1",
        "huodong_callbacks{status=\"delivered\"} 1",
        "huodong_callbacks{status=\"waiting\"} 0",
        "huodong_callback_lateness_seconds_count 1",
        "huodong_requests_total{face=\"lakala\",api=\"issue\",code=\"0\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
}
