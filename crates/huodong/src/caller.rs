//! Where a command calls, and as whom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::{Certificate, Client, Url};

use crate::credentials::{Credentials, Gongyi};
use crate::failure::{Context as _, Failure};

/// Where a sandbox listens unless it is told otherwise.
pub(crate) const SANDBOX_URL: &str = "http://127.0.0.1:18080";

/// Where to call and as whom: flags and environment first, then the credentials file, then the
/// sandbox's well-known application.
#[derive(Clone, Debug, Args)]
pub(crate) struct Caller {
    /// A credentials file, as `huodong sandbox --credentials` writes it.
    #[arg(long, value_name = "FILE", env = "HUODONG_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Where to call; a sandbox on this machine unless said otherwise.
    #[arg(long, value_name = "URL", env = "HUODONG_BASE_URL")]
    base_url: Option<Url>,
    /// The application that signs.
    #[arg(long, env = "HUODONG_APPID")]
    appid: Option<String>,
    /// Its secret; better put in the environment, where no list of processes shows it.
    #[arg(long, env = "HUODONG_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

/// What [`Caller`] comes to.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) base_url: Url,
    pub(crate) gongyi: Gongyi,
}

impl Caller {
    pub(crate) fn resolve(&self) -> Result<Called, Failure> {
        let mut found = match &self.credentials {
            Some(path) => Credentials::read(path)?,
            None => Credentials::well_known()?,
        };
        if let Some(appid) = &self.appid {
            found.gongyi.appid.clone_from(appid);
        }
        if let Some(secret) = &self.secret {
            found.gongyi.secret.clone_from(secret);
        }
        let base_url = match &self.base_url {
            Some(url) => url.clone(),
            None => Url::parse(&found.base_url)
                .cannot(format_args!("read base_url {:?}", found.base_url))?,
        };
        Ok(Called { base_url, gongyi: found.gongyi })
    }
}

/// What calls go by; with a file, only servers whose certificates it vouches for are called.
pub(crate) fn client(timeout: Duration, ca_file: Option<&Path>) -> Result<Client, Failure> {
    let mut builder = Client::builder().timeout(timeout).no_proxy();
    if let Some(path) = ca_file {
        let what = format!("read the certificates in {}", path.display());
        let pem = std::fs::read(path).cannot(&what)?;
        let certificates = Certificate::from_pem_bundle(&pem).cannot(&what)?;
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().cannot("make an HTTP client")
}

/// A server that does not answer at all is most often one that was not started.
pub(crate) fn no_answer(base_url: &Url, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let hint = if error.is_connect() {
        "; is the server running? `huodong sandbox` starts one"
    } else {
        ""
    };
    Failure::new(format!("{base_url} does not answer: {cause}{hint}"))
}
