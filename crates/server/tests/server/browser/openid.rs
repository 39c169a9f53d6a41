//! From an institution's link to its page, with the user's openid.

use reqwest::Url;

use super::driver::Phone;
use super::receiver::Receiver;
use crate::openid::scene::{CAMPAIGN, page, start};

fn query_of(url: &str) -> Vec<(String, String)> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_user_gets_from_the_link_to_the_institutions_page_with_an_openid() {
    let app = start(|settings| settings.sandbox = true).await;
    let bank = Receiver::start().await;
    let phone = Phone::start().await;
    let link = app.url(&page(CAMPAIGN, &bank.url("/h5?coupon=7#list")));

    phone.open(&link).await;
    assert!(phone.url().await.contains("/sandbox/wechat/connect/oauth2/authorize?appid="));
    phone.assert_fits().await;
    phone.touch("input[value=\"小红\"]").await;
    phone.touch("button[value=agree]").await;
    phone.wait_for_text("coupons").await;
    let arrived = phone.url().await;
    let query = query_of(&arrived);
    assert!(arrived.starts_with(&bank.url("/h5?coupon=7&openid=o")), "{arrived}");
    assert!(arrived.ends_with("&from=dshy#list"), "{arrived}");
    assert_eq!(query[1].1.len(), 28, "{arrived}");

    // The same user again is the same; one who types a name is another.
    phone.open(&link).await;
    phone.touch("input[value=\"小红\"]").await;
    phone.touch("button[value=agree]").await;
    phone.wait_for_text("coupons").await;
    assert_eq!(query_of(&phone.url().await), query);
    phone.open(&link).await;
    phone.type_into("#name", "新来的").await;
    phone.touch("button[value=agree]").await;
    phone.wait_for_text("coupons").await;
    assert_ne!(query_of(&phone.url().await)[1], query[1]);
    phone.assert_no_errors().await;
}

#[tokio::test]
async fn who_declines_or_comes_by_a_bad_link_reads_why() {
    let app = start(|settings| settings.sandbox = true).await;
    let bank = Receiver::start().await;
    let phone = Phone::start().await;
    phone.open(&app.url(&page(CAMPAIGN, &bank.url("/h5")))).await;
    phone.touch("button[value=decline]").await;
    phone.wait_for_text("没有同意授权").await;
    phone.assert_fits().await;
    phone.open(&app.url(&page(CAMPAIGN, "https://evil.example/"))).await;
    phone.wait_for_text("不在本活动允许的范围内").await;
    phone.assert_fits().await;
}

#[tokio::test]
async fn a_link_back_that_another_browser_followed_is_refused() {
    let app = start(|settings| settings.sandbox = true).await;
    let bank = Receiver::start().await;
    let user = Phone::start().await;
    user.open(&app.url(&page(CAMPAIGN, &bank.url("/h5")))).await;
    let asked = query_of(&user.url().await);
    let of = |name: &str| &asked.iter().find(|(given, _)| given == name).unwrap().1;
    let back = format!("{}?code=stolen&state={}", of("redirect_uri"), of("state"));
    let other = Phone::start().await;
    other.open(&back).await;
    other.wait_for_text("不是在这个浏览器中开始的").await;
}
