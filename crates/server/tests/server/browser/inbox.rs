//! The callback inbox.

use serde_json::json;

use super::driver::Phone;
use super::receiver::Receiver;
use crate::inbox::{control, issue, start};

#[tokio::test]
async fn a_button_moves_the_clock_to_the_next_attempt() {
    let app = start().await;
    let bank = Receiver::start().await;
    control(&app, "/clock", json!({"freeze": true})).await;
    issue(&app, "order-1", Some(&bank.url("/notify"))).await;
    let phone = Phone::start().await;
    phone.open(&app.url("/sandbox/callbacks")).await;
    phone.wait_for_text("order-1").await;
    phone.wait_for_text("No attempt yet").await;
    phone.assert_fits().await;
    assert_eq!(phone.label("[data-clock]").await, "Move the clock to the next attempt");

    phone.touch("[data-clock]").await;
    phone.wait_for_text("not acknowledged · HTTP 200").await;
    phone.touch("summary").await;
    phone.wait_for_text("LKLAPI-SHA256withRSA timestamp=").await;
    phone.wait_for_text("\"msg\":\"not yet\"").await;
    phone.assert_fits().await;

    bank.says(r#"{"code":"SUCCESS","msg":"ok"}"#);
    phone.touch("[data-clock]").await;
    phone.wait_for_text("delivered").await;
    assert!(phone.elements("[data-clock]").await.is_empty());
    assert_eq!(phone.elements(".attempts li").await.len(), 2);

    phone.touch("[data-resend]").await;
    phone.wait_for_count(".attempts li", 3).await;
    phone.assert_no_errors().await;
}

#[tokio::test]
async fn the_inbox_is_filtered_by_its_form() {
    let app = start().await;
    let bank = Receiver::start().await;
    control(&app, "/clock", json!({"freeze": true})).await;
    for order in ["order-1", "order-2"] {
        issue(&app, order, Some(&bank.url("/notify"))).await;
    }
    let phone = Phone::start().await;
    phone.open(&app.url("/sandbox/callbacks")).await;
    assert_eq!(phone.elements("article").await.len(), 2);
    phone.type_into("#mer_order_id", "order-2").await;
    phone.touch("form button").await;
    // The page before reads order-2 as well; this one has nothing else.
    phone.wait_for_count("article", 1).await;
    assert!(phone.text().await.contains("order-2"));
    assert!(phone.url().await.contains("mer_order_id=order-2"));
}
