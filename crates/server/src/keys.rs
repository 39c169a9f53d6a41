//! Making keys and certificates, for the platform and for whoever asks `huodong keys` for one.

mod gateway;
mod sm2;

use std::fmt;

use huodong_engine::Chance;
use huodong_wire::lakala::{Certificate, CertificateError, KeyError, SigningKey};
use huodong_wire::ysepay::{self, Mode};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use thiserror::Error;

pub use gateway::{GatewayCertificate, gateway_pair};
pub use sm2::make_sm2;

/// A certificate is valid from a day before it was made, for those whose clock lags.
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);
/// The longest a certificate may be valid for.
const YEARS_MAX: u16 = 1_000;

/// A private key and its self-signed certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private key, RSA-2048 or SM2 in PKCS#8, in PEM.
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
    Refused(String),
}

impl From<rcgen::Error> for MakeKeyError {
    fn from(error: rcgen::Error) -> Self {
        Self::Refused(error.to_string())
    }
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
    /// A gateway's key, or that in its certificate, is of no use.
    #[error(transparent)]
    Gateway(#[from] ysepay::KeyError),
    /// They are of the other mode.
    #[error("the key is none of {0} mode")]
    OtherMode(Mode),
    /// They do not belong together.
    #[error("the certificate was issued for another private key")]
    NotAPair,
}

/// What a certificate says that its key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// To sign.
    Signing,
    /// To sign, and to open what partners seal for the gateway.
    Gateway,
}

/// Makes an RSA-2048 key with a self-signed certificate whose subject is this common name, valid
/// for so many years from `now` on, the real time. Takes a tenth of a second of a core or several.
pub fn make(
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    make_rsa(Use::Signing, subject, years, now, chance)
}

/// The same for the ysepay gateway: a key of this mode, which signs answers and opens what partners
/// seal.
pub fn make_gateway(
    mode: Mode,
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    match mode {
        Mode::Rsa => make_rsa(Use::Gateway, subject, years, now, chance),
        Mode::Sm2 => sm2::make_for(Use::Gateway, subject, years, now, chance),
    }
}

fn make_rsa(
    what_for: Use,
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    let [not_before, not_after] = valid(years, now)?.map(|time| {
        let date = TimeZone::UTC.to_datetime(time).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    });
    let mut subject_name = DistinguishedName::new();
    subject_name.push(DnType::CommonName, subject);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject_name;
    params.not_before = not_before;
    params.not_after = not_after;
    let serial = serial(chance);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.key_usages = match what_for {
        Use::Signing => vec![KeyUsagePurpose::DigitalSignature],
        Use::Gateway => {
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]
        }
    };
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

/// From when and until when a certificate of so many years is valid: whole days (UTC). Of a leap day
/// there is none in most years, so it is the day before.
fn valid(years: u16, now: Timestamp) -> Result<[Timestamp; 2], MakeKeyError> {
    if !(1..=YEARS_MAX).contains(&years) {
        return Err(MakeKeyError::Years);
    }
    let day_of = |time: Timestamp| TimeZone::UTC.to_datetime(time).date();
    let start_of = |day: Date| {
        let start = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
        start.map_err(|error| MakeKeyError::Refused(error.to_string()))
    };
    let today = day_of(now);
    let year = today.year().checked_add_unsigned(years).ok_or(MakeKeyError::Years)?;
    let day = if today.month() == 2 { today.day().min(28) } else { today.day() };
    let last = Date::new(year, today.month(), day).map_err(|_| MakeKeyError::Years)?;
    Ok([start_of(day_of(now.checked_sub(BACKDATED).unwrap_or(now)))?, start_of(last)?])
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
        for make in [make, make_sm2] {
            for years in [0, YEARS_MAX + 1] {
                let made = make("x", years, Timestamp::UNIX_EPOCH, Chance);
                assert!(matches!(made, Err(MakeKeyError::Years)));
            }
        }
    }

    #[test]
    fn a_gateways_key_is_made_in_either_mode() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let made = Mode::ALL.map(|mode| {
            let made = make_gateway(mode, "银盛网关, O=\"示例\"", 10, now, Chance).expect("a key");
            let pair = gateway_pair(mode, &made.private_key_pem, &made.certificate_pem);
            let (key, certificate) = pair.expect("they belong together");
            assert_eq!(key.mode(), mode);
            assert_eq!(certificate.serial_hex(), made.serial);
            assert_eq!(certificate.pem().trim(), made.certificate_pem.trim());
            assert_eq!(certificate.not_after().to_string(), "2036-11-21T00:00:00Z");
            assert!(certificate.public_key().verify(b"message", &key.sign(b"message")));
            made
        });
        let [rsa, sm2] = made;
        let mixed = gateway_pair(Mode::Rsa, &rsa.private_key_pem, &sm2.certificate_pem);
        assert_eq!(mixed.err(), Some(PairError::OtherMode(Mode::Rsa)));
        let other = gateway_pair(Mode::Rsa, &sm2.private_key_pem, &sm2.certificate_pem);
        assert_eq!(other.err(), Some(PairError::OtherMode(Mode::Rsa)));
        let another = make_sm2("x", 1, now, Chance).expect("a key is made");
        let not_a_pair = gateway_pair(Mode::Sm2, &another.private_key_pem, &sm2.certificate_pem);
        assert_eq!(not_a_pair.err(), Some(PairError::NotAPair));
    }
}
