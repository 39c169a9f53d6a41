use http::{HeaderMap, header};
use reqwest::Url;

use crate::App;

/// Where this server is reached: `public_url`, or, in a sandbox without one, where the caller
/// reached it. `None` where that is unknown.
pub(super) fn own_url(app: &App, headers: &HeaderMap) -> Option<Url> {
    if let Some(url) = &app.settings.public_url {
        return read(url);
    }
    if !app.settings.sandbox {
        return None;
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    // What follows the host would move everything that is put behind it.
    if host.contains(|c: char| !(c.is_ascii_alphanumeric() || ".-:[]_".contains(c))) {
        return None;
    }
    read(&format!("http://{host}"))
}

fn read(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

/// An address below this one.
pub(super) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Where a campaign's page is.
pub(super) fn page_url(base: &Url, campaign: &str) -> Url {
    below(base, &["deliverWM", campaign])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_below_its_base_whatever_its_name() {
        for (base, campaign, is) in [
            ("https://m.example", "c1", "https://m.example/deliverWM/c1"),
            ("https://m.example/", "c1", "https://m.example/deliverWM/c1"),
            ("https://m.example/x/", "c1", "https://m.example/x/deliverWM/c1"),
            ("https://m.example", "a/b;c", "https://m.example/deliverWM/a%2Fb;c"),
        ] {
            let base = Url::parse(base).expect("an address");
            assert_eq!(page_url(&base, campaign).as_str(), is);
        }
    }
}
