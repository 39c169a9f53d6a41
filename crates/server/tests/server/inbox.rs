//! What the sandbox tells of the callbacks it owes.

use huodong_campaign::{
    ActivityNo, Coupon, CouponKey, InstitutionId, Issue, OpenId, OwnerId, PromotionId,
};
use huodong_server::order_number;
use huodong_server::seed::{INSTITUTION, ordinary_coupons};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::browser::receiver::Receiver;

/// A sandbox that delivers callbacks.
pub async fn start() -> TestApp {
    let app = TestApp::with_settings(|settings| {
        settings.sandbox = true;
        settings.lakala.delivery.allow_http = true;
        settings.lakala.delivery.allow_private = true;
    })
    .await;
    app.app.start_delivery().unwrap();
    app
}

/// Has a coupon issued whose outcome is to be told there.
pub async fn issue(app: &TestApp, mer_order_id: &str, post_notify: Option<&str>) -> Coupon {
    let coupons = &ordinary_coupons()[0];
    let issue = Issue {
        key: CouponKey {
            appid: InstitutionId::from(INSTITUTION.appid),
            mer_order_id: mer_order_id.into(),
        },
        activity_no: ActivityNo::from(coupons.activity_id()),
        promotion_id: PromotionId::from(coupons.promotion_id()),
        owner_id: OwnerId::from(INSTITUTION.owners[0]),
        member_id: format!("{}1", INSTITUTION.member_prefix).into(),
        openid: OpenId::from("oKL-mwRzR-SBfI4QDAI1QXOpkyc8"),
        post_notify: post_notify.map(Into::into),
        write_off_notify: "http://127.0.0.1:9/<b>never</b>".into(),
    };
    app.done(issue).await.coupon
}

/// Asks a control for something.
pub async fn control(app: &TestApp, path: &str, body: Value) -> Value {
    let url = app.url(&format!("/sandbox/v1{path}"));
    let response = app.http.post(url).json(&body).send().await.unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert!(status.is_success(), "{answer}");
    answer
}

async fn listed(app: &TestApp, query: &str) -> Value {
    let url = app.url(&format!("/sandbox/v1/callbacks{query}"));
    app.http.get(url).send().await.unwrap().json().await.unwrap()
}

fn orders(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["mer_order_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_callback_is_told_with_its_attempts_and_what_was_sent() {
    let app = start().await;
    let bank = Receiver::start().await;
    control(&app, "/clock", json!({"freeze": true})).await;
    let coupon = issue(&app, "order-1", Some(&bank.url("/notify"))).await;
    let waiting = listed(&app, "").await["items"][0].take();
    assert_eq!(waiting["event"], "issue_result");
    assert_eq!(waiting["appid"], INSTITUTION.appid);
    assert_eq!(waiting["address"], bank.url("/notify"));
    assert_eq!(waiting["trade_no"], order_number(coupon.id));
    assert_eq!(waiting["state"], "waiting");
    assert!(waiting["due_at"].is_string());
    assert_eq!(waiting["attempts"], json!([]));

    let moved = control(&app, "/clock", json!({"advance_s": 1})).await;
    assert_eq!(moved["ran"]["callbacks"], 1, "{moved}");
    let tried = listed(&app, "").await["items"][0].take();
    assert_eq!(tried["state"], "waiting");
    let attempt = &tried["attempts"][0];
    assert_eq!(attempt["number"], 1);
    assert_eq!(attempt["outcome"], "not_acknowledged");
    assert_eq!(attempt["status"], 200);
    assert_eq!(attempt["answer"], r#"{"code":"FAIL","msg":"not yet"}"#);
    let sent = &attempt["sent"];
    assert_eq!(sent["address"], bank.url("/notify"));
    let headers = sent["headers"].to_string();
    assert!(headers.contains("LKLAPI-SHA256withRSA timestamp="), "{headers}");
    let body: Value = serde_json::from_str(sent["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["callTradeNo"], order_number(coupon.id));

    bank.says(r#"{"code":"SUCCESS"}"#);
    control(&app, "/clock", json!({"advance_s": 5})).await;
    let delivered = listed(&app, "").await["items"][0].take();
    assert_eq!(delivered["state"], "delivered");
    assert_eq!(delivered["due_at"], Value::Null);
    assert!(delivered["finished_at"].is_string());
    assert_eq!(delivered["attempts"].as_array().unwrap().len(), 2);

    let path = format!("/callbacks/{}/resend", delivered["id"].as_str().unwrap());
    let resent = control(&app, &path, json!({})).await;
    assert!(resent["ran"].is_object(), "{resent}");
    let page = app.http.get(app.url("/sandbox/callbacks")).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(html.contains("order-1") && html.contains("&quot;not yet&quot;"), "{html}");
}

#[tokio::test]
async fn callbacks_are_found_by_coupon_and_order_newest_first() {
    let app = start().await;
    control(&app, "/clock", json!({"freeze": true})).await;
    let mut coupons = Vec::new();
    for order in ["order-1", "order-2", "order-3"] {
        coupons.push(issue(&app, order, Some("http://127.0.0.1:9/x")).await);
    }
    issue(&app, "silent", None).await;
    assert_eq!(orders(&listed(&app, "").await), ["order-3", "order-2", "order-1"]);
    let first = listed(&app, "?limit=2").await;
    assert_eq!(orders(&first), ["order-3", "order-2"]);
    let rest = listed(&app, &format!("?limit=2&before={}", first["next"])).await;
    assert_eq!(orders(&rest), ["order-1"]);
    let trade_no = order_number(coupons[1].id);
    for query in [
        "?mer_order_id=order-2".to_owned(),
        format!("?coupon={trade_no}"),
        format!("?coupon=wxd{}&mer_order_id=", coupons[1].id.0),
        format!("?coupon={trade_no}&mer_order_id=order-2"),
    ] {
        assert_eq!(orders(&listed(&app, &query).await), ["order-2"], "{query}");
    }
    for query in [
        "?mer_order_id=silent".to_owned(),
        "?mer_order_id=nobody".to_owned(),
        "?coupon=nothing".to_owned(),
        format!("?coupon={trade_no}&mer_order_id=order-1"),
    ] {
        assert_eq!(orders(&listed(&app, &query).await), [""; 0], "{query}");
    }
}

#[tokio::test]
async fn a_wrong_question_about_callbacks_is_named() {
    let app = start().await;
    for query in ["?limit=0", "?limit=201", "?limit=many", "?colour=red"] {
        let problem = listed(&app, query).await;
        assert!(problem["status"].as_u64().is_some_and(|status| status >= 400), "{problem}");
    }
    for path in ["/callbacks/7/resend", "/callbacks/x/resend"] {
        let url = app.url(&format!("/sandbox/v1{path}"));
        let response = app.http.post(url).json(&json!({})).send().await.unwrap();
        assert!(response.status().is_client_error(), "{path}");
    }
}
