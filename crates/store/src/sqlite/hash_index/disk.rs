//! The index as it lies on disk: read at start, merged for `verify`, emptied by a reset.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use fastbloom::BloomFilter;
use rusqlite::{Connection, OptionalExtension, Row};

use super::run::{BLOCK_BITS, FILTER_FORMAT, Run, add_to_filter, block_id, new_filter};
use crate::StoreError;
use crate::errors::corrupt;
use crate::index::{Entries, MergedEntry, Value};

/// What [`read`] finds.
pub(super) struct Index {
    /// Newest first.
    pub(super) runs: Vec<Arc<Run>>,
    /// What is in no run, newest values only.
    pub(super) tail: Vec<(u128, Value)>,
    /// The first row of the log.
    pub(super) first: i64,
    /// The last row of the log there ever was.
    pub(super) last: i64,
    /// Rows of the log up to this are in runs.
    pub(super) covered: i64,
}

/// Clears away the blocks of a run that a crash kept from being finished.
pub(super) fn drop_unfinished_run(conn: &Connection) -> Result<(), StoreError> {
    conn.execute(
        "DELETE FROM hash_block \
         WHERE id >= (((SELECT coalesce(max(no), 0) FROM hash_run) + 1) << ?1)",
        [BLOCK_BITS],
    )?;
    Ok(())
}

pub(super) fn read(conn: &Connection) -> Result<Index, StoreError> {
    let mut select = conn.prepare(
        "SELECT no, covers, entries, fences, filter_format, filter_hashes, filter \
         FROM hash_run ORDER BY no DESC",
    )?;
    let runs = select
        .query_and_then((), |row| read_run(conn, row).map(Arc::new))?
        .collect::<Result<Vec<_>, _>>()?;
    let covered = runs.first().map_or(0, |run| run.covers);
    let first: Option<i64> =
        conn.query_row("SELECT min(seq) FROM hash_log", (), |row| row.get(0))?;
    let mut select =
        conn.prepare("SELECT seq, entries FROM hash_log WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = select.query([covered])?;
    let (mut tail, mut last) = (Vec::new(), covered);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        for entry in Entries(row.get_ref(1)?.as_blob()?) {
            tail.push(entry?);
        }
    }
    Ok(Index { runs, tail, first: first.unwrap_or(last + 1), last, covered })
}

fn read_run(conn: &Connection, row: &Row<'_>) -> Result<Run, StoreError> {
    let no = row.get(0)?;
    let fences = chunks(row.get_ref(3)?.as_blob()?, u128::from_le_bytes)
        .ok_or_else(|| corrupt(format!("the fences of run {no} are cut short")))?;
    let entries: u64 = row.get::<_, i64>(2)?.try_into().map_err(|_| corrupt("a run's length"))?;
    let filter = if row.get::<_, i64>(4)? == FILTER_FORMAT {
        let bits = chunks(row.get_ref(6)?.as_blob()?, u64::from_le_bytes)
            .filter(|bits: &Vec<u64>| !bits.is_empty())
            .ok_or_else(|| corrupt(format!("the filter of run {no} is cut short")))?;
        BloomFilter::from_vec(bits).seed(&0).hashes(row.get(5)?)
    } else {
        rebuild_filter(conn, no, fences.len(), entries)?
    };
    Ok(Run { no, covers: row.get(1)?, fences, filter })
}

fn chunks<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|chunk| read(*chunk)).collect())
}

fn rebuild_filter(
    conn: &Connection,
    run: i64,
    blocks: usize,
    entries: u64,
) -> Result<BloomFilter, StoreError> {
    tracing::info!(run, "making a filter of the hash index anew");
    let mut filter = new_filter(usize::try_from(entries).unwrap_or(usize::MAX));
    for block in 0..blocks {
        for (hash, _) in read_block(conn, run, block)? {
            add_to_filter(&mut filter, hash);
        }
    }
    Ok(filter)
}

fn read_block(
    conn: &Connection,
    run: i64,
    block: usize,
) -> Result<VecDeque<(u128, Value)>, StoreError> {
    let mut select = conn.prepare_cached("SELECT entries FROM hash_block WHERE id = ?1")?;
    let found: Option<Vec<u8>> =
        select.query_row([block_id(run, block)], |row| row.get(0)).optional()?;
    let found = found.ok_or_else(|| corrupt(format!("run {run} lacks block {block}")))?;
    Entries(&found).collect()
}

