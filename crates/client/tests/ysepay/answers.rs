//! Answers that are wrong, each in its own way, in both modes.

use std::time::Duration;

use huodong_client::ysepay::{
    AddDataCode, Advice, Api, Cause, Client, ConsultCode, Error, GatewayCode, Mode, Unverified,
};
use huodong_wire::ysepay::ContentKey;
use jiff::ToSpan as _;

use crate::calls::{PHOTO, consult, enrolment};
use crate::script::{Script, Step, consulted, enrolled, now, refused, turned_away, uploaded};

/// What becomes of an enrolment that is answered so.
async fn failed(mode: Mode, step: Step) -> Error {
    let script = Script::new(mode, [step]).await;
    let error = script.client().add_data(&enrolment()).await.unwrap_err();
    assert_eq!((error.api, error.may_have_reached()), (Api::AddData, true));
    assert_eq!(script.calls()[0].field("reqId"), error.req_id.as_str());
    error
}

fn set(fields: &mut [(String, String)], name: &str, value: &str) {
    let field = fields.iter_mut().find(|(known, _)| known == name);
    value.clone_into(&mut field.expect("it is there").1);
}

#[tokio::test]
async fn what_the_gateway_did_not_sign_is_not_believed() {
    for mode in Mode::ALL {
        for step in [
            // A key that is nobody's, the initiator's own, and the gateway's next, not yet known.
            enrolled("PENDING").signed_by(|keys| Some(&keys.stranger)),
            enrolled("PENDING").signed_by(|keys| Some(&keys.initiator)),
            enrolled("PENDING").signed_by(|keys| Some(&keys.next)),
            // Changed on the way.
            enrolled("PENDING").after(|fields| set(fields, "subMsg", "失败")),
            enrolled("PENDING").after(|fields| fields.push(("more".into(), "1".into()))),
            enrolled("PENDING").after(|fields| set(fields, "sign", "AAAA")),
            enrolled("PENDING").after(|fields| set(fields, "sign", "no base64")),
        ] {
            let error = failed(mode, step).await;
            let Cause::Unverified { source, claims } = &error.cause else { panic!("{error:?}") };
            assert_eq!(source, &Unverified::BadSignature);
            assert_eq!((claims.code.as_str(), claims.sub_code.as_str()), ("00000", "0000"));
            assert_eq!(error.advice(), Advice::Fix);
        }
    }
}

