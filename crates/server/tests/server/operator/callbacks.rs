//! What institutions are told, how that went, and telling them again.

use huodong_campaign::AttemptOutcome;
use serde_json::{Value, json};

use super::counter::{
    APPID, RECEIVER, attempts, callbacks_of, claim, exhaust, issue, open, order, purchase,
    stop_clock,
};
use super::desk::Desk;
use super::lists::{csv_rows, walk};
use crate::app::tamper;

#[tokio::test]
async fn a_callback_is_shown_from_its_event_to_its_end() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    let coupon = issue(&desk, "c1", "u").await;
    let id = callbacks_of(&desk, &coupon).await[0];
    let path = format!("/callbacks/{id}");
    let owed = desk.shown(&path).await;
    assert_eq!(owed["event"], "issue_result");
    assert_eq!((&owed["status"], &owed["tries"]), (&json!("waiting"), &json!(0)));
    assert_eq!((&owed["receiver"], &owed["appid"]), (&json!(RECEIVER), &json!(APPID)));
    assert_eq!(owed["coupon"], coupon.id.to_string());
    assert_eq!(owed["due_at"], "2026-11-21T11:00:01+08:00");
    assert_eq!(desk.shown(&format!("{path}/attempts")).await["items"], json!([]));

    desk.server.advance(1).await;
    let attempt = claim(&desk, id).await;
    let leased = desk.shown(&path).await;
    assert_eq!((&leased["status"], &leased["due_at"]), (&json!("leased"), &owed["due_at"]));
    desk.server.done(attempt).await;
    let failed = desk.shown(&path).await;
    assert_eq!((&failed["status"], &failed["tries"]), (&json!("waiting"), &json!(1)));
    assert_eq!(failed["due_at"], "2026-11-21T11:00:06+08:00");
    let made = desk.shown(&format!("{path}/attempts")).await["items"].clone();
    assert_eq!(
        made,
        json!([{
            "number": 1, "due_at": "2026-11-21T11:00:01+08:00", "at": "2026-11-21T11:00:01+08:00",
            "took_ms": 12, "outcome": "not_acknowledged", "status": 200,
            "answer": "{\"code\":\"FAIL\"}\u{fffd}", "reason": "the answer says FAIL",
        }])
    );

    desk.server.advance(5).await;
    let mut attempt = claim(&desk, id).await;
    attempt.outcome.outcome = AttemptOutcome::Acknowledged;
    desk.server.done(attempt).await;
    let delivered = desk.shown(&path).await;
    assert_eq!((&delivered["status"], &delivered["due_at"]), (&json!("delivered"), &Value::Null));
    assert_eq!(delivered["finished_at"], "2026-11-21T11:00:06+08:00");
    assert_eq!(delivered["attempts"], 2);
    let counts = desk.shown("/callbacks/counts").await["counts"].clone();
    assert_eq!(counts, json!([{"status": "delivered", "count": 1}]));
}

#[tokio::test]
async fn attempts_are_paged_by_their_numbers_and_exported() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    let coupon = issue(&desk, "c1", "u").await;
    let id = callbacks_of(&desk, &coupon).await[0];
    exhaust(&desk, id).await;
    assert_eq!(attempts(&desk, id).await.len(), 10);
    let shown = desk.shown(&format!("/callbacks/{id}")).await;
    assert_eq!((&shown["status"], &shown["tries"]), (&json!("exhausted"), &json!(10)));
    let path = format!("/callbacks/{id}/attempts");
    let numbers: Vec<_> =
        walk(&desk, &path, 3).await.iter().map(|it| it["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(csv_rows(&desk.get(&format!("{path}?format=csv")).await).len(), 10);
    for bad in ["limit=0", "cursor=x", "cursor=YWJj", "outcome=broken"] {
        let field = bad.split('=').next();
        desk.get(&format!("{path}?{bad}")).await.problem(400, "malformed", field);
    }
}

#[tokio::test]
async fn a_callback_says_how_many_of_its_attempts_are_archived() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    let coupon = issue(&desk, "c1", "u").await;
    let id = callbacks_of(&desk, &coupon).await[0];
    exhaust(&desk, id).await;
    let path = format!("/callbacks/{id}");
    assert_eq!(desk.shown(&path).await["attempts_archived"], 0);
    // As `huodong archive` leaves it, and then it is sent again.
    tamper(&desk.server.directory, "UPDATE callbacks SET archived = 10");
    tamper(&desk.server.directory, "DELETE FROM attempts");
    desk.post(&format!("{path}/resend"), json!({})).await.ok();
    let attempt = claim(&desk, id).await;
    desk.server.done(attempt).await;
    let shown = desk.shown(&path).await;
    assert_eq!((&shown["attempts"], &shown["attempts_archived"]), (&json!(11), &json!(10)));
    let attempts = walk(&desk, &format!("{path}/attempts"), 3).await;
    assert_eq!(attempts.iter().map(|it| it["number"].as_u64()).collect::<Vec<_>>(), [Some(11)]);
    let row = csv_rows(&desk.get("/callbacks?format=csv").await).remove(0);
    assert_eq!(&row[10], "10");
}

