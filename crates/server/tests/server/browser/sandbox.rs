//! The sandbox's own page.

use super::driver::Phone;
use crate::inbox::start;

#[tokio::test]
async fn the_sandboxes_page_fits_a_phone_and_leads_on() {
    let app = start().await;
    let phone = Phone::start().await;
    phone.open(&app.url("/")).await;
    phone.assert_fits().await;
    // Long commands are wrapped or scrolled within themselves, never cut off.
    let cut = "return [...document.querySelectorAll('pre')].filter((it) =>\
               it.scrollWidth > it.clientWidth && getComputedStyle(it).overflowX !== 'auto').length";
    assert_eq!(phone.run(cut).await, 0);
    phone.touch("nav a[href=\"/sandbox/callbacks\"]").await;
    phone.wait_for_text("Nothing here yet").await;
    phone.open(&app.url("/")).await;
    phone.touch("a[href^=\"/deliverWM/\"]").await;
    phone.wait_for_text("允许获取您的 openid 吗").await;
    phone.touch("button[value=agree]").await;
    phone.wait_for_text("You came back as").await;
    let arrived = phone.url().await;
    assert!(
        arrived.starts_with(&app.url("/?openid=o")) && arrived.ends_with("&from=dshy"),
        "{arrived}"
    );
    phone.assert_no_errors().await;
}
