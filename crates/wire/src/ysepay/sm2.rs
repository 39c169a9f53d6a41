//! SM2 on the curve arithmetic of the `sm2` crate: signatures with SM3, and encryption.
//!
//! Whatever touches a private key or a nonce takes the same time whatever their values: the
//! arithmetic is the crate's constant-time one, and what is compared or chosen afterwards is
//! compared and chosen by `subtle`. Verification works with public values only and may be fast.

use std::sync::{Arc, OnceLock};

use primeorder::{LookupTable, Radix16Decomposition, Radix16Digits};
use rand_core::TryCryptoRng;
use sha2::Sha256;
use sm2::elliptic_curve::ops::{MulByGeneratorVartime, Reduce};
use sm2::elliptic_curve::pkcs8::{EncodePrivateKey, EncodePublicKey};
use sm2::elliptic_curve::point::AffineCoordinates;
use sm2::elliptic_curve::sec1::ToSec1Point;
use sm2::elliptic_curve::{Curve, Generate, Group, PrimeField};
use sm2::{AffinePoint, FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, Sm2, U256};
use sm3::{Digest, Sm3};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::CONTENT_KEY_BYTES;
use super::sm2_layout::{Ciphertext, Order, Signature};

/// The user id that every signature of this vendor is made with.
pub const SM2_ID: &str = "1234567812345678";

/// The curve's parameters and base point as they are hashed into Z: a, b, xG, yG.
const CURVE: [&str; 4] = [
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC",
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93",
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7",
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0",
];

/// A public key, with what every use of it needs worked out once.
pub(super) struct Public {
    spki: Vec<u8>,
    point: ProjectivePoint,
    /// What makes verifying quick; made when the key first verifies.
    multiples: OnceLock<Box<Multiples>>,
    /// SM3 fed with Z, which begins whatever is signed.
    prefix: Sm3,
}

impl Public {
    pub(super) fn new(key: sm2::PublicKey) -> Self {
        let spki = key.to_public_key_der().expect("a point is short").into_vec();
        let prefix = Sm3::new_with_prefix(identity(key.as_affine(), SM2_ID));
        Self { spki, point: key.to_projective(), multiples: OnceLock::new(), prefix }
    }

    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SM3(Z ‖ message).
    fn digest(&self, message: &[u8]) -> FieldBytes {
        let mut sm3 = self.prefix.clone();
        sm3.update(message);
        <[u8; 32]>::from(sm3.finalize()).into()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.verify_digest(&self.digest(message), signature)
    }

    /// The same for signatures that were made under another user id.
    pub(super) fn verify_under(&self, id: &str, message: &[u8], signature: &Signature) -> bool {
        let mut sm3 = Sm3::new_with_prefix(identity(&self.point.to_affine(), id));
        sm3.update(message);
        self.verify_digest(&<[u8; 32]>::from(sm3.finalize()).into(), signature)
    }

    fn verify_digest(&self, digest: &FieldBytes, signature: &Signature) -> bool {
        let scalar = |bytes: &[u8; 32]| NonZeroScalar::from_repr((*bytes).into()).into_option();
        let (Some(r), Some(s)) = (scalar(&signature.r), scalar(&signature.s)) else {
            return false;
        };
        let t = *r + *s;
        if bool::from(t.is_zero()) {
            return false;
        }
        let multiples = self.multiples.get_or_init(|| Box::new(Multiples::new(self.point)));
        let point = ProjectivePoint::mul_by_generator_vartime(&s) + multiples.times_vartime(&t);
        if bool::from(point.is_identity()) {
            return false;
        }
        *r == Scalar::reduce(digest) + Scalar::reduce(&point.to_affine().x())
    }

