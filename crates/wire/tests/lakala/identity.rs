//! Keys and certificates, made for one run.

use std::sync::LazyLock;

use huodong_wire::lakala::{Certificate, SigningKey};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SerialNumber};

pub(crate) struct Identity {
    pub(crate) key_pem: String,
    pub(crate) key: SigningKey,
    pub(crate) certificate_pem: String,
    pub(crate) certificate: Certificate,
}

/// With the serial 00dfba8194c41b84cf, which begins with a bit that DER hides behind a 00.
pub(crate) static ONE: LazyLock<Identity> =
    LazyLock::new(|| identity(&[0xdf, 0xba, 0x81, 0x94, 0xc4, 0x1b, 0x84, 0xcf]));
pub(crate) static OTHER: LazyLock<Identity> = LazyLock::new(|| identity(&[0x0a, 0x01]));

fn identity(serial: &[u8]) -> Identity {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.not_before = rcgen::date_time_ymd(2026, 1, 2);
    params.not_after = rcgen::date_time_ymd(2051, 3, 4);
    let certificate_pem = params.self_signed(&pair).unwrap().pem();
    let key_pem = pair.serialize_pem();
    Identity {
        key: SigningKey::from_pem(&key_pem).unwrap(),
        certificate: Certificate::from_pem(&certificate_pem).unwrap(),
        key_pem,
        certificate_pem,
    }
}
