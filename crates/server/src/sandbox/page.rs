use std::fmt::Write as _;

use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri, header};
use huodong_wire::ysepay::Api;

use super::credentials::{CouponCredentials, Credentials};
use super::gateway_credentials::{InitiatorCredentials, SpecialConsult};
use crate::html::{self, escaped, filled};
use crate::seed;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// `GET /`: what runs here, for somebody who opened it in a browser.
pub(super) async fn show(uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let base_url = format!("http://{}", host.unwrap_or("127.0.0.1:18080"));
    let query = uri.query().unwrap_or_default().as_bytes();
    let openid = form_urlencoded::parse(query).find(|(name, _)| name == "openid");
    let page = page(&base_url, openid.as_ref().map(|(_, openid)| &**openid));
    html::page(StatusCode::OK, page, STYLE, "form-action 'none'")
}

/// The page, for somebody who may have come back from the openid page with an openid.
fn page(base_url: &str, openid: Option<&str>) -> String {
    let credentials = Credentials::of_seed(base_url);
    let gongyi = &credentials.gongyi;
    let lakala = &credentials.lakala;
    let ysepay = &credentials.ysepay;
    let initiators = || ysepay.initiators.iter().chain([&ysepay.plain, &ysepay.other]);
    let mut ordinary = String::new();
    for activity in &gongyi.activities {
        row(&mut ordinary, [&activity.activity_no, &activity.project_no, &activity.settlement]);
    }
    let mut special = String::new();
    for activity in &gongyi.special {
        row(&mut special, [&activity.activity_no, &activity.project_no, &activity.note]);
    }
    let mut tokens = String::new();
    for (role, token) in &credentials.operator.tokens {
        row(&mut tokens, [role, token]);
    }
    let values = [
        ("style", STYLE),
        ("base_url", &*escaped(base_url)),
        ("appid", &gongyi.appid),
        ("secret", &gongyi.secret),
        ("bid", &gongyi.bid),
        ("org_no", &gongyi.org_no),
        ("activity_no", &gongyi.activities[0].activity_no),
        ("project_no", &gongyi.activities[0].project_no),
        ("token", &credentials.operator.token),
        ("ordinary", &ordinary),
        ("special", &special),
        ("tokens", &tokens),
        ("lakala_appid", &lakala.appid),
        ("serial_no", &lakala.serial_no),
        ("org_id", &lakala.org_id),
        ("owner_id", &lakala.owner_id),
        ("second_owner_id", &lakala.second_owner_id),
        ("member_prefix", &lakala.member_prefix),
        ("issue_path", &lakala.issue_path),
        ("query_path", &lakala.query_path),
        ("private_key_pem", &lakala.private_key_pem),
        ("certificate_pem", &lakala.certificate_pem),
        ("platform_certificate_pem", &lakala.platform_certificate_pem),
        ("notify_certificate_pem", &lakala.notify_certificate_pem),
        ("campaign", &lakala.campaign),
        ("elsewhere", &elsewhere(base_url)),
        ("openid_link", &openid_link(base_url, &lakala.campaign)),
        ("return_to", &seed::RETURN_TO.join(", ")),
        ("came_back", &came_back(openid)),
        ("coupons", &coupons(&lakala.activities)),
        ("special_coupons", &coupons(&lakala.special)),
        ("initiators", &initiators().map(initiator).collect::<String>()),
        ("initiator_keys", &initiators().map(initiator_keys).collect::<String>()),
        ("upload_path", Api::Upload.path()),
        ("add_data_path", Api::AddData.path()),
        ("consult_path", Api::Consult.path()),
        ("alipay_pid", &ysepay.consult.merchant_id),
        ("other_alipay_pid", &ysepay.consult.other_merchant_id),
        ("consults", &consults(&ysepay.consult.special)),
    ];
    // Values come from the seed or are escaped.
    filled(PAGE, &values)
}

/// What the command needs to find a sandbox that is not where it looks by itself.
fn elsewhere(base_url: &str) -> String {
    match base_url {
        "http://127.0.0.1:18080" => String::new(),
        other => format!(" --base-url {}", escaped(other)),
    }
}

/// The openid page, with this page as the return address.
fn openid_link(base_url: &str, campaign: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("wmcb", &format!("{base_url}/"));
    escaped(&format!("/deliverWM/{campaign}?{}", query.finish())).into_owned()
}

fn came_back(openid: Option<&str>) -> String {
    let openid = openid.map(escaped).map(|openid| {
        format!(
            "<p role=\"status\">You came back as <code>{openid}</code>; \
             <code>channel_openid={openid}</code> at the end of the call below gives that user the \
             coupon.</p>\n"
        )
    });
    openid.unwrap_or_default()
}

fn coupons(activities: &[CouponCredentials]) -> String {
    let mut rows = String::new();
    for activity in activities {
        let cells = [&activity.activity_id, &activity.promotion_id, &activity.settlement];
        let [activity_id, promotion_id, settlement] = cells.map(String::as_str);
        row(&mut rows, [activity_id, promotion_id, settlement, &activity.note]);
    }
    rows
}

fn initiator(it: &InitiatorCredentials) -> String {
    let answers = if it.plain_replies { "JSON" } else { "base64" };
    let merchants: Vec<_> = it.merchants.iter().map(|merchant| &*merchant.merc_id).collect();
    let mut rows = String::new();
    let merchants = merchants.join(" ");
    row(&mut rows, [&it.cert_id, &it.mode, answers, &merchants, &it.unconfirmed_merc_id]);
    rows
}

fn initiator_keys(it: &InitiatorCredentials) -> String {
    let InitiatorCredentials { cert_id, private_key_pem, gateway_certificate_pem, .. } = it;
    format!(
        "<p><code>{cert_id}</code> signs with this key; answers are verified, and <code>check</code> \
         is sealed, with the gateway’s certificate below it:</p>\n\
         <pre tabindex=\"0\">{private_key_pem}{gateway_certificate_pem}</pre>\n"
    )
}

fn consults(special: &[SpecialConsult]) -> String {
    let mut rows = String::new();
    for it in special {
        row(&mut rows, [&it.activity_id, &it.result, &it.note]);
    }
    rows
}

fn row<const N: usize>(rows: &mut String, cells: [&str; N]) {
    rows.push_str("<tr>");
    for cell in cells {
        // Writing to a String does not fail.
        let _ = write!(rows, "<td>{}</td>", escaped(cell));
    }
    rows.push_str("</tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_seed_and_leaves_no_gap() {
        let page = page("http://127.0.0.1:18080", None);
        for shown in [
            "sandbox_app",
            "sandbox_secret_0123456789abcdef",
            "100001",
            "100101",
            "100108",
            "OP00000003",
            "1100000086",
            "1100000113",
            "826000000000001",
            "826300000000010",
            "901029998",
        ] {
            assert!(page.contains(shown), "{shown}");
        }
        for gap in page.split('{').skip(1) {
            let name = gap.split('}').next().unwrap_or_default();
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.is_empty() || !name.chars().all(plain), "{name} is left empty");
        }
    }

    #[test]
    fn a_host_header_cannot_put_markup_into_the_page() {
        let page = page("http://<script>alert(1)</script>\"", Some("<script>"));
        assert!(!page.contains("<script>"));
    }
}
