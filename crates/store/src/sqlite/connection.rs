//! Opening: the lock, the writer's connection, readers' connections.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::StoreError;
use crate::errors::corrupt;

/// A handle on the database file beside SQLite's own. It must be closed after every connection:
/// closing it lets go of the locks that the process holds on the file.
pub(super) fn file(directory: &Path) -> Result<Arc<File>, StoreError> {
    let path = database(directory);
    File::open(&path).map(Arc::new).map_err(|error| {
        StoreError::Unavailable(format!("{} cannot be opened: {error}", path.display()))
    })
}

/// More statements than there are in this crate.
const STATEMENTS: usize = 192;

pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("huodong.db")
}

pub(crate) fn exists(directory: &Path) -> bool {
    database(directory).is_file()
}

/// Makes the directory where it is missing, for its owner alone: who donated is nobody else's
/// business on the machine.
pub(super) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        let directory = directory.display();
        StoreError::Unavailable(format!("{directory} cannot be made: {error}"))
    })
}

/// Keeps other processes out as long as the file is held.
pub(crate) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("huodong.lock");
    let failed = |error: std::io::Error| {
        StoreError::Unavailable(format!("{} cannot be locked: {error}", path.display()))
    };
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

pub(super) fn writer(directory: &Path, cache_mib: u32) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(database(directory), flags)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.busy_timeout(Duration::from_secs(5))?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Unavailable(format!("journal mode {mode} instead of wal")));
    }
    // Otherwise SQLite plans a statement anew whenever a parameter is bound that a partial index's
    // condition could match, which costs more than running it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A commit is on disk when it returns; checkpoints are made beside the writer.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    // What a statement of many rows keeps to undo itself belongs in memory, not in a file.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -(i64::from(cache_mib.max(1)) * 1024))?;
    Ok(conn)
}

pub(crate) fn reader(directory: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(database(directory), flags)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.busy_timeout(Duration::from_secs(5))?;
    Ok(conn)
}

/// The secret that keys are hashed under; made once for each database.
#[allow(
    clippy::disallowed_methods,
    reason = "made at most once for a database, before anything could depend on it"
)]
pub(super) fn secret(conn: &Connection) -> Result<[u8; 16], StoreError> {
    const NAME: &str = "hash_secret";
    let known: Option<Vec<u8>> = conn
        .query_row("SELECT value FROM meta WHERE name = ?1", [NAME], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return known.try_into().map_err(|_| corrupt("the hash secret has another length"));
    }
    let mut secret = [0; 16];
    aws_lc_rs::rand::fill(&mut secret)
        .map_err(|_| StoreError::Unavailable("no random bytes to be had".to_owned()))?;
    conn.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (NAME, &secret[..]))?;
    Ok(secret)
}

/// Begins a new epoch: from now on the batches of whoever wrote before are refused. Gives the epoch
/// and the highest number given out.
pub(crate) fn take_over(conn: &Connection) -> Result<(i64, i64), StoreError> {
    Ok(conn.query_row(
        "UPDATE writer SET epoch = epoch + 1 WHERE one = 1 RETURNING epoch, last_id",
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?)
}

pub(super) fn last_id(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row("SELECT last_id FROM writer", (), |row| row.get(0))?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn the_writer_is_told_of_a_commit_once_it_is_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let conn = super::writer(directory.path(), 1).unwrap();
        let pragma = |name: &str| {
            conn.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(pragma("synchronous"), 2.into(), "FULL");
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    }
}
