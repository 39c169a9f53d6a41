//! The keys at hand, each with what it is called.

use std::path::PathBuf;

use clap::Args;
use huodong_wire::ysepay::{ContentKey, PrivateKey, PublicKey};

use crate::credentials::{Credentials, Ysepay};
use crate::failure::{Context as _, Failure};
use crate::key_file;

/// Which keys to try. The sandbox's are always among them.
#[derive(Clone, Debug, Args)]
pub(super) struct KeyOptions {
    /// The gateway's private key, which opens requests: a PEM, DER, PKCS#12 or .sm2 file. More than
    /// one can be given.
    #[arg(long, value_name = "FILE")]
    gateway_key: Vec<PathBuf>,
    /// A public key, or its certificate, that may have signed: a PEM or DER file. More than one can
    /// be given.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// The password of the key files.
    #[arg(long, env = key_file::PASSWORD_VARIABLE, hide_env_values = true)]
    password: Option<String>,
    /// A credentials file, as `huodong sandbox --credentials` writes it, in place of the sandbox's
    /// well-known keys.
    #[arg(long, value_name = "FILE", env = "HUODONG_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// What the content is encrypted under: 16 characters, or 32 hex digits.
    #[arg(long, value_name = "KEY", value_parser = content_key)]
    content_key: Option<ContentKey>,
}

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// An initiator's, by its certId.
    Initiator(String),
    /// The gateway's.
    Gateway,
    /// Nobody has said.
    Somebody,
}

/// A key, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Named<K> {
    pub(super) whose: Whose,
    pub(super) name: String,
    pub(super) key: K,
}

/// All that is at hand.
#[derive(Clone, Debug)]
pub(super) struct Keyring {
    /// What may open requests.
    pub(super) gateway: Vec<Named<PrivateKey>>,
    /// What may have signed.
    pub(super) public: Vec<Named<PublicKey>>,
    pub(super) content_key: Option<ContentKey>,
}

impl KeyOptions {
    pub(super) fn keyring(&self) -> Result<Keyring, Failure> {
        let password = self.password.as_deref();
        let mut ring = Keyring {
            gateway: Vec::new(),
            public: Vec::new(),
            content_key: self.content_key.clone(),
        };
        for path in &self.gateway_key {
            let name = format!("the gateway's key in {}", path.display());
            ring.add_gateway(name, key_file::private(path, password)?);
        }
        for path in &self.public_key {
            let name = format!("the key in {}", path.display());
            let key = key_file::public(path, password)?;
            ring.add_public(Whose::Somebody, name, key);
        }
        let (whose, known) = match &self.credentials {
            Some(path) => (format!(" of {}", path.display()), Credentials::read(path)?),
            None => (" of the sandbox".to_owned(), Credentials::well_known()?),
        };
        for one in known.ysepay.unwrap_or_else(Ysepay::none).all() {
            let what = "use the keys of the credentials";
            let key = PrivateKey::from_pem(&one.private_key_pem).cannot(what)?;
            let name = format!("initiator {}{whose}", one.cert_id);
            ring.add_public(Whose::Initiator(one.cert_id.clone()), name, key.public().clone());
            let gateway = PublicKey::from_pem(&one.gateway_public_key_pem).cannot(what)?;
            ring.add_public(Whose::Gateway, format!("the gateway{whose}"), gateway);
        }
        for key in sandbox_gateway_keys()? {
            ring.add_gateway("the gateway of the sandbox".to_owned(), key);
        }
        Ok(ring)
    }
}

impl Keyring {
    fn add_gateway(&mut self, name: String, key: PrivateKey) {
        self.add_public(Whose::Gateway, name.clone(), key.public().clone());
        self.gateway.push(Named { whose: Whose::Gateway, name, key });
    }

    fn add_public(&mut self, whose: Whose, name: String, key: PublicKey) {
        if !self.public.iter().any(|known| known.key == key) {
            self.public.push(Named { whose, name, key });
        }
    }
}

/// The keys with which every sandbox opens requests: they are the same at every start.
fn sandbox_gateway_keys() -> Result<Vec<PrivateKey>, Failure> {
    let pems = [
        huodong_server::seed::GATEWAY_SM2_KEY.private_key_pem,
        huodong_server::seed::GATEWAY_RSA_KEY.private_key_pem,
    ];
    let keys = pems.into_iter().map(PrivateKey::from_pem);
    keys.collect::<Result<_, _>>().cannot("use the sandbox's own keys")
}

/// Sixteen characters, or thirty-two hex digits.
pub(super) fn content_key(text: &str) -> Result<ContentKey, String> {
    let bytes = match hex::decode(text) {
        Ok(bytes) if bytes.len() == 16 => bytes,
        _ => text.as_bytes().to_vec(),
    };
    let bytes: [u8; 16] = bytes
        .try_into()
        .map_err(|_| "a content key is 16 characters or 32 hex digits".to_owned())?;
    Ok(ContentKey::new(bytes))
}
