//! What several nodes tell each other by way of the database.

use std::time::Duration;

use jiff::Timestamp;

use super::Reader;
use crate::columns::time;
use crate::postgres::{NOW_MS, NonceTable};
use crate::sql::Cell;
use crate::{Place, StoreError};

impl Reader {
    /// Whether other nodes may use the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.0.pool.place(), Place::Postgres(_))
    }

    /// Rises with each change to what nodes keep in memory, whichever node makes it; always the
    /// same in an embedded store.
    pub fn changes(&self) -> Result<i64, StoreError> {
        if !self.is_shared() {
            return Ok(0);
        }
        self.conn()?.query_row("SELECT changes FROM installation", (), |row| row.get(0))
    }

    /// The time that leases are judged by: a shared database's own clock, else `here`.
    pub fn lease_time(&self, here: Timestamp) -> Result<Timestamp, StoreError> {
        if !self.is_shared() {
            return Ok(here);
        }
        self.conn()?.query_row(&format!("SELECT {NOW_MS}"), (), |row| time(row, 0))
    }

    /// Takes what only one node at a time may do, or holds on to it, for so long; false where
    /// another has it. `token` tells the nodes apart. In an embedded store there is no other.
    pub fn hold_lease(
        &self,
        name: &str,
        token: &[u8; 16],
        lasts: Duration,
    ) -> Result<bool, StoreError> {
        if !self.is_shared() {
            return Ok(true);
        }
        let conn = self.conn()?;
        let mut take = conn.prepare(&format!(
            "INSERT INTO leases (name, token, until) VALUES (?1, ?2, {NOW_MS} + ?3) \
             ON CONFLICT (name) DO UPDATE SET token = excluded.token, until = excluded.until \
             WHERE leases.token = excluded.token OR leases.until < {NOW_MS}"
        ))?;
        let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        Ok(take.execute((name, Cell::Blob(token), lasts))? == 1)
    }

    /// Gives it back, so that another node need not wait for its end.
    pub fn release_lease(&self, name: &str, token: &[u8; 16]) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let conn = self.conn()?;
        let mut release = conn.prepare("DELETE FROM leases WHERE name = ?1 AND token = ?2")?;
        release.execute((name, Cell::Blob(token))).map(drop)
    }

    /// Where nodes tell each other of the nonces they have taken; an embedded store has none.
    pub fn nonces(&self) -> Option<NonceTable> {
        match self.0.pool.place() {
            Place::Postgres(address) => Some(NonceTable::new(address.clone(), self.clone())),
            Place::Directory(_) => None,
        }
    }

    /// How many connections to the database broke, this node's writer's among them; each is opened
    /// again when it is needed.
    pub fn reconnects(&self) -> u64 {
        self.0.pool.broken()
    }

    pub(crate) fn connection_broke(&self) {
        self.0.pool.broke(1);
    }

    /// What a nonce of `whose` is known by in every node.
    pub fn nonce_hash(&self, whose: &str, nonce: &str) -> u128 {
        self.0.keys.nonce(whose, nonce)
    }
}
