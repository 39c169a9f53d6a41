use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem};
use x509_cert::time::Time;

use super::SigningKey;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Why a certificate is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// There is no certificate in it.
    #[error("the text holds no certificate in PEM (BEGIN CERTIFICATE)")]
    NotPem,
    /// It is no X.509 certificate.
    #[error("the certificate is not X.509: {0}")]
    NotX509(String),
    /// Its key is of another kind.
    #[error("the certificate's key is not an RSA key")]
    NotRsa,
    /// Its key is shorter or longer than is safe or fast.
    #[error("the certificate's key is not an RSA key of 2048 to 8192 bits: {0}")]
    KeyRejected(String),
}

/// An X.509 certificate whose RSA key verifies signatures. Cheap to clone.
///
/// Nothing is said about who issued it: a partner's certificate is trusted because an operator
/// entered it, the platform's because the platform handed it over.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    pem: String,
    serial_hex: String,
    serial_decimal: String,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: Vec<u8>,
    verifier: ParsedPublicKey,
}

impl Debug for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.serial_hex())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.pem == other.0.pem
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        Self::from_der(&der.map_err(|_| CertificateError::NotPem)?)
    }

    /// Reads a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let not_x509 = |error: x509_cert::der::Error| CertificateError::NotX509(error.to_string());
        let parsed = x509_cert::Certificate::from_der(der).map_err(not_x509)?;
        let pem = parsed.to_pem(LineEnding::LF).map_err(not_x509)?;
        let about = parsed.tbs_certificate();
        let info = about.subject_public_key_info();
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(CertificateError::NotRsa);
        }
        let rejected =
            |error: aws_lc_rs::error::KeyRejected| CertificateError::KeyRejected(error.to_string());
        // The verifier looks at the length only when it verifies, this at once.
        PublicEncryptingKey::from_der(&info.to_der().map_err(not_x509)?).map_err(rejected)?;
        let public_key = info.subject_public_key.raw_bytes().to_vec();
        let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public_key);
        let verifier = verifier.map_err(rejected)?;
        let serial = about.serial_number().as_bytes();
        let zeros = serial.iter().take_while(|byte| **byte == 0).count();
        let serial = &serial[zeros..];
        Ok(Self(Arc::new(Inner {
            pem,
            serial_hex: hex::encode(serial),
            serial_decimal: decimal(serial),
            not_before: timestamp(about.validity().not_before)?,
            not_after: timestamp(about.validity().not_after)?,
            public_key,
            verifier,
        })))
    }

    /// Its text in PEM.
    pub fn pem(&self) -> &str {
        &self.0.pem
    }

    /// Its serial number as `Lklapi-Serial` carries it: lowercase hex, two digits a byte, without
    /// a leading 00.
    pub fn serial_hex(&self) -> &str {
        &self.0.serial_hex
    }

    /// Whether a `serial_no` is this certificate's: hex in either case, with or without leading
    /// zeros, or decimal. (Digits alone may be meant either way; both are taken.)
    pub fn serial_is(&self, serial_no: &str) -> bool {
        let stripped = serial_no.trim_start_matches('0');
        stripped.eq_ignore_ascii_case(self.0.serial_hex.trim_start_matches('0'))
            || stripped == self.0.serial_decimal
    }

    /// From when it is valid.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Whether it is valid at a time.
    pub fn is_valid_at(&self, time: Timestamp) -> bool {
        (self.not_before()..=self.not_after()).contains(&time)
    }

    /// Whether `signature`, in base64, is of this message and made by the certificate's key.
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        match STANDARD.decode(signature) {
            Ok(signature) => self.0.verifier.verify_sig(message, &signature).is_ok(),
            Err(_) => false,
        }
    }

    /// Whether this is the private key it was issued for.
    pub fn is_of(&self, key: &SigningKey) -> bool {
        self.0.public_key == key.public_key()
    }
}

fn timestamp(time: Time) -> Result<Timestamp, CertificateError> {
    let wrong = || CertificateError::NotX509("the validity is out of range".to_owned());
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| wrong())?;
    Timestamp::from_second(seconds).map_err(|_| wrong())
}

/// A number of any size, given in bytes, without leading zeros; nothing for zero.
fn decimal(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u16::from(*byte);
        for digit in &mut digits {
            let sum = u16::from(*digit) * 256 + carry;
            *digit = (sum % 10) as u8;
            carry = sum / 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_decimal() {
        for number in [1, 9, 10, 255, 256, 65_535, 1 << 40, u64::MAX] {
            let bytes = number.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            assert_eq!(decimal(&bytes[zeros..]), number.to_string());
        }
        assert_eq!(decimal(&[0xff; 20]), "1461501637330902918203684832716283019655932542975");
        assert_eq!(decimal(&[]), "");
    }
}
