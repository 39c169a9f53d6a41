use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::Memory;
use super::run::{FILTER_FORMAT, Run, Sorted, block_id};
use crate::StoreError;

/// A full memory on its way to a run.
pub(super) struct Sealing {
    run: i64,
    covers: i64,
    memory: Arc<Memory>,
    stage: Stage,
}

enum Stage {
    /// A thread sorts it: that takes longer than a batch may wait.
    Sorting(JoinHandle<Sorted>),
    /// So many blocks are committed.
    Writing { sorted: Sorted, written: usize },
}

/// What one batch has written of it.
pub(super) enum Progress {
    /// Blocks up to this one.
    Blocks(usize),
    /// All of it.
    Finished,
}

/// Below this, sorting is no delay worth a thread.
const SORT_ASIDE: usize = 16_384;
/// A batch writes at least so many entries, and so many for each it adds, so that a run is written
/// long before the next is full.
const ENTRIES_MIN: usize = 512;
const ENTRIES_PER_NEW: usize = 4;

impl Sealing {
    pub(super) fn begin(run: i64, covers: i64, memory: Arc<Memory>) -> Self {
        let stage = if memory.len() < SORT_ASIDE {
            Stage::Writing { sorted: Sorted::new(&memory), written: 0 }
        } else {
            let full = Arc::clone(&memory);
            let thread = std::thread::Builder::new().name("huodong-sort".to_owned());
            match thread.spawn(move || Sorted::new(&full)) {
                Ok(sorting) => Stage::Sorting(sorting),
                Err(error) => {
                    tracing::warn!(%error, "no thread to sort a run on; sorting in the writer");
                    Stage::Writing { sorted: Sorted::new(&memory), written: 0 }
                }
            }
        };
        Self { run, covers, memory, stage }
    }

    /// Writes a batch's share. `None`: nothing was ready.
    pub(super) fn write_some(
        &mut self,
        conn: &Connection,
        added: usize,
    ) -> Result<Option<Progress>, StoreError> {
        let (run, covers) = (self.run, self.covers);
        let Some((sorted, written)) = self.sorted() else { return Ok(None) };
        let share = ENTRIES_MIN.max(ENTRIES_PER_NEW * added);
        let mut insert =
            conn.prepare_cached("INSERT INTO hash_block (id, entries) VALUES (?1, ?2)")?;
        let (mut block, mut entries) = (written, 0);
        while entries < share
            && let Some(next) = sorted.blocks.get(block)
        {
            insert.execute((block_id(run, block), &next.bytes))?;
            entries += next.entries;
            block += 1;
        }
        if block < sorted.blocks.len() {
            return Ok(Some(Progress::Blocks(block)));
        }
        insert_run(conn, run, covers, sorted)?;
        Ok(Some(Progress::Finished))
    }

    fn sorted(&mut self) -> Option<(&Sorted, usize)> {
        if let Stage::Sorting(sorting) = &self.stage {
            if !sorting.is_finished() {
                return None;
            }
            let writing = Stage::Writing { sorted: Sorted::default(), written: 0 };
            if let Stage::Sorting(sorting) = std::mem::replace(&mut self.stage, writing) {
                let sorted = sorting.join().unwrap_or_else(|_| Sorted::new(&self.memory));
                self.stage = Stage::Writing { sorted, written: 0 };
            }
        }
        match &self.stage {
            Stage::Writing { sorted, written } => Some((sorted, *written)),
            Stage::Sorting(_) => None,
        }
    }

    /// What the batch wrote is on disk. Gives the run once that is all of it.
    pub(super) fn committed(&mut self, progress: Progress) -> Option<Run> {
        let Stage::Writing { sorted, written } = &mut self.stage else { return None };
        match progress {
            Progress::Blocks(until) => {
                *written = until;
                None
            }
            Progress::Finished => {
                let sorted = std::mem::take(sorted);
                Some(Run {
                    no: self.run,
                    covers: self.covers,
                    fences: sorted.fences(),
                    filter: sorted.filter,
                })
            }
        }
    }
}

impl Default for Sorted {
    fn default() -> Self {
        Self { blocks: Vec::new(), entries: 0, filter: super::run::new_filter(0) }
    }
}

fn insert_run(conn: &Connection, run: i64, covers: i64, sorted: &Sorted) -> Result<(), StoreError> {
    let fences: Vec<u8> = sorted.fences().iter().flat_map(|first| first.to_le_bytes()).collect();
    let filter: Vec<u8> =
        sorted.filter.as_slice().iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let mut insert = conn.prepare_cached(
        "INSERT INTO hash_run \
         (no, covers, entries, fences, filter_format, filter_hashes, filter) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let entries = i64::try_from(sorted.entries).expect("a run fits in memory");
    insert.execute((
        run,
        covers,
        entries,
        fences,
        FILTER_FORMAT,
        sorted.filter.num_hashes(),
        filter,
    ))?;
    Ok(())
}
