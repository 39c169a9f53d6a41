//! The sandbox's faults, on lakala's calls.

use serde_json::{Value, json};

use super::partner::{Partner, query_for, request, sandbox};
use crate::app::{TestApp, with};

async fn set(server: &TestApp, fault: &Value) -> (u16, Value) {
    let sent = server.http.post(server.url("/sandbox/v1/faults")).json(fault).send().await;
    let response = sent.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_fault_answers_with_a_code_instead_of_doing_what_was_asked() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request();
    let only = json!({"mer_order_id": body["mer_order_id"]});
    let fault = json!({"api": "lakala.issue", "match": only, "answer": {"code": "999999"}});
    let (status, shown) = set(&server, &fault).await;
    assert_eq!((status, &shown["api"]), (201, &json!("lakala.issue")));
    partner.issue(&request()).await.assert_outcome("SUCCESS", "000000");
    partner.issue(&body).await.assert_refused("999999", "系统异常");
    partner.issue(&body).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn a_fault_finds_its_fields_in_a_wrapped_request_too() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request();
    let only = json!({"mer_order_id": body["mer_order_id"]});
    let fault = json!({"api": "issue", "match": only, "answer": {"code": 300_003, "msg": "没了"}});
    assert_eq!(set(&server, &fault).await.1["api"], "lakala.issue");
    let wrapped = json!({"req_time": "20261121100000", "version": "3.0", "req_data": body});
    let answer = partner.issue(&wrapped).await;
    answer.assert_outcome("FAIL", "300003");
    assert_eq!(answer.data["failMsg"], "没了");
    assert_eq!(answer.whole["code"], "000000");
}

#[tokio::test]
async fn a_cut_connection_leaves_what_was_done() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (drop, after) in [("before", "SUCCESS"), ("after", "SUCCESS")] {
        let fault = json!({"api": "lakala.issue", "drop": drop});
        assert_eq!(set(&server, &fault).await.0, 201);
        let body = request();
        let text = body.to_string();
        let header = partner.authorization(text.as_bytes());
        let url = server.url("/api/v3/coupon/issue");
        let cut = server.http.post(url).header("Authorization", header).body(text).send().await;
        assert!(cut.is_err());
        let key = huodong_campaign::CouponKey {
            appid: huodong_campaign::InstitutionId::from("OP00000003"),
            mer_order_id: body["mer_order_id"].as_str().unwrap().into(),
        };
        let found = server.app.engine.read(move |reader| reader.coupon_by_key(&key)).await;
        assert_eq!(found.unwrap().is_some(), drop == "after");
        partner.issue(&body).await.assert_outcome(after, "000000");
    }
}

#[tokio::test]
async fn a_query_can_be_delayed_and_answered_with_a_code_of_no_table() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let query = query_for(&partner.issue(&request()).await);
    let fault = json!({"api": "lakala.query", "delay_ms": 1});
    assert_eq!(set(&server, &fault).await.0, 201);
    partner.query(&query).await.assert_outcome("SUCCESS", "000000");
    let fault = json!({"api": "query", "answer": {"code": "000123", "msg": "?"}});
    assert_eq!(set(&server, &fault).await.0, 201);
    let answer = partner.query(&query).await;
    assert_eq!((answer.code.as_str(), &answer.data["resCode"]), ("000123", &json!("000123")));
}

#[tokio::test]
async fn a_fault_of_lakala_has_six_digits_and_a_known_name() {
    let server = sandbox().await;
    for (fault, field) in [
        (json!({"api": "lakala.issue", "answer": {"code": 1_000_000}}), "answer.code"),
        (json!({"api": "lakala.issue", "answer": {"code": -1}}), "answer.code"),
        (json!({"api": "lakala.redeem", "drop": "after"}), "api"),
    ] {
        let (status, problem) = set(&server, &fault).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem.to_string().contains(field), "{problem}");
    }
    let wrong = with(json!({"api": "lakala.issue"}), "answer", json!({"code": "soon"}));
    assert!(set(&server, &wrong).await.0 >= 400);
}
