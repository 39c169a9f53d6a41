//! What is sent, and what is made of an answer that is in order.

use huodong_client::ysepay::{
    ActivityInfo, AddDataRequest, BodyForm, BuildError, Cause, Charset, Client, ConsultRequest,
    ConsultResult, EnrolmentState, Mode, Photo, PhotoIds, PublicKey, ReqId,
};
use huodong_wire::ysepay::{ContentKey, ReplyForm};
use serde_json::json;

use crate::identity;
use crate::script::{At, CERT_ID, NOW, Script, consulted, enrolled, now, uploaded};

pub(crate) fn enrolment() -> AddDataRequest<'static> {
    AddDataRequest {
        merc_id: "826584560000009".into(),
        activity_id: "education_001".into(),
        creator: "张三".into(),
        third_merc_id_cups: Some("500000001".into()),
        organization: PhotoIds::of(["1", "2"]),
        rental: PhotoIds::of(["3"]),
        front: PhotoIds::of(["4"]),
        ..AddDataRequest::default()
    }
}

pub(crate) fn consult() -> ConsultRequest<'static> {
    ConsultRequest {
        merchant_id: Some("2088000000000001".into()),
        user_id: Some("2088".into()),
        activities: ["a", "b"]
            .map(|activity_id| ActivityInfo { activity_id: activity_id.into() })
            .into(),
        ..ConsultRequest::default()
    }
}

pub(crate) const PHOTO: Photo<'_> =
    Photo { bytes: b"\xff\xd8\xff\r\n--", name: "门头.jpg", pic_type: "01", flow_id: "flow-1" };

#[tokio::test]
async fn a_merchant_is_enrolled_in_either_mode() {
    for mode in Mode::ALL {
        let script = Script::new(mode, [enrolled("PENDING").into()]).await;
        let client = script.client();
        assert_eq!(client.mode(), mode);
        let answer = client.add_data(&enrolment()).await.unwrap();
        assert_eq!(answer.data.state, EnrolmentState::Pending);
        assert_eq!(answer.data.req_msg_id, "R1");
        assert_eq!(answer.answered_at, now());
        let calls = script.calls();
        assert_eq!(calls[0].path, "/openapi/weChatActivities/preferentialRates/addData");
        assert_eq!(calls[0].content_type, "application/json");
        assert_eq!(calls[0].field("reqId"), answer.req_id.as_str());
        assert!(answer.req_id.as_str().ends_with("251121100000"), "{}", answer.req_id);
        let expected = json!({
            "mercId": "826584560000009", "activityId": "education_001", "creator": "张三",
            "thirdMercIdCups": "500000001", "organizationPhoto": "1;2",
            "rentmentCommitmentPhoto": "3", "frontPhoto": "4",
        });
        assert_eq!(calls[0].json(), expected);
        assert!(calls[0].key.iter().all(u8::is_ascii_alphanumeric));
    }
}

