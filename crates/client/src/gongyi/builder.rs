use std::fmt::{self, Formatter};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use thiserror::Error;

use super::Client;
use crate::retry::{POLLING, SENDING};
use crate::transport::{self, CONNECT_TIMEOUT, TIMEOUT, base};
use crate::{Backoff, Retry, Source, System};

/// Why a client could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The base URL is not an http or https URL without query and fragment.
    #[error("the base URL is not an http or https URL without query and fragment: {0}")]
    BaseUrl(String),
    /// The appid cannot stand in a header.
    #[error("the appid is empty or has characters that cannot stand in a header")]
    Appid,
    /// The HTTP client could not be set up, for example because no trusted roots were found.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// Sets a [`Client`] up.
pub struct ClientBuilder {
    base_url: String,
    appid: String,
    secret: String,
    timeout: Duration,
    connect_timeout: Duration,
    retry: Option<Retry>,
    sending: Backoff,
    polling: Backoff,
    source: Arc<dyn Source>,
    http: reqwest::ClientBuilder,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientBuilder");
        shown.field("base_url", &self.base_url).field("appid", &self.appid).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(base_url: &str, appid: &str, secret: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            appid: appid.to_owned(),
            secret: secret.to_owned(),
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            retry: None,
            sending: SENDING,
            polling: POLLING,
            source: Arc::new(System),
            http: reqwest::Client::builder(),
        }
    }

    /// How long one attempt may take, from connecting to the answer's last byte. Default 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long connecting may take. Default 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sends calls again where that is what their error advises. Default: each call is sent once.
    /// (`donate_until_settled` sends again until its deadline, whatever is set here.)
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// How long `donate_until_settled` waits between attempts to place. Default 0.1 s to 5 s.
    pub fn sending(mut self, backoff: Backoff) -> Self {
        self.sending = backoff;
        self
    }

    /// How long it waits between queries of what was placed. Default 0.5 s to 10 s.
    pub fn polling(mut self, backoff: Backoff) -> Self {
        self.polling = backoff;
        self
    }

    /// Takes time and nonces from elsewhere, in tests.
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Arc::new(source);
        self
    }

    /// Starts from an HTTP client set up otherwise: with a proxy, or roots of its own. Timeouts
    /// and redirects are set over it.
    pub fn http(mut self, http: reqwest::ClientBuilder) -> Self {
        self.http = http;
        self
    }

    /// The client.
    pub fn build(self) -> Result<Client, BuildError> {
        let base_url = base(&self.base_url).ok_or(BuildError::BaseUrl(self.base_url))?;
        if self.appid.is_empty() || HeaderValue::from_str(&self.appid).is_err() {
            return Err(BuildError::Appid);
        }
        let http = transport::client(self.http, self.timeout, self.connect_timeout)
            .map_err(BuildError::Http)?;
        Ok(Client {
            http,
            base_url,
            appid: self.appid,
            secret: self.secret,
            retry: self.retry,
            sending: self.sending,
            polling: self.polling,
            source: self.source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appid_must_fit_a_header() {
        for wrong in ["", "a\nb"] {
            let built = ClientBuilder::new("http://127.0.0.1:1", wrong, "s").build();
            assert!(matches!(built, Err(BuildError::Appid)));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let builder = ClientBuilder::new("http://127.0.0.1:1", "app", "s3cret");
        assert!(!format!("{builder:?}").contains("s3cret"));
        let client = builder.build().expect("a good builder");
        assert!(!format!("{client:?}").contains("s3cret"));
    }
}
