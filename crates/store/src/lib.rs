//! What lasts: load and save.
//!
//! [`Store`] is the one writer: it loads the rows a batch names into a
//! [`World`](huodong_campaign::World) inside a transaction and saves what the batch changed with
//! one commit. [`Reader`] answers questions beside it from what is committed.

mod query;
mod sqlite;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

pub use query::{
    AccountFilter, ActivityFilter, AuditFilter, CallbackFilter, CallbackStatus, CouponFilter,
    CouponTotals, DonationFilter, DonationTotals, DueCallback, EnrolmentFilter, FlowerFilter,
    InstitutionNo, MerchantFilter, Page, PageRequest, PhotoFilter, ReceiverNo, Room,
    TransferFilter, TrialBalance,
};
pub use sqlite::{AuditReport, Reader, Store, backup, restore};

/// Where and how a store is kept.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The directory that holds the database; made where missing.
    pub directory: PathBuf,
    /// Page cache of the writer, in MiB.
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
        Self {
            directory: directory.into(),
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
    /// Another process writes to it.
    #[error("the database in {0} is in use by another process")]
    InUse(PathBuf),
    /// Another process took the database over while this one was writing; this one must stop.
    #[error("another process has taken the database over")]
    Fenced,
    /// Nothing was written; trying again may help.
    #[error("the database could not be read or written: {0}")]
    Unavailable(String),
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