#[tokio::test]
async fn a_photo_is_uploaded_in_parts_beside_what_it_is() {
    for mode in Mode::ALL {
        let script = Script::new(mode, [uploaded(r#"{"picId":"213"}"#).into()]).await;
        let answer = script.client().upload(&PHOTO).await.unwrap();
        assert_eq!(answer.data.photo_id, "213");
        let calls = script.calls();
        assert_eq!(calls[0].path, "/openapi/file/smsc/upload");
        let (name, bytes) = calls[0].file.as_ref().unwrap();
        // As latin-1, which the parts are read as.
        let name: Vec<u8> = name.chars().map(|c| c as u8).collect();
        assert_eq!((name.as_slice(), bytes.as_slice()), ("门头.jpg".as_bytes(), PHOTO.bytes));
        let sha256 = "56a73325872286da16d8893c69ba9a0bd85efc4215887de735a0d67d34b85c10";
        let meta = &calls[0].json()["meta"];
        assert_eq!(meta["sha256"], sha256);
        assert_eq!((&meta["picNm"], &meta["picType"]), (&json!("门头.jpg"), &json!("01")));
        assert_eq!(meta["sysFlowId"], "flow-1");
    }
}

#[tokio::test]
async fn a_consult_tells_of_each_activity_in_order_and_of_codes_nobody_knows() {
    let data = r#"{"userId":"2088","more":{},"consultResultInfoList":[
        {"activityId":"a","consultResultCode":"SUCCESS"},
        {"activityId":"b","consultResultCode":"ON_THE_MOON","why":1}]}"#;
    for mode in Mode::ALL {
        let script = Script::new(mode, [consulted(data).into()]).await;
        let answer = script.client().consult(&consult()).await.unwrap();
        let results: Vec<_> = answer.data.results.into_iter().collect();
        let found: Vec<_> = results.iter().map(|one| (&*one.activity_id, &one.result)).collect();
        let unknown = ConsultResult::Unknown("ON_THE_MOON".to_owned());
        assert_eq!(found, [("a", &ConsultResult::Success), ("b", &unknown)]);
        let calls = script.calls();
        assert_eq!(calls[0].path, "/openapi/ysMarket/activityConsult");
        let expected = json!({
            "merchantId": "2088000000000001", "userId": "2088",
            "consultActivityInfoList": [{"activityId": "a"}, {"activityId": "b"}],
        });
        assert_eq!(calls[0].json(), expected);
    }
}

#[tokio::test]
async fn a_state_nobody_knows_is_told_as_it_is() {
    let script = Script::new(Mode::Sm2, [enrolled("ON_HOLD").into()]).await;
    let answer = script.client().add_data(&enrolment()).await.unwrap();
    assert_eq!(answer.data.state, EnrolmentState::Unknown("ON_HOLD".to_owned()));
}

#[tokio::test]
async fn an_answer_may_come_in_base64_or_plain() {
    for mode in Mode::ALL {
        for form in [ReplyForm::Base64, ReplyForm::Plain] {
            let script = Script::new(mode, [enrolled("PENDING").form(form)]).await;
            script.client().add_data(&enrolment()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn requests_can_go_as_forms() {
    let script = Script::new(Mode::Rsa, [enrolled("PENDING").into()]).await;
    let client = script.builder().body_form(BodyForm::Form).build().unwrap();
    client.add_data(&enrolment()).await.unwrap();
    assert_eq!(script.calls()[0].content_type, "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn contents_are_sent_in_the_charset_one_chose() {
    for (charset, name) in [(Charset::Gbk, "gbk"), (Charset::Gb2312, "gb2312")] {
        let script = Script::new(Mode::Sm2, [enrolled("PENDING").into()]).await;
        let client = script.builder().charset(charset).build().unwrap();
        client.add_data(&enrolment()).await.unwrap();
        let calls = script.calls();
        assert_eq!(calls[0].field("charset"), name);
        let zhang_san = b"\xd5\xc5\xc8\xfd";
        assert!(calls[0].content.windows(4).any(|window| window == zhang_san));
    }
    let script = Script::new(Mode::Sm2, []).await;
    let client = script.builder().charset(Charset::Gbk).build().unwrap();
    let request = AddDataRequest { creator: "☃︎🀄".into(), ..enrolment() };
    let error = client.add_data(&request).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Unencodable(Charset::Gbk)), "{error:?}");
    assert!(!error.may_have_reached());
    assert_eq!(script.calls().len(), 0);
}

#[tokio::test]
async fn a_call_goes_under_a_number_of_ones_own() {
    let script =
        Script::new(Mode::Sm2, [enrolled("PENDING").into(), uploaded(r#"{"picId":213}"#).into()])
            .await;
    let client = script.client();
    let req_id = ReqId::new("xy1415220315145602").unwrap();
    assert_eq!(client.call(&req_id, &enrolment()).await.unwrap().req_id, req_id);
    assert_eq!(client.upload_as(&req_id, &PHOTO).await.unwrap().data.photo_id, "213");
    for call in script.calls() {
        assert_eq!(call.field("reqId"), "xy1415220315145602");
    }
}

#[test]
fn a_client_cannot_be_built_without_what_it_needs() {
    let (sm2, rsa) = (identity::of(Mode::Sm2), identity::of(Mode::Rsa));
    let builder = |base: &str, cert_id: &str| {
        Client::builder(base, cert_id)
            .private_key_read(sm2.initiator.clone())
            .gateway_key_read(sm2.gateway.public().clone())
            .source(At(NOW))
    };
    let url = "http://127.0.0.1:1";
    let bare = || Client::builder(url, CERT_ID).private_key_read(sm2.initiator.clone());
    assert!(builder(url, CERT_ID).build().is_ok());
    assert!(bare().gateway_key(&sm2.gateway.public().to_pem()).build().is_ok());
    for (built, expected) in [
        (builder("a.example", CERT_ID), "BaseUrl"),
        (builder(url, ""), "CertId"),
        (builder(url, &"1".repeat(65)), "CertId"),
        (builder(url, CERT_ID).private_key("x"), "PrivateKey"),
        (builder(url, CERT_ID).gateway_key("x"), "GatewayKey"),
        (bare(), "NoGatewayKey"),
        (bare().gateway_key_read(rsa.gateway.public().clone()), "MixedModes"),
        (Client::builder(url, CERT_ID).gateway_key(&sm2.gateway.public().to_pem()), "PrivateKey"),
    ] {
        let error: BuildError = built.build().unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[test]
fn keys_are_not_shown() {
    let client = Client::builder("http://127.0.0.1:1", CERT_ID)
        .private_key_read(identity::of(Mode::Sm2).initiator.clone())
        .gateway_key_read(PublicKey::clone(identity::of(Mode::Sm2).gateway.public()))
        .build()
        .unwrap();
    let req_id = client.fresh_req_id();
    let request = client.seal(huodong_client::ysepay::Api::Consult, &req_id, b"{}");
    let key: &ContentKey = &request.key;
    let text = String::from_utf8(key.bytes().to_vec()).unwrap();
    for shown in [format!("{client:?}"), format!("{request:?}")] {
        assert!(!shown.contains(&text) && !shown.to_lowercase().contains("private"), "{shown}");
    }
}
