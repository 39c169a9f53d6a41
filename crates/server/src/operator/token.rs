//! Bearer tokens: how they are made and what is kept of them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use huodong_engine::Chance;

/// What every token begins with, so that one that leaked is recognized.
const PREFIX: &str = "hdop_";
const SECRET_BYTES: usize = 32;
/// No token is longer; those made here have 48 characters.
const LEN_MAX: usize = 64;

/// A new token: its plain text, to be shown once, and the digest that is kept.
pub fn generate(chance: Chance) -> (String, [u8; 32]) {
    let secret: [u8; SECRET_BYTES] = chance.bytes();
    let plain = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let digest = digest_of(&plain);
    (plain, digest)
}

/// True when this may be a token: what begins and reads as one, of a bounded length.
pub(super) fn is_shaped(plain: &str) -> bool {
    let in_alphabet = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    plain.len() <= LEN_MAX && plain.starts_with(PREFIX) && plain.bytes().all(in_alphabet)
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

    #[test]
    fn what_reads_as_a_token_is_told_from_what_does_not() {
        assert!(is_shaped(&generate(Chance).0));
        for (_, fixed) in crate::seed::TOKENS {
            assert!(is_shaped(fixed), "{fixed}");
        }
        let longest = format!("{PREFIX}{}", "a".repeat(LEN_MAX - PREFIX.len()));
        assert!(is_shaped(&longest));
        for other in ["", "x", "HDOP_abc", "xhdop_abc", "hdop_a b", "hdop_é", &(longest + "a")] {
            assert!(!is_shaped(other), "{other}");
        }
    }
}
