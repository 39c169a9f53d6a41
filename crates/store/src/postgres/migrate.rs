//! Schema versions. A step that an older program can live with is taken while such programs run; one
//! that it cannot is taken when none does any more.

use std::time::Duration;

use super::connection::{Connection, cell};
use super::node::NOW_MS;
use crate::errors::corrupt;
use crate::sql::Cell;
use crate::{Opened, StoreError};

/// One step of the schema's history; the n-th makes version n.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) sql: &'static str,
    /// The oldest version whose programs go on working after it: its own number for a step that takes
    /// something away.
    pub(super) needs: u32,
}

/// The schema's history.
pub(super) const STEPS: &[Step] = &[
    Step { sql: include_str!("migrations/0001_begin.sql"), needs: 1 },
    Step { sql: include_str!("migrations/0002_archived.sql"), needs: 1 },
];

/// How long a step waits for those who read what it changes, a backup perhaps: all that write wait
/// behind it meanwhile …
const WAITS: &str = "SET LOCAL lock_timeout = '2s'";
/// … how long they have their turn before it is tried again …
const PAUSE: Duration = Duration::from_secs(2);
/// … and how often it is.
const TRIES: u32 = 150;

/// The schema version that this program makes.
pub(super) fn newest() -> u32 {
    number(STEPS)
}

pub(super) fn number(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).expect("steps are written by hand")
}

/// Brings a database to this version.
pub(crate) fn migrate_to_newest(conn: &Connection) -> Result<Opened, StoreError> {
    migrate(conn, STEPS)
}

/// Brings a database to the newest of `steps`, all in one transaction. One node at a time.
pub(super) fn migrate(conn: &Connection, steps: &[Step]) -> Result<Opened, StoreError> {
    let known = number(steps);
    if let Some(opened) = nothing_to_do(conn, known)? {
        return Ok(opened);
    }
    if let Err(error) = make_versions(conn) {
        // Of nodes that make it at once all but one are refused, with one code or another, once it
        // is there.
        if !conn.is_usable() || !has_table(conn, "migrations")? {
            return Err(error);
        }
    }
    let mut tries = 1;
    loop {
        conn.execute_batch("BEGIN")?;
        let migrated = with_lock(conn, steps, known);
        match &migrated {
            Ok(_) => conn.execute_batch("COMMIT")?,
            Err(_) if conn.is_usable() => conn.execute_batch("ROLLBACK")?,
            Err(_) => {}
        }
        match migrated {
            Err(StoreError::Again(why)) if conn.is_usable() && tries < TRIES => {
                tracing::warn!(why, "a step of the schema waits for others");
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            migrated => return migrated,
        }
    }
}

/// Where the schema is as it should be, asked without a lock: where no commit ends, as a standby is
/// away, nobody must wait for who only looks.
fn nothing_to_do(conn: &Connection, known: u32) -> Result<Option<Opened>, StoreError> {
    if !has_table(conn, "migrations")? {
        return Ok(None);
    }
    let found = one_number(conn, "SELECT max(version) FROM migrations")?;
    let needs = one_number(conn, "SELECT max(needs) FROM migrations")?;
    if needs > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok((found >= known).then_some(Opened { from_version: found, version: found }))
}

/// The version of the installation that is there, if there is one.
pub(super) fn version(conn: &Connection) -> Result<Option<u32>, StoreError> {
    let made = has_table(conn, "installation")?;
    made.then(|| one_number(conn, "SELECT max(version) FROM migrations")).transpose()
}

fn has_table(conn: &Connection, name: &str) -> Result<bool, StoreError> {
    let mut select = conn.prepare(
        "SELECT 1 FROM information_schema.tables \
         WHERE table_schema = current_schema() AND CAST(table_name AS TEXT) = ?1",
    )?;
    Ok(select.query(&[Cell::from(name)])?.next()?.is_some())
}

/// The table of versions, and the row that whoever migrates locks: both or neither.
fn make_versions(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, needs BIGINT NOT NULL); \
         INSERT INTO migrations (version, needs) VALUES (0, 0) ON CONFLICT (version) DO NOTHING",
    )
}

fn with_lock(conn: &Connection, steps: &[Step], known: u32) -> Result<Opened, StoreError> {
    one_number(conn, "SELECT version FROM migrations WHERE version = 0 FOR UPDATE")?;
    conn.execute_batch(WAITS)?;
    let from_version = one_number(conn, "SELECT max(version) FROM migrations")?;
    let needs = one_number(conn, "SELECT max(needs) FROM migrations")?;
    if needs > known {
        return Err(StoreError::Newer { found: from_version, known });
    }
    for (at, step) in (1..).zip(steps).skip(from_version as usize) {
        if at > 1 {
            let older = format!(
                "SELECT count(*) FROM nodes WHERE until >= {NOW_MS} AND knows < {}",
                step.needs
            );
            let older = one_number(conn, &older)?;
            if older > 0 {
                return Err(StoreError::OlderNodes(older));
            }
        }
        if step.needs > 1 {
            // A node that sleeps, and whose slot is over, must not wake up and write as before.
            let mut fence =
                conn.prepare("UPDATE nodes SET token = ''::BYTEA, until = 0 WHERE knows < ?1")?;
            fence.execute(&[Cell::from(step.needs)])?;
        }
        conn.execute_batch(step.sql)?;
        let mut insert = conn.prepare("INSERT INTO migrations (version, needs) VALUES (?1, ?2)")?;
        insert.execute(&[Cell::from(at), Cell::from(step.needs)])?;
    }
    Ok(Opened { from_version, version: from_version.max(known) })
}

/// Whether a program that knows so many versions can live with the schema, which stays as it is until
/// the transaction under way ends.
pub(super) fn lives_with(conn: &Connection, known: u32) -> Result<(), StoreError> {
    one_number(conn, "SELECT version FROM migrations WHERE version = 0 FOR SHARE")?;
    let needs = one_number(conn, "SELECT max(needs) FROM migrations")?;
    if needs <= known {
        return Ok(());
    }
    let found = one_number(conn, "SELECT max(version) FROM migrations")?;
    Err(StoreError::Newer { found, known })
}

fn one_number(conn: &Connection, sql: &str) -> Result<u32, StoreError> {
    let mut select = conn.prepare(sql)?;
    let mut rows = select.query(&[])?;
    match rows.next()?.map(|row| cell(row, 0)).transpose()? {
        Some(Cell::Int(number)) => {
            u32::try_from(number).map_err(|_| corrupt(format!("{number} is no version")))
        }
        other => Err(corrupt(format!("{other:?} instead of a version"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
