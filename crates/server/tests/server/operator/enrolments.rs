//! Applications for preferential rates, and their review.

use std::collections::BTreeMap;

use huodong_campaign::{PhotoField, RateActivity, Role};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Answer, Desk};
use super::gateway::{CERT_ID, MERCHANT, enrol, enrol_for, merchant, open};
use super::lists::{csv_rows, texts, walk};
use crate::app::with;

const EDUCATION: [PhotoField; 3] =
    [PhotoField::Organization, PhotoField::Rental, PhotoField::Front];

fn number(enrolment: &huodong_campaign::Enrolment) -> String {
    huodong_server::order_number(enrolment.id)
}

async fn approve(desk: &Desk, role: Role, number: &str) -> Answer {
    desk.call(role, Method::POST, &format!("/enrolments/{number}/approve"), None).await
}

async fn reject(desk: &Desk, role: Role, number: &str, reason: &str) -> Answer {
    let path = format!("/enrolments/{number}/reject");
    desk.call(role, Method::POST, &path, Some(json!({"reason": reason}))).await
}

async fn decisions(desk: &Desk) -> Vec<Value> {
    walk(desk, "/audit?action=enrolment.decide", 500).await
}

#[tokio::test]
async fn an_enrolment_is_shown_with_the_merchant_and_the_photos() {
    let desk = Desk::open().await;
    open(&desk).await;
    let made = enrol(&desk, MERCHANT).await;
    // What becomes of the merchant later changes nothing of what it was.
    desk.patch(&format!("/merchants/{MERCHANT}"), json!({"type": 2})).await.ok();
    let number = number(&made);
    assert_eq!(number.len(), 28);
    let shown = desk.shown(&format!("/enrolments/{number}")).await;
    for (field, value) in [
        ("number", json!(number)),
        ("id", json!(made.id.to_string())),
        ("status", json!("pending")),
        ("activity", json!("schoolcanteen_001")),
        ("merc_id", json!(MERCHANT)),
        ("merchant_type", json!(0)),
        ("cert_id", json!(CERT_ID)),
        ("creator", json!("张三")),
        ("third_merc_id_cups", json!("cups-1")),
        ("third_merc_id_nucc", Value::Null),
        ("supplementary_remark", json!("说明")),
        ("photo_count", json!(6)),
        ("req_id", json!(&*made.req_id)),
        ("decided_by", Value::Null),
        ("decided_at", Value::Null),
        ("reason", Value::Null),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["merchant"], desk.shown(&format!("/merchants/{MERCHANT}")).await);
    assert_eq!(shown["merchant"]["type"], 2);
    let photos = shown["photos"].as_array().unwrap();
    let fields: Vec<_> = photos
        .iter()
        .map(|it| ["field", "vendors_field", "title"].map(|name| it[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        fields,
        [
            ["school", "schoolPhoto", "学校资质证明"],
            ["cooperation", "cooperationPhoto", "合作资质证明"],
            ["preferential_rate", "perferentPhoto", "优惠费率承诺函"],
            ["restaurant_environment", "restaurentEnvironmentPhoto", "食堂内部用餐环境照片"],
            ["restaurant_front", "restaurentFrontPhoto", "食堂门头照片"],
            ["supplementary", "supplementaryPicture", "补充图片"],
        ]
    );
    for (field, ids) in &made.photos {
        let group = photos.iter().find(|it| it["photos"][0]["id"] == ids[0].to_string()).unwrap();
        assert_eq!(group["photos"].as_array().unwrap().len(), 1, "{field:?}");
        let link = group["photos"][0]["content"].as_str().unwrap();
        let content = desk.get(link.strip_prefix("/operator/v1").unwrap()).await;
        assert_eq!(content.status, 200);
        assert_eq!(content.headers["content-type"], "image/jpeg");
    }
    // By its other number too.
    assert_eq!(desk.shown(&format!("/enrolments/{}", made.id)).await, shown);
}

#[tokio::test]
async fn a_reviewer_approves_and_rejects_and_may_say_so_twice() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.post("/merchants", merchant("m-2")).await.ok();
    let (first, second) = (enrol(&desk, MERCHANT).await, enrol(&desk, "m-2").await);
    let approved = approve(&desk, Role::Reviewer, &number(&first)).await.ok();
    assert_eq!(
        (&approved["status"], &approved["decided_by"]),
        (&json!("approved"), &json!("reviewer"))
    );
    assert!(approved["decided_at"].is_string());
    assert_eq!((&approved["reason"], &approved["repeated"]), (&Value::Null, &json!(false)));
    desk.server.advance(60).await;
    let again = approve(&desk, Role::Reviewer, &first.id.to_string()).await.ok();
    assert_eq!(again, with(approved, "repeated", true));

    let rejected = reject(&desk, Role::Admin, &number(&second), "门头照不清晰").await.ok();
    assert_eq!(
        (&rejected["status"], &rejected["reason"]),
        (&json!("rejected"), &json!("门头照不清晰"))
    );
    assert_eq!((&rejected["decided_by"], &rejected["repeated"]), (&json!("admin"), &json!(false)));
    let again = reject(&desk, Role::Admin, &number(&second), "门头照不清晰").await.ok();
    assert_eq!(again, with(rejected, "repeated", true));

    let lines = decisions(&desk).await;
    assert_eq!(texts(&lines, "actor"), ["admin", "reviewer"]);
    let ids = [second.id.to_string(), first.id.to_string()];
    assert_eq!(texts(&lines, "subject"), ids);
    assert_eq!(lines[0]["detail"]["decision"], json!({"reject": {"reason": "门头照不清晰"}}));
    // A merchant that was rejected can be enrolled again.
    let third = enrol(&desk, "m-2").await;
    let shown = desk.shown("/enrolments?merc_id=m-2").await["items"].clone();
    assert_eq!(texts(shown.as_array().unwrap(), "number"), [number(&third), number(&second)]);
}

#[tokio::test]
async fn the_second_to_decide_hears_who_was_first_and_how() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.post("/merchants", merchant("m-2")).await.ok();
    let (first, second) = (enrol(&desk, MERCHANT).await, enrol(&desk, "m-2").await);
    desk.server.app.engine.clock().freeze(true);
    desk.server.app.engine.clock().set("2026-11-21T03:00:00Z".parse().unwrap());
    approve(&desk, Role::Reviewer, &number(&first)).await.ok();
    reject(&desk, Role::Reviewer, &number(&second), "照片不清").await.ok();
    let at = "at 2026-11-21T11:00:00+08:00";
    let refused = |answer: Answer, says: String| {
        let problem = answer.problem(409, "wrong-state", Some("status"));
        assert_eq!(problem["detail"], says);
    };
    let approved = format!("the enrolment was approved by reviewer, {at}");
    refused(approve(&desk, Role::Admin, &number(&first)).await, approved.clone());
    refused(reject(&desk, Role::Admin, &number(&first), "不").await, approved.clone());
    // Whoever has decided does not change their mind either.
    refused(reject(&desk, Role::Reviewer, &number(&first), "不").await, approved);
    let rejected = format!("the enrolment was rejected by reviewer, {at}: 照片不清");
    refused(reject(&desk, Role::Admin, &number(&second), "照片不清").await, rejected.clone());
    refused(reject(&desk, Role::Reviewer, &number(&second), "另一理由").await, rejected.clone());
    refused(approve(&desk, Role::Reviewer, &number(&second)).await, rejected);
    assert_eq!(decisions(&desk).await.len(), 2);
}

