//! RSA with PKCS#1 v1.5, 1024 to 4096 bits. Keys from 2048 bits are aws-lc's; it does not sign,
//! decrypt or encrypt with shorter ones, which are the `rsa` crate's.

use std::sync::Arc;

use ::rsa::pkcs1v15::Pkcs1v15Sign;
use ::rsa::traits::PublicKeyParts;
use ::rsa::{BoxedUint, Pkcs1v15Encrypt};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::CONTENT_KEY_BYTES;
use super::random::Blinding;

/// The shortest keys that are accepted; they occur at this vendor.
pub const RSA_BITS_MIN: usize = 1024;
/// The longest keys that are accepted.
pub const RSA_BITS_MAX: usize = 4096;

/// aws-lc does everything from here.
const FAST_BITS_MIN: usize = 2048;

/// What is wrong with a key, for [`super::KeyError::Rejected`].
pub(super) type Rejected = String;

/// Looks at a key's length before anything is worked out with it.
pub(super) fn check_modulus(modulus: &[u8]) -> Result<(), Rejected> {
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len() * 8 - leading;
    if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) { Ok(()) } else { Err(format!("{bits} bits")) }
}

/// A public key that verifies and encrypts.
pub(super) struct Public {
    bits: usize,
    modulus: Vec<u8>,
    spki: Vec<u8>,
    verifier: ParsedPublicKey,
    encrypter: Encrypter,
}

enum Encrypter {
    Fast(Pkcs1PublicEncryptingKey),
    Small(::rsa::PublicKey),
}

impl Public {
    pub(super) fn new(key: ::rsa::PublicKey) -> Result<Self, Rejected> {
        use ::rsa::pkcs8::EncodePublicKey;
        let bits = usize::try_from(key.n().bit_width()).unwrap_or(usize::MAX);
        let modulus = key.n_bytes().into_vec();
        let spki = key.to_public_key_der().map_err(|error| error.to_string())?.into_vec();
        let verifier = ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &spki)
            .map_err(|error| error.to_string())?;
        let encrypter = if bits < FAST_BITS_MIN {
            Encrypter::Small(key)
        } else {
            let key = PublicEncryptingKey::from_der(&spki).map_err(|error| error.to_string())?;
            let key = Pkcs1PublicEncryptingKey::new(key).map_err(|error| error.to_string())?;
            Encrypter::Fast(key)
        };
        Ok(Self { bits, modulus, spki, verifier, encrypter })
    }

    pub(super) const fn bits(&self) -> usize {
        self.bits
    }

    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
    }

    /// Encrypts a content key. aws-lc takes its padding from its own random numbers.
    pub(super) fn encrypt<R: TryCryptoRng + ?Sized>(
        &self,
        key: &[u8; CONTENT_KEY_BYTES],
        rng: &mut R,
    ) -> Vec<u8> {
        const NEVER: &str = "a key that was accepted encrypts sixteen bytes";
        match &self.encrypter {
            Encrypter::Fast(to) => {
                let mut sealed = vec![0; to.ciphertext_size()];
                to.encrypt(key, &mut sealed).expect(NEVER);
                sealed
            }
            Encrypter::Small(to) => to.encrypt(rng, Pkcs1v15Encrypt, key).expect(NEVER),
        }
    }
}

/// A private key that signs and decrypts.
pub(super) struct Private {
    public: Arc<Public>,
    pkcs8: Zeroizing<Vec<u8>>,
    keys: Keys,
}

enum Keys {
    Fast { signer: RsaKeyPair, decrypter: Pkcs1PrivateDecryptingKey },
    Small(Box<::rsa::PrivateKey>),
}

