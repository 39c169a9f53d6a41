//! What operators do all day: each resource made, looked at, changed.

use huodong_campaign::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::desk::Desk;
use crate::app::{Answer as Called, FUNDS, activity, donation, with};
use huodong_wire::gongyi::Api;

async fn donated(desk: &Desk, body: &Value) -> Value {
    desk.server.call(Api::RewardToDonate, body).await.success()
}

#[tokio::test]
async fn from_nothing_to_a_refunded_donation_through_the_api_alone() {
    let desk = Desk::open().await;
    let org = json!({"org_no": "org-a", "name": "企业甲", "merchant_no": "1900000109"});
    let made = desk.post("/organizations", org).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.ok()["balance"], 0);
    let deposit = json!({"money": 100_000});
    let answer =
        desk.call(Role::Finance, Method::POST, "/organizations/org-a/deposit", Some(deposit));
    assert_eq!(
        answer.await.ok(),
        json!({"org_no": "org-a", "balance": 100_000, "repeated": false})
    );

    let application = json!({"appid": "app-a", "org_no": "org-a", "name": "商城"});
    let application = desk.post("/applications", application).await.ok();
    let secret = application["secret"].as_str().unwrap();
    desk.post("/bids", json!({"bid": "bid-a", "appid": "app-a"})).await.ok();
    desk.post("/projects", json!({"project_no": "p-a", "name": "图书室"})).await.ok();
    let campaign = json!({
        "activity_no": "act-a", "org_no": "org-a", "kind": "points", "name": "积分换图书",
        "starts_at": "2020-01-01 00:00:00", "ends_at": "2099-01-01T00:00:00+08:00",
        "projects": ["p-a"], "limits": {"count_day": 3},
    });
    let campaign = desk.post("/activities", campaign).await.ok();
    assert_eq!(campaign["status"], "draft");
    assert_eq!(campaign["starts_at"], "2020-01-01T00:00:00+08:00");
    assert_eq!(campaign["channel"]["book"]["settlement"], "instant");
    let funded = desk.post("/activities/act-a/fund", json!({"money": 60_000})).await.ok();
    assert_eq!(funded, json!({"activity_no": "act-a", "frozen": 60_000, "repeated": false}));
    let started = desk.post("/activities/act-a/start", json!({})).await.ok();
    assert_eq!(started["status"], "running");

    let body = with(donation(), "activity_no", "act-a");
    let body = with(with(body, "project_no", "p-a"), "bid", "bid-a");
    let mut caller = desk.server.caller();
    caller.appid = "app-a".to_owned();
    caller.secret = secret.to_owned();
    let paid = caller.call(Api::RewardToDonate, &body).await.success();
    let transcode = paid["donate_transcode"].as_str().unwrap();

    let shown = desk.shown(&format!("/donations/{transcode}")).await;
    assert_eq!(shown["donate_transcode"], transcode);
    assert_eq!(shown["status"], "paid");
    assert_eq!(shown["donate_status"], 11);
    assert_eq!(shown["money"], 5000);
    assert_eq!(shown["reward_time"], "2025-08-01 12:00:00");
    let by_id = desk.shown(&format!("/donations/{}", shown["id"].as_str().unwrap())).await;
    assert_eq!(by_id, shown);
    assert_eq!(desk.shown("/projects/p-a").await["balance"], 5000);
    let usage = desk.shown("/activities/act-a/users/user_001").await;
    assert_eq!((&usage["count_today"], &usage["money_today"]), (&json!(1), &json!(5000)));
    assert_eq!(usage["counted"], true);

    let refund = format!("/donations/{transcode}/refund");
    let reason = json!({"reason": "用户误操作"});
    let refunded = desk.call(Role::Finance, Method::POST, &refund, Some(reason.clone())).await.ok();
    assert_eq!((&refunded["status"], &refunded["donate_status"]), (&json!("refunded"), &json!(15)));
    desk.post(&refund, reason).await.problem(409, "wrong-state", Some("status"));
    assert_eq!(desk.shown("/projects/p-a").await["balance"], 0);
    assert_eq!(desk.shown("/activities/act-a").await["frozen"], 60_000);
    let usage = desk.shown("/activities/act-a/users/user_001").await;
    assert_eq!(usage["count_total"], 0);

    let ended = desk.post("/activities/act-a/end", json!({})).await.ok();
    assert_eq!(ended, json!({"activity_no": "act-a", "released": 60_000}));
    let withdrawn = desk.post("/organizations/org-a/withdraw", json!({"money": 100_000})).await;
    assert_eq!(withdrawn.ok()["balance"], 0);
    let trial = desk.shown("/ledger/trial-balance").await;
    assert_eq!((&trial["sum"], &trial["balanced"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn numbers_are_made_where_none_are_given() {
    let desk = Desk::open().await;
    let org = json!({"name": "甲", "merchant_no": "1"});
    let org = desk.post("/organizations", org).await.ok();
    let org_no = org["org_no"].as_str().unwrap();
    let app = desk.post("/applications", json!({"org_no": org_no, "name": "乙"})).await.ok();
    let appid = app["appid"].as_str().unwrap();
    let bid = desk.post("/bids", json!({"appid": appid})).await.ok();
    assert!(!bid["bid"].as_str().unwrap().is_empty());
    let project = desk.post("/projects", json!({"name": "丙"})).await.ok();
    let activity = json!({"org_no": org_no, "kind": "direct", "name": "丁",
        "starts_at": "2026-01-01 00:00:00", "ends_at": "2027-01-01 00:00:00",
        "projects": [project["project_no"]]});
    let activity = desk.post("/activities", activity).await.ok();
    let path = format!("/activities/{}", activity["activity_no"].as_str().unwrap());
    assert_eq!(desk.shown(&path).await["org_no"], org_no);
}

#[tokio::test]
async fn an_activitys_settings_are_changed_one_at_a_time() {
    let desk = Desk::open().await;
    let path = format!("/activities/{}", activity::DRAFT);
    let before = desk.shown(&path).await;
    let changes = json!({
        "name": "新名字",
        "limits": {"money_day": 100},
        "rules": [{"content": "步行", "title": "一万步"}],
        "channel": {"book": {"settlement": {"deferred": {"delay_s": 5}}, "fail_money": [7]}},
    });
    let after = desk.patch(&path, changes.clone()).await.ok();
    for field in ["name", "rules"] {
        assert_eq!(after[field], changes[field], "{field}");
    }
    assert_eq!(after["limits"]["money_day"], 100);
    assert_eq!(after["limits"]["count_day"], Value::Null);
    assert_eq!(after["channel"]["book"]["settlement"]["deferred"]["delay_s"], 5);
    assert_eq!(after["channel"]["book"]["fail_money"], json!([7]));
    for field in ["projects", "starts_at", "ends_at", "kind", "status"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let paused = format!("/activities/{}", activity::PAUSED);
    desk.post(&format!("{paused}/start"), json!({})).await.ok();
    let again = desk.post(&format!("{paused}/pause"), json!({})).await.ok();
    assert_eq!(again["status"], "paused");
}

#[tokio::test]
async fn an_activitys_totals_are_by_status() {
    let desk = Desk::open().await;
    let instant = with(donation(), "activity_no", activity::DEFERRED);
    for _ in 0..3 {
        let body = with(instant.clone(), "reward_transcode", crate::app::fresh_nonce());
        donated(&desk, &body).await;
    }
    let path = format!("/activities/{}/totals", activity::DEFERRED);
    let totals = desk.shown(&path).await;
    assert_eq!((&totals["held"], &totals["frozen"]), (&json!(15_000), &json!(FUNDS - 15_000)));
    assert_eq!(totals["donations"], json!([{"status": "placed", "count": 3, "money": 15_000}]));
    desk.server.advance(61).await;
    let totals = desk.shown(&path).await;
    assert_eq!(totals["held"], 0);
    assert_eq!(totals["donations"], json!([{"status": "paid", "count": 3, "money": 15_000}]));
}

#[tokio::test]
async fn yesterdays_donations_do_not_count_today() {
    let desk = Desk::open().await;
    donated(&desk, &with(donation(), "activity_no", activity::LIMITED)).await;
    let path = format!("/activities/{}/users/user_001", activity::LIMITED);
    assert_eq!(desk.shown(&path).await["count_today"], 1);
    desk.server.advance(86_400).await;
    let usage = desk.shown(&path).await;
    assert_eq!((&usage["count_today"], &usage["count_total"]), (&json!(0), &json!(1)));
    assert_eq!((&usage["money_today"], &usage["money_total"]), (&json!(0), &json!(5000)));
    let nobody = desk.shown(&format!("/activities/{}/users/nobody", activity::LIMITED)).await;
    assert_eq!((&nobody["count_total"], &nobody["counted"]), (&json!(0), &json!(true)));
    let unlimited = desk.shown(&format!("/activities/{}/users/x", activity::INSTANT)).await;
    assert_eq!(unlimited["counted"], false);
}

#[tokio::test]
async fn every_change_and_only_a_change_is_in_the_audit_log() {
    let desk = Desk::open().await;
    let count = async || desk.shown("/audit?limit=500").await["items"].as_array().unwrap().len();
    let before = count().await;
    desk.post("/organizations/110058/withdraw", json!({"money": 999_999_999_999_i64}))
        .await
        .problem(409, "not-enough-money", Some("money"));
    desk.shown("/organizations").await;
    assert_eq!(count().await, before);

    let deposit = json!({"money": 7});
    let path = "/organizations/110058/deposit";
    let request = desk.request(Method::POST, path).bearer_auth(desk.token_of(Role::Finance));
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = request.header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"));
    super::desk::Answer::to(request.json(&deposit)).await.ok();
    let newest = desk.shown("/audit?limit=1").await["items"][0].clone();
    assert_eq!(newest["actor"], "finance");
    assert_eq!(newest["action"], "organization.deposit");
    assert_eq!(newest["subject"], "110058");
    assert_eq!(newest["detail"], json!({"org_no": "110058", "money": 7}));
    assert_eq!(newest["trace_id"], trace_id);

    let application = json!({"appid": "audited", "org_no": "110058", "name": "n"});
    desk.post("/applications", application).await.ok();
    desk.post("/bids", json!({"appid": "audited", "bid": "audited-bid"})).await.ok();
    desk.patch("/applications/audited", json!({"name": "m"})).await.ok();
    desk.post("/applications/audited/rotate-secret", json!({})).await.ok();
    desk.post("/applications/audited/revoke", json!({})).await.ok();
    desk.post("/projects", json!({"name": "n"})).await.ok();
    desk.post("/tokens", json!({"name": "t", "role": "viewer"})).await.ok();
    desk.post("/tokens/t/revoke", json!({})).await.ok();
    let page = desk.shown("/audit?limit=8&actor=admin").await;
    let actions: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(
        actions,
        [
            "token.revoke",
            "token.create",
            "project.create",
            "application.revoke",
            "application.rotate_secret",
            "application.update",
            "bid.assign",
            "application.create",
        ]
    );
}

#[tokio::test]
async fn a_bid_and_an_application_work_as_soon_as_they_are_made() {
    let desk = Desk::open().await;
    desk.post("/bids", json!({"bid": "new-bid", "appid": crate::app::APP})).await.ok();
    let answer: Called =
        desk.server.call(Api::RewardToDonate, &with(donation(), "bid", "new-bid")).await;
    answer.success();
}

#[tokio::test]
async fn money_that_moves_under_a_reference_moves_once() {
    let desk = Desk::open().await;
    let new = json!({"org_no": "one", "name": "One", "merchant_no": "m"});
    desk.post("/organizations", new).await.ok();
    let new = json!({
        // Named as the organization: a reference is of the one or the other.
        "activity_no": "one", "org_no": "one", "kind": "points", "name": "One",
        "starts_at": "2026-11-01 00:00:00", "ends_at": "2026-12-01 00:00:00",
        "projects": [crate::app::PROJECT],
    });
    desk.post("/activities", new).await.ok();
    let lines = async || desk.shown("/audit").await["items"].as_array().unwrap().len();
    let mut balance = 0;
    for (path, name, money) in [
        ("/organizations/one/deposit", "balance", 100),
        ("/organizations/one/withdraw", "balance", 30),
        ("/activities/one/fund", "frozen", 20),
    ] {
        let reference = format!("r-{money}");
        let asked = json!({"money": money, "reference": reference});
        let first = desk.post(path, asked.clone()).await.ok();
        assert_eq!(first["repeated"], false);
        let before = lines().await;
        let again = desk.post(path, asked).await.ok();
        assert_eq!((&again["repeated"], &again[name]), (&json!(true), &first[name]), "{path}");
        assert_eq!(lines().await, before, "what changes nothing leaves no line");
        let other = desk.post(path, json!({"money": money + 1, "reference": reference})).await;
        other.problem(409, "taken", Some("reference"));
        // Another name, or none, moves money each time.
        let other = desk.post(path, json!({"money": 1, "reference": "another"})).await;
        if path.ends_with("withdraw") {
            // The deposit's, of the same organization.
            other.problem(409, "taken", Some("reference"));
        } else {
            assert_eq!(other.ok()["repeated"], false);
        }
        for _ in 0..2 {
            assert_eq!(desk.post(path, json!({"money": 1})).await.ok()["repeated"], false);
        }
        balance = desk.shown("/organizations/one").await["balance"].as_i64().unwrap();
    }
    assert_eq!(balance, (100 + 1 + 2) - (30 + 2) - (20 + 1 + 2));
    let late = json!({"money": 100, "reference": "r-100"});
    assert_eq!(desk.post("/organizations/one/deposit", late).await.ok()["balance"], balance);
    for reference in ["", &"r".repeat(65)] {
        let asked = json!({"money": 1, "reference": reference});
        desk.post("/organizations/one/deposit", asked).await.problem(
            422,
            "invalid-field",
            Some("reference"),
        );
    }
}