#[tokio::test]
async fn a_key_of_the_other_mode_does_not_sign_for_the_gateway() {
    let foreign = |_: &crate::identity::Identities| Some(&crate::identity::of(Mode::Rsa).gateway);
    let error = failed(Mode::Sm2, enrolled("PENDING").signed_by(foreign)).await;
    assert!(matches!(error.cause, Cause::Unverified { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unsigned_answer_is_told_as_such_and_never_taken_for_success() {
    for mode in Mode::ALL {
        let error = failed(mode, turned_away(GatewayCode::UnknownCertId).signed_by(|_| None)).await;
        let Cause::Unsigned(claims) = &error.cause else { panic!("{error:?}") };
        assert_eq!(claims.gateway(), Some(GatewayCode::UnknownCertId));
        assert_eq!((error.advice(), error.refused()), (Advice::Fix, None));
        assert_eq!(
            error.to_string(),
            "addData: the answer is not signed; it claims 10002 发起方商户号不存在或已停用"
        );

        let error = failed(mode, enrolled("PENDING").signed_by(|_| None)).await;
        assert!(matches!(&error.cause, Cause::Unsigned(claims) if claims.code == "00000"));
        assert_eq!(error.advice(), Advice::Fix);

        // An empty signature is none.
        let empty = enrolled("PENDING").after(|fields| set(fields, "sign", ""));
        assert!(matches!(failed(mode, empty).await.cause, Cause::Unsigned(_)));
    }
}

#[tokio::test]
async fn an_answer_of_another_time_is_stale() {
    for at in [now() - 301.seconds(), now() + 301.seconds()] {
        let error = failed(Mode::Sm2, enrolled("PENDING").at(at)).await;
        let Cause::Unverified { source, .. } = &error.cause else { panic!("{error:?}") };
        assert_eq!(source, &Unverified::Stale(at));
    }
    let at = now() - 300.seconds();
    let script = Script::new(Mode::Sm2, [enrolled("PENDING").at(at)]).await;
    assert_eq!(script.client().add_data(&enrolment()).await.unwrap().answered_at, at);

    let at = now() - 2.seconds();
    let script = Script::new(Mode::Sm2, [enrolled("PENDING").at(at)]).await;
    let client = script.builder().window(Duration::from_secs(1)).build().unwrap();
    assert!(client.add_data(&enrolment()).await.is_err());

    for step in [
        enrolled("PENDING").before(|fields| set(fields, "timeStamp", "20251121100000")),
        enrolled("PENDING").before(|fields| fields.retain(|(name, _)| name != "timeStamp")),
    ] {
        let error = failed(Mode::Sm2, step).await;
        let Cause::Unverified { source, .. } = &error.cause else { panic!("{error:?}") };
        assert_eq!(source, &Unverified::NoTime);
    }
}

#[tokio::test]
async fn while_the_gateway_changes_its_key_both_are_taken() {
    for mode in Mode::ALL {
        let steps =
            [enrolled("PENDING").into(), enrolled("PENDING").signed_by(|keys| Some(&keys.next))];
        let script = Script::new(mode, steps).await;
        let next = script.keys.next.public().clone();
        let client = script.builder().gateway_key_read(next).build().unwrap();
        for _ in 0..2 {
            client.add_data(&enrolment()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn business_data_that_does_not_open_is_no_answer() {
    for mode in Mode::ALL {
        for step in [
            // Under another request's key, no base64, no whole block.
            enrolled("PENDING").under(ContentKey::new(*b"0123456789abcdef")),
            enrolled("PENDING").before(|fields| set(fields, "businessData", "*")),
            enrolled("PENDING").before(|fields| set(fields, "businessData", "AAAA")),
        ] {
            let error = failed(mode, step).await;
            let told = error.to_string();
            // Under another key, one in 256 times the padding happens to be right.
            let garbage = told.starts_with("addData: the answer cannot be read: businessData: ");
            assert!(matches!(error.cause, Cause::CannotOpen) || garbage, "{told}");
            assert_eq!(error.advice(), Advice::Fix);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_no_reply_is_unreadable() {
    for body in ["", "<html>", "{}", "[]", r#"{"msg":"成功"}"#, "e30=", "bm8=", r#"{"code":{}}"#]
    {
        let error = failed(Mode::Sm2, Step::Body(body.to_owned())).await;
        assert!(matches!(error.cause, Cause::Unreadable(_)), "{body}: {error:?}");
        assert_eq!(error.advice(), Advice::Fix);
    }
}

#[tokio::test]
async fn what_a_success_lacks_is_named() {
    for (step, lacks) in [
        (enrolled("PENDING").before(|f| f.retain(|(name, _)| name != "subCode")), "subCode"),
        (
            enrolled("PENDING").before(|f| f.retain(|(name, _)| name != "businessData")),
            "businessData",
        ),
        (uploaded("{}").into(), "missing field `state`"),
        (uploaded("[]").into(), "businessData"),
        (uploaded("no json").into(), "businessData"),
    ] {
        let error = failed(Mode::Sm2, step).await;
        let Cause::Unreadable(reason) = &error.cause else { panic!("{error:?}") };
        assert!(reason.contains(lacks), "{reason}");
    }
    for data in ["{}", r#"{"picId":""}"#, r#"{"picId":null}"#] {
        let script = Script::new(Mode::Sm2, [uploaded(data).into()]).await;
        let error = script.client().upload(&PHOTO).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "upload: the answer cannot be read: businessData has no picId"
        );
    }
}

#[tokio::test]
async fn a_refusal_carries_its_code_and_what_to_do() {
    for mode in Mode::ALL {
        for (code, known, advice) in [
            ("9999", Some(AddDataCode::Internal), Advice::Retry),
            ("5000", Some(AddDataCode::Deadline), Advice::Retry),
            ("A029998", Some(AddDataCode::InvalidField), Advice::Fix),
            ("B022013", Some(AddDataCode::UnknownPhoto), Advice::Fix),
            ("B029992", Some(AddDataCode::AlreadyEnrolled), Advice::GiveUp),
            ("901009999", None, Advice::GiveUp),
            ("Z1", None, Advice::GiveUp),
        ] {
            let error = failed(mode, refused(code).into()).await;
            let refusal = error.refused().unwrap();
            assert_eq!(
                (refusal.gateway(), refusal.add_data()),
                (Some(GatewayCode::Success), known)
            );
            assert_eq!((refusal.consult(), error.advice()), (None, advice), "{code}");
            assert_eq!(error.to_string(), format!("addData: {code} no"));
        }
        for (code, advice) in [
            (GatewayCode::BadSignature, Advice::Fix),
            (GatewayCode::ReqIdReused, Advice::Fix),
            (GatewayCode::RateLimited, Advice::Retry),
            (GatewayCode::Internal, Advice::Retry),
        ] {
            let error = failed(mode, turned_away(code).into()).await;
            assert_eq!(error.refused().unwrap().gateway(), Some(code));
            assert_eq!(error.advice(), advice, "{code}");
            assert_eq!(error.to_string(), format!("addData: {code} {}", code.text()));
        }
    }
    let step = turned_away(GatewayCode::Internal).before(|fields| set(fields, "code", "77777"));
    let error = failed(Mode::Sm2, step).await;
    let refusal = error.refused().unwrap();
    assert_eq!((refusal.gateway(), refusal.advice()), (None, Advice::GiveUp));
}

#[tokio::test]
async fn a_consults_codes_are_its_own() {
    let ask = async |step: Step| {
        let script = Script::new(Mode::Sm2, [step]).await;
        let client: Client = script.client();
        client.consult(&consult()).await.unwrap_err()
    };
    for (code, known, advice) in [
        ("901009999", Some(ConsultCode::Internal), Advice::Retry),
        ("901029999", Some(ConsultCode::ChannelFailed), Advice::Retry),
        ("901001101", Some(ConsultCode::NotYourMerchant), Advice::Fix),
        ("901029998", Some(ConsultCode::ChannelRefused), Advice::GiveUp),
        ("0000", None, Advice::GiveUp),
    ] {
        let error = ask(refused(code).into()).await;
        let refusal = error.refused().unwrap();
        assert_eq!((refusal.consult(), refusal.add_data()), (known, None));
        assert_eq!(error.advice(), advice, "{code}");
    }
    let twisted = r#"{"consultResultInfoList":[{"activityId":"a","consultResultCode":[]}]}"#;
    let error = ask(consulted(twisted).into()).await;
    assert!(matches!(error.cause, Cause::Unreadable(_)), "{error:?}");
}