/// Empties the index.
pub(in crate::sqlite) fn wipe(conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.execute_batch("DELETE FROM hash_log; DELETE FROM hash_block; DELETE FROM hash_run;")?)
}

/// Reads a run from its first entry to its last, and sees that its fences and its filter agree.
struct RunCursor {
    run: Arc<Run>,
    next_block: usize,
    entries: VecDeque<(u128, Value)>,
}

impl RunCursor {
    fn new(run: &Arc<Run>) -> Self {
        Self { run: Arc::clone(run), next_block: 0, entries: VecDeque::new() }
    }

    fn next(&mut self, conn: &Connection) -> Result<Option<(u128, Value)>, StoreError> {
        let run = &self.run;
        if self.entries.is_empty()
            && let Some(fence) = run.fences.get(self.next_block)
        {
            self.entries = read_block(conn, run.no, self.next_block)?;
            if self.entries.front().is_none_or(|(first, _)| first != fence) {
                let block = self.next_block;
                return Err(corrupt(format!("the fence of block {block} of run {}", run.no)));
            }
            self.next_block += 1;
        }
        let next = self.entries.pop_front();
        if next.is_some_and(|(hash, _)| !run.may_hold(hash)) {
            return Err(corrupt(format!("the filter of run {} does not know an entry", run.no)));
        }
        Ok(next)
    }
}

/// The whole index as one connection's transaction sees it, from the lowest hash to the highest.
pub(crate) struct Merged {
    /// Newest first, behind the tail.
    runs: Vec<Arc<Run>>,
    tail: BTreeMap<u128, Value>,
    cursors: Vec<RunCursor>,
    /// The next entry of each source; 0 is the tail.
    heads: BinaryHeap<Reverse<(u128, usize)>>,
    values: Vec<Option<Value>>,
    last: Vec<Option<u128>>,
}

impl Merged {
    pub(crate) fn open(conn: &Connection) -> Result<Self, StoreError> {
        let Index { runs, tail, .. } = read(conn)?;
        let sources = runs.len() + 1;
        let mut merged = Self {
            cursors: runs.iter().map(RunCursor::new).collect(),
            runs,
            tail: tail.into_iter().collect(),
            heads: BinaryHeap::new(),
            values: vec![None; sources],
            last: vec![None; sources],
        };
        for source in 0..sources {
            merged.advance(conn, source)?;
        }
        Ok(merged)
    }

    /// The newest value of a key.
    pub(crate) fn get(&self, conn: &Connection, hash: u128) -> Result<Option<Value>, StoreError> {
        if let Some(value) = self.tail.get(&hash) {
            return Ok(Some(*value));
        }
        for run in &self.runs {
            if run.may_hold(hash)
                && let Some(value) = run.get(conn, hash)?
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The next key.
    pub(crate) fn next(&mut self, conn: &Connection) -> Result<Option<MergedEntry>, StoreError> {
        let Some(Reverse((hash, source))) = self.heads.pop() else { return Ok(None) };
        // Of equal hashes the heap gives the lowest source first, which is the newest.
        let value = self.values[source].ok_or_else(|| corrupt("a head without a value"))?;
        self.advance(conn, source)?;
        let mut places = 1;
        while let Some(Reverse((next, source))) = self.heads.peek().copied()
            && next == hash
        {
            self.heads.pop();
            self.advance(conn, source)?;
            places += 1;
        }
        Ok(Some(MergedEntry { hash, value, places }))
    }

    fn advance(&mut self, conn: &Connection, source: usize) -> Result<(), StoreError> {
        let before = self.last[source];
        let next = match source.checked_sub(1) {
            None => {
                let after = before.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
                let range = (after, std::ops::Bound::Unbounded);
                self.tail.range(range).next().map(|(hash, value)| (*hash, *value))
            }
            Some(run) => self.cursors[run].next(conn)?,
        };
        if let Some((hash, value)) = next {
            if before.is_some_and(|before| before >= hash) {
                return Err(corrupt("a run of the hash index is out of order"));
            }
            self.values[source] = Some(value);
            self.last[source] = Some(hash);
            self.heads.push(Reverse((hash, source)));
        }
        Ok(())
    }
}
