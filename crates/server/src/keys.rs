//! Making keys and certificates, for the platform and for whoever asks `huodong keys` for one.

use std::fmt;

use huodong_engine::Chance;
use huodong_wire::lakala::{Certificate, CertificateError, KeyError, SigningKey};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use thiserror::Error;

/// A certificate is valid from a day before it was made, for those whose clock lags.
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);
/// The longest a certificate may be valid for.
const YEARS_MAX: u16 = 1_000;

/// A private key and its self-signed certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private key, RSA-2048 in PKCS#8, in PEM.
    pub private_key_pem: String,
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// The certificate's serial number, in lowercase hex.
    pub serial: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.serial)
    }
}

/// Why no key could be made.
#[derive(Debug, Error)]
pub enum MakeKeyError {
    /// It is to be valid for no time, or for longer than can be written.
    #[error("a certificate is valid for 1 to {YEARS_MAX} years")]
    Years,
    /// The library refused.
    #[error("no key could be made: {0}")]
    Refused(#[from] rcgen::Error),
}

/// Why a private key and a certificate are no pair to sign with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PairError {
    /// The private key is of no use.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate is of no use.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// They do not belong together.
    #[error("the certificate was issued for another private key")]
    NotAPair,
}

/// Makes an RSA-2048 key with a self-signed certificate whose subject is this common name, valid
/// for so many years from `now` on, the real time. Takes a tenth of a second of a core or several.
pub fn make(
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    if !(1..=YEARS_MAX).contains(&years) {
        return Err(MakeKeyError::Years);
    }
    let mut subject_name = DistinguishedName::new();
    subject_name.push(DnType::CommonName, subject);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject_name;
    let (year, month, day) = day_of(now.checked_sub(BACKDATED).unwrap_or(now));
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = day_of(now);
    params.not_after = date_time_ymd(year + i32::from(years), month, day);
    let serial = serial(chance);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = rcgen::KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(KeyPair {
        private_key_pem: key.serialize_pem(),
        certificate_pem: certificate,
        serial: hex::encode(serial),
    })
}

/// A pair to sign with, if it is one.
pub fn pair(
    private_key_pem: &str,
    certificate_pem: &str,
) -> Result<(SigningKey, Certificate), PairError> {
    let key = SigningKey::from_pem(private_key_pem)?;
    let certificate = Certificate::from_pem(certificate_pem)?;
    if certificate.is_of(&key) { Ok((key, certificate)) } else { Err(PairError::NotAPair) }
}

/// 16 bytes that nobody can guess, positive and without a leading zero byte, so that every tool
/// writes them alike.
fn serial(chance: Chance) -> [u8; 16] {
    let mut bytes: [u8; 16] = chance.bytes();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    bytes
}

/// Year, month and day (UTC). Of a leap day there is none in most years, so it is the day before.
fn day_of(time: Timestamp) -> (i32, u8, u8) {
    let date = TimeZone::UTC.to_datetime(time).date();
    let day = if date.month() == 2 { date.day().min(28) } else { date.day() };
    (date.year().into(), date.month().unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_with_its_certificate() {
        let now: Timestamp = "2028-02-29T10:00:00Z".parse().expect("a time");
        let made = make("Huodong replies", 10, now, Chance).expect("a key is made");
        let (key, certificate) =
            pair(&made.private_key_pem, &made.certificate_pem).expect("they belong together");
        assert_eq!(key.bits(), 2048);
        assert_eq!(certificate.serial_hex(), made.serial);
        assert_eq!(made.serial.len(), 32);
        assert_eq!(certificate.not_before().to_string(), "2028-02-28T00:00:00Z");
        assert_eq!(certificate.not_after().to_string(), "2038-02-28T00:00:00Z");
        assert!(certificate.verify(b"message", &key.sign(b"message")));

        let other = make("Huodong replies", 1, now, Chance).expect("a key is made");
        assert_ne!(other.serial, made.serial);
        let mixed = pair(&other.private_key_pem, &made.certificate_pem);
        assert_eq!(mixed.err(), Some(PairError::NotAPair));
    }

    #[test]
    fn a_certificate_is_valid_for_some_time() {
        let made = make("x", 0, Timestamp::UNIX_EPOCH, Chance);
        assert!(matches!(made, Err(MakeKeyError::Years)));
    }
}
