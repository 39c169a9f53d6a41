//! What the gateway refuses, before a call comes to its API: each code, and which comes first.

use huodong_campaign::{CertId, RevokeInitiator, UpdateInitiator};
use huodong_wire::ysepay::{Api, ReplyForm};
use reqwest::Method;
use serde_json::{Value, json};

use super::partner::{
    Answer, Form, Partner, Request, asking, post, sandbox, sandbox_with, send, wall_time,
};
use crate::app::TestApp;
use crate::lakala::partner::activity;

fn ask(partner: &Partner<'_>) -> Request {
    partner.request(Api::Consult, &asking(&[activity::INSTANT]))
}

async fn refused(server: &TestApp, request: &Request, code: &str, msg: &str) -> Answer {
    let answer = send(server, request, Form::Json).await;
    answer.assert_gateway(code, msg);
    answer
}

#[tokio::test]
async fn a_common_field_that_is_wrong_is_named_10001() {
    let server = sandbox().await;
    let partner = Partner::plain(&server);
    let names =
        ["method", "version", "charset", "timeStamp", "certId", "reqId", "check", "bizContent"];
    for name in names.into_iter().chain(["sign"]) {
        for request in [ask(&partner).without(name), ask(&partner).with(name, "")] {
            let msg = format!("公共参数错误:{name} 不能为空");
            let answer = refused(&server, &request, "10001", &msg).await;
            // Nobody is known yet.
            assert!(!answer.reply.is_signed());
            assert_eq!(answer.reply.form(), ReplyForm::Base64);
        }
    }
    for (name, value, reason) in [
        ("version", "2.0", "必须是 1.0"),
        ("charset", "big5", "必须是 utf-8、gbk 或 gb2312"),
        ("timeStamp", "2026/11/21 10:00:00", "必须是 yyyy-MM-dd HH:mm:ss 格式的时间"),
        ("reqId", "short", "必须是 14 至 32 位的数字、字母、_ 或 -"),
        ("reqId", "with.a.dot.in.it", "必须是 14 至 32 位的数字、字母、_ 或 -"),
    ] {
        let request = ask(&partner).with(name, value).signed(&partner.key);
        refused(&server, &request, "10001", &format!("公共参数错误:{name} {reason}")).await;
    }
}

