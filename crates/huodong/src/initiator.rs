//! Where a ysepay command calls, and as which initiator.

use std::path::PathBuf;

use clap::Args;
use huodong_wire::ysepay::{Mode, PrivateKey, PublicKey};
use reqwest::Url;

use crate::credentials::{self, Consult, Credentials, Merchant, Ysepay};
use crate::failure::{Context as _, Failure};
use crate::key_file;
use crate::shell::quoted;

/// Where to call and as whom: flags and environment first, then the credentials file, then the
/// sandbox's well-known initiators.
#[derive(Clone, Debug, Args)]
pub(crate) struct Caller {
    /// A credentials file, as `huodong sandbox --credentials` writes it.
    #[arg(long, value_name = "FILE", env = "HUODONG_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Where to call; a sandbox on this machine unless said otherwise.
    #[arg(long, value_name = "URL", env = "HUODONG_BASE_URL")]
    base_url: Option<Url>,
    /// The initiator that calls; the credentials' first one unless said otherwise.
    #[arg(long, env = "HUODONG_YSEPAY_CERT_ID")]
    cert_id: Option<String>,
    /// Call as the credentials' first initiator of this mode: sm2 (国密) or rsa.
    #[arg(long, value_parser = mode, conflicts_with = "private_key")]
    mode: Option<Mode>,
    /// The initiator's private key: a PEM, DER, PKCS#12 or .sm2 file. It decides the mode.
    #[arg(long, value_name = "FILE", env = "HUODONG_YSEPAY_PRIVATE_KEY_FILE")]
    private_key: Option<PathBuf>,
    /// The password of that file.
    #[arg(long, env = key_file::PASSWORD_VARIABLE, hide_env_values = true)]
    password: Option<String>,
    /// The gateway's public key, or its certificate: a PEM or DER file.
    #[arg(long, value_name = "FILE", env = "HUODONG_YSEPAY_GATEWAY_KEY_FILE")]
    gateway_key: Option<PathBuf>,
}

/// rsa or sm2.
pub(crate) fn mode(name: &str) -> Result<Mode, String> {
    name.to_ascii_lowercase().parse().map_err(|()| "the modes are sm2 and rsa".to_owned())
}

/// What [`Caller`] comes to.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) base_url: Url,
    pub(crate) initiator: Initiator,
    pub(crate) consult: Consult,
    /// The options that lead to the same place once more, each after a blank.
    pub(crate) again: String,
    /// Of those, the ones that another vendor's commands know, too.
    pub(crate) elsewhere: String,
}

/// Who signs and for whom it seals.
#[derive(Clone, Debug)]
pub(crate) struct Initiator {
    pub(crate) cert_id: String,
    pub(crate) key: PrivateKey,
    pub(crate) gateway: PublicKey,
    pub(crate) merchants: Vec<Merchant>,
}

impl Caller {
    pub(crate) fn resolve(&self) -> Result<Called, Failure> {
        let found = match &self.credentials {
            Some(path) => Credentials::read(path)?,
            None => Credentials::well_known()?,
        };
        let known = found.ysepay.unwrap_or_else(Ysepay::none);
        let base_url = match &self.base_url {
            Some(url) => url.clone(),
            None => Url::parse(&found.base_url)
                .cannot(format_args!("read base_url {:?}", found.base_url))?,
        };
        Ok(Called {
            base_url,
            initiator: self.initiator(&known)?,
            consult: known.consult,
            again: again(&[self.place(), self.identity()].concat()),
            elsewhere: again(&self.place()),
        })
    }

    fn initiator(&self, known: &Ysepay) -> Result<Initiator, Failure> {
        let matches = |one: &&credentials::Initiator| {
            let cert_id = self.cert_id.as_ref().is_none_or(|cert_id| *cert_id == one.cert_id);
            cert_id && self.mode.is_none_or(|mode| mode.name() == one.mode)
        };
        let listed = known.all().find(matches);
        let password = self.password.as_deref();
        let key = match (&self.private_key, listed) {
            (Some(path), _) => key_file::private(path, password)?,
            (None, Some(one)) => PrivateKey::from_pem(&one.private_key_pem)
                .cannot("use the initiator's private key")?,
            (None, None) => return Err(self.unknown(known)),
        };
        // The credentials' own gateway key serves for a key of one's own, too, in the same mode.
        let of_mode = || known.all().find(|one| one.mode == key.mode().name());
        let gateway = match (&self.gateway_key, of_mode()) {
            (Some(path), _) => key_file::public(path, None)?,
            (None, Some(one)) => PublicKey::from_pem(&one.gateway_public_key_pem)
                .cannot("use the gateway's public key")?,
            (None, None) => {
                return Err(Failure::usage("give the gateway's public key by --gateway-key"));
            }
        };
        if gateway.mode() != key.mode() {
            return Err(Failure::usage(format!(
                "the initiator's key is for {} and the gateway's for {}",
                key.mode(),
                gateway.mode()
            )));
        }
        let cert_id = self.cert_id.clone().or_else(|| Some(listed?.cert_id.clone()));
        let cert_id = cert_id.ok_or_else(|| Failure::usage("give the initiator by --cert-id"))?;
        let merchants = listed.map(|one| one.merchants.clone()).unwrap_or_default();
        Ok(Initiator { cert_id, key, gateway, merchants })
    }

    fn unknown(&self, known: &Ysepay) -> Failure {
        if known.all().next().is_none() {
            return Failure::new("the credentials have no \"ysepay\": no initiator to call as");
        }
        let all: Vec<_> =
            known.all().map(|one| format!("{} ({})", one.cert_id, one.mode)).collect();
        Failure::usage(format!(
            "no such initiator in the credentials, which have {}; another's key is given by \
             --private-key",
            all.join(", ")
        ))
    }

    fn place(&self) -> Vec<(&'static str, Option<String>)> {
        let base_url = self.base_url.as_ref().map(|url| url.as_str().to_owned());
        vec![("credentials", path(&self.credentials)), ("base-url", base_url)]
    }

    fn identity(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("cert-id", self.cert_id.clone()),
            ("mode", self.mode.map(|mode| mode.name().to_owned())),
            ("private-key", path(&self.private_key)),
            ("gateway-key", path(&self.gateway_key)),
        ]
    }
}

fn path(path: &Option<PathBuf>) -> Option<String> {
    path.as_ref().map(|path| path.display().to_string())
}

/// Options as they are typed, as far as they were.
fn again(options: &[(&str, Option<String>)]) -> String {
    let typed = options.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    typed.map(|(name, value)| format!(" --{name} {}", quoted(value))).collect()
}
