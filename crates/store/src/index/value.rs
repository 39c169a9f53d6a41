use huodong_campaign::{Fen, Id, UserFlowers, UserUsage};

use crate::StoreError;
use crate::errors::corrupt;

/// What a key leads to: up to 28 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    len: u8,
    bytes: [u8; MAX],
}

const MAX: usize = 28;
const ID: usize = 8;
const FLOWERS: usize = 16;
const USAGE: usize = 28;

impl Value {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn new(parts: &[&[u8]]) -> Self {
        let mut bytes = [0; MAX];
        let mut len: u8 = 0;
        for part in parts {
            for byte in *part {
                bytes[usize::from(len)] = *byte;
                len += 1;
            }
        }
        Self { len, bytes }
    }

    /// What [`Value::bytes`] gave; none where it is longer than any value.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= MAX).then(|| Self::new(&[bytes]))
    }

    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..at + N].try_into().expect("N bytes")
    }

    pub(crate) fn id(id: Id) -> Self {
        Self::new(&[&id.0.to_le_bytes()])
    }

    pub(crate) fn to_id(self) -> Result<Id, StoreError> {
        self.expect(ID, "a row's number")?;
        Ok(Id(i64::from_le_bytes(self.part(0))))
    }

    pub(crate) fn usage(usage: &UserUsage) -> Self {
        Self::new(&[
            &usage.count_total.to_le_bytes(),
            &usage.money_total.0.to_le_bytes(),
            &usage.day.to_le_bytes(),
            &usage.count_day.to_le_bytes(),
            &usage.money_day.0.to_le_bytes(),
        ])
    }

    pub(crate) fn to_usage(self) -> Result<UserUsage, StoreError> {
        self.expect(USAGE, "a user's usage")?;
        Ok(UserUsage {
            count_total: u32::from_le_bytes(self.part(0)),
            money_total: Fen(i64::from_le_bytes(self.part(4))),
            day: i32::from_le_bytes(self.part(12)),
            count_day: u32::from_le_bytes(self.part(16)),
            money_day: Fen(i64::from_le_bytes(self.part(20))),
        })
    }

    pub(crate) fn flowers(flowers: &UserFlowers) -> Self {
        Self::new(&[
            &flowers.total.to_le_bytes(),
            &flowers.day.to_le_bytes(),
            &flowers.on_day.to_le_bytes(),
        ])
    }

    pub(crate) fn to_flowers(self) -> Result<UserFlowers, StoreError> {
        self.expect(FLOWERS, "a user's flowers")?;
        Ok(UserFlowers {
            total: u64::from_le_bytes(self.part(0)),
            day: i32::from_le_bytes(self.part(8)),
            on_day: u32::from_le_bytes(self.part(12)),
        })
    }

    /// What it must be, by its length.
    pub(crate) fn kind(&self) -> Kind {
        match usize::from(self.len) {
            ID => Kind::Id,
            FLOWERS => Kind::Flowers,
            USAGE => Kind::Usage,
            _ => Kind::Unknown,
        }
    }

    fn expect(&self, len: usize, what: &str) -> Result<(), StoreError> {
        if usize::from(self.len) == len {
            Ok(())
        } else {
            Err(corrupt(format!("{} bytes in the hash index are not {what}", self.len)))
        }
    }
}

/// What kinds of value there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Flowers,
    Usage,
    Unknown,
}

/// Appends an entry: the hash, the value's length, the value.
pub(crate) fn encode(to: &mut Vec<u8>, hash: u128, value: &Value) {
    to.extend_from_slice(&hash.to_le_bytes());
    to.push(value.len);
    to.extend_from_slice(value.bytes());
}

/// How many bytes [`encode`] appends.
pub(crate) fn encoded_len(value: &Value) -> usize {
    16 + 1 + usize::from(value.len)
}

/// The entries of a row, as they were encoded.
pub(crate) struct Entries<'a>(pub(crate) &'a [u8]);

impl Iterator for Entries<'_> {
    type Item = Result<(u128, Value), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.split();
        if entry.is_none() {
            self.0 = &[];
        }
        Some(entry.ok_or_else(|| corrupt("an entry of the hash index is cut short")))
    }
}

impl Entries<'_> {
    fn split(&mut self) -> Option<(u128, Value)> {
        let (hash, rest) = self.0.split_first_chunk::<16>()?;
        let (&len, rest) = rest.split_first()?;
        let (bytes, rest) = rest.split_at_checked(usize::from(len))?;
        if bytes.len() > MAX {
            return None;
        }
        self.0 = rest;
        Some((u128::from_le_bytes(*hash), Value::new(&[bytes])))
    }
}
