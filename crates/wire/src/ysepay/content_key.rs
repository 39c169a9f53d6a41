use std::fmt::{self, Debug, Formatter};

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use subtle::{Choice, ConditionallySelectable};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base64;

/// The length of a content key, in bytes.
pub const CONTENT_KEY_BYTES: usize = 16;

/// A block of AES, in bytes.
const BLOCK_BYTES: usize = 16;

/// `check` or what is encrypted under the key in it cannot be opened. On purpose it says nothing
/// about why: a reason would help nobody but an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("check 或 bizContent 解密失败")]
pub struct CannotOpen;

/// The key that a request carries in its `check`, under which the request's `bizContent` and the
/// answer's `businessData` are encrypted (AES-128-ECB, PKCS#7). Never shown; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; CONTENT_KEY_BYTES]);

impl Debug for ContentKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(…)")
    }
}

impl ContentKey {
    /// The key that these bytes are.
    pub const fn new(bytes: [u8; CONTENT_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A key as callers make it: sixteen of `[A-Za-z0-9]`, chosen by random bytes. Of 256 values a
    /// byte has, eight choose a character once more often than the others do.
    pub fn from_random(mut random: [u8; CONTENT_KEY_BYTES]) -> Self {
        const CHARACTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let key = random.map(|byte| CHARACTERS[usize::from(byte) % CHARACTERS.len()]);
        random.zeroize();
        Self(key)
    }

    /// The key's bytes: key material.
    pub const fn bytes(&self) -> &[u8; CONTENT_KEY_BYTES] {
        &self.0
    }

    /// Encrypts, in base64.
    ///
    /// # Panics
    /// Never: every text can be encrypted under every key.
    pub fn encrypt(&self, content: &[u8]) -> String {
        let key = PaddedBlockEncryptingKey::ecb_pkcs7(self.aes());
        let mut buffer = Vec::with_capacity(content.len() + BLOCK_BYTES);
        buffer.extend_from_slice(content);
        key.and_then(|key| key.encrypt(&mut buffer)).expect("AES encrypts whatever it is given");
        base64::encode(&buffer)
    }

    /// Decrypts what is in base64.
    ///
    /// # Errors
    /// It is not base64, no whole blocks, or not padded.
    pub fn decrypt(&self, encrypted: &str) -> Result<Vec<u8>, CannotOpen> {
        let mut buffer = base64::decode(encrypted).ok_or(CannotOpen)?;
        let key = PaddedBlockDecryptingKey::ecb_pkcs7(self.aes()).map_err(|_| CannotOpen)?;
        let opened = key.decrypt(&mut buffer, DecryptionContext::None).map_err(|_| CannotOpen)?;
        let length = opened.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Becomes the other where `choice` is set, in the same time either way.
    pub(super) fn conditional_assign(&mut self, other: &Self, choice: Choice) {
        self.0.conditional_assign(&other.0, choice);
    }

    fn aes(&self) -> UnboundCipherKey {
        UnboundCipherKey::new(&AES_128, &self.0).expect("an AES-128 key has sixteen bytes")
    }
}
