//! What is not done, and how that is said.

use huodong_campaign::Role;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::desk::{Answer, Desk};
use super::gateway;
use crate::app::{Setup, TestApp, activity, with, without};

fn new_activity() -> Value {
    json!({
        "activity_no": "new", "org_no": "110058", "kind": "points", "name": "n",
        "starts_at": "2026-01-01 00:00:00", "ends_at": "2027-01-01 00:00:00",
        "projects": ["224328"],
    })
}

#[tokio::test]
async fn each_refusal_of_a_rule_has_its_status_and_names_its_field() {
    let desk = Desk::open().await;
    let org = json!({"org_no": "110058", "name": "n", "merchant_no": "1"});
    let app = json!({"appid": "demo_app", "org_no": "110058", "name": "n"});
    let book = |extra: Value| json!({"book": extra});
    let huge = 1_000_000_000_000_000_i64;
    let cases = [
        ("/organizations", org, 409, "taken", "org_no"),
        ("/organizations/nobody/deposit", json!({"money": 1}), 404, "not-found", "org_no"),
        ("/organizations/nobody/withdraw", json!({"money": 1}), 404, "not-found", "org_no"),
        (
            "/organizations/110058/withdraw",
            json!({"money": huge}),
            409,
            "not-enough-money",
            "money",
        ),
        ("/applications", app.clone(), 409, "taken", "appid"),
        (
            "/applications",
            with(with(app, "org_no", "x"), "appid", "y"),
            422,
            "invalid-field",
            "org_no",
        ),
        ("/applications/nobody/revoke", json!({}), 404, "not-found", "appid"),
        ("/applications/nobody/rotate-secret", json!({}), 404, "not-found", "appid"),
        ("/bids", json!({"bid": "12345", "appid": "demo_app"}), 409, "taken", "bid"),
        ("/bids", json!({"appid": "nobody"}), 422, "invalid-field", "appid"),
        ("/projects", json!({"project_no": "224328", "name": "n"}), 409, "taken", "project_no"),
        (
            "/activities",
            with(new_activity(), "activity_no", activity::DRAFT),
            409,
            "taken",
            "activity_no",
        ),
        ("/activities", with(new_activity(), "org_no", "nobody"), 422, "invalid-field", "org_no"),
        (
            "/activities",
            with(new_activity(), "projects", json!(["x"])),
            422,
            "invalid-field",
            "projects",
        ),
        (
            "/activities",
            with(new_activity(), "projects", json!([])),
            422,
            "invalid-field",
            "projects",
        ),
        (
            "/activities",
            with(new_activity(), "ends_at", "2026-01-01 00:00:00"),
            422,
            "invalid-field",
            "ends_at",
        ),
        (
            "/activities",
            with(
                new_activity(),
                "channel",
                book(json!({"settlement": "instant", "fail_per_10000": 10_001})),
            ),
            422,
            "invalid-field",
            "channel.book.fail_per_10000",
        ),
        ("/activities/nobody/fund", json!({"money": 1}), 404, "not-found", "activity_no"),
        ("/activities/draft/fund", json!({"money": huge}), 409, "not-enough-money", "money"),
        ("/activities/nobody/start", json!({}), 404, "not-found", "activity_no"),
        ("/activities/instant/start", json!({}), 409, "wrong-state", "status"),
        ("/activities/draft/pause", json!({}), 409, "wrong-state", "status"),
        ("/activities/ended/start", json!({}), 409, "wrong-state", "status"),
        ("/activities/ended/end", json!({}), 409, "wrong-state", "status"),
        ("/activities/ended/fund", json!({"money": 1}), 409, "wrong-state", "status"),
        ("/donations/1/refund", json!({"reason": "r"}), 404, "not-found", "id"),
        ("/donations/nonsense/refund", json!({"reason": "r"}), 404, "not-found", "id"),
        ("/institutions/nobody/revoke", json!({}), 404, "not-found", "appid"),
        ("/initiators/nobody/revoke", json!({}), 404, "not-found", "cert_id"),
        (
            "/initiators/nobody/replace-key",
            json!({"public_key": gateway::SM2}),
            404,
            "not-found",
            "cert_id",
        ),
        (
            "/initiators/nobody/replace-key",
            json!({"public_key": gateway::SM2, "mode": "sm2"}),
            404,
            "not-found",
            "cert_id",
        ),
        ("/merchants", gateway::merchant("m"), 422, "invalid-field", "cert_id"),
        ("/enrolments/1/approve", json!({}), 404, "not-found", "number"),
        ("/enrolments/x/approve", json!({}), 404, "not-found", "number"),
        ("/enrolments/1/reject", json!({"reason": "r"}), 404, "not-found", "number"),
    ];
    for (path, body, status, kind, field) in cases {
        desk.post(path, body.clone()).await.problem(status, kind, Some(field));
    }
    let running = format!("/activities/{}", activity::INSTANT);
    let limits = json!({"limits": {"count_day": 1}});
    desk.patch(&running, limits).await.problem(409, "wrong-state", Some("limits"));
    let ended = format!("/activities/{}", activity::ENDED);
    desk.patch(&ended, json!({"name": "n"})).await.problem(409, "wrong-state", Some("status"));
    desk.patch("/activities/nobody", json!({})).await.problem(
        404,
        "not-found",
        Some("activity_no"),
    );
    desk.patch("/applications/nobody", json!({})).await.problem(404, "not-found", Some("appid"));
    desk.patch("/initiators/nobody", json!({})).await.problem(404, "not-found", Some("cert_id"));
    desk.patch("/merchants/nobody", json!({})).await.problem(404, "not-found", Some("merc_id"));
    desk.server.assert_balanced().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let desk = Desk::open().await;
    for (path, field) in [
        ("/organizations/nobody", "org_no"),
        ("/applications/nobody", "appid"),
        ("/projects/nobody", "project_no"),
        ("/activities/nobody", "activity_no"),
        ("/activities/nobody/totals", "activity_no"),
        ("/donations/12", "id"),
        ("/donations/2026112110030456700000000001", "id"),
        ("/donations/-5", "id"),
        ("/activities/nobody/users/u", "activity_no"),
        ("/institutions/nobody", "appid"),
        ("/coupons/12", "coupon"),
        ("/coupons/wxd12", "coupon"),
        ("/coupons/wxd", "coupon"),
        ("/coupons/2026112110030456700000000001", "coupon"),
        ("/callbacks/12", "id"),
        ("/callbacks/x", "id"),
        ("/callbacks/12/attempts", "id"),
        ("/openid-pages/nobody", "campaign"),
        ("/initiators/nobody", "cert_id"),
        ("/merchants/nobody", "merc_id"),
        ("/photos/12", "id"),
        ("/photos/x", "id"),
        ("/photos/12/content", "id"),
        ("/enrolments/12", "number"),
        ("/enrolments/x", "number"),
        ("/enrolments/2026112110030456700000000001", "number"),
        ("/donations/%E6%B4%BB", "id"),
    ] {
        desk.get(path).await.problem(404, "not-found", Some(field));
    }
    desk.get("/organizations/%FF").await.problem(400, "malformed", None);
}

