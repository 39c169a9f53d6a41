//! What is wrong with an envelope, for whoever holds the keys and wants to know. A gateway must
//! answer with none of it: who can send envelopes and hear why they do not open can open others'.

use thiserror::Error;

use super::key::{PrivateKind, PublicKind};
use super::sm2_layout::{Ciphertext, Order, Signature};
use super::{CONTENT_KEY_BYTES, ContentKey, PrivateKey, PublicKey, base64};

/// How a `check` or a signature is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// One number as long as the key.
    Rsa,
    /// SM2, in DER: {x, y, C3, C2} or {r, s}.
    Der,
    /// SM2, one part after the other: C1, C3, C2. Whether C1 begins with 04 is said.
    C1C3C2 {
        /// It does.
        prefixed: bool,
    },
    /// SM2, one part after the other, in the older order: C1, C2, C3.
    C1C2C3 {
        /// C1 begins with 04.
        prefixed: bool,
    },
    /// SM2, r ‖ s.
    Raw,
}

/// Why a `check` does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckFault {
    /// It is no base64.
    #[error("it is not base64")]
    NotBase64,
    /// It is not as long as what is encrypted for the key.
    #[error("it has {found} bytes, and what is encrypted for this key has {expected}")]
    Length {
        /// So many bytes it has.
        found: usize,
        /// So many it would have.
        expected: usize,
    },
    /// It was encrypted for another key, or padded otherwise.
    #[error("it is not PKCS#1 v1.5 for this key")]
    Padding,
    /// It is in no layout of SM2.
    #[error("its {0} bytes are in no layout of an SM2 ciphertext of 16 bytes")]
    NoLayout(usize),
    /// Its C1 is no point of the curve.
    #[error("its C1 is no point of the curve")]
    NotOnCurve,
    /// It was encrypted for another key, or is damaged.
    #[error("its C3 is not the hash of what it would hold for this key")]
    OtherKey,
    /// It opens, but holds something else than sixteen bytes.
    #[error("it holds {0} bytes instead of 16")]
    NoContentKey(usize),
}

impl PrivateKey {
    /// Opens a `check` and says how it was laid out, or what is wrong with it. It takes its time,
    /// and tells by it.
    ///
    /// # Errors
    /// See [`CheckFault`].
    pub fn examine_check(&self, check: &str) -> Result<(ContentKey, Layout), CheckFault> {
        let bytes = base64::decode(check).ok_or(CheckFault::NotBase64)?;
        let key = match self.kind() {
            PrivateKind::Rsa(key) => {
                let expected = key.public().bits().div_ceil(8);
                if bytes.len() != expected {
                    return Err(CheckFault::Length { found: bytes.len(), expected });
                }
                let opened = key.decrypt_any(&bytes).ok_or(CheckFault::Padding)?;
                let opened: &[u8; CONTENT_KEY_BYTES] = opened
                    .as_slice()
                    .try_into()
                    .map_err(|_| CheckFault::NoContentKey(opened.len()))?;
                return Ok((ContentKey::new(*opened), Layout::Rsa));
            }
            PrivateKind::Sm2(key) => key,
        };
        let no_layout = || match Ciphertext::content_length(&bytes) {
            Some(length) => CheckFault::NoContentKey(length),
            None => CheckFault::NoLayout(bytes.len()),
        };
        let (sealed, order) = Ciphertext::read(&bytes).ok_or_else(no_layout)?;
        if !sealed.is_on_curve() {
            return Err(CheckFault::NotOnCurve);
        }
        let prefixed = bytes.len() % 2 == 1;
        let raw = order == Order::Unknown;
        let swapped = raw.then(|| (sealed.swapped(), Layout::C1C2C3 { prefixed }));
        let layout = if raw { Layout::C1C3C2 { prefixed } } else { Layout::Der };
        for (sealed, layout) in [Some((sealed, layout)), swapped].into_iter().flatten() {
            let (content, genuine) = key.decrypt(&sealed, Order::Known);
            if bool::from(genuine) {
                return Ok((ContentKey::new(*content), layout));
            }
        }
        Err(CheckFault::OtherKey)
    }
}

impl PublicKey {
    /// How a signature for this key is laid out; none where it is not of its form at all.
    pub fn signature_layout(&self, signature: &str) -> Option<Layout> {
        let bytes = base64::decode(signature)?;
        match self.kind() {
            PublicKind::Rsa(key) => (bytes.len() == key.bits().div_ceil(8)).then_some(Layout::Rsa),
            PublicKind::Sm2(_) if bytes.len() == 64 => Some(Layout::Raw),
            PublicKind::Sm2(_) => Signature::read(&bytes).map(|_| Layout::Der),
        }
    }

    /// Whether an SM2 signature was made under another user id than the vendor's: the empty one,
    /// say, which is the default of some tools. Always false for RSA.
    pub fn verify_under_id(&self, message: &[u8], signature: &str, id: &str) -> bool {
        let PublicKind::Sm2(key) = self.kind() else { return false };
        let Some(bytes) = base64::decode(signature) else { return false };
        Signature::read(&bytes).is_some_and(|signature| key.verify_under(id, message, &signature))
    }

