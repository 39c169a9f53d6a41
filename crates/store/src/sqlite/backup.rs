//! Backups: a copy of the database as it stood at one moment, made beside its writer, and how it
//! becomes a database again.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{Embedded, connection, migrate};
use crate::index::KeyHasher;
use crate::{AuditReport, Opened, StoreError, StoreOptions, sql, verify};

/// Pages copied between two reports of how far it is: 16 MiB. A test's database is smaller than
/// that, and shall be copied in several steps too.
const STEP_PAGES: i32 = if cfg!(test) { 8 } else { 4096 };

/// Copies the embedded store in `directory` into `file`, whether a server runs on it or not, and checks
/// every invariant of the copy. Batches that were committed when it began are in it, later ones are
/// not. A running server goes on meanwhile; only its write-ahead log cannot begin anew until all is
/// copied.
///
/// `file` must be there, empty, so that the caller has said who may read it. It is whole and on disk
/// when this returns; after an error, and where the report tells of violations, it is of no use.
/// `progress` is told how many bytes are copied, and of how many.
pub fn backup(
    directory: &Path,
    file: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AuditReport, StoreError> {
    if !connection::exists(directory) {
        return Err(StoreError::Missing(directory.to_owned()));
    }
    copy(&connection::reader(directory)?, file, progress)?;
    let copy = open(file)?;
    // The copied header asks for a write-ahead log; a backup is one file.
    copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
    let secret = connection::secret(&copy)?;
    let report = verify::verify(&sql::Connection::Sqlite(copy), &KeyHasher::new(&secret))?;
    sync(file)?;
    Ok(report)
}

fn copy(
    from: &Connection,
    file: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    // While this transaction lasts, every step reads the same state. Without it, each batch that
    // the server commits meanwhile would have the copy begin again.
    from.execute_batch("BEGIN")?;
    let found = migrate::version(from)?;
    let known = migrate::newest();
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found < known {
        return Err(StoreError::Unavailable(format!(
            "its schema has version {found}, which this program could only check after migrating \
             it; back it up with the program that it was made by"
        )));
    }
    let mut to = open(file)?;
    // It is worth nothing until it is whole, and is synced once it is.
    to.query_row("PRAGMA journal_mode = OFF", (), |_| Ok(()))?;
    to.pragma_update(None, "synchronous", "OFF")?;
    let page: u64 = from.query_row("PRAGMA page_size", (), |row| row.get::<_, u32>(0))?.into();
    let backup = Backup::new(from, &mut to)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let at = backup.progress();
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page;
        progress(bytes(at.pagecount - at.remaining), bytes(at.pagecount));
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // Nobody writes to the copy, and readers of a write-ahead log wait for nobody.
            _ => return Err(StoreError::Unavailable("it is locked".to_owned())),
        }
    }
    drop(backup);
    close(to)
}

/// Makes an embedded store in `directory` out of a backup, migrating it where it is older, and checks
/// every invariant before it is put in its place. [`StoreError::Present`] where there is one already.
/// Where the report tells of violations, nothing is left in the directory. Of `options` only what is
/// about opening it counts.
pub fn restore(
    directory: &Path,
    file: &Path,
    options: &StoreOptions,
) -> Result<(Opened, AuditReport), StoreError> {
    is_backup(file)?;
    connection::make_directory(directory)?;
    let _lock = connection::lock(directory)?;
    if connection::exists(directory) {
        return Err(StoreError::Present(directory.to_owned()));
    }
    // In there it can be opened, checked and thrown away without anybody taking it for a database.
    let aside = directory.join("restoring");
    remove(&aside)?;
    let restored = try_out(&aside, file, options).and_then(|(opened, report)| {
        if report.violations.is_empty() {
            let database = connection::database(directory);
            std::fs::rename(connection::database(&aside), &database)
                .map_err(failed("put in its place", &database))?;
            sync(directory)?;
        }
        Ok((opened, report))
    });
    remove(&aside)?;
    restored
}

/// Opens a copy of the backup, as a server would, and checks it.
fn try_out(
    directory: &Path,
    file: &Path,
    options: &StoreOptions,
) -> Result<(Opened, AuditReport), StoreError> {
    connection::make_directory(directory)?;
    let database = connection::database(directory);
    std::fs::copy(file, &database).map_err(failed("copied", file))?;
    let (store, opened) = Embedded::open(directory, options)?;
    let report = store.reader().verify()?;
    drop(store);
    // What would be left of a log here is part of the database, and would not be moved with it.
    if log_of(&database).metadata().is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::Unavailable("its write-ahead log could not be emptied".to_owned()));
    }
    sync(&database)?;
    Ok((opened, report))
}

/// Refuses what would make another database than the one that was backed up.
fn is_backup(file: &Path) -> Result<(), StoreError> {
    if log_of(file).metadata().is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::Unavailable(format!(
            "{} has a write-ahead log beside it: it is a database that was copied while it was \
             open, not a backup",
            file.display()
        )));
    }
    let conn = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // An empty file is an empty database to SQLite.
    if migrate::version(&conn)? == 0 {
        return Err(StoreError::Corrupt(format!("{} holds no database", file.display())));
    }
    close(conn)
}

fn log_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-wal");
    name.into()
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(file, flags)?)
}

fn close(conn: Connection) -> Result<(), StoreError> {
    conn.close().map_err(|(_, error)| error.into())
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("synced", path))
}

fn remove(directory: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed("removed", directory)(error))
        }
        _ => Ok(()),
    }
}

fn failed(done: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |error| StoreError::Unavailable(format!("{} cannot be {done}: {error}", path.display()))
}