#[tokio::test]
async fn each_field_is_checked_and_named() {
    let desk = Desk::open().await;
    let base = new_activity();
    let long = "字".repeat(129);
    let rule = |extra: Value| {
        let mut rule = json!({"settlement": "instant"});
        rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        with(new_activity(), "channel", json!({"book": rule}))
    };
    let cases = [
        (without(base.clone(), "name"), "name"),
        (with(base.clone(), "name", ""), "name"),
        (with(base.clone(), "name", long.as_str()), "name"),
        (with(base.clone(), "name", "a\nb"), "name"),
        (with(base.clone(), "name", 5), "name"),
        (with(base.clone(), "nmae", "n"), "nmae"),
        (with(base.clone(), "activity_no", "a b"), "activity_no"),
        (with(base.clone(), "activity_no", "x".repeat(65)), "activity_no"),
        (with(base.clone(), "kind", "lottery"), "kind"),
        (with(base.clone(), "kind", 2), "kind"),
        (with(base.clone(), "starts_at", "tomorrow"), "starts_at"),
        (with(base.clone(), "ends_at", 1_700_000_000), "ends_at"),
        (with(base.clone(), "projects", "224328"), "projects"),
        (with(base.clone(), "projects", json!(vec!["p"; 101])), "projects"),
        (with(base.clone(), "projects", json!(["224328", 5])), "projects[1]"),
        (with(base.clone(), "limits", json!({"count_dya": 1})), "limits.count_dya"),
        (with(base.clone(), "limits", json!({"count_day": -1})), "limits.count_day"),
        (with(base.clone(), "limits", json!({"money_day": 0})), "limits.money_day"),
        (with(base.clone(), "limits", json!({"money_day": 1.5})), "limits.money_day"),
        (with(base.clone(), "rules", json!([{"content": "c"}])), "rules[0].title"),
        (with(base.clone(), "channel", json!("book")), "channel.book"),
        (with(base.clone(), "channel", json!({"book": {}})), "channel.book.settlement"),
        (rule(json!({"settlement": "soon"})), "channel.book.settlement"),
        (rule(json!({"fail_money": [0]})), "channel.book.fail_money[0]"),
        (rule(json!({"fail_money": vec![1; 101]})), "channel.book.fail_money"),
        (rule(json!({"fail_pre_10000": 1})), "channel.book.fail_pre_10000"),
    ];
    for (body, field) in cases {
        let answer = desk.post("/activities", body).await;
        let problem = answer.problem(422, "invalid-field", Some(field));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(field) && !detail.contains("line 1"), "{detail}");
    }
    let deferred = |delay_s: Value| {
        let channel = json!({"book": {"settlement": {"deferred": {"delay_s": delay_s}}}});
        with(new_activity(), "channel", channel)
    };
    for bad in [json!(2_592_001), json!(-1), json!("5")] {
        let answer = desk.post("/activities", deferred(bad)).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        let field = answer.json()["field"].as_str().unwrap().to_owned();
        assert_eq!(field, "channel.book.settlement.deferred.delay_s");
    }
    for money in [json!(0), json!(-1), json!("5"), json!(1.5), json!(1e30), Value::Null] {
        let answer = desk.post("/organizations/110058/deposit", json!({"money": money})).await;
        answer.problem(422, "invalid-field", Some("money"));
    }
    let overlap = json!({"overlap_s": 2_592_001});
    let rotate = "/applications/demo_app/rotate-secret";
    desk.post(rotate, overlap).await.problem(422, "invalid-field", Some("overlap_s"));
    desk.get("/activities/new").await.problem(404, "not-found", Some("activity_no"));
}

