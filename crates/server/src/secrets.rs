//! Secrets at rest: sealed with AES-256-GCM under the installation's master key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use huodong_engine::Chance;
use thiserror::Error;

/// Why a secret could not be opened or a key not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// The key is not 64 hexadecimal digits.
    #[error("a master key is 64 hexadecimal digits (32 bytes)")]
    BadKey,
    /// The sealed bytes were made under another key, for another purpose, or damaged.
    #[error("a stored secret does not open under this master key")]
    DoesNotOpen,
}

/// The key under which all secrets of an installation are sealed.
pub struct MasterKey(LessSafeKey);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// From its 32 bytes.
    ///
    /// # Panics
    /// Never: AES-256 takes any 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes any 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// From 64 hexadecimal digits; white space around them is ignored.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SecretError::BadKey)?;
        Ok(Self::new(&bytes))
    }

    /// Seals a secret. `purpose` names what it is and whose, so that one sealed secret cannot be
    /// put in another's place.
    ///
    /// # Panics
    /// Never: secrets are far below AES-GCM's length limit.
    pub fn seal(&self, chance: Chance, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = chance.bytes();
        let mut sealed = nonce.to_vec();
        let mut body = secret.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .expect("secrets are short");
        sealed.append(&mut body);
        sealed
    }

    /// Opens what [`MasterKey::seal`] made for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (nonce, body) =
            sealed.split_first_chunk::<NONCE_LEN>().ok_or(SecretError::DoesNotOpen)?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body)
            .map_err(|_| SecretError::DoesNotOpen)?;
        Ok(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_under_its_key_for_its_purpose() {
        let key = MasterKey::new(&[7; 32]);
        let sealed = key.seal(Chance, "gongyi/a", b"s3cret");
        assert_eq!(key.open("gongyi/a", &sealed).as_deref(), Ok(&b"s3cret"[..]));
        assert_eq!(key.open("gongyi/b", &sealed), Err(SecretError::DoesNotOpen));
        let other = MasterKey::new(&[8; 32]);
        assert_eq!(other.open("gongyi/a", &sealed), Err(SecretError::DoesNotOpen));
        assert_eq!(key.open("gongyi/a", &sealed[..5]), Err(SecretError::DoesNotOpen));
    }

    #[test]
    fn a_master_key_is_64_hexadecimal_digits() {
        assert!(MasterKey::from_hex(&format!(" {}\n", "0f".repeat(32))).is_ok());
        assert_eq!(MasterKey::from_hex("0f").err(), Some(SecretError::BadKey));
    }
}
