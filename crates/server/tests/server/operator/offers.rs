//! Who may hand a coupon activity out through Alipay.

use serde_json::{Value, json};

use super::counter::{coupon_activity, institution};
use super::desk::Desk;
use super::gateway::{self, CERT_ID, OTHER_CERT_ID};

/// A coupon activity with these fields of its offer.
fn activity(activity_no: &str, offer: Value) -> Value {
    let mut activity = coupon_activity(activity_no);
    activity["offer"].as_object_mut().unwrap().extend(offer.as_object().unwrap().clone());
    activity
}

async fn open() -> Desk {
    let desk = Desk::open().await;
    desk.post("/institutions", institution()).await.ok();
    gateway::open(&desk).await;
    desk
}

#[tokio::test]
async fn an_offer_names_its_initiators_and_their_merchants() {
    let desk = open().await;
    let plain = desk.post("/activities", coupon_activity("plain")).await.ok();
    assert_eq!(
        (&plain["offer"]["initiators"], &plain["offer"]["merchants"]),
        (&json!([]), &json!([]))
    );
    // A merchant may be named before it is there.
    let offer = json!({"initiators": [CERT_ID, OTHER_CERT_ID], "merchants": ["2088", "2099"]});
    let made = desk.post("/activities", activity("c1", offer.clone())).await.ok();
    assert_eq!(made["offer"]["initiators"], offer["initiators"]);
    assert_eq!(made["offer"]["merchants"], offer["merchants"]);
    let shown = async || desk.shown("/activities/c1").await["offer"].clone();
    assert_eq!(shown().await, made["offer"]);

    let path = "/activities/c1/offer";
    let changed = desk.patch(path, json!({"initiators": [CERT_ID]})).await.ok();
    assert_eq!(changed["offer"]["initiators"], json!([CERT_ID]));
    assert_eq!(changed["offer"]["merchants"], offer["merchants"], "what is left out stays");
    let changed = desk.patch(path, json!({"merchants": []})).await.ok();
    assert_eq!(changed["offer"]["merchants"], json!([]));
    assert_eq!(changed["offer"]["initiators"], json!([CERT_ID]));
    let changed = desk.patch(path, json!({"initiators": [], "add_stock": 1})).await.ok();
    assert_eq!(
        (&changed["offer"]["initiators"], &changed["offer"]["stock_left"]),
        (&json!([]), &json!(101))
    );
    assert_eq!(shown().await, changed["offer"]);
}

#[tokio::test]
async fn who_is_named_in_an_offer_is_checked() {
    let desk = open().await;
    for (offer, field) in [
        (json!({"initiators": [CERT_ID, "nobody"]}), "initiators"),
        (json!({"initiators": vec![CERT_ID; 101]}), "initiators"),
        (json!({"initiators": ["a b"]}), "initiators[0]"),
        (json!({"merchants": vec!["2088"; 101]}), "merchants"),
        (json!({"merchants": ["2088", ""]}), "merchants[1]"),
        (json!({"merchants": "2088"}), "merchants"),
    ] {
        let made = desk.post("/activities", activity("c1", offer.clone())).await;
        made.problem(422, "invalid-field", Some(&format!("offer.{field}")));
        desk.post("/activities", coupon_activity("c2")).await;
        let changed = desk.patch("/activities/c2/offer", offer).await;
        changed.problem(422, "invalid-field", Some(field));
    }
    desk.get("/activities/c1").await.problem(404, "not-found", Some("activity_no"));
}
