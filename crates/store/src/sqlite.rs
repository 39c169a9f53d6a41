//! The embedded store: one SQLite database in WAL mode, with one writer and a few readers.

mod backup;
mod checkpoint;
mod columns;
mod connection;
mod errors;
mod hash_index;
mod load;
mod migrate;
mod numbers;
mod reader;
mod rows;
mod save;
mod verify;

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use huodong_campaign::{Command, FreeLeases, Wanted, World};
use jiff::Timestamp;
use rusqlite::Connection;

pub use backup::{backup, restore};
pub use reader::Reader;
pub use verify::AuditReport;

use crate::{Opened, StoreError, StoreOptions};
use checkpoint::Checkpoints;
use hash_index::{HashIndex, KeyHasher};
use numbers::Numbers;

/// The one writer of a database.
///
/// A batch is [`Store::load`], then [`Store::save`] or [`Store::rollback`].
pub struct Store {
    conn: Connection,
    keys: KeyHasher,
    index: HashIndex,
    numbers: Numbers,
    epoch: i64,
    last_id: i64,
    /// The outcome of a commit is unknown: memory must be read again before it is believed.
    stale: bool,
    extra_sync: Duration,
    reader: Reader,
    checkpoints: Checkpoints,
    _file: Arc<File>,
    /// Held as long as everything above is open.
    _lock: File,
}

impl Store {
    /// Opens the database, or makes it, migrates it, and becomes its one writer. The account of the
    /// world outside exists afterwards, and no callback is leased.
    pub fn open(options: &StoreOptions) -> Result<(Self, Opened), StoreError> {
        connection::make_directory(&options.directory)?;
        Self::open_with(options, migrate::MIGRATIONS)
    }

    /// Opens a database that is there; [`StoreError::Missing`] where there is none.
    pub fn open_existing(options: &StoreOptions) -> Result<(Self, Opened), StoreError> {
        if connection::exists(&options.directory) {
            Self::open_with(options, migrate::MIGRATIONS)
        } else {
            Err(StoreError::Missing(options.directory.clone()))
        }
    }

    fn open_with(
        options: &StoreOptions,
        migrations: &[&str],
    ) -> Result<(Self, Opened), StoreError> {
        let lock = connection::lock(&options.directory)?;
        let mut conn = connection::writer(&options.directory, options.cache_mib)?;
        let opened = migrate::migrate(&mut conn, migrations)?;
        let secret = connection::secret(&conn)?;
        let keys = KeyHasher::new(&secret);
        let (epoch, last_id) = connection::take_over(&conn)?;
        let index = HashIndex::open(&conn, options.keys_per_run)?;
        let file = connection::file(&options.directory)?;
        let checkpoints = Checkpoints::start(&options.directory, &mut conn, Arc::clone(&file))?;
        let reader = Reader::new(options, keys.clone(), index.lookup().clone(), Arc::clone(&file));
        let mut store = Self {
            conn,
            keys,
            index,
            numbers: Numbers::default(),
            epoch,
            last_id,
            stale: false,
            extra_sync: options.extra_sync,
            reader,
            checkpoints,
            _file: file,
            _lock: lock,
        };
        match store.free_leases() {
            // A damaged database opens all the same, so that an audit can say what is wrong with it.
            Err(StoreError::Corrupt(what)) => {
                tracing::error!(what, "leases of callbacks could not be freed");
            }
            freed => freed?,
        }
        Ok((store, opened))
    }

    /// Nobody else can hold a lease now, so those there are were held by a process that has ended.
    fn free_leases(&mut self) -> Result<(), StoreError> {
        let callbacks = self.reader.lapsed_leases(Timestamp::MAX, usize::MAX)?;
        if callbacks.is_empty() {
            return Ok(());
        }
        // The attempts began before that process gave out its last number.
        let mut world = World::new(columns::time_of(self.last_id), self.last_id + 1);
        let free = FreeLeases { callbacks, real_now: Timestamp::MAX };
        let mut wanted = Wanted::default();
        free.wants(&mut wanted);
        self.load(&wanted, &mut world)?;
        let Ok(freed) = free.decide(&mut world);
        self.save(&world)?;
        tracing::info!(freed, "callbacks whose attempt was interrupted wait again");
        Ok(())
    }

