//! What becomes of photos: those nobody has used go, and no initiator has another's.

use huodong_campaign::Id;
use reqwest::Method;
use serde_json::{Value, json};

use super::add_data::enrolment;
use super::partner::{Partner, sandbox};
use crate::app::TestApp;
use huodong_wire::ysepay::Api;

async fn is_there(server: &TestApp, id: &str) -> bool {
    let id = Id(id.parse().unwrap());
    server.app.engine.read(move |reader| reader.photo(id)).await.unwrap().is_some()
}

async fn advance(server: &TestApp, seconds: i64) -> Value {
    let url = server.url("/sandbox/v1/clock");
    let body = json!({"advance_s": seconds});
    let moved = server.http.request(Method::POST, url).json(&body).send().await.unwrap();
    moved.json().await.unwrap()
}

#[tokio::test]
async fn photos_that_no_enrolment_names_go_after_seven_days() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let used = partner.photos(3).await;
    let orphan = partner.photo().await;
    let merchant = partner.merchants[0].clone();
    let enrolment = enrolment(&merchant, "education_001", &used);
    partner.call(Api::AddData, &enrolment).await.success();
    let day = 24 * 60 * 60;
    assert_eq!(advance(&server, 7 * day - 60).await["ran"]["photos_removed"], 0);
    assert!(is_there(&server, &orphan).await);
    let late = partner.photo().await;
    assert_eq!(advance(&server, 120).await["ran"]["photos_removed"], 1);
    assert!(!is_there(&server, &orphan).await && is_there(&server, &late).await);
    for id in &used {
        assert!(is_there(&server, id).await);
    }
    // Who comes too late with it is told that there is none.
    let again = super::add_data::enrolment(
        &partner.merchants[1],
        "education_001",
        &[used[0].clone(), used[1].clone(), orphan.clone()],
    );
    let answer = partner.call(Api::AddData, &again).await;
    let msg = format!("未找到图片id得路由:frontPhoto {orphan}");
    answer.assert_refused("B022013", &msg);
}

#[tokio::test]
async fn a_reset_leaves_no_photo() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let id = partner.photo().await;
    let url = server.url("/sandbox/v1/reset");
    let reset = server.http.post(url).header("Content-Type", "application/json").send().await;
    assert_eq!(reset.unwrap().status(), 200);
    assert!(!is_there(&server, &id).await);
    // The initiators, their keys and the gateway's are the same as before.
    partner.photo().await;
    Partner::rsa(&server).photo().await;
}
