//! The shared database that is copied into.

use std::collections::{HashMap, HashSet};

use super::CopyError;
use super::source::{Identity, Lot, Table, count};
use super::tables::{KEYS, NUMBERED, TABLES};
use crate::postgres::{self, Array, ID_STEP, NOW_MS};
use crate::sql::Connection;
use crate::{PostgresAddress, StoreError};

/// How far a table is copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// How many rows are there.
    pub(super) copied: u64,
    /// The number of the last one.
    pub(super) until: i64,
}

pub(super) struct Target {
    pub(super) address: PostgresAddress,
    pub(super) conn: Connection,
}

/// Whether an installation is being copied into a database, or was when that was broken off.
pub(crate) fn is_under_way(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM information_schema.tables \
        WHERE table_schema = current_schema() AND table_name = 'copy_progress'";
    Ok(count(conn, sql)? > 0)
}

impl Target {
    /// Brings the database up to this version's tables.
    pub(super) fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        let mut conn = postgres::Connection::open(address)?;
        // A connection that is gone is told by the network; all else takes as long as it takes.
        conn.without_deadline()?;
        postgres::migrate_to_newest(&conn)?;
        let conn = Connection::Postgres(Box::new(conn));
        Ok(Self { address: address.clone(), conn })
    }

    /// Makes sure that it is this source's, or nobody's, and then this source's.
    pub(super) fn begin(&self, source: &Identity, anew: bool) -> Result<(), CopyError> {
        let mut under_way = is_under_way(&self.conn).map_err(CopyError::Target)?;
        if under_way && anew {
            self.discard().map_err(CopyError::Target)?;
            under_way = false;
        }
        if under_way {
            match self.source().map_err(CopyError::Target)? {
                known if known == *source => {}
                known if known.hash_secret == source.hash_secret => {
                    return Err(CopyError::Changed);
                }
                _ => return Err(CopyError::OtherSource),
            }
        } else {
            self.expect_empty()?;
            self.transaction(|| self.mark(source)).map_err(CopyError::Target)?;
            self.expect_no_nodes()?;
        }
        self.prepare(source).map_err(CopyError::Target)
    }

    /// Only once it is marked, so that of a node and a copy that begin at once one sees the other.
    fn expect_no_nodes(&self) -> Result<(), CopyError> {
        let live = format!("SELECT count(*) FROM nodes WHERE until >= {NOW_MS}");
        let live = self.conn.query_row(&live, (), |row| row.get(0)).map_err(CopyError::Target)?;
        if live == 0 {
            return Ok(());
        }
        // It is the node's: nothing else has been changed.
        self.release().map_err(CopyError::Target)?;
        Err(CopyError::Nodes(live))
    }

    fn expect_empty(&self) -> Result<(), CopyError> {
        for table in TABLES.iter().map(|(table, _)| *table).chain([KEYS]) {
            let but = if table == "accounts" { "WHERE id <> 1 OR balance <> 0" } else { "" };
            let found = format!(
                "SELECT count(*) FROM (SELECT 1 AS one FROM {table} {but} LIMIT 1) AS found"
            );
            if count(&self.conn, &found).map_err(CopyError::Target)? > 0 {
                return Err(CopyError::NotEmpty(table.to_owned()));
            }
        }
        Ok(())
    }

    /// From here on no node starts until the copy is done.
    fn mark(&self, source: &Identity) -> Result<(), StoreError> {
        self.conn.execute_batch(
            "CREATE TABLE copy_progress (name TEXT PRIMARY KEY, copied BIGINT NOT NULL, \
             until BIGINT NOT NULL); \
             CREATE TABLE copy_source (one BIGINT PRIMARY KEY CHECK (one = 1), \
             hash_secret BYTEA NOT NULL, epoch BIGINT NOT NULL, last_id BIGINT NOT NULL)",
        )?;
        let insert = "INSERT INTO copy_source (one, hash_secret, epoch, last_id) \
            VALUES (1, ?1, ?2, ?3)";
        let Identity { hash_secret, epoch, last_id } = source;
        self.conn.prepare(insert)?.execute((hash_secret, *epoch, *last_id))?;
        Ok(())
    }

    /// Before the first row: what makes an empty database an installation is the source's, too.
    fn prepare(&self, source: &Identity) -> Result<(), StoreError> {
        if !self.progress()?.is_empty() {
            return Ok(());
        }
        self.transaction(|| {
            self.conn
                .execute_batch("DELETE FROM accounts WHERE id = 1; DELETE FROM installation")?;
            let insert = "INSERT INTO installation (one, hash_secret, changes) VALUES (1, ?1, 1)";
            self.conn.prepare(insert)?.execute([&source.hash_secret])?;
            Ok(())
        })
    }

    fn source(&self) -> Result<Identity, StoreError> {
        let select = "SELECT hash_secret, epoch, last_id FROM copy_source";
        self.conn.query_row(select, (), |row| {
            Ok(Identity { hash_secret: row.get(0)?, epoch: row.get(1)?, last_id: row.get(2)? })
        })
    }

    /// Throws away what a copy left.
    fn discard(&self) -> Result<(), StoreError> {
        let tables: Vec<_> = TABLES.iter().map(|(table, _)| *table).chain([KEYS]).collect();
        self.transaction(|| {
            self.conn.execute_batch(&format!("TRUNCATE TABLE {}", tables.join(", ")))?;
            self.conn.execute_batch(
                "INSERT INTO accounts (id, kind, owner, balance) VALUES (1, 0, '', 0); \
                 DROP TABLE copy_progress; DROP TABLE copy_source",
            )
        })
    }

    /// The two stores must have the same columns, or something would be left behind.
    pub(super) fn expect_columns(&self, tables: &[Table]) -> Result<(), CopyError> {
        let mut select = self
            .conn
            .prepare(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = ?1",
            )
            .map_err(CopyError::Target)?;
        for table in tables {
            let found = select.query_and_then([table.name], |row| row.get::<String>(0));
            let found = found.and_then(Iterator::collect::<Result<HashSet<_>, _>>);
            let found = found.map_err(CopyError::Target)?;
            let expected: HashSet<_> = table.columns.split(", ").map(str::to_owned).collect();
            if found != expected {
                let what = format!("{} has other columns there: {found:?}", table.name);
                return Err(CopyError::Differs(vec![what]));
            }
        }
        Ok(())
    }

    /// How far earlier runs came.
    pub(super) fn progress(&self) -> Result<HashMap<String, Progress>, StoreError> {
        let mut select = self.conn.prepare("SELECT name, copied, until FROM copy_progress")?;
        let found = select.query_and_then((), |row| {
            let copied = u64::try_from(row.get::<i64>(1)?).unwrap_or(0);
            Ok((row.get(0)?, Progress { copied, until: row.get(2)? }))
        })?;
        found.collect()
    }

    /// Writes rows together with how far the table is copied then.
    pub(super) fn write(&self, lot: Lot) -> Result<(), StoreError> {
        let conn = self.conn.postgres();
        let copied = i64::try_from(lot.progress.copied).unwrap_or(i64::MAX);
        let progress = vec![
            Array::Texts(vec![Some(lot.table.to_owned())]),
            Array::Ints(vec![Some(copied)]),
            Array::Ints(vec![Some(lot.progress.until)]),
        ];
        let otherwise =
            "ON CONFLICT (name) DO UPDATE SET copied = excluded.copied, until = excluded.until";
        self.transaction(|| {
            conn.insert(lot.table, &lot.columns, "", lot.values)?;
            conn.insert("copy_progress", "name, copied, until", otherwise, progress)?;
            conn.flush()
        })
    }

    /// What questions are planned by: rows that were written at once are not counted yet.
    pub(super) fn analyze(&self) -> Result<(), StoreError> {
        let mut tables = TABLES.iter().map(|(table, _)| *table).chain([KEYS]);
        tables.try_for_each(|table| self.conn.execute_batch(&format!("ANALYZE {table}")))
    }

    /// What nodes go on from: numbers above all that were copied.
    pub(super) fn finish(&self, source: &Identity) -> Result<(), StoreError> {
        // The first node to come takes slot 0; later slots begin above it.
        let last_id = source.last_id - source.last_id.rem_euclid(ID_STEP) + ID_STEP;
        self.transaction(|| {
            for table in NUMBERED {
                let next = format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'no'), \
                     (SELECT coalesce(max(no), 0) + 1 FROM {table}), false)"
                );
                self.conn.query_row(&next, (), |_| Ok(()))?;
            }
            self.conn.execute_batch("DELETE FROM nodes")?;
            let insert = "INSERT INTO nodes (slot, token, until, last_id, knows) \
                VALUES (0, ?1, 0, ?2, 0)";
            self.conn.prepare(insert)?.execute((&[0; 16], last_id))?;
            Ok(())
        })
    }

    /// Nodes may start.
    pub(super) fn release(&self) -> Result<(), StoreError> {
        self.transaction(|| {
            self.conn.execute_batch("DROP TABLE copy_progress; DROP TABLE copy_source")
        })
    }

    fn transaction<T>(
        &self,
        write: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.conn.execute_batch("BEGIN")?;
        let written = write().and_then(|done| {
            self.conn.execute_batch("COMMIT")?;
            Ok(done)
        });
        if written.is_err() && self.conn.is_usable() {
            // What went wrong first is what is told.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        written
    }
}
