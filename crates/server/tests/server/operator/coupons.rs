//! Coupon activities, and coupons at the till.

use huodong_campaign::{InstitutionId, Role};
use reqwest::Method;
use serde_json::{Value, json};

use super::counter::{
    APPID, OWNER, PROMOTION, coupon_activity, institution, issue, open, order, purchase, run,
};
use super::desk::Desk;
use super::lists::{csv_rows, texts, walk};
use crate::app::{with, without};

fn at(activity: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = activity.clone();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

#[tokio::test]
async fn from_an_institution_to_a_used_coupon_through_the_api() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let made = desk.post("/activities", coupon_activity("c1")).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!((&made["kind"], &made["status"]), (&json!("coupon"), &json!("draft")));
    assert_eq!(made["projects"], json!([]));
    let offer = &made["offer"];
    assert_eq!(offer["terms"], coupon_activity("c1")["offer"]["terms"]);
    assert_eq!((&offer["stock_left"], &offer["issuers"]), (&json!(100), &json!([APPID])));
    desk.post("/activities/c1/fund", json!({"money": 5000})).await.ok();
    desk.post("/activities/c1/start", json!({})).await.ok();

    let coupon = issue(&desk, "c1", "oKL-mwRzR").await;
    let shown = desk.shown("/activities/c1").await;
    assert_eq!(
        (&shown["frozen"], &shown["held"], &shown["spent"], &shown["offer"]["stock_left"]),
        (&json!(4000), &json!(1000), &json!(0), &json!(99))
    );
    let by_id = desk.shown(&format!("/coupons/{}", coupon.id)).await;
    assert_eq!(by_id["status"], "issued");
    assert_eq!((&by_id["value"], &by_id["promotion_id"]), (&json!(1000), &json!(PROMOTION)));
    assert_eq!(by_id["promo_amount"], Value::Null);
    for name in ["trade_no", "third_coupon_id"] {
        let named = by_id[name].as_str().unwrap();
        assert_eq!(desk.shown(&format!("/coupons/{named}")).await, by_id, "{name}");
    }

    let redeem = format!("/coupons/{}/redeem", by_id["third_coupon_id"].as_str().unwrap());
    let used = desk.call(Role::Finance, Method::POST, &redeem, Some(purchase("till-1"))).await.ok();
    assert_eq!((&used["status"], &used["repeated"]), (&json!("used"), &json!(false)));
    assert_eq!(
        (&used["org_amount"], &used["promo_amount"], &used["total_amount"]),
        (&json!(10_000), &json!(1000), &json!(9000))
    );
    let again = desk.post(&redeem, purchase("till-1")).await.ok();
    assert_eq!(again, with(used, "repeated", true));
    let shown = desk.shown("/activities/c1").await;
    assert_eq!(
        (&shown["frozen"], &shown["held"], &shown["spent"], &shown["offer"]["stock_left"]),
        (&json!(4000), &json!(0), &json!(1000), &json!(99))
    );
    let spent = shown["offer"]["spent_account"].as_str().unwrap();
    let moved = desk.shown(&format!("/ledger/transfers?account={spent}")).await;
    assert_eq!(moved["items"][0]["reason"], "spend");
    assert_eq!(moved["items"][0]["order"], coupon.id.to_string());
    let account = desk.shown("/ledger/accounts?kind=spent").await["items"][0].clone();
    assert_eq!((&account["owner"], &account["balance"]), (&json!("c1"), &json!(1000)));
    let audited = desk.shown("/audit?action=coupon.redeem").await["items"].clone();
    assert_eq!(audited.as_array().unwrap().len(), 1, "a repetition leaves no line");
    assert_eq!(audited[0]["detail"]["reference"], "till-1");
    desk.server.assert_balanced().await;
}

#[tokio::test]
async fn a_percent_coupon_takes_its_share_and_gives_back_the_rest() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let percent = json!({"percent": {"off": 20, "at_most": 3000}});
    let activity = at(&coupon_activity("c1"), "/offer/terms/discount", percent.clone());
    let until = json!({"until": "2026-12-31T00:00:00+08:00"});
    let activity = at(&activity, "/offer/terms/validity", until.clone());
    run(&desk, activity).await;
    let terms = desk.shown("/activities/c1").await["offer"]["terms"].clone();
    assert_eq!((&terms["discount"], &terms["validity"]), (&percent, &until));
    let coupon = issue(&desk, "c1", "u").await;
    let shown = desk.shown(&format!("/coupons/{}", coupon.id)).await;
    assert_eq!((&shown["value"], &shown["expires_at"]), (&json!(3000), &until["until"]));
    let used = with(purchase("t"), "org_amount", 9999);
    let used = desk.post(&format!("/coupons/{}/redeem", coupon.id), used).await.ok();
    assert_eq!(
        (&used["promo_amount"], &used["total_amount"]),
        (&json!(1999), &json!(8000)),
        "rounded down"
    );
    let shown = desk.shown("/activities/c1").await;
    assert_eq!((&shown["frozen"], &shown["spent"]), (&json!(98_001), &json!(1999)));
}

