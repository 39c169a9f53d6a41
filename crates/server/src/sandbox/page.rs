use std::fmt::Write as _;

use axum::response::Html;
use http::{HeaderMap, header};

use super::credentials::Credentials;
use crate::html::{escaped, filled};

const PAGE: &str = include_str!("page.html");

/// `GET /`: what runs here, for somebody who opened it in a browser.
pub(super) async fn show(headers: HeaderMap) -> Html<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    Html(page(&format!("http://{}", host.unwrap_or("127.0.0.1:18080"))))
}

fn page(base_url: &str) -> String {
    let credentials = Credentials::of_seed(base_url);
    let gongyi = &credentials.gongyi;
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
    ];
    // Values come from the seed and, escaped, from the caller's Host header.
    filled(PAGE, &values)
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
        let page = page("http://127.0.0.1:18080");
        for shown in ["sandbox_app", "sandbox_secret_0123456789abcdef", "100001", "100108"] {
            assert!(page.contains(shown), "{shown}");
        }
        for gap in ["{base_url}", "{appid}", "{secret}", "{ordinary}", "{tokens}", "{token}"] {
            assert!(!page.contains(gap), "{gap}");
        }
    }

    #[test]
    fn a_host_header_cannot_put_markup_into_the_page() {
        let page = page("http://<script>alert(1)</script>\"");
        assert!(!page.contains("<script>"));
    }
}
