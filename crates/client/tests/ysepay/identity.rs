//! Keys, made for one run.

use std::sync::LazyLock;

use huodong_client::ysepay::{Mode, PrivateKey};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

/// An initiator's key and the gateway's, and one that is nobody's.
pub(crate) struct Identities {
    pub(crate) initiator: PrivateKey,
    pub(crate) gateway: PrivateKey,
    /// The one the gateway changes to.
    pub(crate) next: PrivateKey,
    pub(crate) stranger: PrivateKey,
}

static RSA: LazyLock<Identities> = LazyLock::new(|| {
    let key = || {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        PrivateKey::from_pem(&pair.serialize_pem()).unwrap()
    };
    Identities { initiator: key(), gateway: key(), next: key(), stranger: key() }
});

static SM2: LazyLock<Identities> = LazyLock::new(|| {
    let key = |number: u8| PrivateKey::from_sm2_number(&[number; 32]).unwrap();
    Identities { initiator: key(1), gateway: key(2), next: key(3), stranger: key(4) }
});

pub(crate) fn of(mode: Mode) -> &'static Identities {
    match mode {
        Mode::Rsa => &RSA,
        Mode::Sm2 => &SM2,
    }
}
