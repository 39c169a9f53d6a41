//! The application's signature: HMAC-SHA256 over the application, a nonce and the time.
//!
//! Neither body nor path is signed, so a call is only as safe as the transport that carries it:
//! use TLS.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

pub use crate::time::parse_timestamp;

/// The application that signs.
pub const APPID: &str = "Gy-H-Api-Appid";
/// Unix seconds, in decimal.
pub const TIMESTAMP: &str = "Gy-H-Api-Timestamp";
/// Letters and digits that were not used before.
pub const NONCE: &str = "Gy-H-Api-Nonce-Str";
/// The signature, 64 uppercase hexadecimal digits.
pub const SIGN: &str = "Gy-H-Api-Sign";

/// The longest nonce, in characters. Live clients send 13 or 32.
pub const NONCE_CHARS_MAX: usize = 64;

/// What is signed: the application, a nonce and the time, as the headers carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The value of [`APPID`].
    pub appid: &'a str,
    /// The value of [`NONCE`].
    pub nonce: &'a str,
    /// The value of [`TIMESTAMP`].
    pub timestamp: &'a str,
}

impl Signed<'_> {
    /// The text that is signed. It ends with the secret: show it to nobody.
    pub fn string_to_sign(&self, secret: &str) -> String {
        self.parts(secret).concat()
    }

    /// The value of [`SIGN`].
    pub fn sign(&self, secret: &str) -> String {
        hex::encode_upper(self.tag(&key(secret), secret))
    }

    /// Whether `sign` is the signature under this secret, in constant time. The key is
    /// [`key`] of the same secret; whoever verifies often keeps it.
    pub fn verify(&self, key: &hmac::Key, secret: &str, sign: &str) -> bool {
        let mut claimed = [0; 32];
        if sign.bytes().any(|byte| byte.is_ascii_lowercase())
            || hex::decode_to_slice(sign, &mut claimed).is_err()
        {
            return false;
        }
        verify_slices_are_equal(self.tag(key, secret).as_ref(), &claimed).is_ok()
    }

    fn tag(&self, key: &hmac::Key, secret: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(key);
        for part in self.parts(secret) {
            context.update(part.as_bytes());
        }
        context.sign()
    }

    fn parts<'b>(&'b self, secret: &'b str) -> [&'b str; 8] {
        [
            "Gy-H-Api-Appid=",
            self.appid,
            "&Gy-H-Api-Nonce-Str=",
            self.nonce,
            "&Gy-H-Api-Timestamp=",
            self.timestamp,
            "&key=",
            secret,
        ]
    }
}

/// A secret as the key it signs with.
pub fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// The signature, the value of [`SIGN`].
pub fn sign(appid: &str, nonce: &str, timestamp: &str, secret: &str) -> String {
    Signed { appid, nonce, timestamp }.sign(secret)
}

/// Whether a nonce is letters and digits, 1 to [`NONCE_CHARS_MAX`] of them.
pub fn nonce_is_well_formed(nonce: &str) -> bool {
    (1..=NONCE_CHARS_MAX).contains(&nonce.len())
        && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "secret_0123456789";
    const SIGNED: Signed<'_> = Signed {
        appid: "demo_app",
        nonce: "1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h",
        timestamp: "1650812345",
    };
    const VECTOR: &str = "A9CDC8073A86FC4D455F5CB844ECB6596A1F8E49475C8E0C725D2856C5A6403E";

    #[test]
    fn the_contracts_vector_holds() {
        assert_eq!(sign(SIGNED.appid, SIGNED.nonce, SIGNED.timestamp, SECRET), VECTOR);
        assert_eq!(
            SIGNED.string_to_sign(SECRET),
            "Gy-H-Api-Appid=demo_app&Gy-H-Api-Nonce-Str=1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h\
             &Gy-H-Api-Timestamp=1650812345&key=secret_0123456789"
        );
    }

    #[test]
    fn only_the_exact_signature_verifies() {
        let key = key(SECRET);
        assert!(SIGNED.verify(&key, SECRET, VECTOR));
        let other = VECTOR.replace("A9CD", "A9CE");
        for wrong in ["", "A9", &VECTOR.to_lowercase(), &VECTOR[..62], &other, "é"] {
            assert!(!SIGNED.verify(&key, SECRET, wrong), "{wrong}");
        }
        for changed in [
            Signed { appid: "demo_apq", ..SIGNED },
            Signed { nonce: "1", ..SIGNED },
            Signed { timestamp: "1650812346", ..SIGNED },
        ] {
            assert!(!changed.verify(&key, SECRET, VECTOR), "{changed:?}");
        }
        assert!(!SIGNED.verify(&super::key("other"), "other", VECTOR));
    }

    #[test]
    fn a_nonce_is_1_to_64_letters_and_digits() {
        for good in ["a", "0123456789abc", &"Z9".repeat(32)] {
            assert!(nonce_is_well_formed(good), "{good}");
        }
        for bad in ["", "a-b", "a b", "花", &"a".repeat(65)] {
            assert!(!nonce_is_well_formed(bad), "{bad}");
        }
    }
}
