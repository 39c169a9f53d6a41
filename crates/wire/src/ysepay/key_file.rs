//! Keys from files.

use ::rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, RsaPrivateKeyRef, RsaPublicKeyRef};
use ::rsa::pkcs8::PrivateKeyInfoRef;
use ::sm2::elliptic_curve::pkcs8::spki::SubjectPublicKeyInfoRef;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sec1::{EcParameters, EcPrivateKey};
use thiserror::Error;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};

use super::key::{PrivateKind, PublicKind};
use super::{PrivateKey, PublicKey, rsa, sm2};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// Why a key is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no private key in it.
    #[error(
        "there is no private key in it (in PEM: BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN \
         EC PRIVATE KEY; `openssl pkey` takes a password off)"
    )]
    NoPrivateKey,
    /// There is no public key in it.
    #[error(
        "there is no public key in it (in PEM: BEGIN PUBLIC KEY, BEGIN RSA PUBLIC KEY or BEGIN \
         CERTIFICATE)"
    )]
    NoPublicKey,
    /// It is no key in any format that is read.
    #[error("the key cannot be read: {0}")]
    Unreadable(String),
    /// It is a key for something else.
    #[error("the key is neither an RSA nor an SM2 key")]
    OtherAlgorithm,
    /// It is too short, too long, or makes no sense.
    #[error("the key is not an RSA key of 1024 to 4096 bits: {0}")]
    Rejected(String),
    /// It is an SM2 key that makes no sense.
    #[error("the SM2 key is not one of the curve's")]
    NotOnCurve,
    /// The file is protected by a password, and none was given.
    #[error("the file is protected by a password, and none was given")]
    PasswordMissing,
    /// The password is another, or the file is damaged.
    #[error("the password does not open the file, or the file is damaged")]
    WrongPassword,
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> KeyError {
    KeyError::Unreadable(error.to_string())
}

impl PrivateKey {
    /// Reads the first private key of a PEM text: PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NoPrivateKey)? {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => Self::from_pkcs1(der.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(der) => Self::from_sec1(der.secret_sec1_der()),
            _ => Err(KeyError::NoPrivateKey),
        }
    }

    /// Reads a key in DER: PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        match Self::from_pkcs8(der) {
            Err(KeyError::Unreadable(_)) => match Self::from_pkcs1(der) {
                Err(KeyError::Unreadable(_)) => Self::from_sec1(der),
                read => read,
            },
            read => read,
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(unreadable)?;
        match info.algorithm.oid {
            RSA_ENCRYPTION => Self::from_pkcs1(info.private_key.as_bytes()),
            EC_PUBLIC_KEY if info.algorithm.parameters_oid() == Ok(SM2_CURVE) => {
                Self::from_sec1(info.private_key.as_bytes())
            }
            _ => Err(KeyError::OtherAlgorithm),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = RsaPrivateKeyRef::from_der(der).map_err(unreadable)?;
        rsa::check_modulus(parsed.modulus.as_bytes()).map_err(KeyError::Rejected)?;
        let key = ::rsa::PrivateKey::from_pkcs1_der(der).map_err(unreadable)?;
        let key = rsa::Private::new(key).map_err(KeyError::Rejected)?;
        Ok(Self::new(PrivateKind::Rsa(key)))
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = EcPrivateKey::from_der(der).map_err(unreadable)?;
        let curve = parsed.parameters.and_then(EcParameters::named_curve);
        if curve.is_some_and(|curve| curve != SM2_CURVE) {
            return Err(KeyError::OtherAlgorithm);
        }
        let key = ::sm2::SecretKey::from_sec1_der(der).map_err(unreadable)?;
        Self::from_sm2(&key)
    }

    fn from_sm2(key: &::sm2::SecretKey) -> Result<Self, KeyError> {
        let key = sm2::Private::new(key).ok_or(KeyError::NotOnCurve)?;
        Ok(Self::new(PrivateKind::Sm2(key)))
    }

    /// Reads the number that an SM2 private key is, 32 bytes with the highest first.
    ///
    /// # Errors
    /// It is zero or too high.
    pub fn from_sm2_number(number: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ::sm2::SecretKey::from_slice(number).map_err(|_| KeyError::NotOnCurve)?;
        Self::from_sm2(&key)
    }
}

impl PublicKey {
    /// Reads the first public key or certificate of a PEM text.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
        if let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()) {
            return Self::from_spki(&der);
        }
        if let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) {
            return Self::from_certificate(&der);
        }
        match x509_cert::der::pem::decode_vec(pem.trim().as_bytes()) {
            Ok(("RSA PUBLIC KEY", der)) => Self::from_pkcs1(&der),
            _ => Err(KeyError::NoPublicKey),
        }
    }

    /// Reads a key in DER: SubjectPublicKeyInfo, a certificate, or PKCS#1.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        match Self::from_spki(der) {
            Err(KeyError::Unreadable(_)) => match Self::from_certificate(der) {
                Err(KeyError::Unreadable(_)) => Self::from_pkcs1(der),
                read => read,
            },
            read => read,
        }
    }

    fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let certificate = x509_cert::Certificate::from_der(der).map_err(unreadable)?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        Self::from_spki(&info.to_der().map_err(unreadable)?)
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(unreadable)?;
        match info.algorithm.oid {
            RSA_ENCRYPTION => Self::from_pkcs1(info.subject_public_key.raw_bytes()),
            EC_PUBLIC_KEY if info.algorithm.parameters_oid() == Ok(SM2_CURVE) => {
                let point = info.subject_public_key.raw_bytes();
                let key = ::sm2::PublicKey::from_sec1_bytes(point);
                let key = sm2::Public::new(key.map_err(|_| KeyError::NotOnCurve)?);
                Ok(Self::new(PublicKind::Sm2(key.into())))
            }
            _ => Err(KeyError::OtherAlgorithm),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = RsaPublicKeyRef::from_der(der).map_err(unreadable)?;
        rsa::check_modulus(parsed.modulus.as_bytes()).map_err(KeyError::Rejected)?;
        let key = ::rsa::PublicKey::from_pkcs1_der(der).map_err(unreadable)?;
        let key = rsa::Public::new(key).map_err(KeyError::Rejected)?;
        Ok(Self::new(PublicKind::Rsa(key.into())))
    }
}
