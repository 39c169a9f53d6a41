//! Keys of both modes, behind one face.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use aws_lc_rs::hmac;
use subtle::{Choice, ConditionallySelectable};
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use super::random::Given;
use super::sm2_layout::{Ciphertext, Order, Signature};
use super::{ContentKey, Mode, base64, rsa, sm2};

/// A key that signs, and opens what was sealed for it. Cheap to clone; never shown.
#[derive(Clone)]
pub struct PrivateKey(Arc<Private>);

struct Private {
    kind: PrivateKind,
    public: PublicKey,
    /// Makes the keys that stand for those that do not open.
    stand_in: hmac::Key,
}

pub(super) enum PrivateKind {
    Rsa(rsa::Private),
    Sm2(sm2::Private),
}

/// A key that verifies, and seals for whoever has its private half. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(PublicKind);

#[derive(Clone)]
pub(super) enum PublicKind {
    Rsa(Arc<rsa::Public>),
    Sm2(Arc<sm2::Public>),
}

impl Debug for PrivateKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, {} bits)", self.mode(), self.bits())
    }
}

impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} bits)", self.mode(), self.bits())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_der() == other.to_der()
    }
}

impl Eq for PublicKey {}

impl PrivateKey {
    pub(super) fn new(kind: PrivateKind) -> Self {
        let (public, secret) = match &kind {
            PrivateKind::Rsa(key) => {
                (PublicKind::Rsa(Arc::clone(key.public())), hmac_key(key.pkcs8()))
            }
            PrivateKind::Sm2(key) => {
                let secret = hmac_key(&key.pkcs8());
                (PublicKind::Sm2(Arc::clone(key.public())), secret)
            }
        };
        Self(Arc::new(Private { kind, public: PublicKey(public), stand_in: secret }))
    }

    /// What it signs and opens.
    pub fn mode(&self) -> Mode {
        self.public().mode()
    }

    /// Its length; 256 for every SM2 key.
    pub fn bits(&self) -> usize {
        self.public().bits()
    }

    pub(super) fn kind(&self) -> &PrivateKind {
        &self.0.kind
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.0.public
    }

    /// Signs, in base64: SHA256withRSA, or SM2 with SM3 as DER{r, s}. The same message has always
    /// the same signature. Takes from a twentieth to several tenths of a millisecond, which is
    /// long on an async thread. An RSA key below 2048 bits is blinded with random numbers of
    /// aws-lc's, which show in no signature.
    pub fn sign(&self, message: &[u8]) -> String {
        base64::encode(&match &self.0.kind {
            PrivateKind::Rsa(key) => key.sign(message),
            PrivateKind::Sm2(key) => key.sign(message).to_der(),
        })
    }

    /// Opens a `check`, and says whether there was a content key in it. Where there was none the
    /// key is made of the `check` and of this key: always the same, and known to nobody else. It
    /// takes the same time for every `check`.
    ///
    /// It is made of the bytes that the base64 stands for: if the same bytes, spelt in two ways, had
    /// two such keys, trying spellings would tell a made-up key from a real one.
    pub(super) fn open_check(&self, check: &str) -> (ContentKey, Choice) {
        let bytes = base64::decode(check);
        let is_base64 = Choice::from(u8::from(bytes.is_some()));
        let bytes = bytes.unwrap_or_default();
        let (mut key, genuine) = match &self.0.kind {
            PrivateKind::Rsa(key) => key.decrypt(&bytes),
            PrivateKind::Sm2(key) => {
                let read = Ciphertext::read(&bytes);
                let is_read = Choice::from(u8::from(read.is_some()));
                let (sealed, order) = read.unwrap_or((Ciphertext::NONE, Order::Unknown));
                let (key, genuine) = key.decrypt(&sealed, order);
                (key, genuine & is_read)
            }
        };
        let genuine = genuine & is_base64;
        let tag = hmac::sign(&self.0.stand_in, &bytes);
        for (byte, stand_in) in key.iter_mut().zip(tag.as_ref()) {
            byte.conditional_assign(stand_in, !genuine);
        }
        (ContentKey::new(*key), genuine)
    }

    /// It as PKCS#8, in PEM: key material, wiped when dropped.
    ///
    /// # Panics
    /// Never.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let der = match &self.0.kind {
            PrivateKind::Rsa(key) => Zeroizing::new(key.pkcs8().to_vec()),
            PrivateKind::Sm2(key) => key.pkcs8(),
        };
        let pem = encode_string("PRIVATE KEY", LineEnding::LF, &der);
        Zeroizing::new(pem.expect("a key is short"))
    }
}

/// A key of its own, made of a private one.
fn hmac_key(secret: &[u8]) -> hmac::Key {
    let outer = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let derived = hmac::sign(&outer, b"huodong ysepay: keys in place of those that do not open");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

impl PublicKey {
    pub(super) const fn new(kind: PublicKind) -> Self {
        Self(kind)
    }

    pub(super) const fn kind(&self) -> &PublicKind {
        &self.0
    }

    /// What it verifies and seals.
    pub const fn mode(&self) -> Mode {
        match self.0 {
            PublicKind::Rsa(_) => Mode::Rsa,
            PublicKind::Sm2(_) => Mode::Sm2,
        }
    }

    /// Its length; 256 for every SM2 key.
    pub fn bits(&self) -> usize {
        match &self.0 {
            PublicKind::Rsa(key) => key.bits(),
            PublicKind::Sm2(_) => 256,
        }
    }

    /// It as SubjectPublicKeyInfo, in DER.
    pub fn to_der(&self) -> Vec<u8> {
        match &self.0 {
            PublicKind::Rsa(key) => key.spki().to_vec(),
            PublicKind::Sm2(key) => key.spki().to_vec(),
        }
    }

    /// It as SubjectPublicKeyInfo, in PEM.
    ///
    /// # Panics
    /// Never.
    pub fn to_pem(&self) -> String {
        encode_string("PUBLIC KEY", LineEnding::LF, &self.to_der()).expect("a key is short")
    }

    /// Whether `signature`, in base64, is of this message and made by the private half. SM2
    /// signatures are taken as DER{r, s} and as r ‖ s.
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        let Some(signature) = base64::decode(signature) else { return false };
        match &self.0 {
            PublicKind::Rsa(key) => key.verify(message, &signature),
            PublicKind::Sm2(key) => {
                Signature::read(&signature).is_some_and(|signature| key.verify(message, &signature))
            }
        }
    }

    /// Seals a content key as a `check`, in base64: PKCS#1 v1.5, or SM2 as DER{x, y, C3, C2}.
    ///
    /// `random` fills bytes with random numbers that nobody can guess. RSA keys from 2048 bits do
    /// not ask it: aws-lc pads with its own.
    pub fn seal_check(&self, key: &ContentKey, random: &mut dyn FnMut(&mut [u8])) -> String {
        let mut random = Given(random);
        base64::encode(&match &self.0 {
            PublicKind::Rsa(to) => to.encrypt(key.bytes(), &mut random),
            PublicKind::Sm2(to) => match to.encrypt(key.bytes(), &mut random) {
                Ok(sealed) => sealed.to_der(),
                Err(never) => match never {},
            },
        })
    }
}
