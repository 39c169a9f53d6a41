//! An index for keys in no order: idempotency keys and users. In a B-tree each would dirty a page
//! of its own; here a batch writes one row.
//!
//! It is a log-structured merge tree in miniature, kept in ordinary tables so that it changes in
//! the same transaction as the rows it points at:
//!
//! - A key is a 128-bit keyed hash of what it stands for ([`KeyHasher`]); a value is a row's number
//!   or a few counters ([`Value`]).
//! - Each batch appends its entries as one row of `hash_log`. Once that is committed they enter
//!   `active`, a map in memory, which is rebuilt from the log at start.
//! - A full `active` becomes `sealing`: it is sorted beside the writer, and the batches that follow
//!   each write a piece of it to `hash_block`. When the last piece is written, a row of `hash_run`
//!   makes it a [`Run`], and its part of the log is deleted, again a piece at a time.
//! - A look-up asks `active`, `sealing`, then the runs from the newest: the newest value counts. A
//!   filter spares it nearly every run that does not have the key.
//!
//! Why a key stays unique though no UNIQUE index says so: there is one writer (a file lock, and an
//! epoch that every batch checks), it looks each key up before it adds it, and rows and index are
//! saved by one commit. `verify` proves it for a whole database.

mod disk;
mod run;
mod seal;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::Connection;

pub(crate) use disk::Merged;
pub(super) use disk::wipe;

use crate::StoreError;
use crate::index::{Value, encode};
use run::Run;
use seal::Sealing;

/// Entries in memory, by hash.
type Memory = HashMap<u128, Value, BuildHasherDefault<Folded>>;

/// The keys are hashes already.
#[derive(Default)]
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        let [low, high] = halves(hash);
        self.0 = low ^ high;
    }
}

fn halves(hash: u128) -> [u64; 2] {
    let bytes = hash.to_le_bytes();
    let half = |at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes of sixteen"))
    };
    [half(0), half(8)]
}

/// Where committed entries are.
#[derive(Default)]
struct Levels {
    active: Memory,
    sealing: Option<Arc<Memory>>,
    /// Newest first.
    runs: Arc<Vec<Arc<Run>>>,
    /// Rises when everything is replaced: what was read before means nothing after.
    generation: u64,
}

/// Looks committed keys up; shared by the writer and its readers.
#[derive(Clone, Default)]
pub(crate) struct Lookup(Arc<RwLock<Levels>>);

impl Lookup {
    /// The newest value of each key: one run after the other, so that the filters' cache misses
    /// overlap. `conn` must see every commit up to now: a read transaction begun earlier may miss
    /// the blocks of a run sealed since.
    pub(crate) fn get_many(
        &self,
        conn: &Connection,
        hashes: &[u128],
    ) -> Result<Vec<Option<Value>>, StoreError> {
        let levels = self.0.read();
        let sealing = levels.sealing.as_deref();
        let in_memory = |hash: &u128| {
            levels.active.get(hash).or_else(|| sealing.and_then(|map| map.get(hash))).copied()
        };
        let mut found: Vec<Option<Value>> = hashes.iter().map(in_memory).collect();
        // Taken under the same lock: what left memory is in these runs, and they are committed.
        let runs = Arc::clone(&levels.runs);
        drop(levels);
        let mut candidates = Vec::new();
        for run in runs.iter() {
            candidates.clear();
            candidates.extend(
                (0..hashes.len()).filter(|&i| found[i].is_none() && run.may_hold(hashes[i])),
            );
            for &i in &candidates {
                found[i] = run.get(conn, hashes[i])?;
            }
        }
        Ok(found)
    }

    /// Rises when everything is replaced.
    pub(crate) fn generation(&self) -> u64 {
        self.0.read().generation
    }
}

/// The writer's side of the index.
pub(crate) struct HashIndex {
    lookup: Lookup,
    keys_per_run: usize,
    /// What this batch adds; not looked up before it is committed.
    pending: Vec<(u128, Value)>,
    next_seq: i64,
    next_run: i64,
    sealing: Option<Sealing>,
    log: LogTail,
    /// What the commit under way will have changed.
    step: Step,
}

/// The part of the log that runs have made superfluous.
#[derive(Clone, Copy, Default)]
struct LogTail {
    /// No row is below this.
    first: i64,
    /// Rows up to this are in runs.
    covered: i64,
}

/// Rows of the log deleted at most with one batch, so that none is held up.
const LOG_ROWS_PER_BATCH: i64 = 8;