#[tokio::test]
async fn a_coupon_that_cannot_be_used_says_why() {
    let desk = Desk::open().await;
    open(&desk, "c1").await;
    let [used, fresh, voided, late] = [
        issue(&desk, "c1", "a").await,
        issue(&desk, "c1", "b").await,
        issue(&desk, "c1", "c").await,
        issue(&desk, "c1", "d").await,
    ]
    .map(|coupon| format!("/coupons/{}/redeem", coupon.id));
    desk.post(&used, purchase("till-1")).await.ok();
    let problem = desk.post(&used, purchase("till-2")).await;
    let problem = problem.problem(409, "wrong-state", Some("status"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("the coupon was used before: at 2026-11-21T10:00"), "{detail}");
    assert!(detail.ends_with("on 10000 fen, reference till-1"), "{detail}");
    let other_amount = with(purchase("till-1"), "org_amount", 9000);
    let problem = desk.post(&used, other_amount).await.problem(409, "wrong-state", Some("status"));
    assert!(problem["detail"].as_str().unwrap().ends_with("the amount must be the same"));

    let foreign = with(purchase("t"), "owner_id", "80000008");
    desk.post(&fresh, foreign).await.problem(422, "invalid-field", Some("owner_id"));
    let small = with(purchase("t"), "org_amount", 4999);
    let problem = desk.post(&fresh, small).await.problem(422, "invalid-field", Some("org_amount"));
    assert!(problem["detail"].as_str().unwrap().contains("5000"), "{problem}");
    for (body, field) in [
        (without(purchase("t"), "reference"), "reference"),
        (with(purchase("t"), "reference", ""), "reference"),
        (with(purchase("t"), "org_amount", 0), "org_amount"),
        (with(purchase("t"), "owner_id", ""), "owner_id"),
        (with(purchase("t"), "promo_amount", 1), "promo_amount"),
    ] {
        desk.post(&fresh, body).await.problem(422, "invalid-field", Some(field));
    }

    let void = voided.replace("/redeem", "/void");
    desk.post(&void, json!({"reason": "r"})).await.ok();
    let problem = desk.post(&voided, purchase("t")).await;
    let problem = problem.problem(409, "wrong-state", Some("status"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("the coupon has expired, at 2026-11-21T10:00"), "{detail}");

    desk.server.advance(30 * 86_400).await;
    let problem = desk.post(&late, purchase("t")).await;
    let problem = problem.problem(409, "wrong-state", Some("status"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("the coupon has expired, at 2026-12-21T10:00"), "{detail}");
    for path in ["/coupons/12/redeem", "/coupons/wxdx/redeem", "/coupons/nonsense/redeem"] {
        desk.post(path, purchase("t")).await.problem(404, "not-found", Some("coupon"));
    }
    desk.server.assert_balanced().await;
}

#[tokio::test]
async fn a_voided_coupon_gives_back_its_money_and_its_place() {
    let desk = Desk::open().await;
    open(&desk, "c1").await;
    let coupon = issue(&desk, "c1", "u").await;
    let void = format!("/coupons/{}/void", coupon.id);
    let reason = json!({"reason": "发错了"});
    let voided = desk.call(Role::Finance, Method::POST, &void, Some(reason.clone())).await.ok();
    assert_eq!(voided["status"], "expired");
    assert!(voided["closed_at"].is_string());
    let shown = desk.shown("/activities/c1").await;
    assert_eq!((&shown["frozen"], &shown["offer"]["stock_left"]), (&json!(100_000), &json!(100)));
    let line = desk.shown("/audit?action=coupon.void").await["items"][0].clone();
    assert_eq!((&line["actor"], &line["detail"]["reason"]), (&json!("finance"), &json!("发错了")));
    desk.post(&void, reason).await.problem(409, "wrong-state", Some("status"));
    desk.post("/coupons/1/void", json!({"reason": "r"})).await.problem(
        404,
        "not-found",
        Some("coupon"),
    );
    desk.post(&void, json!({})).await.problem(422, "invalid-field", Some("reason"));
}

#[tokio::test]
async fn an_offer_is_changed_as_far_as_it_may() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let second = with(institution(), "appid", "OP2");
    desk.post("/institutions", second).await.ok();
    desk.post("/activities", coupon_activity("c1")).await.ok();
    let path = "/activities/c1/offer";
    let terms = json!({"discount": {"fixed": {"money": 500}}, "validity": {"days": 7}});
    let changed = desk.patch(path, json!({"terms": terms})).await.ok();
    assert_eq!(changed["offer"]["terms"], with(terms.clone(), "minimum_spend", Value::Null));
    desk.post("/activities/c1/start", json!({})).await.ok();
    let changes = json!({"issuers": [APPID, "OP2"], "add_stock": 5});
    let changed = desk.patch(path, changes).await.ok();
    assert_eq!(changed["offer"]["issuers"], json!([APPID, "OP2"]));
    assert_eq!(changed["offer"]["stock_left"], 105);
    let late = desk.patch(path, json!({"terms": terms})).await;
    late.problem(409, "wrong-state", Some("terms"));
    for (body, status, kind, field) in [
        (json!({"issuers": []}), 422, "invalid-field", "issuers"),
        (json!({"issuers": ["nobody"]}), 422, "invalid-field", "issuers"),
        (json!({"issuers": vec!["x"; 101]}), 422, "invalid-field", "issuers"),
        (json!({"add_stock": -1}), 422, "invalid-field", "add_stock"),
        (json!({"stock": 1}), 422, "invalid-field", "stock"),
    ] {
        desk.patch(path, body).await.problem(status, kind, Some(field));
    }
    let other = format!("/activities/{}/offer", crate::app::activity::DRAFT);
    desk.patch(&other, json!({"add_stock": 1})).await.problem(409, "wrong-state", Some("kind"));
    let nobody = desk.patch("/activities/nobody/offer", json!({})).await;
    nobody.problem(404, "not-found", Some("activity_no"));
}

#[tokio::test]
async fn each_field_of_a_coupon_activity_is_checked_and_named() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let base = coupon_activity("c1");
    let percent = |off: i64| json!({"percent": {"off": off, "at_most": 5}});
    for (body, field) in [
        (without(base.clone(), "offer"), "offer"),
        (with(base.clone(), "projects", json!(["224328"])), "projects"),
        (with(base.clone(), "rules", json!([])), "rules"),
        (with(base.clone(), "kind", "points"), "offer"),
        (with(base.clone(), "activity_no", "x".repeat(33)), "activity_no"),
        (at(&base, "/offer/issuers", json!(["nobody"])), "offer.issuers"),
        (at(&base, "/offer/issuers", json!([])), "offer.issuers"),
        (at(&base, "/offer/stock", json!(-1)), "offer.stock"),
        (at(&base, "/offer/promotion_id", json!("x".repeat(33))), "offer.promotion_id"),
        (at(&base, "/offer/batch_code", json!("")), "offer.batch_code"),
        (at(&base, "/offer/terms/minimum_spend", json!(-1)), "offer.terms.minimum_spend"),
        (at(&base, "/offer/terms/discount", percent(0)), "offer.terms.discount"),
        (at(&base, "/offer/terms/discount", percent(101)), "offer.terms.discount"),
        (at(&base, "/offer/terms/discount", percent(-1)), "offer.terms.discount.percent.off"),
        (at(&base, "/offer/terms/discount/fixed/money", json!(0)), {
            "offer.terms.discount.fixed.money"
        }),
        (at(&base, "/offer/terms/validity", json!({"days": 0})), "offer.terms.validity.days"),
        (at(&base, "/offer/terms/validity", json!({"days": 3651})), "offer.terms.validity.days"),
        (at(&base, "/offer/terms/validity", json!({"until": "2026-11-01 00:00:00"})), {
            "offer.terms.validity"
        }),
        (at(&base, "/offer/terms/validity", json!({"months": 1})), {
            "offer.terms.validity.months"
        }),
        (with(base.clone(), "org_no", "nobody"), "org_no"),
    ] {
        let answer = desk.post("/activities", body.clone()).await;
        assert_eq!(answer.status, 422, "{body} {}", answer.text);
        answer.problem(422, "invalid-field", Some(field));
    }
    let donations = without(with(base.clone(), "kind", "points"), "offer");
    desk.post("/activities", donations).await.problem(422, "invalid-field", Some("projects"));
    desk.post("/activities", base.clone()).await.ok();
    desk.post("/activities", base).await.problem(409, "taken", Some("activity_no"));
    let projects = desk.patch("/activities/c1", json!({"projects": ["224328"]})).await;
    projects.problem(409, "wrong-state", Some("kind"));
}

#[tokio::test]
async fn a_coupon_activitys_totals_and_users_are_counted() {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    let limits = json!({"count_total": 2});
    run(&desk, with(coupon_activity("c1"), "limits", limits)).await;
    let first = issue(&desk, "c1", "u1").await;
    issue(&desk, "c1", "u1").await;
    let third = issue(&desk, "c1", "u1").await;
    issue(&desk, "c1", "u2").await;
    desk.post(&format!("/coupons/{}/redeem", first.id), purchase("t")).await.ok();
    let totals = desk.shown("/activities/c1/totals").await;
    assert_eq!(totals["donations"], json!([]));
    assert_eq!(
        (&totals["frozen"], &totals["held"], &totals["spent"]),
        (&json!(97_000), &json!(2000), &json!(1000))
    );
    let mut coupons = totals["coupons"].as_array().unwrap().clone();
    coupons.sort_by_key(|it| it["status"].as_str().unwrap().to_owned());
    assert_eq!(
        coupons,
        [
            json!({"status": "failed", "count": 1, "value": 1000}),
            json!({"status": "issued", "count": 2, "value": 2000}),
            json!({"status": "used", "count": 1, "value": 1000}),
        ]
    );
    let failed = desk.shown(&format!("/coupons/{}", third.id)).await;
    assert_eq!(failed["fail_reason"], "count_total");
    assert_eq!(failed["third_coupon_id"], Value::Null);
    let usage = desk.shown("/activities/c1/users/u1").await;
    assert_eq!((&usage["count_total"], &usage["money_total"]), (&json!(2), &json!(2000)));
    let totals = format!("/activities/{}/totals", crate::app::activity::INSTANT);
    let donations = desk.shown(&totals).await;
    assert_eq!((&donations["coupons"], &donations["spent"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn coupons_are_listed_filtered_and_exported() {
    let desk = Desk::open().await;
    desk.server.app.engine.clock().freeze(true);
    open(&desk, "c1").await;
    let second = with(with(institution(), "appid", "OP2"), "owners", json!(["90000001"]));
    desk.post("/institutions", second).await.ok();
    let activity = at(&coupon_activity("c2"), "/offer/issuers", json!(["OP2"]));
    run(&desk, activity).await;
    for n in 0..7 {
        issue(&desk, "c1", &format!("u{n}")).await;
    }
    let used = issue(&desk, "c1", "u0").await;
    desk.post(&format!("/coupons/{}/redeem", used.id), purchase("t")).await.ok();
    desk.server.advance(10).await;
    let middle = desk.server.app.engine.clock().now();
    let mut other = order("c2", "u1");
    other.key.appid = InstitutionId::from("OP2");
    other.owner_id = "90000001".into();
    desk.server.done(other).await;

    let all = walk(&desk, "/coupons", 500).await;
    assert_eq!(all.len(), 9);
    assert_eq!(walk(&desk, "/coupons", 2).await, all);
    let count = async |query: &str| walk(&desk, &format!("/coupons?{query}"), 2).await.len();
    assert_eq!(count("activity_no=c2").await, 1);
    assert_eq!(count(&format!("appid={APPID}")).await, 8);
    assert_eq!(count(&format!("owner_id={OWNER}")).await, 8);
    assert_eq!(count("openid=u0").await, 2);
    assert_eq!(count("member_id=AAAu1").await, 2);
    assert_eq!(count("member_id=AAAu1&appid=OP2").await, 1);
    assert_eq!(count("status=used").await, 1);
    assert_eq!(count("status=failed").await, 0);
    assert_eq!(count(&format!("from={middle}")).await, 1);
    assert_eq!(count(&format!("until={middle}")).await, 8);
    let rows = csv_rows(&desk.get("/coupons?format=csv&openid=u0").await);
    assert_eq!(rows.len(), 2);
    assert_eq!(&rows[0][0], used.id.to_string());
    assert_eq!(texts(&all, "status").iter().filter(|it| **it == "issued").count(), 8);
    for bad in ["status=gone", "from=x", "colour=red"] {
        let field = bad.split('=').next();
        desk.get(&format!("/coupons?{bad}")).await.problem(400, "malformed", field);
    }
}
