//! What lasts: load and save.
//!
//! [`Store`] writes: it loads the rows a batch names into a [`World`](huodong_campaign::World)
//! inside a transaction and saves what the batch changed with one commit. [`Reader`] answers
//! questions beside it from what is committed. Behind both is either an embedded SQLite database,
//! with one writer, or a PostgreSQL database that several nodes share.

mod archive;
mod columns;
mod copy;
mod errors;
mod index;
mod load;
mod numbers;
mod postgres;
mod query;
mod reader;
mod rows;
mod save;
mod sql;
mod sqlite;
mod store;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

pub use archive::{Archive, ArchiveError, ArchiveExtent, ArchivedRows};
pub use copy::{Copied, CopyError, CopyOptions, CopyStep, copy};
pub use postgres::{BadAddress, NonceTable, PostgresAddress, waiting_here};
pub use query::{
    AccountFilter, ActivityFilter, AuditFilter, CallbackFilter, CallbackStatus, CouponFilter,
    CouponTotals, DonationFilter, DonationTotals, DueCallback, EnrolmentFilter, FlowerFilter,
    InstitutionNo, MerchantFilter, Page, PageRequest, PhotoFilter, ReceiverNo, Room,
    TransferFilter, TrialBalance,
};
pub use reader::Reader;
pub use sqlite::{backup, restore};
pub use store::Store;
pub use verify::AuditReport;

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Place {
    /// An embedded one, in this directory; made where missing.
    Directory(PathBuf),
    /// One that several nodes share.
    Postgres(PostgresAddress),
}

/// Where and how a store is kept.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is.
    pub place: Place,
    /// Page cache of an embedded store's writer, in MiB.
    pub cache_mib: u32,
    /// Connections that answer readers.
    pub readers: usize,
    /// Keys kept in memory before they are written out as a sorted run. Each takes about 60 bytes.
    pub keys_per_run: usize,
    /// An artificial pause at each commit, for measuring what a slower disk would do.
    pub extra_sync: Duration,
}

impl StoreOptions {
    /// A store in this directory with everything else as it should be for most.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self::of(Place::Directory(directory.into()))
    }

    /// A store in this place with everything else as it should be for most.
    pub fn of(place: Place) -> Self {
        Self {
            place,
            cache_mib: 256,
            readers: 4,
            keys_per_run: 900_000,
            extra_sync: Duration::ZERO,
        }
    }
}

/// What kept the store from doing what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no database.
    #[error("there is no database in {0}")]
    Missing(PathBuf),
    /// There is a database already.
    #[error("there is a database in {0} already")]
    Present(PathBuf),
    /// The database was made by a newer version.
    #[error("the database has schema version {found}; this program knows versions up to {known}")]
    Newer {
        /// What the database says.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The database is of an older version, and was opened by something that is not to change that.
    #[error(
        "the database has schema version {found}, this program works with {known}: bring it there \
         with `huodong migrate` (programs of the older version may not open it afterwards)"
    )]
    Older {
        /// What the database says.
        found: u32,
        /// What this program makes of it.
        known: u32,
    },
    /// Nodes of an older version run that cannot live with the schema of this one.
    #[error("{0} nodes of an older version are running; stop them before this one starts")]
    OlderNodes(u32),
    /// It is being copied into, or was when that was broken off.
    #[error(
        "an installation is being copied into the database, or that was broken off: let `huodong \
         copy` finish"
    )]
    HalfCopied,
    /// Another process writes to it.
    #[error("the database in {0} is in use by another process")]
    InUse(PathBuf),
    /// Another process took the database over while this one was writing; this one must stop.
    #[error("another process has taken the database over")]
    Fenced,
    /// Nothing was written; trying again may help.
    #[error("the database could not be read or written: {0}")]
    Unavailable(String),
    /// Nothing was written; another node came between, or the connection broke. The same can be
    /// tried again at once.
    #[error("the database could not be reached or written just now: {0}")]
    Again(String),
    /// The commit failed half-way; whether it happened is not known.
    #[error("the commit's outcome is unknown: {0}")]
    CommitUnknown(String),
    /// A row says what no version of this program writes.
    #[error("the database holds a value that makes no sense: {0}")]
    Corrupt(String),
}

/// What [`Store::open`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The schema version before.
    pub from_version: u32,
    /// The schema version now.
    pub version: u32,
}

#[cfg(test)]
mod tests;
