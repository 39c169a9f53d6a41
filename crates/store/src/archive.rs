//! Rows that leave the database for files, a piece at a time: each is read, written elsewhere and
//! deleted within one transaction, which commits once it lies there for good.

use std::collections::HashMap;
use std::fmt;
use std::io;

use huodong_campaign::{Archivable, Attempt, AuditEntry, Callback, Id};
use jiff::Timestamp;
use thiserror::Error;

use crate::columns::{maybe_time, ms};
use crate::errors::corrupt;
use crate::sql::{Cell, Connection, Lock, delete, many, update};
use crate::{Store, StoreError, rows};

/// Rows of one piece, about: all attempts at a callback go together. A test's database has fewer, and
/// shall be archived in several pieces too.
const ROWS_MAX: u32 = if cfg!(test) { 8 } else { 5_000 };

/// Finished callbacks with attempts that are not archived. State 3 is delivered, 4 exhausted.
const FINISHED: &str = "c.state IN (3, 4) AND c.finished_at < ?1 AND c.archived < c.attempts";

/// What is archived together, in the order of its numbers.
#[derive(Clone, Copy, Debug)]
pub enum ArchivedRows<'r> {
    /// Attempts, by the callbacks that they were made at.
    Attempts(&'r [(Callback, Vec<Attempt>)]),
    /// Entries of the audit log.
    Audit(&'r [AuditEntry]),
}

impl ArchivedRows<'_> {
    /// How many there are.
    pub fn count(self) -> u64 {
        let count = match self {
            Self::Attempts(rows) => rows.iter().map(|(_, attempts)| attempts.len()).sum(),
            Self::Audit(rows) => rows.len(),
        };
        count as u64
    }
}

/// How much may be archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveExtent {
    /// How many rows.
    pub rows: u64,
    /// When the first of them was made …
    pub from: Timestamp,
    /// … and the last.
    pub until: Timestamp,
}

/// What kept a piece from being archived. Unless it is [`StoreError::CommitUnknown`], nothing of the
/// piece was deleted.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The store failed. After [`StoreError::Again`] the same can be tried again at once.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows could not be written elsewhere.
    #[error("{0}")]
    Unwritten(#[from] io::Error),
}

/// Archives rows of one kind from before a moment; see [`Store::archive`].
pub struct Archive<'s> {
    store: &'s mut Store,
    what: Archivable,
    before: Timestamp,
    /// Looks for the next piece, however long that takes, and holds nobody up by it.
    looks: Option<Connection>,
    /// The number of the last row that was looked at.
    after: i64,
}

impl Store {
    /// Begins to archive rows from before a moment. On a shared store other nodes go on: a callback
    /// that is being changed is waited for, and looked at as it is then.
    pub fn archive(&mut self, what: Archivable, before: Timestamp) -> Archive<'_> {
        Archive { store: self, what, before, looks: None, after: i64::MIN }
    }
}

impl Archive<'_> {
    /// How much there is to be archived; `None` for nothing.
    pub fn extent(&self) -> Result<Option<ArchiveExtent>, StoreError> {
        let conn = self.store.reader().patient()?;
        let sql = match self.what {
            Archivable::Attempts => &format!(
                "SELECT count(*), min(a.at), max(a.at) FROM callbacks c \
                 JOIN attempts a ON a.callback = c.id WHERE {FINISHED}"
            ),
            Archivable::Audit => "SELECT count(*), min(at), max(at) FROM audit WHERE at < ?1",
        };
        let (rows, from, until) = conn.prepare(sql)?.query_row([ms(self.before)], |row| {
            Ok((row.get::<i64>(0)?, maybe_time(row, 1)?, maybe_time(row, 2)?))
        })?;
        let rows = u64::try_from(rows).map_err(|_| corrupt("a count below zero"))?;
        Ok(from.zip(until).map(|(from, until)| ArchiveExtent { rows, from, until }))
    }

    /// Archives the next piece and tells how many rows it had; `None` where nothing is left. `write`
    /// gets them, and is done once they are where no crash can lose them: then they are deleted. After
    /// an error the same piece comes again. A crash between the two leaves the rows in both places.
    pub fn piece(
        &mut self,
        write: impl FnOnce(ArchivedRows<'_>) -> io::Result<()>,
    ) -> Result<Option<u64>, ArchiveError> {
        let found = self.look()?;
        let Some(last) = found.last().copied() else { return Ok(None) };
        let (what, before) = (self.what, self.before);
        let archived = self.store.transact(|conn| match what {
            Archivable::Attempts => attempts(conn, &found, before, write),
            Archivable::Audit => audit(conn, &found, write),
        })?;
        self.after = last;
        Ok(Some(archived))
    }

    /// The numbers of the next rows that may go, or of the callbacks whose attempts may.
    fn look(&mut self) -> Result<Vec<i64>, StoreError> {
        let conn = match self.looks.take().filter(Connection::is_alive) {
            Some(conn) => conn,
            None => self.connect()?,
        };
        let sql = match self.what {
            Archivable::Attempts => &format!(
                "SELECT c.id, c.attempts - c.archived FROM callbacks c \
                 WHERE {FINISHED} AND c.id > ?2 ORDER BY c.id LIMIT ?3"
            ),
            Archivable::Audit => {
                "SELECT id, 1 FROM audit WHERE at < ?1 AND id > ?2 ORDER BY id LIMIT ?3"
            }
        };
        let (mut found, mut room) = (Vec::new(), i64::from(ROWS_MAX));
        {
            let mut select = conn.prepare(sql)?;
            let mut rows = select.query((ms(self.before), self.after, ROWS_MAX))?;
            while let Some(row) = rows.next()? {
                room = room.saturating_sub(row.get(1)?);
                if room < 0 && !found.is_empty() {
                    break;
                }
                found.push(row.get(0)?);
            }
        }
        self.looks = Some(conn);
        Ok(found)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let conn = self.store.reader().patient()?;
        if conn.is_postgres() {
            // From one piece to the next by the primary key: a scan would begin anew for each.
            conn.execute_batch("SET enable_seqscan = off")?;
        }
        Ok(conn)
    }
}

