//! Keys, certificates and what they refuse.

use huodong_wire::lakala::{Certificate, CertificateError, KeyError, SigningKey};
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};

use crate::identity::{ONE, OTHER};

#[test]
fn a_certificate_verifies_what_its_key_signed_and_nothing_else() {
    let signature = ONE.key.sign(b"message");
    assert_eq!(signature, ONE.key.sign(b"message"));
    assert!(ONE.certificate.verify(b"message", &signature));
    assert!(!ONE.certificate.verify(b"massage", &signature));
    assert!(!OTHER.certificate.verify(b"message", &signature));
    assert!(ONE.certificate.is_of(&ONE.key) && !ONE.certificate.is_of(&OTHER.key));
    for wrong in ["", "x", "====", "花", &signature[4..], &format!("{signature} ")] {
        assert!(!ONE.certificate.verify(b"message", wrong), "{wrong}");
    }
}

#[test]
fn a_serial_is_compared_however_it_is_written() {
    let one = &ONE.certificate;
    assert_eq!(one.serial_hex(), "dfba8194c41b84cf");
    for same in [
        "dfba8194c41b84cf",
        "DFBA8194C41B84CF",
        "00dfba8194c41b84cf",
        "00DFba8194c41b84cF",
        "16121340292071392463",
    ] {
        assert!(one.serial_is(same), "{same}");
        assert!(!OTHER.certificate.serial_is(same), "{same}");
    }
    for other in ["", "0", "00", "dfba8194c41b84c", "dfba8194c41b84cf00", "-dfba8194c41b84cf"] {
        assert!(!one.serial_is(other), "{other}");
    }
    assert_eq!(OTHER.certificate.serial_hex(), "0a01");
    for same in ["0a01", "A01", "000A01", "2561"] {
        assert!(OTHER.certificate.serial_is(same), "{same}");
    }
}

#[test]
fn a_certificate_tells_when_it_is_valid() {
    let one = &ONE.certificate;
    // After 2049 X.509 writes times another way.
    assert_eq!(one.not_before().to_string(), "2026-01-02T00:00:00Z");
    assert_eq!(one.not_after().to_string(), "2051-03-04T00:00:00Z");
    for (time, valid) in [
        ("2026-01-01T23:59:59Z", false),
        ("2026-01-02T00:00:00Z", true),
        ("2051-03-04T00:00:00Z", true),
        ("2051-03-04T00:00:01Z", false),
    ] {
        assert_eq!(one.is_valid_at(time.parse().unwrap()), valid, "{time}");
    }
}

#[test]
fn pem_is_read_among_other_text_and_written_plainly() {
    let text = format!("subject=CN\r\n{}\n", ONE.certificate_pem.replace('\n', "\r\n"));
    let read = Certificate::from_pem(&text).unwrap();
    assert_eq!(read.pem().replace('\r', ""), ONE.certificate_pem.replace('\r', ""));
    assert_eq!(read, ONE.certificate);
    let both = format!("{}\n{}", ONE.certificate_pem, ONE.key_pem);
    assert_eq!(SigningKey::from_pem(&both).unwrap().bits(), 2048);
}

#[test]
fn what_is_no_key_or_certificate_is_told_apart() {
    let ec = KeyPair::generate().unwrap();
    let ec_certificate = CertificateParams::default().self_signed(&ec).unwrap().pem();
    for none in ["", "x", "-----BEGIN CERTIFICATE-----", &ONE.key_pem] {
        assert_eq!(Certificate::from_pem(none), Err(CertificateError::NotPem), "{none}");
    }
    assert_eq!(Certificate::from_pem(&ec_certificate), Err(CertificateError::NotRsa));
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Certificate::from_pem(junk), Err(CertificateError::NotX509(_))));
    for none in ["", "x", &ONE.certificate_pem] {
        assert_eq!(SigningKey::from_pem(none).unwrap_err(), KeyError::NotPem, "{none}");
    }
    let rejected = SigningKey::from_pem(&ec.serialize_pem()).unwrap_err();
    assert!(matches!(rejected, KeyError::Rejected(_)), "{rejected:?}");
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", ONE.key), "SigningKey(2048 bits)");
    assert_eq!(format!("{:?}", ONE.certificate), "Certificate(dfba8194c41b84cf)");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
        _ = Certificate::from_der(&bytes);
        _ = SigningKey::from_pkcs8(&bytes);
        _ = Certificate::from_pem(&text);
        _ = SigningKey::from_pem(&text);
        _ = ONE.certificate.serial_is(&text);
        prop_assert!(!ONE.certificate.verify(&bytes, &text));
    }
}
