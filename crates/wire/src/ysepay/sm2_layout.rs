//! The layouts in which SM2's signatures and ciphertexts travel.

use super::CONTENT_KEY_BYTES;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// r and s.
pub(super) struct Signature {
    pub(super) r: [u8; 32],
    pub(super) s: [u8; 32],
}

impl Signature {
    /// Reads DER{r, s} or r ‖ s.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(raw) = <&[u8; 64]>::try_from(bytes) {
            let [r, s] = halves(raw);
            return Some(Self { r, s });
        }
        let mut parts = Parts::sequence(bytes)?;
        let (r, s) = (parts.integer()?, parts.integer()?);
        parts.0.is_empty().then_some(Self { r, s })
    }

    /// DER{r, s}.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut inside = Vec::with_capacity(70);
        write_integer(&mut inside, &self.r);
        write_integer(&mut inside, &self.s);
        sequence(&inside)
    }
}

/// A content key encrypted: the point C1 as x and y, the hash C3, the masked key C2.
pub(super) struct Ciphertext {
    pub(super) x: [u8; 32],
    pub(super) y: [u8; 32],
    pub(super) c3: [u8; 32],
    pub(super) c2: [u8; CONTENT_KEY_BYTES],
}

/// Whether the layout told C3 from C2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It did.
    Known,
    /// It did not; they were read as C3 ‖ C2.
    Unknown,
}

impl Ciphertext {
    /// What stands for bytes that are no ciphertext, so that they cost the same.
    pub(super) const NONE: Self = Self { x: [0; 32], y: [0; 32], c3: [0; 32], c2: [0; 16] };

    /// Reads DER{x, y, C3, C2}, or the parts one after the other, C1 with or without its leading
    /// 04, C3 and C2 in either order.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, Order)> {
        let raw = match bytes {
            [0x04, raw @ ..] if raw.len() == 112 => Some(raw),
            raw if raw.len() == 112 => Some(raw),
            _ => None,
        };
        if let Some(raw) = raw.and_then(|raw| <&[u8; 112]>::try_from(raw).ok()) {
            let part = |from: usize| std::array::from_fn(|at| raw[from + at]);
            let c2 = std::array::from_fn(|at| raw[96 + at]);
            return Some((Self { x: part(0), y: part(32), c3: part(64), c2 }, Order::Unknown));
        }
        let mut parts = Parts::sequence(bytes)?;
        let (x, y) = (parts.integer()?, parts.integer()?);
        let c3 = parts.octets()?.try_into().ok()?;
        let c2 = parts.octets()?.try_into().ok()?;
        parts.0.is_empty().then_some((Self { x, y, c3, c2 }, Order::Known))
    }

    /// How many bytes C2 has, where it is a ciphertext in DER whatever it holds, or may be one in
    /// parts.
    pub(super) fn content_length(bytes: &[u8]) -> Option<usize> {
        if let Some(mut parts) = Parts::sequence(bytes) {
            parts.integer()?;
            parts.integer()?;
            parts.octets().filter(|c3| c3.len() == 32)?;
            return parts.octets().map(<[u8]>::len);
        }
        // The point and the hash are 96 bytes, and what callers encrypt in place of the key is the
        // key in base64 or in hex.
        let length = bytes.strip_prefix(&[0x04]).unwrap_or(bytes).len().checked_sub(96)?;
        [24, 32].contains(&length).then_some(length)
    }

    /// Whether C1 is a point of the curve.
    pub(super) fn is_on_curve(&self) -> bool {
        super::sm2::is_on_curve(&self.x, &self.y)
    }

    /// The same with C3 and C2 read the other way round.
    pub(super) fn swapped(&self) -> Self {
        let mut tail = [0; 48];
        tail[..32].copy_from_slice(&self.c3);
        tail[32..].copy_from_slice(&self.c2);
        let c2 = std::array::from_fn(|at| tail[at]);
        Self { x: self.x, y: self.y, c3: std::array::from_fn(|at| tail[16 + at]), c2 }
    }

    /// DER{x, y, C3, C2}.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut inside = Vec::with_capacity(122);
        write_integer(&mut inside, &self.x);
        write_integer(&mut inside, &self.y);
        for octets in [&self.c3[..], &self.c2[..]] {
            inside.extend([OCTETS, short(octets.len())]);
            inside.extend(octets);
        }
        sequence(&inside)
    }
}

fn halves(raw: &[u8; 64]) -> [[u8; 32]; 2] {
    [0, 32].map(|from| std::array::from_fn(|at| raw[from + at]))
}

/// The rest of what a DER sequence holds.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// A sequence that is all there is.
    fn sequence(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Self(bytes);
        let inside = outer.value(SEQUENCE)?;
        outer.0.is_empty().then_some(Self(inside))
    }

    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (length, rest) = match self.0 {
            [found, length @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*length), rest),
            [found, 0x81, length, rest @ ..] if *found == tag => (usize::from(*length), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(value)
    }

    fn octets(&mut self) -> Option<&'a [u8]> {
        self.value(OCTETS)
    }

    /// A number of at most 256 bits. Toolkits disagree about zeros in front, and one that leaves
    /// the zero before a high bit out means no negative number by it.
    fn integer(&mut self) -> Option<[u8; 32]> {
        let value = self.value(INTEGER)?;
        let zeros = value.iter().take_while(|byte| **byte == 0).count();
        let digits = &value[zeros..];
        let mut number = [0; 32];
        number.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
        (!value.is_empty()).then_some(number)
    }
}

fn write_integer(to: &mut Vec<u8>, number: &[u8; 32]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(31);
    let digits = &number[zeros..];
    let sign = usize::from(digits[0] >= 0x80);
    to.extend([INTEGER, short(digits.len() + sign)]);
    to.extend(&[0][..sign]);
    to.extend(digits);
}

fn sequence(inside: &[u8]) -> Vec<u8> {
    let mut der = Vec::with_capacity(inside.len() + 2);
    der.extend([SEQUENCE, short(inside.len())]);
    der.extend(inside);
    der
}

/// A length below 128.
fn short(length: usize) -> u8 {
    debug_assert!(length < 0x80, "what is written here is short");
    u8::try_from(length).unwrap_or(u8::MAX)
}
