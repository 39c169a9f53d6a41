//! Keys that are the same in every run.

use std::sync::LazyLock;

use huodong_wire::ysepay::{ContentKey, Mode, PrivateKey, PublicKey, Sealed, seal};

use crate::counting;

pub(crate) const CONTENT_KEY: &[u8; 16] = b"Zm0aQ7xK2pLr9TsU";

/// [`CONTENT_KEY`], sealed for the key in rsa2048.pem: aws-lc pads with random numbers of its own.
const CHECK_OF_RSA_2048: &str = include_str!("rsa2048.check");

static KEYS: LazyLock<[PrivateKey; 3]> = LazyLock::new(|| {
    [include_str!("rsa1024.pem"), include_str!("rsa2048.pem"), include_str!("sm2.pem")]
        .map(|pem| PrivateKey::from_pem(pem).unwrap())
});

pub(crate) fn rsa_1024() -> PrivateKey {
    KEYS[0].clone()
}

pub(crate) fn rsa_2048() -> PrivateKey {
    KEYS[1].clone()
}

pub(crate) fn sm2() -> PrivateKey {
    KEYS[2].clone()
}

pub(crate) fn all() -> [PrivateKey; 3] {
    KEYS.clone()
}

pub(crate) fn content_key() -> ContentKey {
    ContentKey::new(*CONTENT_KEY)
}

/// A content sealed under [`CONTENT_KEY`], alike in every run.
pub(crate) fn sealed(content: &[u8], to: &PublicKey) -> Sealed {
    let mut sealed = seal(content, &content_key(), to, &mut counting());
    if to.mode() == Mode::Rsa && to.bits() == 2048 {
        sealed.check = CHECK_OF_RSA_2048.to_owned();
    }
    sealed
}
