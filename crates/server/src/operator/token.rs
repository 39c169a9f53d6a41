//! Bearer tokens: how they are made and what is kept of them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use huodong_engine::Chance;

/// What every token begins with, so that one that leaked is recognized.
const PREFIX: &str = "hdop_";
const SECRET_BYTES: usize = 32;

/// A new token: its plain text, to be shown once, and the digest that is kept.
pub fn generate(chance: Chance) -> (String, [u8; 32]) {
    let secret: [u8; SECRET_BYTES] = chance.bytes();
    let plain = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let digest = digest_of(&plain);
    (plain, digest)
}

/// The digest under which a token is kept.
///
/// # Panics
/// Never: SHA-256 has 32 bytes.
pub fn digest_of(plain: &str) -> [u8; 32] {
    digest(&SHA256, plain.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_prefix_and_43_characters_and_never_the_same() {
        let (plain, digest) = generate(Chance);
        assert_eq!(plain.len(), PREFIX.len() + 43);
        assert!(plain.starts_with(PREFIX));
        assert_eq!(digest, digest_of(&plain));
        assert_ne!(plain, generate(Chance).0);
    }
}