/// Archives the attempts at these callbacks, as far as they are still finished.
fn attempts(
    conn: &Connection,
    callbacks: &[i64],
    before: Timestamp,
    write: impl FnOnce(ArchivedRows<'_>) -> io::Result<()>,
) -> Result<u64, ArchiveError> {
    // As a batch does that changes them, so that none is sent again, nor an attempt recorded,
    // between what is read here and the commit.
    let locked = many(conn, rows::CALLBACKS, "c.id", &cells(callbacks), Lock::Own, rows::callback)?;
    let may_go = |callback: &Callback| {
        callback.ended_before(before) && callback.archived < callback.attempts
    };
    let locked: Vec<_> = locked.into_iter().map(|(_, callback)| callback).filter(may_go).collect();
    let ids: Vec<_> = locked.iter().map(|callback| callback.id.0).collect();
    let mut found: HashMap<Id, Vec<Attempt>> = HashMap::with_capacity(ids.len());
    let read = many(conn, rows::ATTEMPTS, "callback", &cells(&ids), Lock::No, rows::attempt)?;
    for (_, attempt) in read {
        found.entry(attempt.callback).or_default().push(attempt);
    }
    let mut archived = Vec::with_capacity(locked.len());
    for callback in locked {
        let mut attempts = found.remove(&callback.id).unwrap_or_default();
        attempts.sort_by_key(|attempt| attempt.number);
        let expected = callback.archived + 1..=callback.attempts;
        if !attempts.iter().map(|attempt| attempt.number).eq(expected) {
            // What an audit would call damage is left for whoever looks into it.
            return Err(corrupt(format!(
                "the attempts at callback {} are not all there, or more are",
                callback.id
            ))
            .into());
        }
        archived.push((callback, attempts));
    }
    if archived.is_empty() {
        return Ok(0);
    }
    write(ArchivedRows::Attempts(&archived))?;
    update(conn, "a callback", "callbacks", "id, archived", &archived, |bind, (callback, _)| {
        bind.next(callback.id.0)?;
        bind.next(callback.attempts)
    })?;
    // By their own numbers: only what was written goes.
    let attempts = archived.iter().flat_map(|(_, attempts)| attempts);
    let gone: Vec<_> = attempts.map(|attempt| attempt.id.0).collect();
    delete(conn, "attempts", "id", &cells(&gone))?;
    Ok(gone.len() as u64)
}

/// Archives these audit entries, as far as they are there.
fn audit(
    conn: &Connection,
    entries: &[i64],
    write: impl FnOnce(ArchivedRows<'_>) -> io::Result<()>,
) -> Result<u64, ArchiveError> {
    // Nobody changes them; but another archiving may be about to take them.
    let locked = many(conn, rows::AUDIT, "id", &cells(entries), Lock::Own, rows::audit)?;
    if locked.is_empty() {
        return Ok(0);
    }
    let (gone, archived): (Vec<_>, Vec<_>) = locked.into_iter().unzip();
    write(ArchivedRows::Audit(&archived))?;
    delete(conn, "audit", "id", &cells(&gone))?;
    Ok(gone.len() as u64)
}

fn cells(numbers: &[i64]) -> Vec<Cell<'static>> {
    numbers.iter().copied().map(Cell::from).collect()
}

impl fmt::Debug for Archive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, before, after, .. } = self;
        f.debug_struct("Archive")
            .field("what", what)
            .field("before", before)
            .field("after", after)
            .finish_non_exhaustive()
    }
}