    /// Whether an SM2 signature was made of the message's SM3 hash in place of the message, which
    /// hashes twice. Always false for RSA.
    pub fn verify_hashed_twice(&self, message: &[u8], signature: &str) -> bool {
        matches!(self.kind(), PublicKind::Sm2(_))
            && self.verify(&super::sm2::hash(message), signature)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::rsa;
    use super::*;

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn sm2(number: u8) -> PrivateKey {
        PrivateKey::from_sm2_number(&[number; 32]).unwrap()
    }

    fn small_rsa() -> PrivateKey {
        let key = ::rsa::PrivateKey::new(&mut Counting(1), 1024).unwrap();
        PrivateKey::new(PrivateKind::Rsa(rsa::Private::new(key).unwrap()))
    }

    /// Numbers that are as good as any for a test.
    struct Counting(u64);

    impl rand_core::TryRng for Counting {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|number| u32::try_from(number >> 32).unwrap())
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Ok(bits ^ (bits >> 31))
        }

        fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
            for byte in to {
                *byte = self.try_next_u64()?.to_le_bytes()[0];
            }
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Counting {}

    fn sealed(for_whom: &PrivateKey) -> String {
        let mut random = |bytes: &mut [u8]| bytes.fill(7);
        for_whom.public().seal_check(&ContentKey::new(KEY), &mut random)
    }

    /// The parts of an SM2 ciphertext, one after the other, behind 04.
    fn parts(check: &str) -> Vec<u8> {
        let (sealed, _) = Ciphertext::read(&base64::decode(check).unwrap()).unwrap();
        [&[4][..], &sealed.x, &sealed.y, &sealed.c3, &sealed.c2].concat()
    }

    #[test]
    fn a_check_that_opens_says_how_it_is_laid_out() {
        let key = sm2(1);
        let check = sealed(&key);
        let prefixed = parts(&check);
        let mut older = prefixed.clone();
        older[65..].rotate_left(32);
        for (check, layout) in [
            (check, Layout::Der),
            (base64::encode(&prefixed), Layout::C1C3C2 { prefixed: true }),
            (base64::encode(&prefixed[1..]), Layout::C1C3C2 { prefixed: false }),
            (base64::encode(&older), Layout::C1C2C3 { prefixed: true }),
            (base64::encode(&older[1..]), Layout::C1C2C3 { prefixed: false }),
        ] {
            let (opened, found) = key.examine_check(&check).unwrap();
            assert_eq!((opened.bytes(), found), (&KEY, layout));
        }
        let key = small_rsa();
        let (opened, layout) = key.examine_check(&sealed(&key)).unwrap();
        assert_eq!((opened.bytes(), layout), (&KEY, Layout::Rsa));
    }

    #[test]
    fn each_step_that_fails_is_named() {
        let fault = |key: &PrivateKey, check: &str| key.examine_check(check).unwrap_err();
        let key = sm2(1);
        let check = sealed(&key);
        let raw = parts(&check);
        assert_eq!(fault(&key, "*"), CheckFault::NotBase64);
        assert_eq!(fault(&key, &base64::encode(&[1; 50])), CheckFault::NoLayout(50));
        assert_eq!(fault(&key, &base64::encode(&[2; 112])), CheckFault::NotOnCurve);
        assert_eq!(fault(&sm2(2), &check), CheckFault::OtherKey);
        let hex_of_key = [&raw[..97], &[0; 32]].concat();
        assert_eq!(fault(&key, &base64::encode(&hex_of_key)), CheckFault::NoContentKey(32));

        let key = small_rsa();
        let length = CheckFault::Length { found: 50, expected: 128 };
        assert_eq!(fault(&key, &base64::encode(&[1; 50])), length);
        assert_eq!(fault(&key, &base64::encode(&[1; 128])), CheckFault::Padding);
        let PrivateKind::Rsa(inner) = key.kind() else { panic!("an RSA key") };
        let public = ::rsa::PublicKey::from(
            &<::rsa::PrivateKey as ::rsa::pkcs8::DecodePrivateKey>::from_pkcs8_der(inner.pkcs8())
                .unwrap(),
        );
        let text = public.encrypt(&mut Counting(2), ::rsa::Pkcs1v15Encrypt, &[1; 24]).unwrap();
        assert_eq!(fault(&key, &base64::encode(&text)), CheckFault::NoContentKey(24));
    }

    #[test]
    fn a_signature_tells_its_layout_and_what_it_was_made_of() {
        let key = sm2(1);
        let signature = key.sign(b"message");
        assert_eq!(key.public().signature_layout(&signature), Some(Layout::Der));
        let read = Signature::read(&base64::decode(&signature).unwrap()).unwrap();
        let raw = base64::encode(&[read.r, read.s].concat());
        assert_eq!(key.public().signature_layout(&raw), Some(Layout::Raw));
        assert_eq!(key.public().signature_layout("AAAA"), None);
        let id = super::super::SM2_ID;
        assert!(key.public().verify_under_id(b"message", &signature, id));
        assert!(!key.public().verify_under_id(b"message", &signature, ""));
        let hash = super::super::sm2::hash(b"message");
        assert!(!key.public().verify_hashed_twice(b"message", &signature));
        assert!(key.public().verify_hashed_twice(b"message", &key.sign(&hash)));

        let key = small_rsa();
        let signature = key.sign(b"message");
        assert_eq!(key.public().signature_layout(&signature), Some(Layout::Rsa));
        assert!(!key.public().verify_under_id(b"message", &signature, id));
        assert!(!key.public().verify_hashed_twice(b"message", &key.sign(&hash)));
    }
}
