//! Which nonces any node has taken.

use std::collections::HashSet;

use super::address::PostgresAddress;
use super::connection::{Array, Connection};
use super::node::NOW_MS;
use crate::StoreError;
use crate::reader::Reader;
use crate::sql::{Cell, Row};

/// How often nonces are sent again that the database has said it did not take.
const TRIES: u32 = 3;
/// How long a nonce stays after its call has gone stale: another node's clock may be behind.
const KEPT_ON_MS: i64 = 60_000;
/// The ends of nonces are rounded up to this, so that their index has few keys and stays small.
const END_STEP_MS: i64 = 60_000;
/// The nonces that any node has taken, on a connection of its own.
///
/// That connection does not wait for the disk: a caller waits for its nonce before anything is done
/// for it, and a flush here would cost each call as much as its donation does. What this can lose
/// is the last fraction of a second before the database fails (three times `wal_writer_delay` at
/// the most; with a standby, what had not reached it). A call overheard in that time can then be
/// sent once more to a node other than the one that took it, which remembers it by itself, for as
/// long as it is fresh.
pub struct NonceTable {
    address: PostgresAddress,
    reader: Reader,
    conn: Option<Connection>,
}

impl NonceTable {
    /// How many are removed with one statement.
    pub const REMOVED_AT_ONCE: usize = 5_000;

    pub(crate) fn new(address: PostgresAddress, reader: Reader) -> Self {
        Self { address, reader, conn: None }
    }

    /// Takes nonces, each known by its [hash](crate::Reader::nonce_hash), with the time in Unix
    /// milliseconds at which its call has gone stale. Tells of each whether it was new. After an
    /// error some may be taken: those calls must not be carried out, nor asked for again.
    pub fn take(&mut self, nonces: &[(u128, i64)]) -> Result<Vec<bool>, StoreError> {
        // In one order, so that two nodes do not wait for each other.
        let mut sorted: Vec<_> = nonces.to_vec();
        sorted.sort_unstable();
        let (mut hashes, mut ends) = (Array::of(sorted.len()), Array::of(sorted.len()));
        for (hash, stale_at) in sorted {
            hashes.push(Cell::Blob(&hash.to_be_bytes()))?;
            let end = stale_at.saturating_add(KEPT_ON_MS + END_STEP_MS - 1);
            ends.push(Cell::Int(end.div_euclid(END_STEP_MS) * END_STEP_MS))?;
        }
        let rows = self.insert(&[hashes, ends])?;
        let taken: Result<HashSet<u128>, StoreError> =
            rows.iter().map(|row| Ok(u128::from_be_bytes(Row::Postgres(row).get(0)?))).collect();
        let mut taken = taken?;
        Ok(nonces.iter().map(|(hash, _)| taken.remove(hash)).collect())
    }

    fn insert(&mut self, nonces: &[Array; 2]) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let mut tries = 1;
        loop {
            let conn = self.conn()?;
            let inserted = conn.query_arrays(
                "INSERT INTO nonces (hash, until) \
                 SELECT * FROM unnest(CAST($1 AS BYTEA[]), CAST($2 AS BIGINT[])) \
                 ON CONFLICT (hash) DO NOTHING RETURNING hash",
                nonces,
            );
            match inserted {
                // A session that goes on has taken none of them.
                Err(StoreError::Again(_)) if conn.is_usable() && tries < TRIES => tries += 1,
                inserted => return inserted,
            }
        }
    }

    /// Removes some of those whose calls have gone stale; true where there may be more. Nodes that
    /// do so at once remove different ones.
    pub fn remove_stale(&mut self) -> Result<bool, StoreError> {
        let conn = self.conn()?;
        // As a question of its own the time is asked for once, and so an index can be gone by.
        let mut delete = conn.prepare(&format!(
            "DELETE FROM nonces WHERE hash = ANY(ARRAY(SELECT hash FROM nonces \
             WHERE until < (SELECT {NOW_MS}) ORDER BY until LIMIT {} FOR UPDATE SKIP LOCKED))",
            Self::REMOVED_AT_ONCE
        ))?;
        Ok(delete.execute(&[])? == Self::REMOVED_AT_ONCE)
    }

    fn conn(&mut self) -> Result<&Connection, StoreError> {
        if self.conn.as_ref().is_none_or(|conn| !conn.is_alive()) {
            if self.conn.take().is_some() {
                self.reader.connection_broke();
            }
            let conn = Connection::open(&self.address)?;
            conn.execute_batch("SET synchronous_commit = off")?;
            self.conn = Some(conn);
        }
        self.conn.as_ref().ok_or_else(|| StoreError::Again("there is no connection".to_owned()))
    }
}

impl std::fmt::Debug for NonceTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NonceTable").field("address", &self.address).finish_non_exhaustive()
    }
}