#[tokio::test]
async fn a_body_without_fields_is_refused_10001() {
    let server = sandbox().await;
    let path = Api::AddData.path();
    let json = async |body: &'static str| post(&server, path, "application/json", body).await;
    for body in ["", "[]", "null", "\"x\"", "{", "{}{}"] {
        let answer = json(body).await;
        answer.assert_gateway("10001", "公共参数错误:请求体必须是 UTF-8 编码的 JSON 对象");
    }
    let nested = json(r#"{"method":{"x":1}}"#).await;
    nested.assert_gateway("10001", "公共参数错误:method 必须是字符串");
    let twice = json(r#"{"certId":"1","certId":"2"}"#).await;
    twice.assert_gateway("10001", "公共参数错误:certId 不能重复");
    let form = post(&server, path, "application/x-www-form-urlencoded", "certId=%ff").await;
    form.assert_gateway("10001", "公共参数错误:请求体必须是 UTF-8 编码的表单");
    let bad_parts = [
        ("multipart/form-data", ""),
        ("multipart/form-data; boundary=x", ""),
        ("multipart/form-data; boundary=x", "--x\r\n\r\nno name\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n",
        ),
    ];
    for (media_type, body) in bad_parts {
        let answer = post(&server, path, media_type, body).await;
        let msg = "公共参数错误:请求体必须是完整的 multipart/form-data";
        answer.assert_gateway("10001", msg);
    }
}

#[tokio::test]
async fn a_strict_initiator_must_end_its_req_id_in_a_time() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let cert_id = CertId::from(partner.cert_id.as_str());
    let strict = UpdateInitiator {
        cert_id,
        name: None,
        plain_replies: None,
        strict_req_id: Some(true),
        rate_per_s: None,
    };
    server.done(strict).await;
    server.app.refresh().await.unwrap();
    let under = |req_id: &str| ask(&partner).with("reqId", req_id).signed(&partner.key);
    let msg = "公共参数错误:reqId 最后 12 位必须是 yyMMddHHmmss 格式的时间";
    for wrong in ["xy261315145602", "xy141522031514560", "nnnnnnnnnnnnnnnn"] {
        partner.send(&under(wrong)).await.assert_gateway("10001", msg);
    }
    partner.send(&under("xy261121100000")).await.success();
    partner.send(&under("xy1415_-261121100000")).await.success();
}

#[tokio::test]
async fn an_initiator_that_is_unknown_or_revoked_is_told_10002_unsigned() {
    let server = sandbox().await;
    let partner = Partner::plain(&server);
    let unknown = ask(&partner).with("certId", "826000000000077").signed(&partner.key);
    let revoked = ask(&partner);
    partner.send(&revoked).await.success();
    server.done(RevokeInitiator { cert_id: CertId::from(partner.cert_id.as_str()) }).await;
    // Also where a server has not heard of it yet.
    let late = partner.send(&ask(&partner)).await;
    late.assert_gateway("10002", "发起方商户号不存在或已停用");
    server.app.refresh().await.unwrap();
    for request in [unknown, revoked.clone(), ask(&partner)] {
        let answer = refused(&server, &request, "10002", "发起方商户号不存在或已停用").await;
        assert!(!answer.reply.is_signed());
        assert_eq!(answer.reply.form(), ReplyForm::Base64);
    }
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_told_10003() {
    let server = sandbox().await;
    let partners = Partner::all(&server);
    for (at, partner) in partners.iter().enumerate() {
        let other = &partners[(at + 1) % partners.len()];
        let good = ask(partner);
        let wrong = [
            good.clone().with("sign", "AAAA"),
            good.clone().with("sign", "不是签名"),
            good.clone().with("reqId", "another-req-id-0001"),
            good.clone().with("timeStamp", wall_time(1)),
            good.clone().with("bizContent", "AAAA"),
            good.clone().with("extra", "not signed"),
            good.clone().signed(&other.key),
        ];
        for request in wrong {
            let answer = partner.send(&request).await;
            answer.assert_gateway("10003", "验签失败");
        }
        // Nothing was used up.
        partner.send(&good).await.success();
    }
}

#[tokio::test]
async fn a_time_stamp_is_judged_by_the_real_clock_10005() {
    let server = sandbox().await;
    server.advance(30 * 24 * 60 * 60).await;
    let partner = Partner::of(&server);
    let at = |seconds| ask(&partner).with("timeStamp", wall_time(seconds)).signed(&partner.key);
    // A call may be under way for a while before the clock is looked at.
    for fresh in [-230, 0, 290] {
        partner.send(&at(fresh)).await.success();
    }
    for stale in [-86_400, -310, 370, 86_400] {
        let answer = partner.send(&at(stale)).await;
        answer.assert_gateway("10005", "timeStamp 超出有效期");
    }
}

#[tokio::test]
async fn how_far_a_time_stamp_may_be_off_is_a_setting() {
    let server = sandbox_with(|setup| setup.settings.ysepay.freshness_s = 3_600).await;
    let partner = Partner::of(&server);
    let old = ask(&partner).with("timeStamp", wall_time(-3_500)).signed(&partner.key);
    partner.send(&old).await.success();
}

#[tokio::test]
async fn a_method_that_is_not_the_paths_is_told_10007() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for method in ["file.smsc.upload", "ysMarket.activityconsult", "x"] {
        let request = ask(&partner).with("method", method).signed(&partner.key);
        let msg = "接口不存在或未开通:method 与请求地址不一致";
        refused(&server, &request, "10007", msg).await;
    }
}

#[tokio::test]
async fn a_path_the_vendor_does_not_have_is_told_10007_unsigned() {
    let server = sandbox().await;
    for path in ["/openapi", "/openapi/", "/openapi/ysMarket", "/openapi/x/y/z", "/openapi/%ff"] {
        for method in [Method::POST, Method::GET, Method::PUT] {
            let request = server.http.request(method, server.url(path)).body("x".repeat(100_000));
            let answer = Answer::read(request.send().await.unwrap()).await;
            answer.assert_gateway("10007", "接口不存在或未开通");
            assert!(!answer.reply.is_signed());
            assert_eq!(answer.reply.form(), ReplyForm::Base64);
        }
    }
    let get = server.http.get(server.url(Api::Consult.path())).send().await.unwrap();
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn an_initiator_has_its_rate_10009() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let limit = UpdateInitiator {
        cert_id: CertId::from(partner.cert_id.as_str()),
        name: None,
        plain_replies: None,
        strict_req_id: None,
        rate_per_s: Some(Some(1)),
    };
    server.done(limit).await;
    server.app.refresh().await.unwrap();
    let forged = ask(&partner).with("sign", "AAAA");
    for _ in 0..5 {
        partner.send(&forged).await.assert_gateway("10003", "验签失败");
    }
    // These used nothing of it.
    partner.send(&ask(&partner)).await.success();
    // Sent until it is refused: a hundred calls take far less than a hundred seconds. What is damaged
    // is refused before its envelope is opened.
    let sound = || ask(&partner);
    let damaged = || ask(&partner).with("bizContent", "AAAA").signed(&partner.key);
    for request in [&sound as &dyn Fn() -> Request, &damaged] {
        let mut sent = 0;
        let refused = loop {
            let answer = partner.send(&request()).await;
            if !["00000", "10004"].contains(&answer.reply.code()) {
                break answer;
            }
            sent += 1;
            assert!(sent < 100, "{}", answer.text);
        };
        refused.assert_gateway("10009", "请求过于频繁,请稍后重试");
    }
    Partner::rsa(&server).send(&ask(&Partner::rsa(&server))).await.success();
}

#[tokio::test]
async fn of_several_things_that_are_wrong_the_first_is_told() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let all_wrong = ask(&partner)
        .with("version", "2.0")
        .with("method", "x")
        .with("certId", "nobody")
        .with("sign", "AAAA")
        .with("timeStamp", wall_time(-86_400))
        .with("bizContent", "AAAA");
    let code = async |request: &Request| {
        let answer = send(&server, request, Form::Json).await;
        answer.reply.code().to_owned()
    };
    assert_eq!(code(&all_wrong).await, "10001");
    let request = all_wrong.with("version", "1.0");
    assert_eq!(code(&request).await, "10007");
    let request = request.with("method", Api::Consult.method());
    assert_eq!(code(&request).await, "10002");
    let request = request.with("certId", &*partner.cert_id);
    assert_eq!(code(&request).await, "10003");
    let request = request.signed(&partner.key);
    assert_eq!(code(&request).await, "10005");
    let request = request.with("timeStamp", wall_time(0)).signed(&partner.key);
    assert_eq!(code(&request).await, "10004");
}

#[tokio::test]
async fn what_the_campaign_cannot_do_now_is_told_by_each_api() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = super::partner::jpeg(b"x");
    let upload = partner.upload(&photo);
    server.app.engine.stop().await;
    partner
        .send(&upload)
        .await
        .assert_refused("9999", "失败:系统异常,请稍后使用相同的参数继续调用");
    let add_data = partner.call(Api::AddData, &json!({})).await;
    add_data.assert_refused("9999", "失败:系统异常,请稍后使用相同的参数继续调用");
    let consult = partner.call(Api::Consult, &asking(&[activity::INSTANT])).await;
    consult.assert_refused("901009999", "系统错误");
    assert_eq!(consult.data, Value::Null);
}