    /// The highest number ever given out; in a new database that is 1, the account of the world
    /// outside.
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// Begins a transaction and loads what is wanted, and what hangs on it. After an error there is
    /// no transaction.
    pub fn load(&mut self, wanted: &Wanted<'_>, world: &mut World) -> Result<(), StoreError> {
        let loaded = self.begin().and_then(|()| {
            load::Loader { conn: &self.conn, keys: &self.keys, index: self.index.lookup(), world }
                .load(wanted)
        });
        if loaded.is_err() {
            self.rollback();
        }
        loaded
    }

    /// Saves what changed and commits. After an error the transaction is gone; unless that is
    /// [`StoreError::CommitUnknown`], nothing was written.
    pub fn save(&mut self, world: &World) -> Result<(), StoreError> {
        let last_id = self.last_id.max(world.next_id() - 1);
        let written = self.begin().and_then(|()| self.write(world, last_id));
        if let Err(error) = written {
            self.undo();
            return Err(error);
        }
        self.commit()?;
        self.last_id = last_id;
        self.index.committed();
        self.checkpoints.after_commit(&self.conn);
        if !self.extra_sync.is_zero() {
            std::thread::sleep(self.extra_sync);
        }
        Ok(())
    }

    /// Ends the transaction without saving (a batch in which nothing changed).
    pub fn rollback(&mut self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
            self.stale = true;
        }
    }

    /// Empties every table (the sandbox's reset). Numbers begin anew.
    pub fn wipe(&mut self) -> Result<(), StoreError> {
        let written = self.begin().and_then(|()| save::wipe(&self.conn, self.epoch));
        if let Err(error) = written {
            self.undo();
            return Err(error);
        }
        self.commit()?;
        self.stale = true;
        self.refresh()
    }

    /// Answers questions beside the writer.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Begins a transaction where there is none.
    fn begin(&mut self) -> Result<(), StoreError> {
        self.refresh()?;
        if self.conn.is_autocommit() {
            self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        }
        Ok(())
    }

    fn write(&mut self, world: &World, last_id: i64) -> Result<(), StoreError> {
        save::fence(&self.conn, self.epoch, last_id)?;
        save::Saver {
            conn: &self.conn,
            keys: &self.keys,
            index: &mut self.index,
            numbers: &mut self.numbers,
        }
        .save(world)?;
        self.index.write(&self.conn)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let committed =
            self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute(()));
        if let Err(error) = committed {
            self.undo();
            self.stale = true;
            return Err(StoreError::CommitUnknown(error.to_string()));
        }
        Ok(())
    }

    /// Takes back a transaction that has written.
    fn undo(&mut self) {
        self.rollback();
        self.index.rolled_back();
        self.numbers.clear();
    }

    /// Brings memory in line with the disk where the two may have parted.
    fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        if !self.conn.is_autocommit() {
            self.conn.execute_batch("ROLLBACK")?;
        }
        self.numbers.clear();
        self.last_id = connection::last_id(&self.conn)?;
        self.index.reload(&self.conn)?;
        self.stale = false;
        Ok(())
    }
}

impl Drop for Store {
    /// Leaves everything in the database file itself, so that a copy of a stopped directory needs
    /// no log beside it.
    fn drop(&mut self) {
        self.rollback();
        self.checkpoints.stop();
        let copied =
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
        match copied {
            Ok(0) => {}
            Ok(_) => tracing::warn!("a reader kept the write-ahead log from being emptied"),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("epoch", &self.epoch)
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