    /// Encrypts a content key.
    pub(super) fn encrypt<R: TryCryptoRng + ?Sized>(
        &self,
        key: &[u8; CONTENT_KEY_BYTES],
        rng: &mut R,
    ) -> Result<Ciphertext, R::Error> {
        loop {
            let k = NonZeroScalar::try_generate_from_rng(rng)?;
            let shared = Shared::new(&self.point, &k);
            // As the standard says. It happens once in 2^128 times.
            if bool::from(shared.mask.ct_eq(&[0; CONTENT_KEY_BYTES])) {
                continue;
            }
            let (x, y) = coordinates(&ProjectivePoint::mul_by_generator(&k).to_affine());
            return Ok(Ciphertext { x, y, c3: shared.digest(key), c2: shared.masked(key) });
        }
    }
}

/// A number has so many digits of 256, and a carry.
const DIGITS: usize = 33;

/// A public key's multiples: of each digit of 256 that a number may have, the first eight. They
/// take 25 kB and save the doublings, which are most of a multiplication.
struct Multiples([LookupTable<ProjectivePoint>; DIGITS]);

impl Multiples {
    fn new(mut point: ProjectivePoint) -> Self {
        Self(std::array::from_fn(|_| {
            let table = LookupTable::new(point);
            for _ in 0..8 {
                point = point.double();
            }
            table
        }))
    }

    /// The product of the key and a number that anybody may know: how long it takes tells of it.
    fn times_vartime(&self, number: &Scalar) -> ProjectivePoint {
        // Each digit of 256 is two of 16, from -8 to 8: the higher ones are summed apart.
        let digits = Radix16Decomposition::<Radix16Digits<Sm2>>::new(number);
        let (mut low, mut high) = (ProjectivePoint::IDENTITY, ProjectivePoint::IDENTITY);
        for (place, table) in self.0.iter().enumerate() {
            low += table.select_vartime(digits[2 * place]);
            if place + 1 < DIGITS {
                high += table.select_vartime(digits[2 * place + 1]);
            }
        }
        for _ in 0..4 {
            high = high.double();
        }
        low + high
    }
}

/// Z, the hash of who signs: the length of the id in bits, the id, the curve, the public key.
fn identity(key: &AffinePoint, id: &str) -> [u8; 32] {
    let bits = u16::try_from(id.len() * 8).expect("the id is short");
    let mut sm3 = Sm3::new();
    sm3.update(bits.to_be_bytes());
    sm3.update(id);
    for parameter in CURVE {
        sm3.update(hex::decode(parameter).expect("the parameters are hex"));
    }
    let (x, y) = coordinates(key);
    sm3.update(x);
    sm3.update(y);
    sm3.finalize().into()
}

/// SM3 of a message, by itself.
pub(super) fn hash(message: &[u8]) -> [u8; 32] {
    Sm3::digest(message).into()
}

/// Whether there is a point of the curve with these coordinates.
pub(super) fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    AffinePoint::from_coordinates(&(*x).into(), &(*y).into()).is_some().into()
}

fn coordinates(point: &AffinePoint) -> ([u8; 32], [u8; 32]) {
    let encoded = point.to_sec1_point(false);
    let mut both = ([0; 32], [0; 32]);
    if let [_, bytes @ ..] = encoded.as_bytes()
        && bytes.len() == 64
    {
        both.0.copy_from_slice(&bytes[..32]);
        both.1.copy_from_slice(&bytes[32..]);
    }
    both
}

/// A private key, with what every use of it needs worked out once.
pub(super) struct Private {
    d: NonZeroScalar,
    /// (1 + d)⁻¹.
    inverse: Scalar,
    public: Arc<Public>,
}

impl Drop for Private {
    fn drop(&mut self) {
        self.d.zeroize();
        self.inverse.zeroize();
    }
}

impl Private {
    /// None for n - 1, the one number that can encrypt but not sign.
    pub(super) fn new(key: &sm2::SecretKey) -> Option<Self> {
        let d = key.to_nonzero_scalar();
        let inverse = (*d + Scalar::ONE).invert().into_option()?;
        Some(Self { d, inverse, public: Arc::new(Public::new(key.public_key())) })
    }