#[tokio::test]
async fn one_callback_is_sent_again() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    let coupon = issue(&desk, "c1", "u").await;
    let id = callbacks_of(&desk, &coupon).await[0];
    let resend = format!("/callbacks/{id}/resend");
    exhaust(&desk, id).await;
    let again = desk.post(&resend, json!({})).await.ok();
    assert_eq!((&again["status"], &again["tries"]), (&json!("waiting"), &json!(0)));
    assert_eq!((&again["due_at"], &again["attempts"]), (&again["began_at"], &json!(10)));
    assert_eq!(again["finished_at"], Value::Null);
    claim(&desk, id).await;
    desk.post(&resend, json!({})).await.problem(409, "wrong-state", Some("status"));
    desk.post("/callbacks/1/resend", json!({})).await.problem(404, "not-found", Some("id"));
    desk.post("/callbacks/x/resend", json!({})).await.problem(404, "not-found", Some("id"));
    let line = desk.shown("/audit?action=callback.resend").await["items"].clone();
    assert_eq!(line.as_array().unwrap().len(), 1);
    assert_eq!(line[0]["subject"], id.to_string());
}

#[tokio::test]
async fn all_that_match_are_sent_again_a_thousand_a_call() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    desk.patch("/activities/c1/offer", json!({"add_stock": 2000})).await.ok();
    desk.post("/activities/c1/fund", json!({"money": 5_000_000})).await.ok();
    for n in 0..1_150 {
        let mut order = order("c1", &format!("u{n}"));
        if n % 5 == 0 {
            order.post_notify = None;
        }
        if n % 10 == 1 {
            order.post_notify = Some("https://other.example:8443/post".into());
        }
        desk.server.done(order).await;
    }
    let all = json!({"status": "waiting", "appid": APPID, "event": "issue_result"});
    let few = json!({"status": "waiting", "receiver": "other.example:8443"});
    let nobody = json!({"status": "exhausted"});
    let answer = desk.post("/callbacks/resend", nobody).await.ok();
    assert_eq!(answer, json!({"resent": 0, "more": false, "next_cursor": null}));
    let answer = desk.post("/callbacks/resend", few).await.ok();
    assert_eq!(answer, json!({"resent": 115, "more": false, "next_cursor": null}));
    let answer = desk.post("/callbacks/resend", all.clone()).await.ok();
    assert_eq!((&answer["resent"], &answer["more"]), (&json!(920), &json!(false)));

    for n in 0..300 {
        desk.server.done(order("c1", &format!("v{n}"))).await;
    }
    let first = desk.post("/callbacks/resend", all.clone()).await.ok();
    assert_eq!((&first["resent"], &first["more"]), (&json!(1_000), &json!(true)));
    let rest = crate::app::with(all, "cursor", first["next_cursor"].clone());
    let rest = desk.post("/callbacks/resend", rest).await.ok();
    assert_eq!((&rest["resent"], &rest["more"]), (&json!(220), &json!(false)));
    let due = desk.shown("/callbacks?limit=500").await;
    let now = "2026-11-21T11:00:00+08:00";
    assert!(due["items"].as_array().unwrap().iter().all(|it| it["due_at"] == now));
    let subjects = desk.shown("/audit?action=callback.resend&limit=1").await;
    assert_eq!(subjects["items"][0]["subject"], "20 callbacks");
}

#[tokio::test]
async fn what_is_to_be_sent_again_is_checked() {
    let desk = Desk::open().await;
    for (body, field) in [
        (json!({}), "status"),
        (json!({"status": "leased"}), "status"),
        (json!({"status": "lost"}), "status"),
        (json!({"status": "waiting", "coupon": "x"}), "coupon"),
        (json!({"status": "waiting", "cursor": "%"}), "cursor"),
        (json!({"status": "waiting", "from": "yesterday"}), "from"),
        (json!({"status": "waiting", "reciever": "a"}), "reciever"),
    ] {
        let answer = desk.post("/callbacks/resend", body).await;
        answer.problem(422, "invalid-field", Some(field));
    }
}

#[tokio::test]
async fn callbacks_are_listed_filtered_and_exported() {
    let desk = Desk::open().await;
    stop_clock(&desk);
    open(&desk, "c1").await;
    let mut coupons = Vec::new();
    for n in 0..5 {
        coupons.push(issue(&desk, "c1", &format!("u{n}")).await);
    }
    desk.server.advance(10).await;
    let middle = desk.server.app.engine.clock().now();
    let used = &coupons[0];
    desk.post(&format!("/coupons/{}/redeem", used.id), purchase("t")).await.ok();
    let first = callbacks_of(&desk, used).await[0];
    claim(&desk, first).await;

    let all = walk(&desk, "/callbacks", 500).await;
    assert_eq!(all.len(), 6);
    assert_eq!(walk(&desk, "/callbacks", 2).await, all);
    let count = async |query: &str| walk(&desk, &format!("/callbacks?{query}"), 2).await.len();
    assert_eq!(count("event=write_off").await, 1);
    assert_eq!(count("status=leased").await, 1);
    assert_eq!(count("status=waiting").await, 5);
    assert_eq!(count("status=waiting&event=issue_result").await, 4);
    assert_eq!(count(&format!("appid={APPID}")).await, 6);
    assert_eq!(count("appid=nobody").await, 0);
    assert_eq!(count(&format!("receiver={RECEIVER}")).await, 6);
    assert_eq!(count("receiver=elsewhere").await, 0);
    assert_eq!(count(&format!("coupon={}", used.id)).await, 2);
    let shown = desk.shown(&format!("/coupons/{}", used.id)).await;
    assert_eq!(count(&format!("coupon={}", shown["trade_no"].as_str().unwrap())).await, 2);
    assert_eq!(count(&format!("from={middle}")).await, 1);
    assert_eq!(count(&format!("until={middle}")).await, 5);
    assert_eq!(csv_rows(&desk.get("/callbacks?format=csv&status=waiting").await).len(), 5);
    for bad in ["status=gone", "event=x", "coupon=x", "until=x", "host=x"] {
        let field = bad.split('=').next();
        desk.get(&format!("/callbacks?{bad}")).await.problem(400, "malformed", field);
    }
}
