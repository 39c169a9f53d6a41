use std::fmt::{self, Formatter};
use std::sync::Arc;
use std::time::Duration;

use huodong_wire::lakala::{Api, Certificate, CertificateError, KeyError, Shape, SigningKey};
use thiserror::Error;

use super::Client;
use super::verify::ReplyVerifier;
use crate::retry::{POLLING, SENDING};
use crate::transport::{self, CONNECT_TIMEOUT, TIMEOUT, base};
use crate::{Backoff, Retry, Source, System};

/// How far a signature's time may be from ours, unless set otherwise.
pub(super) const WINDOW: Duration = Duration::from_secs(300);

/// Why a client could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The base URL is not an http or https URL without query and fragment.
    #[error("the base URL is not an http or https URL without query and fragment: {0}")]
    BaseUrl(String),
    /// A path does not begin with a slash.
    #[error("the path of {0} does not begin with a slash: {1}")]
    Path(Api, String),
    /// The appid cannot stand in a header.
    #[error("the appid is empty, or has blanks, quotes or characters other than ASCII")]
    Appid,
    /// The serial_no cannot stand in a header.
    #[error("the serial_no is empty, or has blanks, quotes or characters other than ASCII")]
    SerialNo,
    /// The private key is missing or of no use.
    #[error("the partner's private key is of no use")]
    PrivateKey(#[source] KeyError),
    /// A platform certificate is of no use.
    #[error("a platform certificate is of no use")]
    PlatformCertificate(#[source] CertificateError),
    /// No platform certificate was given, so that no answer could be verified.
    #[error("no platform certificate was given: no answer could be verified")]
    NoPlatformCertificate,
    /// The HTTP client could not be set up, for example because no trusted roots were found.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// Sets a [`Client`] up.
pub struct ClientBuilder {
    base_url: String,
    appid: String,
    serial_no: String,
    private_key: String,
    platform_certificates: Vec<String>,
    paths: [String; Api::ALL.len()],
    shape: Shape,
    window: Duration,
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
    pub(super) fn new(base_url: &str, appid: &str, serial_no: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            appid: appid.to_owned(),
            serial_no: serial_no.to_owned(),
            private_key: String::new(),
            platform_certificates: Vec::new(),
            paths: Api::ALL.map(|api| api.default_path().to_owned()),
            shape: Shape::Bare,
            window: WINDOW,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            retry: None,
            sending: SENDING,
            polling: POLLING,
            source: Arc::new(System),
            http: reqwest::Client::builder(),
        }
    }

    /// The partner's RSA key, which signs requests: PEM, PKCS#8 or PKCS#1. Must be given.
    pub fn private_key(mut self, pem: &str) -> Self {
        pem.clone_into(&mut self.private_key);
        self
    }

    /// A certificate, in PEM, whose key signs answers. At least one must be given; while the
    /// platform changes its key, the old and the new one.
    pub fn platform_certificate(mut self, pem: &str) -> Self {
        self.platform_certificates.push(pem.to_owned());
        self
    }

    /// Where a call is posted to, after the base URL. Default [`Api::default_path`].
    pub fn path(mut self, api: Api, path: &str) -> Self {
        path.clone_into(&mut self.paths[api as usize]);
        self
    }

    /// Whether requests are sent bare, which is the default, or in the vendor's v3 wrapper.
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// How far an answer's time may be from ours. Default 300 s.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
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
    /// (`issue_until_final` sends again until its deadline, whatever is set here.)
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// How long `issue_until_final` waits between attempts to issue. Default 0.1 s to 5 s.
    pub fn sending(mut self, backoff: Backoff) -> Self {
        self.sending = backoff;
        self
    }

    /// How long it waits between queries of what is in process. Default 0.5 s to 10 s.
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
        for (api, path) in Api::ALL.into_iter().zip(&self.paths) {
            if !path.starts_with('/') {
                return Err(BuildError::Path(api, path.clone()));
            }
        }
        if !fits_authorization(&self.appid) {
            return Err(BuildError::Appid);
        }
        if !fits_authorization(&self.serial_no) {
            return Err(BuildError::SerialNo);
        }
        let key = SigningKey::from_pem(&self.private_key).map_err(BuildError::PrivateKey)?;
        let certificates = self.platform_certificates.iter();
        let certificates: Result<Vec<_>, _> =
            certificates.map(|pem| Certificate::from_pem(pem)).collect();
        let certificates = certificates.map_err(BuildError::PlatformCertificate)?;
        if certificates.is_empty() {
            return Err(BuildError::NoPlatformCertificate);
        }
        let http = transport::client(self.http, self.timeout, self.connect_timeout)
            .map_err(BuildError::Http)?;
        let verifier =
            ReplyVerifier { appid: self.appid.clone(), certificates, window: self.window };
        Ok(Client {
            http,
            base_url,
            appid: self.appid,
            serial_no: self.serial_no,
            key,
            verifier: Arc::new(verifier),
            paths: self.paths,
            shape: self.shape,
            retry: self.retry,
            sending: self.sending,
            polling: self.polling,
            source: self.source,
        })
    }
}

/// Whether a text can stand between the quotes of an `Authorization` header.
fn fits_authorization(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}
