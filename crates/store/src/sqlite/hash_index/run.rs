use fastbloom::BloomFilter;
use rusqlite::{Connection, OptionalExtension};

use super::{Memory, halves};
use crate::StoreError;
use crate::errors::corrupt;
use crate::index::{Entries, Value, encode, encoded_len};

/// How the filter's bits are to be read. Raise it when a new version of the filter's crate reads
/// them in another way; filters are then made anew at start.
pub(super) const FILTER_FORMAT: i64 = 1;

/// One look-up in so many that could be spared is not.
const FALSE_POSITIVES: f64 = 0.001;

/// A block fills one page of the database.
const BLOCK_BYTES: usize = 4040;

/// Blocks of one run have numbers with the run's above these bits.
pub(super) const BLOCK_BITS: u32 = 32;

/// A sorted run on disk: what of it is kept in memory.
pub(super) struct Run {
    pub(super) no: i64,
    /// The last row of the log that it makes superfluous.
    pub(super) covers: i64,
    /// The first hash of each block.
    pub(super) fences: Vec<u128>,
    pub(super) filter: BloomFilter,
}

impl Run {
    pub(super) fn may_hold(&self, hash: u128) -> bool {
        self.filter.contains_hash(halves(hash)[1])
    }

    pub(super) fn get(&self, conn: &Connection, hash: u128) -> Result<Option<Value>, StoreError> {
        let Some(block) = self.fences.partition_point(|first| *first <= hash).checked_sub(1) else {
            return Ok(None);
        };
        let mut select = conn.prepare_cached("SELECT entries FROM hash_block WHERE id = ?1")?;
        let found = select
            .query_row([block_id(self.no, block)], |row| Ok(find(row.get_ref(0)?.as_blob()?, hash)))
            .optional()?;
        found.unwrap_or_else(|| Err(corrupt(format!("run {} lacks block {block}", self.no))))
    }
}

fn find(block: &[u8], hash: u128) -> Result<Option<Value>, StoreError> {
    for entry in Entries(block) {
        let (at, value) = entry?;
        if at >= hash {
            return Ok((at == hash).then_some(value));
        }
    }
    Ok(None)
}

pub(super) fn block_id(run: i64, block: usize) -> i64 {
    let block = i64::try_from(block).expect("a run has fewer than 2^32 blocks");
    (run << BLOCK_BITS) | block
}

pub(super) fn new_filter(entries: usize) -> BloomFilter {
    BloomFilter::with_false_pos(FALSE_POSITIVES).seed(&0).expected_items(entries.max(1))
}

pub(super) fn add_to_filter(filter: &mut BloomFilter, hash: u128) {
    filter.insert_hash(halves(hash)[1]);
}

/// A run that is still in memory: sorted and cut into blocks.
pub(super) struct Sorted {
    pub(super) blocks: Vec<Block>,
    pub(super) entries: u64,
    pub(super) filter: BloomFilter,
}

pub(super) struct Block {
    pub(super) first: u128,
    pub(super) entries: usize,
    pub(super) bytes: Vec<u8>,
}

impl Sorted {
    pub(super) fn new(memory: &Memory) -> Self {
        let mut entries: Vec<(u128, Value)> =
            memory.iter().map(|(hash, value)| (*hash, *value)).collect();
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        let mut filter = new_filter(entries.len());
        let mut blocks: Vec<Block> = Vec::new();
        for (hash, value) in &entries {
            add_to_filter(&mut filter, *hash);
            let room = blocks
                .last_mut()
                .filter(|block| block.bytes.len() + encoded_len(value) <= BLOCK_BYTES);
            let block = match room {
                Some(block) => block,
                None => {
                    let bytes = Vec::with_capacity(BLOCK_BYTES);
                    blocks.push(Block { first: *hash, entries: 0, bytes });
                    blocks.last_mut().expect("just pushed")
                }
            };
            encode(&mut block.bytes, *hash, value);
            block.entries += 1;
        }
        Self { blocks, entries: entries.len() as u64, filter }
    }

    pub(super) fn fences(&self) -> Vec<u128> {
        self.blocks.iter().map(|block| block.first).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_reads_its_bits_as_it_did_when_they_were_written() {
        // Should this fail after an upgrade of the filter's crate, raise FILTER_FORMAT.
        let mut filter = new_filter(100);
        for i in 0..100_u128 {
            add_to_filter(&mut filter, i << 64 | i);
        }
        let folded = filter.as_slice().iter().fold(0_u64, |sum, bits| sum.rotate_left(7) ^ bits);
        assert_eq!(
            (FILTER_FORMAT, filter.num_hashes(), folded),
            (1, 10, 12_619_523_910_917_983_403)
        );
    }
}
