//! The sandbox: its clock, faults, reset, seed and credentials.

use std::path::Path;
use std::time::{Duration, Instant};

use huodong_server::sandbox::Credentials;
use huodong_server::seed::{OTHER_PARTNER, PARTNER, PROJECT_NO};
use huodong_wire::gongyi::{Api, Code};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Caller, PATIENCE, TestApp, fresh_nonce, with};

async fn start() -> TestApp {
    TestApp::with_settings(|settings| settings.sandbox = true).await
}

fn partner(app: &TestApp) -> Caller<'_> {
    Caller { server: app, appid: PARTNER.appid.to_owned(), secret: PARTNER.secret.to_owned() }
}

async fn call(app: &TestApp, api: Api, body: &Value) -> Answer {
    partner(app).call(api, body).await
}

/// What the client gets when no answer comes back, or the answer.
async fn send(app: &TestApp, body: &Value) -> Result<Answer, reqwest::Error> {
    let mut request = app.http.post(app.url(Api::RewardToDonate.path())).body(body.to_string());
    for (name, value) in partner(app).headers() {
        request = request.header(name, value);
    }
    Ok(Answer::read(request.send().await?.text().await?))
}

/// A call of a control: its status and body.
async fn control(app: &TestApp, method: Method, path: &str, body: Value) -> (u16, Value) {
    let mut request = app.http.request(method, app.url(&format!("/sandbox/v1{path}")));
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(app: &TestApp, path: &str) -> Value {
    let (status, body) = control(app, Method::GET, path, Value::Null).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn post(app: &TestApp, path: &str, body: Value) -> Value {
    let (status, body) = control(app, Method::POST, path, body).await;
    assert!((200..300).contains(&status), "{body}");
    body
}

fn donation(activity_no: &str, money: i64) -> Value {
    json!({
        "activity_no": activity_no,
        "project_no": PROJECT_NO,
        "third_uid": "user_001",
        "reward": 1000,
        "reward_transcode": fresh_nonce(),
        "reward_time": "2025-08-01 12:00:00",
        "money": money,
        "bid": PARTNER.bid,
    })
}

fn query(donation: &Value) -> Value {
    let mut query = json!({});
    for field in ["activity_no", "project_no", "third_uid", "bid", "reward_transcode"] {
        query[field] = donation[field].clone();
    }
    query
}

async fn donations(app: &TestApp) -> usize {
    let page = huodong_store::PageRequest { before: None, limit: 100 };
    let filter = huodong_store::DonationFilter::default();
    app.app.engine.read(move |reader| reader.donations(&filter, page)).await.unwrap().rows.len()
}

/// What a clock tells that has run so many donations' settlements and nothing else.
fn ran(settlements: u32) -> Value {
    json!({
        "settlements": settlements,
        "activities_ended": 0,
        "coupons_settled": 0,
        "coupons_expired": 0,
        "photos_removed": 0,
        "callbacks": 0,
    })
}

#[tokio::test]
async fn moving_the_frozen_clock_settles_a_deferred_donation_and_tells_so() {
    let app = start().await;
    let frozen = post(&app, "/clock", json!({"freeze": true})).await;
    assert_eq!(frozen["frozen"], true);
    assert_eq!(frozen["ran"], ran(0));
    let body = donation("100005", 5000);
    assert_eq!(call(&app, Api::RewardToDonate, &body).await.success()["donate_status"], 2);
    let moved = post(&app, "/clock", json!({"advance_s": 4})).await;
    assert_eq!(moved["ran"]["settlements"], 0);
    assert_eq!(moved["now_unix"].as_i64(), frozen["now_unix"].as_i64().map(|now| now + 4));
    let moved = post(&app, "/clock", json!({"advance_s": 1})).await;
    assert_eq!(moved["ran"], ran(1));
    let found = call(&app, Api::RewardDonateQuery, &query(&body)).await.success();
    assert_eq!(found["donate_status"], 11);
    assert_eq!(get(&app, "/clock").await["now"], moved["now"]);
}

#[tokio::test]
async fn the_clock_can_be_set_and_let_go() {
    let app = start().await;
    post(&app, "/clock", json!({"freeze": true})).await;
    let set = post(&app, "/clock", json!({"set": "2026-11-21 10:00:00"})).await;
    assert_eq!(
        (&set["now"], &set["now_unix"]),
        (&json!("2026-11-21 10:00:00"), &json!(1_795_226_400))
    );
    assert_eq!(
        get(&app, "/clock").await,
        json!({
            "now": "2026-11-21 10:00:00", "now_unix": 1_795_226_400, "frozen": true,
        })
    );
    let donated = call(&app, Api::RewardToDonate, &donation("100001", 100)).await.success();
    assert!(donated["donate_transcode"].as_str().unwrap().starts_with("2026112110"), "{donated}");
    assert_eq!(post(&app, "/clock", json!({"freeze": false})).await["frozen"], false);
}

#[tokio::test]
async fn a_wrong_control_names_the_field_and_changes_nothing() {
    let app = start().await;
    for (path, body, field) in [
        ("/clock", json!({}), "body"),
        ("/clock", json!({"advance_s": 1, "freeze": true}), "body"),
        ("/clock", json!({"advance_s": -1}), "advance_s"),
        ("/clock", json!({"advance_s": "soon"}), "advance_s"),
        ("/clock", json!({"advance_s": i64::MAX}), "advance_s"),
        ("/clock", json!({"set": "tomorrow"}), "set"),
        ("/clock", json!({"hurry": true}), "hurry"),
        ("/faults", json!({"answer": {"code": 1}}), "api"),
        ("/faults", json!({"api": "Donate", "answer": {"code": 1}}), "api"),
        ("/faults", json!({"api": "PreTry"}), "answer"),
        ("/faults", json!({"api": "PreTry", "answer": {"code": "x"}}), "answer.code"),
        ("/faults", json!({"api": "PreTry", "answer": {"code": 0}}), "answer.code"),
        ("/faults", json!({"api": "PreTry", "answer": {"code": 1}, "drop": "after"}), "drop"),
        ("/faults", json!({"api": "PreTry", "drop": "sometime"}), "drop"),
        ("/faults", json!({"api": "PreTry", "drop": "after", "count": 0}), "count"),
        ("/faults", json!({"api": "PreTry", "drop": "after", "match": {"a": []}}), "match.a"),
        ("/faults", json!({"api": "PreTry", "delay_ms": 600_001}), "delay_ms"),
    ] {
        let (status, problem) = control(&app, Method::POST, path, body.clone()).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    assert_eq!(get(&app, "/faults").await, json!({"items": []}));
    assert_eq!(control(&app, Method::DELETE, "/faults/7", Value::Null).await.0, 404);
    assert_eq!(control(&app, Method::GET, "/nothing", Value::Null).await.0, 404);
    assert_eq!(control(&app, Method::DELETE, "/clock", Value::Null).await.0, 405);
}

#[tokio::test]
async fn every_code_can_be_asked_for() {
    let app = start().await;
    for code in Code::ALL.into_iter().filter(|code| *code != Code::Success) {
        for api in Api::ALL {
            let fault = json!({"api": api.name(), "answer": {"code": code.number()}});
            let fault = post(&app, "/faults", fault).await;
            assert_eq!(fault["left"], 1);
        }
        for (api, body) in requests() {
            let answer = call(&app, api, &body).await;
            answer.assert_refused(code.number().into(), code.text(api));
        }
    }
    assert_eq!(get(&app, "/faults").await, json!({"items": []}), "each was for one call");
    assert_eq!(donations(&app).await, 0, "nothing was done");
}

/// A sound request of each API.
fn requests() -> Vec<(Api, Value)> {
    let donation = donation("100001", 100);
    let query = query(&donation);
    let flowers = json!({"open_id": "user_001", "trans_date": "20261121", "xhh_num": 1});
    let pretry = json!({
        "open_id": "user_001", "trans_code": "20261121001", "time_start": "2026-11-21 10:00:00",
        "time_expire": "2026-11-21 10:05:00", "xhh_num": 1,
    });
    vec![
        (Api::GetActivityInfo, json!({"project_no": PROJECT_NO})),
        (Api::RewardToDonate, donation),
        (Api::RewardDonateQuery, query),
        (Api::CheckXhh, flowers),
        (Api::PreTry, pretry),
        (Api::CheckIsTransExist, json!({"open_id": "user_001", "trans_code": "20261121001"})),
        (Api::QueryUserXhh, json!({"open_id": "user_001"})),
    ]
}

#[tokio::test]
async fn a_fault_is_for_so_many_calls_and_a_retry_then_succeeds() {
    let app = start().await;
    let msg = "稍后再试";
    let fault = json!({"api": "RewardToDonate", "count": 2, "answer": {"code": 99, "msg": msg}});
    post(&app, "/faults", fault).await;
    let body = donation("100001", 100);
    for _ in 0..2 {
        call(&app, Api::RewardToDonate, &body).await.assert_refused(99, msg);
    }
    call(&app, Api::RewardToDonate, &body).await.success();
    assert_eq!(donations(&app).await, 1);
}

#[tokio::test]
async fn a_fault_can_be_for_calls_with_certain_fields_and_be_taken_back() {
    let app = start().await;
    let fault = json!({
        "api": "RewardToDonate", "match": {"third_uid": "user_001", "money": 100},
        "count": "unlimited", "answer": {"code": 32_240_007},
    });
    let set = post(&app, "/faults", fault).await;
    let body = donation("100001", 100);
    assert_eq!(call(&app, Api::RewardToDonate, &body).await.code, 32_240_007);
    call(&app, Api::RewardToDonate, &donation("100001", 101)).await.success();
    call(&app, Api::RewardToDonate, &with(donation("100001", 100), "third_uid", "user_002"))
        .await
        .success();
    assert_eq!(call(&app, Api::RewardToDonate, &body).await.code, 32_240_007);
    let listed = get(&app, "/faults").await;
    assert_eq!(
        (&listed["items"][0]["met"], &listed["items"][0]["left"]),
        (&json!(2), &json!("unlimited"))
    );
    let path = format!("/faults/{}", set["id"]);
    assert_eq!(
        control(&app, Method::DELETE, &path, Value::Null).await,
        (200, json!({"deleted": 1}))
    );
    call(&app, Api::RewardToDonate, &body).await.success();
}

#[tokio::test]
async fn a_delayed_call_is_late_and_then_done() {
    let app = start().await;
    post(&app, "/faults", json!({"api": "RewardToDonate", "delay_ms": 300})).await;
    let began = Instant::now();
    call(&app, Api::RewardToDonate, &donation("100001", 100)).await.success();
    assert!(began.elapsed().as_millis() >= 300);
    assert_eq!(donations(&app).await, 1);
}

#[tokio::test]
async fn a_delayed_call_is_carried_out_though_its_caller_gave_up() {
    let app = start().await;
    let began = Instant::now();
    post(&app, "/faults", json!({"api": "RewardToDonate", "delay_ms": 1_000})).await;
    // Whatever is looked at after that is no wonder.
    let is_over = || began.elapsed().as_millis() >= 1_000;
    let body = donation("100001", 100);
    let has_come = async {
        while !app.app.faults.list().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = send(&app, &body) => assert!(is_over(), "it is not late"),
        () = has_come => {}
    }
    assert!(donations(&app).await == 0 || is_over());
    let began = Instant::now();
    while donations(&app).await == 0 {
        assert!(began.elapsed() < PATIENCE, "the donation never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    call(&app, Api::RewardDonateQuery, &query(&body)).await.success();
}

#[tokio::test]
async fn steps_of_the_clock_side_by_side_all_count() {
    let app = start().await;
    let frozen = post(&app, "/clock", json!({"freeze": true})).await;
    let step = || post(&app, "/clock", json!({"advance_s": 60}));
    tokio::join!(step(), step(), step(), step(), step(), step(), step(), step());
    let moved = get(&app, "/clock").await["now_unix"].as_i64();
    assert_eq!(moved, frozen["now_unix"].as_i64().map(|now| now + 8 * 60));
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let app = start().await;
    let ask = async |method: Method, path: &str, origin: &str| {
        let url = app.url(&format!("/sandbox/v1{path}"));
        app.http.request(method, url).header("origin", origin).send().await.unwrap()
    };
    call(&app, Api::RewardToDonate, &donation("100001", 100)).await.success();
    for (method, path) in
        [(Method::POST, "/reset"), (Method::POST, "/clock"), (Method::DELETE, "/faults")]
    {
        let refused = ask(method, path, "http://evil.example").await;
        assert_eq!(refused.status(), 403, "{path}");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["type"], "urn:huodong:problem:foreign-origin");
    }
    let form = app.http.post(app.url("/sandbox/v1/reset")).header("content-type", "text/plain");
    assert_eq!(form.body("{}").send().await.unwrap().status(), 415);
    assert_eq!(donations(&app).await, 1);
    assert_eq!(ask(Method::GET, "/clock", "http://evil.example").await.status(), 200);
    let own = format!("http://{}", app.address);
    assert_eq!(ask(Method::POST, "/reset", &own).await.status(), 200);
    assert_eq!(donations(&app).await, 0);
}

#[tokio::test]
async fn a_call_dropped_before_leaves_nothing_and_its_retry_one_donation() {
    let app = start().await;
    post(&app, "/faults", json!({"api": "RewardToDonate", "drop": "before"})).await;
    let body = donation("100001", 100);
    assert!(send(&app, &body).await.is_err(), "no answer comes");
    assert_eq!(donations(&app).await, 0);
    send(&app, &body).await.unwrap().success();
    assert_eq!(donations(&app).await, 1);
}

#[tokio::test]
async fn a_call_dropped_after_was_carried_out_and_its_retry_finds_it() {
    let app = start().await;
    post(&app, "/faults", json!({"api": "RewardToDonate", "drop": "after"})).await;
    let body = donation("100001", 100);
    assert!(send(&app, &body).await.is_err(), "no answer comes");
    assert_eq!(donations(&app).await, 1);
    let placed = call(&app, Api::RewardDonateQuery, &query(&body)).await.success();
    assert_eq!(send(&app, &body).await.unwrap().success(), placed);
    assert_eq!(donations(&app).await, 1);
    app.assert_balanced().await;
}

#[tokio::test]
async fn a_reset_brings_everything_back_to_the_beginning() {
    let app = start().await;
    let before = world(&app).await;
    call(&app, Api::RewardToDonate, &donation("100106", 100)).await.success();
    post(&app, "/clock", json!({"set": "2150-01-01 00:00:00"})).await;
    post(&app, "/faults", json!({"api": "PreTry", "drop": "after"})).await;
    assert_ne!(world(&app).await, before);
    let reset = post(&app, "/reset", Value::Null).await;
    assert_eq!(reset["faults_deleted"], 1);
    assert_eq!(world(&app).await, before);
    assert_eq!(donations(&app).await, 0);
    assert_eq!(get(&app, "/faults").await, json!({"items": []}));
    let offset = get(&app, "/clock").await["now_unix"].as_i64().unwrap() - crate::app::now();
    assert!(offset.abs() < 60, "the clock goes right again: {offset}");
    call(&app, Api::RewardToDonate, &donation("100106", 100)).await.success();
}

/// What a partner sees of its activities.
async fn world(app: &TestApp) -> Value {
    call(app, Api::GetActivityInfo, &json!({"project_no": PROJECT_NO})).await.success()
}

#[tokio::test]
async fn after_a_reset_the_same_nonces_are_taken_again() {
    let app = start().await;
    let headers = partner(&app).headers();
    let ask = async || {
        let url = app.url(Api::GetActivityInfo.path());
        let body = json!({"project_no": PROJECT_NO}).to_string();
        let mut request = app.http.post(url).body(body);
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        Answer::read(request.send().await.unwrap().text().await.unwrap()).code
    };
    assert_eq!(ask().await, 0);
    assert_ne!(ask().await, 0, "a replay");
    post(&app, "/reset", Value::Null).await;
    assert_eq!(ask().await, 0);
}

#[tokio::test]
async fn a_database_of_others_is_not_emptied() {
    let app = start().await;
    app.app.engine.wipe().await.unwrap();
    let org_no = Some(huodong_campaign::OrgNo::from(PARTNER.org_no));
    let (name, merchant_no) = ("Somebody".to_owned(), "1".to_owned());
    app.done(huodong_campaign::CreateOrganization { org_no, name, merchant_no }).await;
    let (status, problem) = control(&app, Method::POST, "/reset", Value::Null).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:huodong:problem:wrong-state")));
    let org_no = huodong_campaign::OrgNo::from(PARTNER.org_no);
    let found = app.app.engine.read(move |reader| reader.organization(&org_no)).await.unwrap();
    assert_eq!(found.unwrap().name, "Somebody");
}

#[tokio::test]
async fn a_kept_directory_is_planted_once() {
    let app = start().await;
    call(&app, Api::RewardToDonate, &donation("100106", 100)).await.success();
    huodong_server::seed::plant(&app.app).await.unwrap();
    assert_eq!(donations(&app).await, 1, "what is there stays");
    assert_eq!(app.frozen("100106").await, 0, "and is not funded again");
}

#[tokio::test]
async fn a_database_of_others_is_not_planted_in() {
    let app = start().await;
    app.app.engine.wipe().await.unwrap();
    let org_no = Some(huodong_campaign::OrgNo::from("somebody"));
    let (name, merchant_no) = ("Somebody".to_owned(), "1".to_owned());
    app.done(huodong_campaign::CreateOrganization { org_no, name, merchant_no }).await;
    let refused = huodong_server::seed::plant(&app.app).await;
    assert!(matches!(refused, Err(huodong_server::seed::SeedError::NotASandbox)), "{refused:?}");
}

#[tokio::test]
async fn the_credentials_open_every_door() {
    let app = start().await;
    let credentials = Credentials::of_seed(app.url(""));
    for activity in &credentials.gongyi.activities {
        let body = with(donation(&activity.activity_no, 100), "project_no", &*activity.project_no);
        let status = &call(&app, Api::RewardToDonate, &body).await.success()["donate_status"];
        assert_eq!(*status, if activity.settlement == "instant" { 11 } else { 2 });
    }
    for (role, token) in &credentials.operator.tokens {
        let asked = app.http.get(app.url("/operator/v1/whoami")).bearer_auth(token).send().await;
        let who: Value = asked.unwrap().json().await.unwrap();
        assert_eq!(who["role"], **role, "{who}");
    }
    let other = &credentials.gongyi.other;
    let caller = Caller { server: &app, appid: other.appid.clone(), secret: other.secret.clone() };
    let mut body = with(donation(&other.activities[0].activity_no, 100), "bid", &*other.bid);
    caller.call(Api::RewardToDonate, &body).await.success();
    assert_eq!(other.appid, OTHER_PARTNER.appid);
    body = with(with(donation("100001", 100), "bid", &*other.bid), "third_uid", "user_009");
    let foreign = caller.call(Api::RewardToDonate, &body).await;
    foreign.assert_refused(32_240_001, "请求参数异常: activity_no 不存在");
}

#[tokio::test]
async fn each_special_activity_does_what_its_note_says() {
    let app = start().await;
    let code = async |activity: &str, money: i64| {
        call(&app, Api::RewardToDonate, &donation(activity, money)).await.code
    };
    assert_eq!(code("100101", 404).await, 32_240_004);
    assert_eq!(code("100101", 503).await, 32_240_047);
    for closed in ["100102", "100103", "100104", "100105"] {
        assert_eq!(code(closed, 100).await, 32_240_001, "{closed}");
    }
    assert_eq!(code("100106", 101).await, 32_240_004);
    assert_eq!(code("100106", 100).await, 0);
    assert_eq!(code("100106", 1).await, 32_240_004);
    assert_eq!((code("100107", 1).await, code("100107", 1).await), (0, 32_240_004));
    assert_eq!((code("100108", 1_001).await, code("100108", 1_000).await), (32_240_004, 0));
    post(&app, "/clock", json!({"freeze": true})).await;
    let fails = donation("100101", 1_313);
    call(&app, Api::RewardToDonate, &fails).await.success();
    assert_eq!(post(&app, "/clock", json!({"advance_s": 2})).await["ran"]["settlements"], 1);
    let found = call(&app, Api::RewardDonateQuery, &query(&fails)).await.success();
    assert_eq!(found["donate_status"], 13);
}

#[tokio::test]
async fn the_credentials_file_is_the_same_each_time_and_keeps_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.json");
    let write = |path: &Path| {
        Credentials::of_seed("http://127.0.0.1:18080").write(path).unwrap();
        std::fs::read(path).unwrap()
    };
    let first = write(&path);
    assert_eq!(write(&path), first);
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let json: Value = serde_json::from_slice(&first).unwrap();
    for key in [
        "/base_url",
        "/operator/token",
        "/gongyi/appid",
        "/gongyi/secret",
        "/gongyi/bid",
        "/gongyi/org_no",
    ] {
        assert!(json.pointer(key).is_some_and(Value::is_string), "{key}");
    }
    let settles: Vec<_> = json["gongyi"]["activities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|activity| activity["settlement"].as_str().unwrap())
        .collect();
    assert!(settles.is_sorted_by(|a, b| *a == *b || (*a, *b) == ("instant", "deferred")));
    assert_eq!((settles.first(), settles.last()), (Some(&"instant"), Some(&"deferred")));
}

#[tokio::test]
async fn the_sandbox_explains_itself() {
    let app = start().await;
    let page = app.http.get(app.url("/")).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.text().await.unwrap().contains(&app.url("/sandbox/v1/clock")));
    let index = get(&app, "").await;
    let controls = index["controls"].as_array().unwrap();
    for control in controls.iter().filter(|control| control.get("example").is_some()) {
        let path = control["path"].as_str().unwrap().strip_prefix("/sandbox/v1").unwrap();
        post(&app, path, control["example"].clone()).await;
    }
    assert_eq!(get(&app, "/callbacks").await["items"], json!([]));
}

#[tokio::test]
async fn elsewhere_there_are_no_controls() {
    let app = TestApp::start().await;
    for path in ["/", "/sandbox/v1", "/sandbox/v1/clock"] {
        assert_eq!(app.http.get(app.url(path)).send().await.unwrap().status(), 404, "{path}");
    }
}
