//! Keys and certificates, made for one run.

use std::sync::LazyLock;

use huodong_client::lakala::{Certificate, SigningKey};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SerialNumber};

pub(crate) struct Identity {
    pub(crate) key_pem: String,
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

pub(crate) static PARTNER: LazyLock<Identity> = LazyLock::new(|| identity(1, 4000));
pub(crate) static PLATFORM: LazyLock<Identity> = LazyLock::new(|| identity(0xa2, 4000));
/// The one the platform changes to.
pub(crate) static NEXT: LazyLock<Identity> = LazyLock::new(|| identity(0xb3, 4000));
/// Its certificate was valid until the end of 2021.
pub(crate) static FORMER: LazyLock<Identity> = LazyLock::new(|| identity(0xc4, 2022));

fn identity(serial: u8, until: i32) -> Identity {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&[serial]));
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let certificate = params.self_signed(&pair).unwrap().pem();
    let key_pem = pair.serialize_pem();
    Identity {
        key: SigningKey::from_pem(&key_pem).unwrap(),
        certificate: Certificate::from_pem(&certificate).unwrap(),
        key_pem,
    }
}
