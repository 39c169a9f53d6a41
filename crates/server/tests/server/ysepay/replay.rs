//! One reqId, one effect, one answer.

use huodong_campaign::{CertId, RequestKey};
use huodong_engine::EngineOptions;
use huodong_store::PageRequest;
use huodong_wire::ysepay::Api;
use serde_json::json;

use super::partner::{Form, Partner, Request, asking_for, jpeg, meta, sandbox, sandbox_with, send};
use crate::app::TestApp;
use crate::lakala::partner::{Partner as Institution, activity, request_of};

const REUSED: &str = "reqId 已用于其他请求";

/// The same under another envelope: what a caller sends that tries again later.
fn again(partner: &Partner<'_>, before: &Request, content: &[u8]) -> Request {
    let mut request = partner.request_of(before.api, content);
    request.file.clone_from(&before.file);
    request.with("reqId", &*before.fields["reqId"]).signed(&partner.key)
}

async fn is_kept(server: &TestApp, request: &Request) -> bool {
    let key = RequestKey {
        cert_id: CertId::from(request.fields["certId"].as_str()),
        req_id: request.fields["reqId"].as_str().into(),
    };
    server.app.engine.read(move |reader| reader.gateway_request(&key)).await.unwrap().is_some()
}

async fn photos(server: &TestApp) -> usize {
    let page = PageRequest { before: None, limit: 100 };
    let found = server.app.engine.read(move |reader| reader.photos(&Default::default(), page));
    found.await.unwrap().rows.len()
}

#[tokio::test]
async fn the_same_call_again_is_given_its_answer_and_changes_nothing() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        let before = photos(&server).await;
        let photo = jpeg(partner.cert_id.as_bytes());
        let request = partner.upload(&photo);
        let first = partner.send(&request).await;
        let data = first.success().clone();
        // The very same bytes, and the same sealed anew.
        let second = partner.send(&request).await;
        assert_eq!(second.success(), &data);
        let anew = again(&partner, &request, meta(&photo).to_string().as_bytes());
        let third = partner.send(&anew).await;
        assert_eq!(third.success(), &data);
        assert_eq!(photos(&server).await, before + 1);
    }
}

#[tokio::test]
async fn white_space_escapes_order_and_charset_make_no_other_content() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let first = partner.request(Api::Consult, &asking_for("用户", &[activity::INSTANT]));
    let data = partner.send(&first).await.success().clone();
    let other = format!(
        "{{ \"consultActivityInfoList\" : [ {{ \"activityId\":\"{}\" }} ],\n \
         \"openId\":\"\\u7528\\u6237\" }}",
        activity::INSTANT
    );
    let answer = partner.send(&again(&partner, &first, other.as_bytes())).await;
    assert_eq!(answer.success(), &data);
    let gbk = huodong_wire::ysepay::Charset::Gbk;
    let text = asking_for("用户", &[activity::INSTANT]).to_string();
    let in_gbk = again(&partner, &first, &gbk.encode(&text).unwrap());
    let answer = partner.send(&in_gbk.with("charset", "gbk").signed(&partner.key)).await;
    assert_eq!(answer.success(), &data);
}

#[tokio::test]
async fn another_content_under_the_same_req_id_is_refused_10006() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let first = partner.request(Api::Consult, &asking_for("one", &[activity::INSTANT]));
    let data = partner.send(&first).await.success().clone();
    let other = asking_for("two", &[activity::INSTANT]).to_string();
    partner.send(&again(&partner, &first, other.as_bytes())).await.assert_gateway("10006", REUSED);
    // Another API's, with the same content.
    let same = asking_for("one", &[activity::INSTANT]);
    let elsewhere = partner.request(Api::AddData, &same);
    let elsewhere = elsewhere.with("reqId", &*first.fields["reqId"]).signed(&partner.key);
    partner.send(&elsewhere).await.assert_gateway("10006", REUSED);
    // What is no content at all.
    let broken = again(&partner, &first, b"no json");
    partner.send(&broken).await.assert_gateway("10006", REUSED);
    // The first stands, and another initiator's keys are its own.
    assert_eq!(partner.send(&first).await.success(), &data);
    let rsa = Partner::rsa(&server);
    let own = rsa.request(Api::Consult, &asking_for("two", &[activity::INSTANT]));
    rsa.send(&own.with("reqId", &*first.fields["reqId"]).signed(&rsa.key)).await.success();
}