#[derive(Default)]
struct Step {
    sealing: Option<seal::Progress>,
    log_first: Option<i64>,
}

impl HashIndex {
    /// Reads the index of a database. Without a transaction: it clears away what a crash left.
    pub(super) fn open(conn: &Connection, keys_per_run: usize) -> Result<Self, StoreError> {
        let mut index = Self {
            lookup: Lookup::default(),
            keys_per_run: keys_per_run.max(1),
            pending: Vec::new(),
            next_seq: 1,
            next_run: 1,
            sealing: None,
            log: LogTail::default(),
            step: Step::default(),
        };
        index.reload(conn)?;
        Ok(index)
    }

    /// Forgets everything in memory and reads it again.
    pub(super) fn reload(&mut self, conn: &Connection) -> Result<(), StoreError> {
        disk::drop_unfinished_run(conn)?;
        let disk::Index { runs, tail, first, last, covered } = disk::read(conn)?;
        self.pending.clear();
        self.step = Step::default();
        self.sealing = None;
        self.next_seq = last + 1;
        self.next_run = runs.first().map_or(1, |run| run.no + 1);
        self.log = LogTail { first, covered };
        let mut active = self.new_memory();
        active.extend(tail);
        let mut levels = self.lookup.0.write();
        let generation = levels.generation + 1;
        *levels = Levels { active, sealing: None, runs: Arc::new(runs), generation };
        Ok(())
    }

    /// For readers.
    pub(super) fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    /// Adds an entry to the batch under way; the last for a key counts.
    pub(crate) fn put(&mut self, hash: u128, value: Value) {
        self.pending.push((hash, value));
    }

    /// Writes what was put, and does the batch's share of the upkeep. Inside the batch's
    /// transaction; [`HashIndex::committed`] or [`HashIndex::rolled_back`] must follow.
    pub(super) fn write(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            let mut entries = Vec::with_capacity(self.pending.len() * 32);
            for (hash, value) in &self.pending {
                encode(&mut entries, *hash, value);
            }
            let mut insert =
                conn.prepare_cached("INSERT INTO hash_log (seq, entries) VALUES (?1, ?2)")?;
            insert.execute((self.next_seq, &entries))?;
        }
        self.clear_log(conn)?;
        if let Some(sealing) = &mut self.sealing {
            self.step.sealing = sealing.write_some(conn, self.pending.len())?;
        }
        Ok(())
    }

    fn clear_log(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let LogTail { first, covered } = self.log;
        if first > covered {
            return Ok(());
        }
        let until = covered.min(first + LOG_ROWS_PER_BATCH - 1);
        let mut delete = conn.prepare_cached("DELETE FROM hash_log WHERE seq BETWEEN ?1 AND ?2")?;
        delete.execute((first, until))?;
        self.step.log_first = Some(until + 1);
        Ok(())
    }

    /// The batch is on disk: its entries can be found from now on.
    pub(super) fn committed(&mut self) {
        let step = std::mem::take(&mut self.step);
        if let Some(first) = step.log_first {
            self.log.first = first;
        }
        if !self.pending.is_empty() {
            self.next_seq += 1;
        }
        let finished = match (&mut self.sealing, step.sealing) {
            (Some(sealing), Some(progress)) => sealing.committed(progress),
            _ => None,
        };
        // What is let go of is freed after the lock.
        let _freed;
        let mut levels = self.lookup.0.write();
        levels.active.extend(self.pending.drain(..));
        if let Some(run) = finished {
            // In one step for readers: they find an entry in memory or in the run, never in neither.
            self.log.covered = run.covers;
            let runs = std::iter::once(Arc::new(run)).chain(levels.runs.iter().cloned()).collect();
            levels.runs = Arc::new(runs);
            _freed = (levels.sealing.take(), self.sealing.take());
        }
        if levels.active.len() >= self.keys_per_run && self.sealing.is_none() {
            let full = Arc::new(std::mem::replace(&mut levels.active, self.new_memory()));
            levels.sealing = Some(Arc::clone(&full));
            drop(levels);
            self.sealing = Some(Sealing::begin(self.next_run, self.next_seq - 1, full));
            self.next_run += 1;
        }
    }

    /// The batch is gone.
    pub(super) fn rolled_back(&mut self) {
        self.pending.clear();
        self.step = Step::default();
    }

    /// With room for a whole run, so that it never stops to grow.
    fn new_memory(&self) -> Memory {
        Memory::with_capacity_and_hasher(self.keys_per_run, BuildHasherDefault::default())
    }
}

#[cfg(test)]
mod tests;
