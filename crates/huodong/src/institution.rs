//! Where a lakala command calls, and as which institution.

use std::path::PathBuf;

use clap::Args;
use huodong_wire::lakala::{Certificate, SigningKey};
use reqwest::Url;

use crate::credentials::Credentials;
pub(crate) use crate::credentials::Lakala as Institution;
use crate::failure::{Context as _, Failure};
use crate::shell::quoted;

/// Where to call and as whom: flags and environment first, then the credentials file, then the
/// sandbox's well-known institution.
#[derive(Clone, Debug, Args)]
pub(crate) struct Caller {
    /// A credentials file, as `huodong sandbox --credentials` writes it.
    #[arg(long, value_name = "FILE", env = "HUODONG_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Where to call; a sandbox on this machine unless said otherwise.
    #[arg(long, value_name = "URL", env = "HUODONG_BASE_URL")]
    base_url: Option<Url>,
    /// The institution that signs.
    #[arg(long, env = "HUODONG_LAKALA_APPID")]
    appid: Option<String>,
    /// The serial of its certificate, hex or decimal; sent as given.
    #[arg(long, env = "HUODONG_LAKALA_SERIAL_NO")]
    serial_no: Option<String>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", env = "HUODONG_LAKALA_PRIVATE_KEY_FILE")]
    private_key: Option<PathBuf>,
    /// The platform's certificates, a PEM file, with which replies are verified.
    #[arg(long, value_name = "FILE", env = "HUODONG_LAKALA_PLATFORM_CERTIFICATE_FILE")]
    platform_certificate: Option<PathBuf>,
}

/// What [`Caller`] comes to.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) base_url: Url,
    pub(crate) institution: Institution,
    /// The options that lead to the same place once more, each after a blank.
    pub(crate) again: String,
}

impl Caller {
    pub(crate) fn resolve(&self) -> Result<Called, Failure> {
        let found = match &self.credentials {
            Some(path) => Credentials::read(path)?,
            None => Credentials::well_known()?,
        };
        let mut institution = found.lakala.ok_or_else(|| {
            Failure::new("the credentials have no \"lakala\": no institution to call as")
        })?;
        if let Some(appid) = &self.appid {
            institution.appid.clone_from(appid);
        }
        if let Some(serial_no) = &self.serial_no {
            institution.serial_no.clone_from(serial_no);
        }
        if let Some(path) = &self.private_key {
            institution.private_key_pem = read(path)?;
        }
        if let Some(path) = &self.platform_certificate {
            institution.platform_certificate_pem = read(path)?;
        }
        let base_url = match &self.base_url {
            Some(url) => url.clone(),
            None => Url::parse(&found.base_url)
                .cannot(format_args!("read base_url {:?}", found.base_url))?,
        };
        Ok(Called { base_url, institution, again: self.again() })
    }

    fn again(&self) -> String {
        let mut again = String::new();
        let paths = [
            ("credentials", &self.credentials),
            ("private-key", &self.private_key),
            ("platform-certificate", &self.platform_certificate),
        ];
        let paths =
            paths.map(|(name, path)| (name, path.as_ref().map(|path| path.display().to_string())));
        let texts = [
            ("base-url", self.base_url.as_ref().map(|url| url.as_str().to_owned())),
            ("appid", self.appid.clone()),
            ("serial-no", self.serial_no.clone()),
        ];
        for (name, value) in paths.into_iter().chain(texts) {
            if let Some(value) = value {
                again.push_str(&format!(" --{name} {}", quoted(&value)));
            }
        }
        again
    }
}

impl Institution {
    /// What it signs with.
    pub(crate) fn key(&self) -> Result<SigningKey, Failure> {
        SigningKey::from_pem(&self.private_key_pem).cannot("use the institution's private key")
    }

    /// What the platform's replies are verified with.
    pub(crate) fn platform_certificates(&self) -> Result<Vec<Certificate>, Failure> {
        certificates(&self.platform_certificate_pem, "the platform's certificates")
    }

    /// What callbacks are verified with.
    pub(crate) fn notify_certificates(&self) -> Result<Vec<Certificate>, Failure> {
        certificates(&self.notify_certificate_pem, "the certificates for callbacks")
    }
}

/// All certificates of a PEM text; while keys are rotated there are two.
pub(crate) fn certificates(pem: &str, whose: &str) -> Result<Vec<Certificate>, Failure> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let each = pem.split(BEGIN).skip(1).map(|rest| format!("{BEGIN}{rest}"));
    each.map(|pem| Certificate::from_pem(&pem).cannot(format_args!("read {whose}"))).collect()
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(path).cannot(format_args!("read {}", path.display()))
}