#[tokio::test]
async fn another_file_under_the_same_req_id_is_another_content() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let photo = jpeg(b"one");
    let first = partner.upload(&photo);
    partner.send(&first).await.success();
    let mut other = first.clone();
    other.file = Some(jpeg(b"two"));
    partner.send(&other).await.assert_gateway("10006", REUSED);
    other.file = None;
    let answer = send(&server, &other, Form::Parts).await;
    answer.assert_gateway("10006", REUSED);
}

#[tokio::test]
async fn a_refusal_for_good_is_an_answer_like_any_other() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (content, msg) in [
        (json!({}), "mercId 不能缺少"),
        (
            json!({"mercId": "1", "activityId": "x", "creator": "c"}),
            "activityId 必须是 schoolcanteen_001 或 education_001",
        ),
    ] {
        let request = partner.request(Api::AddData, &content);
        let msg = format!("参数非法:{msg}");
        for _ in 0..2 {
            partner.send(&request).await.assert_refused("A029998", &msg);
        }
        assert!(is_kept(&server, &request).await);
        // Put right, it is another content and needs another reqId.
        let right = again(&partner, &request, br#"{"mercId":"2"}"#);
        partner.send(&right).await.assert_gateway("10006", REUSED);
    }
}

#[tokio::test]
async fn an_answer_stays_what_it_was_when_the_world_has_moved_on() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let ask = partner.request(Api::Consult, &asking_for("u", &[activity::LAST]));
    assert_eq!(partner.send(&ask).await.results(), ["SUCCESS"]);
    let issued = Institution::of(&server).issue(&request_of(activity::LAST)).await;
    issued.assert_outcome("SUCCESS", "000000");
    assert_eq!(partner.send(&ask).await.results(), ["SUCCESS"]);
    let anew = partner.request(Api::Consult, &asking_for("u", &[activity::LAST]));
    assert_eq!(partner.send(&anew).await.results(), ["BUDGET_NOT_ENOUGH"]);
}

#[tokio::test]
async fn what_tells_to_come_again_is_not_kept() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let down = partner.request(Api::Consult, &asking_for("u", &[activity::UNAVAILABLE]));
    for _ in 0..2 {
        let answer = partner.send(&down).await;
        answer.assert_refused("901029999", "支付宝渠道异常:1100000103");
        assert!(!is_kept(&server, &down).await);
    }
    let refused = partner.request(Api::Consult, &asking_for("u", &[activity::REFUSED]));
    let answer = partner.send(&refused).await;
    answer.assert_refused("901029998", "支付宝渠道返回失败:1100000102");
    assert!(is_kept(&server, &refused).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_at_once_and_the_same_call_later_is_carried_out_once() {
    let server = sandbox_with(|setup| {
        setup.engine = EngineOptions { queue_max: 1, batch_max: 1, ..EngineOptions::default() };
        setup.settings.ysepay.uploads_at_once_max = 64;
    })
    .await;
    let partner = Partner::rsa(&server);
    let requests: Vec<_> = (0..64_u8).map(|n| partner.upload(&jpeg(&[n]))).collect();
    let sent = requests.iter().map(|request| send(&server, request, Form::Parts));
    let answers = futures_util::future::join_all(sent).await;
    let busy: Vec<_> = answers
        .iter()
        .zip(&requests)
        .filter(|(answer, _)| answer.reply.sub_code() != "0000")
        .collect();
    assert!(!busy.is_empty(), "the queue was never full");
    for (answer, request) in busy {
        answer.assert_refused("9999", "失败:系统异常,请稍后使用相同的参数继续调用");
        assert!(!is_kept(&server, request).await);
    }
    for request in &requests {
        loop {
            let answer = partner.send(request).await;
            if answer.reply.sub_code() != "9999" {
                answer.success();
                break;
            }
        }
    }
    assert_eq!(photos(&server).await, 64);
}

#[tokio::test]
async fn the_same_photo_under_two_req_ids_has_two_ids() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = jpeg(b"the same");
    let mut ids = Vec::new();
    for request in [partner.upload(&photo), partner.upload(&photo)] {
        ids.push(partner.send(&request).await.success()["picId"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}