#[tokio::test]
async fn of_many_who_decide_at_once_exactly_one_does() {
    let desk = Desk::open().await;
    open(&desk).await;
    let mut tokens = Vec::new();
    for n in 0..32 {
        tokens.push(desk.token(&format!("reviewer-{n}"), Role::Reviewer, None).await);
    }
    let mut merchants: BTreeMap<String, String> = BTreeMap::new();
    for n in 0..4 {
        let merc_id = format!("m-{n}");
        desk.post("/merchants", merchant(&merc_id)).await.ok();
        merchants.insert(number(&enrol(&desk, &merc_id).await), merc_id);
    }
    for number in merchants.keys() {
        let asked = tokens.iter().enumerate().map(|(n, token)| {
            let (path, body) = match n % 2 {
                0 => (format!("/enrolments/{number}/approve"), json!({})),
                _ => {
                    (format!("/enrolments/{number}/reject"), json!({"reason": format!("理由{n}")}))
                }
            };
            let request = desk.request(Method::POST, &path).bearer_auth(token).json(&body);
            tokio::spawn(Answer::to(request))
        });
        let asked: Vec<_> = asked.collect();
        let mut decided = Vec::new();
        let mut refused = Vec::new();
        for answer in asked {
            let answer = answer.await.unwrap();
            match answer.status {
                200 => decided.push(answer.ok()),
                _ => refused.push(answer.problem(409, "wrong-state", Some("status"))),
            }
        }
        assert_eq!((decided.len(), refused.len()), (1, 31));
        let shown = desk.shown(&format!("/enrolments/{number}")).await;
        assert_eq!(decided[0]["repeated"], false);
        for field in ["status", "decided_by", "decided_at", "reason"] {
            assert_eq!(shown[field], decided[0][field], "{field}");
        }
        // Each of the others was told of the one.
        let by = shown["decided_by"].as_str().unwrap();
        let how = format!("the enrolment was {} by {by}, at ", shown["status"].as_str().unwrap());
        for problem in refused {
            assert!(problem["detail"].as_str().unwrap().starts_with(&how), "{problem}");
        }
        let id = shown["id"].as_str().unwrap();
        let lines = desk.shown(&format!("/audit?subject={id}")).await["items"].clone();
        assert_eq!(texts(lines.as_array().unwrap(), "actor"), [by]);
    }
    assert_eq!(decisions(&desk).await.len(), 4);
}

