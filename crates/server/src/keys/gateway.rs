use std::fmt;
use std::sync::Arc;

use huodong_wire::lakala::CertificateError;
use huodong_wire::ysepay::{Mode, PrivateKey, PublicKey};
use jiff::Timestamp;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DecodePem, EncodePem};

use super::PairError;

/// The certificate of a key of the ysepay gateway's, of either mode. Cheap to clone.
#[derive(Clone)]
pub struct GatewayCertificate(Arc<Inner>);

struct Inner {
    pem: String,
    serial_hex: String,
    not_after: Timestamp,
    public_key: PublicKey,
}

impl fmt::Debug for GatewayCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayCertificate({})", self.serial_hex())
    }
}

impl GatewayCertificate {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, PairError> {
        let public_key = PublicKey::from_pem(pem)?;
        let parsed = x509_cert::Certificate::from_pem(pem.trim());
        let parsed = parsed.map_err(|_| CertificateError::NotPem)?;
        let not_x509 = |reason: String| CertificateError::NotX509(reason);
        let about = parsed.tbs_certificate();
        let serial = about.serial_number().as_bytes();
        let zeros = serial.iter().take_while(|byte| **byte == 0).count();
        let ends = about.validity().not_after.to_unix_duration().as_secs();
        let ends = i64::try_from(ends).map_err(|error| not_x509(error.to_string()))?;
        let not_after = Timestamp::from_second(ends);
        let pem = parsed.to_pem(LineEnding::LF);
        Ok(Self(Arc::new(Inner {
            pem: pem.map_err(|error| not_x509(error.to_string()))?,
            serial_hex: hex::encode(&serial[zeros..]),
            not_after: not_after.map_err(|error| not_x509(error.to_string()))?,
            public_key,
        })))
    }

    /// Its text in PEM.
    pub fn pem(&self) -> &str {
        &self.0.pem
    }

    /// Its serial number: lowercase hex, two digits a byte, without a leading 00.
    pub fn serial_hex(&self) -> &str {
        &self.0.serial_hex
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// The key it was issued for.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }
}

/// A pair of this mode for the gateway to sign and open with, if it is one.
pub fn gateway_pair(
    mode: Mode,
    private_key_pem: &str,
    certificate_pem: &str,
) -> Result<(PrivateKey, GatewayCertificate), PairError> {
    let key = PrivateKey::from_pem(private_key_pem)?;
    let certificate = GatewayCertificate::from_pem(certificate_pem)?;
    if [key.mode(), certificate.public_key().mode()] != [mode; 2] {
        return Err(PairError::OtherMode(mode));
    }
    if key.public() != certificate.public_key() {
        return Err(PairError::NotAPair);
    }
    Ok((key, certificate))
}
