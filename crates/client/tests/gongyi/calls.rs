//! Single calls: what is sent, what is read, what is sent again, and what errors advise.

use std::time::Duration;

use huodong_client::Backoff;
use huodong_client::gongyi::{
    Advice, Api, BusinessInfo, CheckIsTransExist, CheckXhh, Client, Code, DonationStatus, Error,
    GetActivityInfo, PreTry, QueryUserXhh, Retry, RewardDonateQuery, RewardToDonate,
};
use serde_json::json;

use crate::script::{Script, Step, Still, answer, donation, donation_data, refused};

const TIMES: Retry = Retry {
    attempts_max: 3,
    backoff: Backoff { first: Duration::from_micros(100), most: Duration::from_millis(1) },
};

fn donate() -> RewardToDonate<'static> {
    RewardToDonate {
        activity_no: "123456".into(),
        project_no: "224328".into(),
        third_uid: "user_001".into(),
        reward: 1000,
        reward_transcode: "trans_7890".into(),
        reward_time: "2025-08-01T12:00:00".parse().unwrap(),
        money: 5000,
        bid: "12345".into(),
    }
}

fn query() -> RewardDonateQuery<'static> {
    RewardDonateQuery {
        activity_no: "123456".into(),
        project_no: "224328".into(),
        third_uid: "user_001".into(),
        donate_transcode: Some("donate_12345".into()),
        bid: None,
        reward_transcode: None,
    }
}

#[tokio::test]
async fn a_donation_is_sent_as_documented_and_its_answer_typed() {
    let script = Script::new([donation(11)]).await;
    let answer = script.client().reward_to_donate(&donate()).await.unwrap();
    assert_eq!(answer.data.donate_status, DonationStatus::Paid);
    assert_eq!(answer.data.donate_transcode, "donate_12345");
    assert_eq!((answer.op_time, answer.trace_id.len()), (7, 32));
    let calls = script.calls();
    assert_eq!(calls[0].path, "/api/reward_donate_service/RewardToDonate");
    let expected = json!({
        "activity_no": "123456", "project_no": "224328", "third_uid": "user_001",
        "reward": 1000, "reward_transcode": "trans_7890",
        "reward_time": "2025-08-01 12:00:00", "money": 5000, "bid": "12345",
    });
    assert_eq!(calls[0].body, expected);
}

#[tokio::test]
async fn a_body_can_be_sent_as_it_is() {
    let script = Script::new([refused(32_240_001)]).await;
    let answer = script.client().post(Api::PreTry, b"[1]".to_vec()).await.unwrap();
    assert!(answer.starts_with(b"{\"code\":32240001"));
    let calls = script.calls();
    assert_eq!((calls[0].api(), &calls[0].body), ("PreTry", &json!([1])));
}

#[tokio::test]
async fn time_and_nonce_come_from_the_source() {
    let script = Script::new([donation(11)]).await;
    let client = script.builder().source(Still).build().unwrap();
    client.reward_to_donate(&donate()).await.unwrap();
    assert_eq!(script.calls()[0].nonce, "1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h");
}

#[tokio::test]
async fn activities_are_read_in_both_shapes() {
    let one = json!({
        "activity_no": "123", "activity_type": 2, "activity_name": "n", "org_no": "1",
        "activity_status": 2, "money": "500000", "merchant_no": "9",
        "project_no_list": ["224328"], "xwj_rule": [],
    });
    let script =
        Script::new([answer(0, one.clone()), answer(0, json!({"activity_info": [one]}))]).await;
    let request = GetActivityInfo { project_no: "224328".into() };
    let bare = script.client().get_activity_info(&request).await.unwrap().data;
    let list = script.client().get_activity_info(&request).await.unwrap().data;
    assert_eq!(bare, list);
    assert_eq!(bare.activity_info[0].money, "500000");
    assert_eq!(script.calls()[0].body, json!({"project_no": "224328"}));
}

