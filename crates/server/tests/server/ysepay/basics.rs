//! A call in each of the forms in which it may come, and its answer.

use huodong_wire::ysepay::{Api, Charset, Empty};
use serde_json::json;

use super::partner::{Form, Partner, asking, asking_for, post, sandbox};
use crate::lakala::partner::activity;

#[tokio::test]
async fn every_initiator_is_answered_in_every_form_of_request() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        for form in Form::ALL {
            let content = asking(&[activity::INSTANT]);
            let answer = partner.send_as(&partner.request(Api::Consult, &content), form).await;
            let list = json!([{"activityId": "1100000086", "consultResultCode": "SUCCESS"}]);
            let data = json!({"openId": content["openId"], "consultResultInfoList": list});
            assert_eq!(answer.success(), &data);
        }
    }
}

#[tokio::test]
async fn an_answer_has_the_fields_of_the_document_and_no_others() {
    let server = sandbox().await;
    let answer = Partner::plain(&server).call(Api::Consult, &asking(&[activity::INSTANT])).await;
    let names: Vec<_> = answer.reply.fields().iter().map(|(name, _)| name).collect();
    let document =
        ["businessData", "code", "msg", "norce", "sign", "subCode", "subMsg", "timeStamp"];
    assert_eq!(names, document);
    // The real clock's time: the business clock stands elsewhere.
    let time = answer.reply.fields().get("timeStamp").unwrap();
    let (early, late) = (super::partner::wall_time(-60), super::partner::wall_time(1));
    assert!(*early <= *time && *time <= *late, "{time}");
}

#[tokio::test]
async fn a_body_that_is_json_is_read_whatever_its_media_type_says() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for media_type in ["application/x-www-form-urlencoded", "text/plain", "text/json", "x"] {
        let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
        let (_, body) = request.body(Form::Json);
        let answer = post(&server, Api::Consult.path(), media_type, body).await;
        assert_eq!(answer.reply.sub_code(), "0", "{media_type}");
        let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
        let (_, body) = request.body(Form::Urlencoded);
        let answer = post(&server, Api::Consult.path(), media_type, body).await;
        let code = if media_type == "text/json" { "10001" } else { "00000" };
        assert_eq!(answer.reply.code(), code, "{media_type}");
    }
}

#[tokio::test]
async fn content_is_read_in_its_charset_and_answered_in_utf_8() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let content = asking_for("用户甲", &[activity::INSTANT]);
    for (name, charset) in [
        ("utf-8", Charset::Utf8),
        ("UTF-8", Charset::Utf8),
        ("gbk", Charset::Gbk),
        ("GBK", Charset::Gbk),
        ("gb2312", Charset::Gb2312),
        ("GB2312", Charset::Gb2312),
    ] {
        let text = content.to_string();
        let bytes = charset.encode(&text).unwrap();
        let request = partner.request_of(Api::Consult, &bytes).with("charset", name);
        let answer = partner.send(&request.signed(&partner.key)).await;
        assert_eq!(answer.success()["openId"], "用户甲", "{name}");
    }
}

#[tokio::test]
async fn content_that_is_no_text_of_its_charset_is_an_invalid_field() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let gbk = Charset::Gbk.encode(r#"{"openId":"用户"}"#).unwrap().into_owned();
    let consult = partner.send(&partner.request_of(Api::Consult, &gbk)).await;
    consult.assert_refused("901001001", "参数校验不通过:bizContent 不是 utf-8 编码的文本");
    let add_data = partner.send(&partner.request_of(Api::AddData, &gbk)).await;
    add_data.assert_refused("A029998", "参数非法:bizContent 不是 utf-8 编码的文本");
    for no_json in ["", "x", "[]", "null", "{\"a\":"] {
        let consult = partner.send(&partner.request_of(Api::Consult, no_json.as_bytes())).await;
        consult.assert_refused("901001001", "参数校验不通过:bizContent 必须是 JSON 对象");
    }
}

#[tokio::test]
async fn empty_fields_may_be_signed_or_left_out() {
    let server = sandbox().await;
    for partner in Partner::all(&server) {
        for empty in [Empty::Skipped, Empty::Kept] {
            for form in Form::ALL {
                let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
                let mut request = request.with("notifyUrl", "").with("extra", "kept");
                request.empty = empty;
                let request = request.signed(&partner.key);
                partner.send_as(&request, form).await.success();
            }
        }
    }
}

#[tokio::test]
async fn calls_are_counted_by_api_and_by_the_code_they_were_told() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
    partner.call(Api::Consult, &json!({})).await;
    partner.call(Api::AddData, &json!({})).await;
    partner.photo().await;
    partner.send(&partner.request(Api::Consult, &json!({})).with("sign", "AAAA")).await;
    let page = server.http.get(server.url("/metrics")).send().await.unwrap();
    let page = page.text().await.unwrap();
    for line in [
        r#"huodong_requests_total{face="ysepay",api="consult",code="0"} 1"#,
        r#"huodong_requests_total{face="ysepay",api="consult",code="901001001"} 1"#,
        r#"huodong_requests_total{face="ysepay",api="consult",code="10003"} 1"#,
        r#"huodong_requests_total{face="ysepay",api="addData",code="A029998"} 1"#,
        r#"huodong_requests_total{face="ysepay",api="addData",code="0000"} 0"#,
        r#"huodong_requests_total{face="ysepay",api="upload",code="0000"} 1"#,
        r#"huodong_request_duration_seconds_count{face="ysepay",api="consult"} 3"#,
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
    for mode in ["gateway_rsa", "gateway_sm2"] {
        let days = format!("huodong_platform_certificate_days_left{{purpose=\"{mode}\"}} ");
        assert!(page.contains(&days), "{page}");
    }
}
