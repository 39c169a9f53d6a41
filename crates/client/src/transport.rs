//! One exchange over HTTP, alike for every vendor.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, Url};
use thiserror::Error;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest answer that is read. The vendor's are a few hundred bytes; a list of activities may
/// be some thousands.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer of status 200.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("no connection was made")]
    Unreachable(reqwest::Error),
    #[error("the connection broke or the time was up")]
    Interrupted(reqwest::Error),
    #[error("HTTP {0} instead of 200")]
    Status(u16),
    #[error("it is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
}

/// An answer of status 200.
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The HTTP client of a vendor's client.
pub(crate) fn client(
    http: reqwest::ClientBuilder,
    timeout: Duration,
    connect_timeout: Duration,
) -> reqwest::Result<reqwest::Client> {
    http.timeout(timeout)
        .connect_timeout(connect_timeout)
        // A signed call is meant for one server; another's address is an answer to look at.
        .redirect(Policy::none())
        .user_agent(concat!("huodong-client/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The URL that an API's path is appended to.
pub(crate) fn base(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none();
    let http = matches!(url.scheme(), "http" | "https") && url.has_host();
    (plain && http).then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// Sends once and reads the answer to its end.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Received, Failure> {
    let mut answer = request.send().await.map_err(|error| {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Failure::Unreachable(error)
        } else {
            Failure::Interrupted(error)
        }
    })?;
    if answer.status() != StatusCode::OK {
        return Err(Failure::Status(answer.status().as_u16()));
    }
    let headers = std::mem::take(answer.headers_mut());
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await;
        let chunk = chunk.map_err(|error| Failure::Interrupted(error.without_url()))?;
        let Some(chunk) = chunk else { return Ok(Received { headers, body }) };
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_end_with_a_slash_and_have_a_path() {
        assert_eq!(base("http://127.0.0.1:8080/").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(base("https://a.example/gy/").as_deref(), Some("https://a.example/gy"));
        for wrong in ["", "a.example", "ftp://a.example", "https://a.example/?x=1", "mailto:a@b"] {
            assert_eq!(base(wrong), None, "{wrong}");
        }
    }
}