impl Private {
    pub(super) fn new(key: ::rsa::PrivateKey) -> Result<Self, Rejected> {
        use ::rsa::pkcs8::EncodePrivateKey;
        key.validate().map_err(|error| error.to_string())?;
        let public = Arc::new(Public::new(key.to_public_key())?);
        let pkcs8 = key.to_pkcs8_der().map_err(|error| error.to_string())?;
        let pkcs8 = Zeroizing::new(pkcs8.as_bytes().to_vec());
        let keys = if public.bits < FAST_BITS_MIN {
            Keys::Small(Box::new(key))
        } else {
            let signer = RsaKeyPair::from_pkcs8(&pkcs8).map_err(|error| error.to_string())?;
            let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|e| e.to_string())?;
            let decrypter = Pkcs1PrivateDecryptingKey::new(key).map_err(|e| e.to_string())?;
            Keys::Fast { signer, decrypter }
        };
        Ok(Self { public, pkcs8, keys })
    }

    pub(super) const fn public(&self) -> &Arc<Public> {
        &self.public
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        const NEVER: &str = "a key that was accepted signs every message";
        match &self.keys {
            Keys::Fast { signer, .. } => {
                let mut signature = vec![0; signer.public_modulus_len()];
                let random = SystemRandom::new();
                signer.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect(NEVER);
                signature
            }
            Keys::Small(key) => key
                .sign_with_rng(
                    &mut Blinding::new(),
                    Pkcs1v15Sign::new::<Sha256>(),
                    &Sha256::digest(message),
                )
                .expect(NEVER),
        }
    }

    /// Decrypts whatever there is, and tells by its time what it was: for examination only.
    pub(super) fn decrypt_any(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match &self.keys {
            Keys::Fast { decrypter, .. } => {
                let mut opened = Zeroizing::new(vec![0; decrypter.min_output_size()]);
                let length = decrypter.decrypt(sealed, &mut opened).ok()?.len();
                opened.truncate(length);
                Some(opened)
            }
            Keys::Small(key) => {
                // Not the crate's own decryption, which makes a message up where there is none.
                let number = BoxedUint::from_be_slice(sealed, key.n().bits_precision()).ok()?;
                let mut random = Blinding::new();
                let opened =
                    ::rsa::hazmat::rsa_decrypt_and_check(&**key, Some(&mut random), &number)
                        .ok()?;
                let padded = Zeroizing::new(opened.to_be_bytes());
                let padded =
                    padded[padded.len().checked_sub(sealed.len())?..].strip_prefix(&[0, 2])?;
                let padding = padded.iter().position(|byte| *byte == 0).filter(|at| *at >= 8)?;
                Some(Zeroizing::new(padded[padding + 1..].to_vec()))
            }
        }
    }

    /// Decrypts a content key, and says whether it is one. What no sender of a key would send, as
    /// its length or its size shows, is decrypted too, as another number.
    pub(super) fn decrypt(&self, sealed: &[u8]) -> (Zeroizing<[u8; CONTENT_KEY_BYTES]>, Choice) {
        let modulus = &self.public.modulus;
        let mut number = sealed.to_vec();
        number.resize(modulus.len(), 0);
        let below = number < *modulus;
        if !below {
            number[0] = 0;
        }
        let sound = Choice::from(u8::from(below && sealed.len() == modulus.len()));
        let mut key = Zeroizing::new([0; CONTENT_KEY_BYTES]);
        let genuine = match &self.keys {
            Keys::Fast { decrypter, .. } => {
                let mut opened = Zeroizing::new(vec![0; decrypter.min_output_size()]);
                match decrypter.decrypt(&number, &mut opened) {
                    Ok(opened) if opened.len() == CONTENT_KEY_BYTES => {
                        key.copy_from_slice(opened);
                        Choice::from(1)
                    }
                    _ => Choice::from(0),
                }
            }
            Keys::Small(private) => unpad(private, &number, &mut key),
        };
        (key, genuine & sound)
    }
}

/// Decrypts, and looks at the padding in the same time whatever it is: since a content key has one
/// length, every byte has its place.
fn unpad(private: &::rsa::PrivateKey, sealed: &[u8], key: &mut [u8; CONTENT_KEY_BYTES]) -> Choice {
    let opened = BoxedUint::from_be_slice(sealed, private.n().bits_precision()).ok();
    let opened = opened.and_then(|number| {
        ::rsa::hazmat::rsa_decrypt_and_check(private, Some(&mut Blinding::new()), &number).ok()
    });
    // A number below the modulus is decrypted, unless the machine errs.
    let Some(mut opened) = opened else { return Choice::from(0) };
    let padded = Zeroizing::new(opened.to_be_bytes());
    opened.zeroize();
    let padded = &padded[padded.len() - sealed.len()..];
    let (padding, content) = padded.split_at(sealed.len() - CONTENT_KEY_BYTES);
    // 00 02, then bytes that are not zero, many as keys are long, then 00.
    let (head, tail) = padding.split_at(padding.len() - 1);
    let mut genuine = head[..2].ct_eq(&[0, 2]) & tail.ct_eq(&[0]);
    for byte in &head[2..] {
        genuine &= !byte.ct_eq(&0);
    }
    key.copy_from_slice(content);
    genuine
}