#[tokio::test]
async fn who_may_not_review_decides_nothing() {
    let desk = Desk::open().await;
    open(&desk).await;
    let number = number(&enrol(&desk, MERCHANT).await);
    for role in [Role::Viewer, Role::Finance] {
        approve(&desk, role, &number).await.problem(403, "forbidden", None);
        reject(&desk, role, &number, "不").await.problem(403, "forbidden", None);
    }
    assert_eq!(desk.shown(&format!("/enrolments/{number}")).await["status"], "pending");
    assert!(decisions(&desk).await.is_empty());
}

#[tokio::test]
async fn a_reason_is_given_and_bounded() {
    let desk = Desk::open().await;
    open(&desk).await;
    let number = number(&enrol(&desk, MERCHANT).await);
    let path = format!("/enrolments/{number}/reject");
    let long = "因".repeat(201);
    for body in [
        json!({}),
        json!({"reason": ""}),
        json!({"reason": long}),
        json!({"reason": "a\u{0}b"}),
        json!({"reason": null}),
        json!({"reason": 5}),
    ] {
        let answer = desk.post(&path, body).await;
        answer.problem(422, "invalid-field", Some("reason"));
    }
    let approval =
        desk.post(&format!("/enrolments/{number}/approve"), json!({"reason": "好"})).await;
    approval.problem(422, "invalid-field", Some("reason"));
    assert_eq!(desk.shown(&format!("/enrolments/{number}")).await["status"], "pending");
    let longest = "因".repeat(200);
    let rejected = reject(&desk, Role::Reviewer, &number, &longest).await.ok();
    assert_eq!(rejected["reason"], longest);
}

#[tokio::test]
async fn enrolments_are_filtered_by_all_that_is_given() {
    let desk = Desk::open().await;
    open(&desk).await;
    let clock = desk.server.app.engine.clock();
    clock.freeze(true);
    desk.post("/merchants", merchant("m-2")).await.ok();
    let canteen = number(&enrol(&desk, MERCHANT).await);
    let school = number(&enrol_for(&desk, MERCHANT, RateActivity::Education, &EDUCATION).await);
    clock.advance(SignedDuration::from_secs(10));
    let middle = clock.now();
    let other = number(&enrol(&desk, "m-2").await);
    approve(&desk, Role::Reviewer, &canteen).await.ok();
    reject(&desk, Role::Reviewer, &school, "不").await.ok();
    let found = async |query: &str| {
        let items = walk(&desk, &format!("/enrolments?{query}"), 1).await;
        let csv = csv_rows(&desk.get(&format!("/enrolments?format=csv&{query}")).await);
        let numbers: Vec<_> = csv.iter().map(|row| row[0].to_owned()).collect();
        assert_eq!(texts(&items, "number"), numbers, "{query}");
        numbers
    };
    assert_eq!(found("").await, [other.as_str(), school.as_str(), canteen.as_str()]);
    assert_eq!(found("status=pending").await, [other.as_str()]);
    assert_eq!(found("status=approved").await, [canteen.as_str()]);
    assert_eq!(found("status=rejected").await, [school.as_str()]);
    assert_eq!(found("activity=education_001").await, [school.as_str()]);
    assert_eq!(found("merc_id=m-2").await, [other.as_str()]);
    assert_eq!(found(&format!("cert_id={CERT_ID}&merc_id={MERCHANT}")).await.len(), 2);
    assert_eq!(found("cert_id=nobody").await, [""; 0]);
    assert_eq!(found(&format!("from={middle}")).await, [other.as_str()]);
    assert_eq!(found(&format!("until={middle}&status=approved")).await, [canteen.as_str()]);
    assert_eq!(found("status=pending&merc_id=826584358120002").await, [""; 0]);
    for (query, field) in [
        ("status=PENDING", "status"),
        ("activity=school_canteen", "activity"),
        ("from=yesterday", "from"),
        ("number=1", "number"),
    ] {
        let answer = desk.get(&format!("/enrolments?{query}")).await;
        answer.problem(400, "malformed", Some(field));
    }
}