    pub(super) fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let der = sm2::SecretKey::from(self.d).to_pkcs8_der().expect("a number is short");
        Zeroizing::new(der.as_bytes().to_vec())
    }

    pub(super) const fn public(&self) -> &Arc<Public> {
        &self.public
    }

    /// Signs. The nonce is made of the key and the message (RFC 6979, with SHA-256): the same
    /// message has always the same signature, and nobody's random numbers can give the key away.
    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        let e = Scalar::reduce(&self.public.digest(message));
        let mut nonces = rfc6979::KGenerator::<Sha256, U256>::new(
            &self.d.to_repr(),
            &e.to_repr(),
            &[],
            &Sm2::ORDER,
        );
        loop {
            let mut bytes = FieldBytes::default();
            nonces.fill_next_k(&mut bytes);
            let k = Scalar::from_repr(bytes).into_option();
            bytes.zeroize();
            let Some(mut k) = k else { continue };
            let x = ProjectivePoint::mul_by_generator(&k).to_affine().x();
            let r = e + Scalar::reduce(&x);
            // (1 + d)⁻¹ (k - r d), written so that it multiplies once.
            let s = self.inverse * (k + r) - r;
            let again = r.is_zero() | (r + k).is_zero() | s.is_zero();
            k.zeroize();
            if !bool::from(again) {
                return Signature { r: r.to_repr().into(), s: s.to_repr().into() };
            }
        }
    }

    /// Decrypts a content key, trying both orders of the parts where the layout does not tell, and
    /// says whether it is one. Whatever it is, the work is the same; a point that is not on the
    /// curve is answered for by another.
    pub(super) fn decrypt(
        &self,
        sealed: &Ciphertext,
        order: Order,
    ) -> (Zeroizing<[u8; CONTENT_KEY_BYTES]>, Choice) {
        let point = AffinePoint::from_coordinates(&sealed.x.into(), &sealed.y.into());
        let on_curve = point.is_some();
        let point = point.unwrap_or(AffinePoint::GENERATOR);
        let shared = Shared::new(&ProjectivePoint::from(point), &self.d);
        let mut key = Zeroizing::new(shared.masked(&sealed.c2));
        let mut genuine = shared.digest(&key).ct_eq(&sealed.c3);
        if order == Order::Unknown {
            let swapped = sealed.swapped();
            let other = Zeroizing::new(shared.masked(&swapped.c2));
            let other_genuine = shared.digest(&other).ct_eq(&swapped.c3);
            key.conditional_assign(&other, other_genuine);
            genuine |= other_genuine;
        }
        (key, genuine & on_curve)
    }
}

/// What both sides know: the point (x2, y2), and the mask that the KDF makes of it.
struct Shared {
    x: [u8; 32],
    y: [u8; 32],
    mask: [u8; CONTENT_KEY_BYTES],
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.mask.zeroize();
    }
}

impl Shared {
    fn new(point: &ProjectivePoint, scalar: &NonZeroScalar) -> Self {
        let (x, y) = coordinates(&(point * &**scalar).to_affine());
        let mut sm3 = Sm3::new();
        sm3.update(x);
        sm3.update(y);
        // A content key is shorter than a hash, so the KDF counts to one.
        sm3.update(1_u32.to_be_bytes());
        let mut mask = [0; CONTENT_KEY_BYTES];
        mask.copy_from_slice(&sm3.finalize()[..CONTENT_KEY_BYTES]);
        Self { x, y, mask }
    }

    fn masked(&self, text: &[u8; CONTENT_KEY_BYTES]) -> [u8; CONTENT_KEY_BYTES] {
        std::array::from_fn(|at| text[at] ^ self.mask[at])
    }

    fn digest(&self, key: &[u8; CONTENT_KEY_BYTES]) -> [u8; 32] {
        let mut sm3 = Sm3::new();
        sm3.update(self.x);
        sm3.update(key);
        sm3.update(self.y);
        sm3.finalize().into()
    }
}