#[tokio::test]
async fn the_documents_status_1_is_unknown_and_no_crash() {
    let script = Script::new([donation(1)]).await;
    let answer = script.client().reward_donate_query(&query()).await.unwrap();
    assert_eq!(answer.data.donate_status, DonationStatus::Unknown(1));
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn flowers_are_asked_for_given_and_found() {
    let script = Script::new([
        answer(0, json!({})),
        answer(30_110_502, json!({"attach": "5 of 5"})),
        refused(30_110_502),
        answer(0, json!({"exchange_id": "77"})),
        answer(0, json!({"exchange_id": "", "xhh_code": 30_110_404})),
        answer(0, json!({"history_xhh": "12"})),
    ])
    .await;
    let client = script.client();
    let check = CheckXhh {
        open_id: "user_001".into(),
        trans_date: "2025-08-01".parse().unwrap(),
        xhh_num: 1,
        business_id: None,
    };
    assert_eq!(client.check_xhh(&check).await.unwrap().data.attach, None);
    let limited = client.check_xhh(&check).await.unwrap();
    assert_eq!(limited.data.attach.as_deref(), Some("5 of 5"));
    assert_eq!(limited.op_time, 7);
    let unexplained = client.check_xhh(&check).await.unwrap().data;
    assert_eq!(unexplained.attach.as_deref(), Some("refused"));

    let info =
        BusinessInfo { donate_transcode: Some("d".into()), reward_transcode: Some("r".into()) };
    let grant = PreTry {
        open_id: "user_001".into(),
        trans_code: "20250801x".into(),
        time_start: "2025-08-01T12:00:00".parse().unwrap(),
        time_expire: "2025-08-01T12:05:00".parse().unwrap(),
        xhh_num: 1,
        business_info: Some(info),
    };
    assert_eq!(client.pre_try(&grant).await.unwrap().data.exchange_id, "77");
    let find = CheckIsTransExist { open_id: "user_001".into(), trans_code: "20250801x".into() };
    let found = client.check_is_trans_exist(&find).await.unwrap().data;
    assert_eq!(found.xhh_code, i64::from(Code::ExchangeUnknown.number()));
    let history = QueryUserXhh { open_id: "user_001".into() };
    assert_eq!(client.query_user_xhh(&history).await.unwrap().data.history_xhh, 12);

    let calls = script.calls();
    assert_eq!(calls[0].body["trans_date"], "20250801");
    assert_eq!(
        calls[3].body["business_info"],
        r#"{"donate_transcode":"d","reward_transcode":"r"}"#
    );
    assert_eq!(calls[3].body["time_expire"], "2025-08-01 12:05:00");
}

/// What a policy of three attempts makes of a call that is always answered with this code.
async fn attempts(api: Api, code: u32) -> (usize, Advice) {
    let retried =
        Code::from_number(code.into()).is_some_and(|code| code.advice(api) == Some(Advice::Retry));
    let times = if retried { 3 } else { 1 };
    let script = Script::new(vec![refused(code); times]).await;
    let client = script.builder().retry(TIMES).build().unwrap();
    let error = match api {
        Api::RewardToDonate => client.reward_to_donate(&donate()).await.unwrap_err(),
        _ => client.reward_donate_query(&query()).await.unwrap_err(),
    };
    assert_eq!((error.api(), error.code()), (api, Some(code.into())));
    assert_eq!(error.msg(), Some("refused"));
    assert_eq!(error.trace_id(), Some("0123456789abcdef0123456789abcdef"));
    (script.calls().len(), error.advice())
}

#[tokio::test]
async fn donations_are_sent_again_as_the_document_says() {
    for code in [32_240_047, 32_240_007, 32_240_043, 15_150_028] {
        assert_eq!(attempts(Api::RewardToDonate, code).await, (3, Advice::Retry), "{code}");
    }
    assert_eq!(attempts(Api::RewardToDonate, 32_240_001).await, (1, Advice::Fix));
    for code in [32_240_004, 32_240_046, 99_999_999] {
        assert_eq!(attempts(Api::RewardToDonate, code).await, (1, Advice::GiveUp), "{code}");
    }
}

#[tokio::test]
async fn queries_are_sent_again_as_the_document_says() {
    assert_eq!(attempts(Api::RewardDonateQuery, 32_240_046).await, (3, Advice::Retry));
    assert_eq!(attempts(Api::RewardDonateQuery, 32_240_001).await, (1, Advice::Fix));
    for code in [32_240_004, 32_240_047, 32_240_007] {
        assert_eq!(attempts(Api::RewardDonateQuery, code).await, (1, Advice::GiveUp), "{code}");
    }
}

#[tokio::test]
async fn each_attempt_has_a_nonce_of_its_own_and_the_same_body() {
    let script = Script::new([refused(32_240_047), refused(32_240_007), donation(11)]).await;
    let client = script.builder().retry(TIMES).build().unwrap();
    client.reward_to_donate(&donate()).await.unwrap();
    let calls = script.calls();
    assert_ne!(calls[0].nonce, calls[1].nonce);
    assert_ne!(calls[1].nonce, calls[2].nonce);
    assert!(calls.iter().all(|call| call.body == calls[0].body));
}

#[tokio::test]
async fn without_a_policy_a_call_is_sent_once() {
    let script = Script::new([refused(32_240_047)]).await;
    let error = script.client().reward_to_donate(&donate()).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_not_reached() {
    // While the socket is there nobody else can listen at its port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    let http = huodong_client::reqwest::Client::builder().no_proxy();
    let client = Client::builder(&url, "demo_app", "s3cret").http(http).build().unwrap();
    let error = client.reward_to_donate(&donate()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!error.may_have_reached());
    assert_eq!((error.advice(), error.code()), (Advice::Retry, None));
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_reached_the_server() {
    let script = Script::new([Step::Drop, Step::Half]).await;
    for _ in 0..2 {
        let error = script.client().reward_to_donate(&donate()).await.unwrap_err();
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
        assert!(error.may_have_reached());
        assert_eq!(error.advice(), Advice::Retry);
    }
    assert_eq!(script.calls().len(), 2);
}

#[tokio::test]
async fn an_attempt_ends_with_its_timeout() {
    let script = Script::new([Step::Hang]).await;
    let client = script.builder().timeout(Duration::from_millis(50)).build().unwrap();
    let error = client.reward_donate_query(&query()).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
}

#[tokio::test]
async fn a_status_other_than_200_is_retried_only_where_it_may_pass() {
    for (status, advice) in [
        (500, Advice::Retry),
        (503, Advice::Retry),
        (429, Advice::Retry),
        (302, Advice::Fix),
        (404, Advice::Fix),
        (204, Advice::Fix),
    ] {
        let script = Script::new([Step::Status(status)]).await;
        let error = script.client().reward_to_donate(&donate()).await.unwrap_err();
        assert!(matches!(error, Error::Status { status: told, .. } if told == status));
        assert_eq!(error.advice(), advice, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_envelope_is_unreadable() {
    let mut wrong = donation_data(11);
    wrong["money"] = json!("5000");
    let long = format!(r#"{{"code":0,"msg":"{}"}}"#, "x".repeat(1 << 20));
    for (step, traced) in [
        (Step::Body("<html>".to_owned()), false),
        (Step::Body(r#"{"msg":"x"}"#.to_owned()), false),
        (Step::Body(long), false),
        (answer(0, wrong), true),
        (answer(0, json!(null)), true),
    ] {
        let script = Script::new([step]).await;
        let error = script.client().reward_to_donate(&donate()).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
        assert_eq!((error.advice(), error.trace_id().is_some()), (Advice::Fix, traced));
    }
}
