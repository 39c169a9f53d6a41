//! A node's place among the others.

use aws_lc_rs::rand;

use super::connection::{Array, Connection, all_or_again};
use super::migrate;
use crate::StoreError;
use crate::sql::{Cell, Expected, Row};

/// How far apart a node's numbers are: each ends in the node's slot.
pub(crate) const ID_STEP: i64 = 256;

/// The database's clock, in Unix milliseconds: leases are judged by it alone.
pub(crate) const NOW_MS: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// Why a batch fails whose node has lost its slot.
pub(super) const SLOT_TAKEN: &str = "another node has taken this node's slot";

/// How long a slot is held without being renewed.
const LEASE_MS: i64 = 60_000;

/// How often a slot is asked for: of two nodes that take a new one at once, one is refused.
const TRIES: u32 = 20;

/// A slot that this process holds.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) slot: i64,
    pub(super) token: [u8; 16],
    /// The highest number this slot has given out.
    pub(super) last_id: i64,
}

impl Node {
    /// Takes a slot that nobody holds.
    pub(super) fn claim(conn: &Connection, knows: u32) -> Result<Self, StoreError> {
        let token = token()?;
        let mut tried = 1;
        loop {
            match Self::try_claim(conn, token, knows) {
                Err(StoreError::Again(_)) if conn.is_usable() && tried < TRIES => tried += 1,
                claimed => return claimed,
            }
        }
    }

    /// Not while the schema changes: a program that is too old for what comes of it gets no slot.
    fn try_claim(conn: &Connection, token: [u8; 16], knows: u32) -> Result<Self, StoreError> {
        conn.execute_batch("BEGIN")?;
        let claimed = migrate::lives_with(conn, knows).and_then(|()| take(conn, token, knows));
        match &claimed {
            Ok(_) => conn.execute_batch("COMMIT")?,
            Err(_) if conn.is_usable() => conn.execute_batch("ROLLBACK")?,
            Err(_) => {}
        }
        claimed
    }

    /// Writes the highest number given out, with the batch that it is part of, and holds on to the
    /// slot. Where another holds the slot by now, the batch fails with [`SLOT_TAKEN`].
    pub(super) fn fence(&self, conn: &Connection, last_id: i64) -> Result<(), StoreError> {
        let update = format!(
            "UPDATE nodes SET last_id = v.last_id, until = {NOW_MS} + {LEASE_MS} \
             FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS BYTEA[]), CAST($3 AS BIGINT[])) \
             AS v (slot, token, last_id) WHERE nodes.slot = v.slot AND nodes.token = v.token"
        );
        let values = vec![
            Array::Ints(vec![Some(self.slot)]),
            Array::Blobs(vec![Some(self.token.to_vec())]),
            Array::Ints(vec![Some(last_id)]),
        ];
        conn.queue(&all_or_again(&update, "1", SLOT_TAKEN), values, Expected::Any)
    }

    /// Holds on to the slot; false where another holds it by now.
    pub(super) fn renew(&self, conn: &Connection) -> Result<bool, StoreError> {
        self.hold_until(conn, &format!("{NOW_MS} + {LEASE_MS}"))
    }

    /// Gives the slot back.
    pub(super) fn release(&self, conn: &Connection) -> Result<bool, StoreError> {
        self.hold_until(conn, "0")
    }

    fn hold_until(&self, conn: &Connection, until: &str) -> Result<bool, StoreError> {
        let mut update = conn
            .prepare(&format!("UPDATE nodes SET until = {until} WHERE slot = ?1 AND token = ?2"))?;
        Ok(update.execute(&[self.slot.into(), Cell::Blob(&self.token)])? == 1)
    }

    /// The highest number that is committed for this slot; `None` where another holds the slot by now.
    /// What is under way is waited for. What was sent and has not been read yet, as a network or a busy
    /// server may hold it back, comes to nothing afterwards: it is another holder's.
    pub(super) fn committed(&mut self, conn: &Connection) -> Result<Option<i64>, StoreError> {
        let token = token()?;
        let mut take_over = conn.prepare(
            "UPDATE nodes SET token = ?3 WHERE slot = ?1 AND token = ?2 RETURNING last_id",
        )?;
        let values = [self.slot.into(), Cell::Blob(&self.token), Cell::Blob(&token)];
        let mut rows = take_over.query(&values)?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let last_id = Row::Postgres(row).get(0)?;
        self.token = token;
        Ok(Some(last_id))
    }
}

/// Takes a slot within the transaction under way.
fn take(conn: &Connection, token: [u8; 16], knows: u32) -> Result<Node, StoreError> {
    let free = format!(
        "UPDATE nodes SET token = ?1, knows = ?2, until = {NOW_MS} + {LEASE_MS} \
         WHERE slot = (SELECT slot FROM nodes WHERE until < {NOW_MS} \
         ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING slot, last_id"
    );
    // Above all that others have given out, so that a business clock that ran ahead of this one, or of
    // an installation that was copied, is followed.
    let new = format!(
        "INSERT INTO nodes (slot, token, knows, until, last_id) \
         SELECT coalesce(max(slot) + 1, 0), CAST(?1 AS BYTEA), CAST(?2 AS BIGINT), \
         {NOW_MS} + {LEASE_MS}, coalesce(max(last_id) - max(last_id) % {ID_STEP} + {ID_STEP} \
         + max(slot) + 1, 0) FROM nodes HAVING coalesce(max(slot) + 1, 0) < {ID_STEP} \
         RETURNING slot, last_id"
    );
    for sql in [free, new] {
        let mut claim = conn.prepare(&sql)?;
        let mut rows = claim.query(&[Cell::Blob(&token), Cell::from(knows)])?;
        if let Some(row) = rows.next()? {
            let row = Row::Postgres(row);
            return Ok(Node { slot: row.get(0)?, token, last_id: row.get(1)? });
        }
    }
    Err(StoreError::Unavailable(format!("{ID_STEP} nodes hold a slot; there are no more")))
}

/// What tells a holder from the one before.
#[allow(
    clippy::disallowed_methods,
    reason = "it need only differ from others; nothing is decided by it"
)]
pub(super) fn token() -> Result<[u8; 16], StoreError> {
    let mut token = [0; 16];
    rand::fill(&mut token)
        .map_err(|_| StoreError::Unavailable("no random bytes to be had".to_owned()))?;
    Ok(token)
}
