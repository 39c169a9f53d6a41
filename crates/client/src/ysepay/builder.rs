use std::fmt::{self, Formatter};
use std::sync::Arc;
use std::time::Duration;

use huodong_wire::ysepay::{CERT_ID_CHARS_MAX, Charset, KeyError, Mode, PrivateKey, PublicKey};
use thiserror::Error;

use super::{BodyForm, Client};
use crate::transport::{self, CONNECT_TIMEOUT, TIMEOUT, base};
use crate::{Retry, Source, System};

/// How far an answer's time may be from ours, unless set otherwise.
const WINDOW: Duration = Duration::from_secs(300);

/// Why a client could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The base URL is not an http or https URL without query and fragment.
    #[error("the base URL is not an http or https URL without query and fragment: {0}")]
    BaseUrl(String),
    /// The certId is empty or too long.
    #[error("the certId is empty or longer than {CERT_ID_CHARS_MAX} characters")]
    CertId,
    /// The private key is missing or of no use.
    #[error("the initiator's private key is of no use")]
    PrivateKey(#[source] KeyError),
    /// A public key of the gateway is of no use.
    #[error("a public key of the gateway is of no use")]
    GatewayKey(#[source] KeyError),
    /// No public key of the gateway was given: nothing could be sealed, no answer verified.
    #[error("no public key of the gateway was given")]
    NoGatewayKey,
    /// The initiator's key is of one mode and a key of the gateway of the other.
    #[error("the initiator's key is for {own} and a key of the gateway for {gateway}")]
    MixedModes {
        /// The initiator's.
        own: Mode,
        /// The gateway's.
        gateway: Mode,
    },
    /// The HTTP client could not be set up, for example because no trusted roots were found.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// A key as it was given, read when the client is built.
enum Given<K> {
    Pem(String),
    Read(K),
}

/// Sets a [`Client`] up.
pub struct ClientBuilder {
    base_url: String,
    cert_id: String,
    private_key: Given<PrivateKey>,
    gateway_keys: Vec<Given<PublicKey>>,
    charset: Charset,
    body_form: BodyForm,
    window: Duration,
    timeout: Duration,
    connect_timeout: Duration,
    retry: Option<Retry>,
    source: Arc<dyn Source>,
    http: reqwest::ClientBuilder,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientBuilder");
        shown.field("base_url", &self.base_url).field("cert_id", &self.cert_id);
        shown.finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(base_url: &str, cert_id: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            cert_id: cert_id.to_owned(),
            private_key: Given::Pem(String::new()),
            gateway_keys: Vec::new(),
            charset: Charset::default(),
            body_form: BodyForm::default(),
            window: WINDOW,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            retry: None,
            source: Arc::new(System),
            http: reqwest::Client::builder(),
        }
    }

    /// The initiator's key, which signs requests: PEM. Must be given, this way or the next. Whether
    /// it is an RSA or an SM2 key decides the mode.
    pub fn private_key(mut self, pem: &str) -> Self {
        self.private_key = Given::Pem(pem.to_owned());
        self
    }

    /// The initiator's key, read already: from DER, say, or from a PKCS#12 file.
    pub fn private_key_read(mut self, key: PrivateKey) -> Self {
        self.private_key = Given::Read(key);
        self
    }

    /// The gateway's public key, or its certificate, in PEM: requests are sealed for it, answers
    /// verified with it. At least one must be given. While the gateway changes its key, give the
    /// one to seal for first: answers of the others are taken, too.
    pub fn gateway_key(mut self, pem: &str) -> Self {
        self.gateway_keys.push(Given::Pem(pem.to_owned()));
        self
    }

    /// The gateway's public key, read already.
    pub fn gateway_key_read(mut self, key: PublicKey) -> Self {
        self.gateway_keys.push(Given::Read(key));
        self
    }

    /// In which encoding contents are sent. Default utf-8. Answers are utf-8, whatever this is.
    pub fn charset(mut self, charset: Charset) -> Self {
        self.charset = charset;
        self
    }

    /// How requests are written, but for uploads. Default JSON.
    pub fn body_form(mut self, form: BodyForm) -> Self {
        self.body_form = form;
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

    /// Sends calls again, with the same reqId, where that is what their error advises. Default:
    /// each call is sent once.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Takes time and random numbers from elsewhere, in tests.
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
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(self) -> Result<Client, BuildError> {
        let base_url = base(&self.base_url).ok_or(BuildError::BaseUrl(self.base_url))?;
        if self.cert_id.is_empty() || self.cert_id.chars().count() > CERT_ID_CHARS_MAX {
            return Err(BuildError::CertId);
        }
        let key = match self.private_key {
            Given::Pem(pem) => PrivateKey::from_pem(&pem).map_err(BuildError::PrivateKey)?,
            Given::Read(key) => key,
        };
        let read = |given| match given {
            Given::Pem(pem) => PublicKey::from_pem(&pem).map_err(BuildError::GatewayKey),
            Given::Read(key) => Ok(key),
        };
        let gateway_keys: Vec<_> =
            self.gateway_keys.into_iter().map(read).collect::<Result<_, _>>()?;
        let gateway_key = gateway_keys.first().ok_or(BuildError::NoGatewayKey)?.clone();
        if let Some(other) = gateway_keys.iter().find(|other| other.mode() != key.mode()) {
            return Err(BuildError::MixedModes { own: key.mode(), gateway: other.mode() });
        }
        let http = transport::client(self.http, self.timeout, self.connect_timeout)
            .map_err(BuildError::Http)?;
        Ok(Client {
            http,
            base_url,
            cert_id: self.cert_id,
            key,
            gateway_key,
            gateway_keys: gateway_keys.into(),
            charset: self.charset,
            body_form: self.body_form,
            window: self.window,
            retry: self.retry,
            source: self.source,
        })
    }
}
