use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;

/// Why a private key is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no private key in it.
    #[error("the text holds no private key in PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")]
    NotPem,
    /// It is a key of another kind.
    #[error("the private key is not an RSA key in PKCS#8 or PKCS#1")]
    NotRsa,
    /// It is shorter or longer than is safe or fast.
    #[error("the private key is not an RSA key of 2048 to 8192 bits: {0}")]
    Rejected(String),
}

/// An RSA private key that signs. Cheap to clone; never shown.
#[derive(Clone)]
pub struct SigningKey(Arc<RsaKeyPair>);

impl Debug for SigningKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} bits)", self.bits())
    }
}

impl SigningKey {
    /// Reads the first private key of a PEM text, PKCS#8 or PKCS#1.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)? {
            PrivateKeyDer::Pkcs1(der) => Self::from_pkcs1(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(KeyError::NotRsa),
        }
    }

    /// Reads a key in PKCS#8, in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::accept(RsaKeyPair::from_pkcs8(der))
    }

    /// Reads a key in PKCS#1, in DER.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        Self::accept(RsaKeyPair::from_der(der))
    }

    fn accept(read: Result<RsaKeyPair, aws_lc_rs::error::KeyRejected>) -> Result<Self, KeyError> {
        let pair = read.map_err(|error| KeyError::Rejected(error.to_string()))?;
        Ok(Self(Arc::new(pair)))
    }

    /// Its length.
    pub fn bits(&self) -> usize {
        self.0.public_modulus_len() * 8
    }

    /// The public key, as PKCS#1 in DER.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// Signs with SHA256withRSA (PKCS#1 v1.5), in base64. The same message has always the same
    /// signature: this padding takes no randomness. About 0.2 ms with 2048 bits, which is long on
    /// an async thread.
    ///
    /// # Panics
    /// Never: a key that was accepted signs every message.
    pub fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("a key that was accepted signs every message");
        STANDARD.encode(signature)
    }
}
