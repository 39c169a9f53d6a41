//! The sandbox's faults, on ysepay's calls.

use huodong_campaign::{CertId, RequestKey};
use huodong_wire::ysepay::Api;
use serde_json::{Value, json};

use super::partner::{Form, Partner, Request, asking, asking_for, jpeg, sandbox};
use crate::app::TestApp;
use crate::lakala::partner::activity;

async fn set(server: &TestApp, fault: &Value) -> (u16, Value) {
    let sent = server.http.post(server.url("/sandbox/v1/faults")).json(fault).send().await;
    let response = sent.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn is_kept(server: &TestApp, request: &Request) -> bool {
    let key = RequestKey {
        cert_id: CertId::from(request.fields["certId"].as_str()),
        req_id: request.fields["reqId"].as_str().into(),
    };
    server.app.engine.read(move |reader| reader.gateway_request(&key)).await.unwrap().is_some()
}

#[tokio::test]
async fn a_code_of_the_apis_is_answered_instead_of_what_was_asked() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (api, name, code, msg) in [
        (Api::AddData, "ysepay.addData", "A029998", "参数非法"),
        (Api::AddData, "addData", "9999", "失败"),
        (Api::Upload, "ysepay.upload", "5000", "超时"),
        (Api::Consult, "consult", "901029999", "支付宝渠道异常"),
        (Api::Consult, "ysepay.consult", "0042", ""),
    ] {
        let fault = json!({"api": name, "answer": {"code": code}});
        let (status, shown) = set(&server, &fault).await;
        assert_eq!((status, &shown["answer"]["code"]), (201, &json!(code)), "{shown}");
        assert_eq!(shown["api"], format!("ysepay.{}", api.name()));
        let request = match api {
            Api::Upload => partner.upload(&jpeg(b"x")),
            Api::AddData => partner.request(
                api,
                &json!({"mercId": "1", "activityId": "education_001", "creator": "c"}),
            ),
            Api::Consult => partner.request(api, &asking(&[activity::INSTANT])),
        };
        partner.send(&request).await.assert_refused(code, msg);
        assert!(!is_kept(&server, &request).await);
        let answer = partner.send(&request).await;
        assert_ne!(answer.reply.sub_code(), code);
    }
}

#[tokio::test]
async fn a_code_of_the_gateways_is_answered_as_the_gateway_does() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        for (code, msg) in [("10009", "请求过于频繁,请稍后重试"), ("10003", "验签失败")]
        {
            set(&server, &json!({"api": "ysepay.consult", "answer": {"code": code}})).await;
            let answer = partner.call(Api::Consult, &asking(&[activity::INSTANT])).await;
            answer.assert_gateway(code, msg);
        }
        let own = json!({"code": 99999, "msg": "维护中"});
        set(&server, &json!({"api": "ysepay.consult", "answer": own})).await;
        let answer = partner.call(Api::Consult, &asking(&[activity::INSTANT])).await;
        answer.assert_gateway("99999", "维护中");
    }
}

#[tokio::test]
async fn a_fault_is_for_calls_whose_fields_match() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let answer = json!({"code": "901009999"});
    let ask = |user: &str| partner.request(Api::Consult, &asking_for(user, &[activity::INSTANT]));
    let met = async |request: &Request| partner.send(request).await.reply.sub_code() == "901009999";
    // A field of the content.
    let only = json!({"openId": "one"});
    set(&server, &json!({"api": "consult", "match": only, "answer": answer})).await;
    assert!(!met(&ask("two")).await && met(&ask("one")).await && !met(&ask("one")).await);
    // A common field.
    let request = ask("three");
    let only = json!({"reqId": request.fields["reqId"], "certId": partner.cert_id});
    set(&server, &json!({"api": "consult", "match": only, "answer": answer})).await;
    assert!(!met(&ask("three")).await && met(&request).await);
    let rsa = Partner::rsa(&server);
    let only = json!({"certId": rsa.cert_id});
    set(&server, &json!({"api": "consult", "match": only, "answer": answer})).await;
    assert!(!met(&ask("four")).await);
    let theirs = rsa.call(Api::Consult, &asking(&[activity::INSTANT])).await;
    theirs.assert_refused("901009999", "系统错误");
    // A field of a photo's meta.
    let only = json!({"picType": "A001"});
    set(&server, &json!({"api": "upload", "match": only, "answer": {"code": "9999"}})).await;
    let answer = partner.send(&partner.upload(&jpeg(b"x"))).await;
    answer.assert_refused("9999", "失败");
}

#[tokio::test]
async fn a_call_that_is_not_understood_meets_no_fault() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    set(&server, &json!({"api": "consult", "answer": {"code": "901009999"}})).await;
    let answer = partner.call(Api::Consult, &json!({})).await;
    assert_eq!(answer.reply.sub_code(), "901001001");
    let forged = partner.request(Api::Consult, &asking(&[])).with("sign", "AAAA");
    partner.send(&forged).await.assert_gateway("10003", "验签失败");
    let answer = partner.call(Api::Consult, &asking(&[activity::INSTANT])).await;
    assert_eq!(answer.reply.sub_code(), "901009999");
}

#[tokio::test]
async fn a_cut_connection_leaves_what_was_done() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for drop in ["before", "after"] {
        assert_eq!(set(&server, &json!({"api": "ysepay.upload", "drop": drop})).await.0, 201);
        let request = partner.upload(&jpeg(drop.as_bytes()));
        let (media_type, body) = request.body(Form::Parts);
        let url = server.url(Api::Upload.path());
        let sent = server.http.post(url).header("Content-Type", media_type).body(body).send().await;
        assert!(sent.is_err());
        assert_eq!(is_kept(&server, &request).await, drop == "after");
        partner.send(&request).await.success();
    }
}

#[tokio::test]
async fn a_call_can_be_delayed() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    set(&server, &json!({"api": "ysepay.consult", "delay_ms": 200})).await;
    let began = std::time::Instant::now();
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
    assert!(began.elapsed() >= std::time::Duration::from_millis(200));
}
