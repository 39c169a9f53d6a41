//! The embedded store: one SQLite database in WAL mode, with one writer and a few readers.

mod backup;
mod checkpoint;
pub(crate) mod connection;
pub(crate) mod hash_index;
pub(crate) mod migrate;

pub(crate) use migrate::MIGRATIONS;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use huodong_campaign::{Command, FreeLeases, Wanted, World};
use jiff::Timestamp;

pub use backup::{backup, restore};

use crate::columns;
use crate::index::{Index, KeyHasher, Lookup};
use crate::load::Loader;
use crate::numbers::Numbers;
use crate::reader::Reader;
use crate::save::{Saver, WIPE};
use crate::sql::{Connection, Lock};
use crate::{Opened, Place, StoreError, StoreOptions};
use checkpoint::Checkpoints;
use hash_index::HashIndex;

/// The one writer of a database; see [`Store`](crate::Store).
pub(crate) struct Embedded {
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

impl Embedded {
    pub(crate) fn open(
        directory: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Opened), StoreError> {
        connection::make_directory(directory)?;
        Self::open_with(directory, options, migrate::MIGRATIONS)
    }

    pub(crate) fn open_existing(
        directory: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Opened), StoreError> {
        if !connection::exists(directory) {
            return Err(StoreError::Missing(directory.to_owned()));
        }
        let known = migrate::newest();
        match migrate::version(&connection::reader(directory)?)? {
            found if found < known => Err(StoreError::Older { found, known }),
            _ => Self::open(directory, options),
        }
    }

    fn open_with(
        directory: &Path,
        options: &StoreOptions,
        migrations: &[&str],
    ) -> Result<(Self, Opened), StoreError> {
        let lock = connection::lock(directory)?;
        let mut conn = connection::writer(directory, options.cache_mib)?;
        let opened = migrate::migrate(&mut conn, migrations)?;
        let secret = connection::secret(&conn)?;
        let keys = KeyHasher::new(&secret);
        let (epoch, last_id) = connection::take_over(&conn)?;
        let index = HashIndex::open(&conn, options.keys_per_run)?;
        let file = connection::file(directory)?;
        let checkpoints = Checkpoints::start(directory, &mut conn, Arc::clone(&file))?;
        let place = Place::Directory(directory.to_owned());
        let lookup = Lookup::Hash(index.lookup().clone());
        let reader =
            Reader::new(place, options.readers, keys.clone(), lookup, Some(Arc::clone(&file)));
        let mut store = Self {
            conn: Connection::Sqlite(conn),
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

    pub(crate) fn last_id(&self) -> i64 {
        self.last_id
    }

    pub(crate) fn load(
        &mut self,
        wanted: &Wanted<'_>,
        world: &mut World,
    ) -> Result<(), StoreError> {
        let loaded = self.begin().and_then(|()| {
            let index = &Lookup::Hash(self.index.lookup().clone());
            let (conn, keys) = (&self.conn, &self.keys);
            Loader { conn, keys, index, activities: Lock::No, ahead: None, cache: None, world }
                .load(wanted)
        });
        if loaded.is_err() {
            self.rollback();
        }
        loaded
    }

    pub(crate) fn save(&mut self, world: &World) -> Result<(), StoreError> {
        let last_id = self.last_id.max(world.next_id() - 1);
        let written = self.begin().and_then(|()| self.write(world, last_id));
        if let Err(error) = written {
            self.undo();
            return Err(error);
        }
        self.commit()?;
        self.last_id = last_id;
        self.index.committed();
        self.checkpoints.after_commit(self.conn.sqlite());
        if !self.extra_sync.is_zero() {
            std::thread::sleep(self.extra_sync);
        }
        Ok(())
    }

    pub(crate) fn rollback(&mut self) {
        if !self.conn.sqlite().is_autocommit()
            && let Err(error) = self.conn.sqlite().execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
            self.stale = true;
        }
    }

    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let last_id = self.last_id;
        let begun = self.begin().and_then(|()| self.fence(last_id));
        let done = match begun.map_err(E::from).and_then(|()| work(&self.conn)) {
            Ok(done) => done,
            Err(error) => {
                self.undo();
                return Err(error);
            }
        };
        self.commit()?;
        self.checkpoints.after_commit(self.conn.sqlite());
        Ok(done)
    }

    pub(crate) fn wipe(&mut self) -> Result<(), StoreError> {
        let written = self.begin().and_then(|()| self.empty());
        if let Err(error) = written {
            self.undo();
            return Err(error);
        }
        self.commit()?;
        self.stale = true;
        self.refresh()
    }

    #[cfg(test)]
    pub(crate) fn conn_mut(&mut self) -> &mut rusqlite::Connection {
        match &mut self.conn {
            Connection::Sqlite(conn) => conn,
            Connection::Postgres(_) => unreachable!("the embedded store has SQLite's connections"),
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Begins a transaction where there is none.
    fn begin(&mut self) -> Result<(), StoreError> {
        self.refresh()?;
        if self.conn.sqlite().is_autocommit() {
            self.conn.sqlite().prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        }
        Ok(())
    }

    fn write(&mut self, world: &World, last_id: i64) -> Result<(), StoreError> {
        self.fence(last_id)?;
        Saver {
            conn: &self.conn,
            keys: &self.keys,
            index: Index::Hash(&mut self.index),
            numbers: &mut self.numbers,
        }
        .save(world)?;
        self.index.write(self.conn.sqlite())
    }

    /// Records the highest number given out, if this process is still the one that writes.
    fn fence(&self, last_id: i64) -> Result<(), StoreError> {
        let sql = "UPDATE writer SET last_id = ?2 WHERE one = 1 AND epoch = ?1";
        let fenced = self.conn.prepare(sql)?.execute((self.epoch, last_id))? == 1;
        if fenced { Ok(()) } else { Err(StoreError::Fenced) }
    }

    fn empty(&self) -> Result<(), StoreError> {
        self.fence(1)?;
        self.conn.execute_batch(WIPE)?;
        hash_index::wipe(self.conn.sqlite())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let committed =
            self.conn.sqlite().prepare_cached("COMMIT").and_then(|mut commit| commit.execute(()));
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
        if !self.conn.sqlite().is_autocommit() {
            self.conn.sqlite().execute_batch("ROLLBACK")?;
        }
        self.numbers.clear();
        self.last_id = connection::last_id(self.conn.sqlite())?;
        self.index.reload(self.conn.sqlite())?;
        self.stale = false;
        Ok(())
    }
}

impl Drop for Embedded {
    /// Leaves everything in the database file itself, so that a copy of a stopped directory needs
    /// no log beside it.
    fn drop(&mut self) {
        self.rollback();
        self.checkpoints.stop();
        let copied =
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<i64>(0));
        match copied {
            Ok(0) => {}
            Ok(_) => tracing::warn!("a reader kept the write-ahead log from being emptied"),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded")
            .field("epoch", &self.epoch)
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}
