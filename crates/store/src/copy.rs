//! Carrying an installation over from an embedded store to a shared one.
//!
//! Rows are read in the order of their numbers and written some thousand at a time, each lot in one
//! transaction with how far it goes. So whatever ends a copy, the next one goes on where it was. The
//! source is only read, and kept from all others meanwhile; on the target no node starts before the
//! copy has been checked.

mod check;
mod source;
mod tables;
mod target;

use std::path::PathBuf;
use std::sync::mpsc;

use thiserror::Error;

use crate::{AuditReport, PostgresAddress, StoreError};
use source::{Read, Source};
use target::Target;

#[cfg(test)]
pub(crate) use tables::TABLES;
pub(crate) use target::is_under_way;

/// What is to be copied where.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// The embedded store's directory.
    pub from: PathBuf,
    /// The shared database, with nothing in it, or what a copy of the same source left there.
    pub to: PostgresAddress,
    /// What a copy that was broken off left in the target is thrown away first.
    pub anew: bool,
}

/// Where a copy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyStep {
    /// The source's rows are counted.
    Counting,
    /// Rows are carried over.
    Copying {
        /// Of which table.
        table: &'static str,
        /// How many are in the target.
        copied: u64,
        /// How many of those an earlier run brought there.
        earlier: u64,
        /// How many there are in all, about.
        of: u64,
    },
    /// The target is compared with the source, and audited.
    Checking,
}

/// What a copy that was carried through found.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Each table with its rows, as many in the target as in the source.
    pub tables: Vec<(String, u64)>,
    /// How many kinds of account there are; the sum over each is the source's.
    pub account_kinds: usize,
    /// What the audit of the target checked.
    pub audit: AuditReport,
}

/// What kept an installation from being copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The source could not be read.
    #[error("the source: {0}")]
    Source(#[source] StoreError),
    /// The source has another schema than this program.
    #[error(
        "the source has schema version {found}, not {known}: `huodong migrate` brings it up first"
    )]
    Older {
        /// What the source says.
        found: u32,
        /// What this program writes.
        known: u32,
    },
    /// The target could not be read or written.
    #[error("the target: {0}")]
    Target(#[source] StoreError),
    /// There is something else in the target.
    #[error(
        "the target has an installation of its own (there are rows in {0}); copy into an empty \
         database"
    )]
    NotEmpty(String),
    /// A server runs on the target.
    #[error(
        "{0} servers run on the target, or were killed less than a minute ago; stop them first"
    )]
    Nodes(i64),
    /// What is in the target is of another source.
    #[error(
        "a copy of another installation into the target was broken off; finish it from its own \
         source, or throw away what it left with --anew"
    )]
    OtherSource,
    /// The source has been opened for writing since the copy began.
    #[error(
        "a server or command has opened the source since the copy began, so what was copied may be \
         out of date; begin again with --anew"
    )]
    Changed,
    /// What was copied is not what the source has.
    #[error("the copy is not as it should be; no server will start on it")]
    Differs(Vec<String>),
}

/// Copies a whole installation and checks the copy. `told` hears how far it is.
pub fn copy(options: &CopyOptions, mut told: impl FnMut(CopyStep)) -> Result<Copied, CopyError> {
    let source = Source::open(&options.from)?;
    let target = Target::open(&options.to).map_err(CopyError::Target)?;
    target.begin(&source.identity, options.anew)?;
    told(CopyStep::Counting);
    let tables = source.tables().map_err(CopyError::Source)?;
    target.expect_columns(&tables)?;
    let of: u64 = tables.iter().map(|table| table.rows).sum();
    let begun = target.progress().map_err(CopyError::Target)?;
    let earlier = begun.values().map(|progress| progress.copied).sum();
    let mut copied = earlier;
    let mut keys = 0;
    std::thread::scope(|scope| {
        // Reading goes on while the target writes, but not far ahead of it.
        let (send, received) = mpsc::sync_channel(2);
        let (conn, tables) = (source.connect().map_err(CopyError::Source)?, &tables);
        let reading = scope.spawn(move || source::read(&conn, tables, &begun, &send));
        for read in received {
            match read {
                Read::Rows(lot) => {
                    copied += lot.rows;
                    let table = lot.table;
                    target.write(lot).map_err(CopyError::Target)?;
                    told(CopyStep::Copying { table, copied, earlier, of: of.max(copied) });
                }
                Read::Keys(count) => keys = count,
            }
        }
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        read.map_err(CopyError::Source)
    })?;
    told(CopyStep::Checking);
    target.finish(&source.identity).map_err(CopyError::Target)?;
    target.analyze().map_err(CopyError::Target)?;
    let copied = check::check(&source, &target, &tables, keys)?;
    target.release().map_err(CopyError::Target)?;
    Ok(copied)
}
