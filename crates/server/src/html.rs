//! Pages for browsers: text as it stands in HTML, and the headers that bound what a page may do.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// A page that loads nothing and can be framed by nobody. Its one style stands in it; `allowed`
/// are further directives of its content security policy.
pub(crate) fn page(status: StatusCode, html: String, style: &str, allowed: &str) -> Response {
    let style = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
         frame-ancestors 'none'; {allowed}"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    let policy = HeaderValue::from_str(&policy).expect("base64 and directives are visible");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    guard(headers);
    response
}

/// Lets a page's forms say whose they are: under `no-referrer` a browser sends `Origin: null` with
/// them, which nobody can tell from a foreign page's.
pub(crate) fn own_forms(mut response: Response) -> Response {
    let policy = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, policy);
    response
}

/// Nothing of this is to be kept, told to the next page, or taken for something else.
pub(crate) fn guard(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Text as it stands in HTML, in an attribute too.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// A template with each `{name}` replaced by its value. Values are put in as they are, once, and
/// not looked through again; a brace that begins no name stays.
pub(crate) fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let room = values.iter().map(|(_, value)| value.len()).sum::<usize>();
    let mut filled = String::with_capacity(template.len() + room);
    let mut rest = template;
    while let Some(begin) = rest.find('{') {
        filled.push_str(&rest[..begin]);
        rest = &rest[begin + 1..];
        let value = values.iter().find_map(|(name, value)| {
            let after = rest.strip_prefix(name)?.strip_prefix('}')?;
            Some((value, after))
        });
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => filled.push('{'),
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_each_value_once() {
        let values = [("a", "{b}"), ("b", "2")];
        assert_eq!(filled("{a} {b} { {c} {{b}", &values), "{b} 2 { {c} {2");
    }

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(escaped("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
        assert!(matches!(escaped("plain 文字"), Cow::Borrowed(_)));
    }
}