#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_refused() {
    let mut setup = Setup::default();
    setup.settings.body_bytes_max = 4096;
    let desk = Desk::at(TestApp::with(setup).await).await;
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = desk.request(Method::POST, "/projects");
        let request = request.bearer_auth(desk.token_of(Role::Admin));
        Answer::to(request.header(CONTENT_TYPE, content_type).body(body)).await
    };
    let json = "application/json";
    for bad in ["{", "{\"name\": \"a\"} x", "{\"name\": \"a\",}", "\u{feff}{}", "nonsense"] {
        send(json, bad.into()).await.problem(400, "malformed", None);
    }
    send(json, b"{\"name\": \"\xff\"}".to_vec()).await.problem(400, "malformed", None);
    send(json, "[".repeat(4000).into()).await.problem(400, "malformed", None);
    send(json, "[]".into()).await.problem(422, "invalid-field", Some("body"));
    // By position nothing is taken, though there would be as many values as fields.
    send(json, "[\"p\", \"n\"]".into()).await.problem(422, "invalid-field", Some("body"));
    send(json, "null".into()).await.problem(422, "invalid-field", Some("body"));
    send(json, vec![]).await.problem(422, "invalid-field", Some("name"));
    let twice = "{\"name\": \"a\", \"name\": \"b\"}";
    send(json, twice.into()).await.problem(422, "invalid-field", Some("name"));
    send("text/plain", "{\"name\": \"a\"}".into()).await.problem(415, "not-json", None);
    send(json, vec![b' '; 4097]).await.problem(413, "too-large", None);
    let made = send("Application/JSON; charset=utf-8", "{\"name\": \"a\"}".into()).await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn a_server_that_has_stopped_says_try_again() {
    let desk = Desk::open().await;
    desk.server.app.engine.stop().await;
    let answer = desk.post("/projects", json!({"name": "n"})).await;
    answer.problem(503, "busy", None);
    assert_eq!(answer.headers["retry-after"], "1");
}
