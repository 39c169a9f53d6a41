//! Where keys lead that have no order: callers' keys, and users. The embedded store has an index of
//! its own for them; the shared one an ordinary table.

mod key;
mod value;

use std::collections::{HashMap, VecDeque};

pub(crate) use key::KeyHasher;
pub(crate) use value::{Entries, Kind, Value, encode, encoded_len};

use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Cell, Connection, Lock, Row, insert, many, update};
use crate::sqlite::hash_index::{self, HashIndex};

/// Looks committed keys up.
#[derive(Clone)]
pub(crate) enum Lookup {
    Hash(hash_index::Lookup),
    Table,
}

impl Lookup {
    /// The newest value of a key.
    pub(crate) fn get(&self, conn: &Connection, hash: u128) -> Result<Option<Value>, StoreError> {
        Ok(self.get_many(conn, &[hash], Lock::No)?[0])
    }

    /// The same for many keys.
    pub(crate) fn get_many(
        &self,
        conn: &Connection,
        hashes: &[u128],
        lock: Lock,
    ) -> Result<Vec<Option<Value>>, StoreError> {
        match self {
            Self::Hash(lookup) => lookup.get_many(conn.sqlite(), hashes),
            Self::Table => table(conn, hashes, lock),
        }
    }

    /// Rises when everything is replaced beside a question.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Self::Hash(lookup) => lookup.generation(),
            Self::Table => 0,
        }
    }
}

pub(crate) const KEYS: &str = "SELECT hash, value FROM keys";

fn table(conn: &Connection, hashes: &[u128], lock: Lock) -> Result<Vec<Option<Value>>, StoreError> {
    let bytes: Vec<_> = hashes.iter().map(|hash| hash.to_be_bytes()).collect();
    let cells: Vec<_> = bytes.iter().map(Cell::from).collect();
    let found = many(conn, KEYS, "hash", &cells, lock, entry)?;
    let found: HashMap<_, _> = found.into_iter().collect();
    Ok(hashes.iter().map(|hash| found.get(hash).copied()).collect())
}

pub(crate) fn entry(row: Row<'_>) -> Result<(u128, Value), StoreError> {
    let value = Value::read(row.cell(1)?.as_blob()?);
    let value = value.ok_or_else(|| corrupt("a key leads to too many bytes"))?;
    Ok((u128::from_be_bytes(row.get(0)?), value))
}

/// Where a batch's entries go.
pub(crate) enum Index<'s> {
    Hash(&'s mut HashIndex),
    Table(&'s mut Entered),
}

impl Index<'_> {
    /// Adds an entry to the batch under way; `is_new` where there was none under this key.
    pub(crate) fn put(&mut self, hash: u128, value: Value, is_new: bool) {
        match self {
            Self::Hash(index) => index.put(hash, value),
            Self::Table(entered) if is_new => entered.new.push((hash.to_be_bytes(), value)),
            Self::Table(entered) => entered.changed.push((hash.to_be_bytes(), value)),
        }
    }

    /// Writes what was put, where that is not the embedded store's own affair.
    pub(crate) fn write(&mut self, conn: &Connection) -> Result<(), StoreError> {
        match self {
            Self::Hash(_) => Ok(()),
            Self::Table(entered) => std::mem::take(*entered).write(conn),
        }
    }
}

/// What a batch enters in the table.
#[derive(Default)]
pub(crate) struct Entered {
    new: Vec<([u8; 16], Value)>,
    changed: Vec<([u8; 16], Value)>,
}

impl Entered {
    /// Writes it. A key that another batch has entered meanwhile is refused, and the batch with it.
    fn write(mut self, conn: &Connection) -> Result<(), StoreError> {
        const COLUMNS: &str = "hash, value";
        self.new.sort_unstable_by_key(|(hash, _)| *hash);
        insert(conn, "keys", COLUMNS, &self.new, |bind, (hash, value)| {
            bind.next(hash)?;
            bind.next(value.bytes())
        })?;
        update(conn, "a key", "keys", COLUMNS, &self.changed, |bind, (hash, value)| {
            bind.next(hash)?;
            bind.next(value.bytes())
        })
    }
}

/// The whole index as one view of the database has it, from the lowest hash to the highest.
pub(crate) enum Merged {
    Hash(Box<hash_index::Merged>),
    Table(Ahead),
}

/// One key of the index.
pub(crate) struct MergedEntry {
    pub(crate) hash: u128,
    /// The newest.
    pub(crate) value: Value,
    /// In how many places it stands.
    pub(crate) places: usize,
}

/// What was read ahead.
#[derive(Default)]
pub(crate) struct Ahead {
    entries: VecDeque<(u128, Value)>,
    last: Option<u128>,
}

/// Entries read at once.
const AHEAD: i64 = 5_000;

impl Merged {
    pub(crate) fn open(conn: &Connection) -> Result<Self, StoreError> {
        Ok(match conn {
            Connection::Sqlite(conn) => Self::Hash(Box::new(hash_index::Merged::open(conn)?)),
            Connection::Postgres(_) => Self::Table(Ahead::default()),
        })
    }

    /// The newest value of a key.
    pub(crate) fn get(&self, conn: &Connection, hash: u128) -> Result<Option<Value>, StoreError> {
        match self {
            Self::Hash(merged) => merged.get(conn.sqlite(), hash),
            Self::Table(_) => Ok(table(conn, &[hash], Lock::No)?[0]),
        }
    }

    /// The next key.
    pub(crate) fn next(&mut self, conn: &Connection) -> Result<Option<MergedEntry>, StoreError> {
        match self {
            Self::Hash(merged) => merged.next(conn.sqlite()),
            Self::Table(ahead) => ahead.next(conn),
        }
    }
}

impl Ahead {
    fn next(&mut self, conn: &Connection) -> Result<Option<MergedEntry>, StoreError> {
        if self.entries.is_empty() {
            let mut select =
                conn.prepare(&format!("{KEYS} WHERE hash > ?1 ORDER BY hash LIMIT ?2"))?;
            let last = self.last.map(u128::to_be_bytes);
            let after = last.as_ref().map_or(&[][..], |last| last.as_slice());
            let read = select.query_and_then((after, AHEAD), entry)?;
            self.entries = read.collect::<Result<_, StoreError>>()?;
        }
        let next = self.entries.pop_front();
        self.last = next.map(|(hash, _)| hash).or(self.last);
        Ok(next.map(|(hash, value)| MergedEntry { hash, value, places: 1 }))
    }
}
