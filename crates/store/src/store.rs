//! The store as the engine sees it, whichever kind of database is behind it.

use std::path::Path;

use huodong_campaign::{Command, Wanted, World};
use jiff::Timestamp;

use crate::columns::{first_id_at, ms};
use crate::postgres::{ID_STEP, Shared};
use crate::reader::Reader;
use crate::sql::Connection;
use crate::sqlite::Embedded;
use crate::{Opened, Place, PostgresAddress, StoreError, StoreOptions};

/// What writes to a database: the one writer of an embedded one, or one of several nodes.
///
/// A batch is [`Store::load`], then [`Store::save`] or [`Store::rollback`].
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    Embedded(Box<Embedded>),
    Shared(Box<Shared>),
}

impl Store {
    /// Opens the database (an embedded one is made where there is none), migrates it, and becomes
    /// its writer, or one of its nodes. The account of the world outside exists afterwards; in an
    /// embedded one, no callback is leased.
    pub fn open(options: &StoreOptions) -> Result<(Self, Opened), StoreError> {
        Self::open_as(options, Embedded::open, Shared::open)
    }

    /// Opens a database that is there, and leaves its version as it is: [`StoreError::Missing`] where
    /// there is none, [`StoreError::Older`] where it would have to be migrated.
    pub fn open_existing(options: &StoreOptions) -> Result<(Self, Opened), StoreError> {
        Self::open_as(options, Embedded::open_existing, Shared::open_existing)
    }

    fn open_as(
        options: &StoreOptions,
        embedded: impl FnOnce(&Path, &StoreOptions) -> Result<(Embedded, Opened), StoreError>,
        shared: impl FnOnce(&PostgresAddress, usize) -> Result<(Shared, Opened), StoreError>,
    ) -> Result<(Self, Opened), StoreError> {
        match &options.place {
            Place::Directory(directory) => {
                let (store, opened) = embedded(directory, options)?;
                Ok((Self(Kind::Embedded(Box::new(store))), opened))
            }
            Place::Postgres(address) => {
                let (store, opened) = shared(address, options.readers)?;
                Ok((Self(Kind::Shared(Box::new(store))), opened))
            }
        }
    }

    /// True for a database that other nodes may share.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Kind::Shared(_))
    }

    /// Makes sure that a batch can be begun: that there is a connection, and numbers to give out.
    pub fn ready(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Embedded(_) => Ok(()),
            Kind::Shared(store) => store.ready(),
        }
    }

    /// The highest number this store has given out; in a new database that is 1 at the most, the
    /// account of the world outside.
    pub fn last_id(&self) -> i64 {
        match &self.0 {
            Kind::Embedded(store) => store.last_id(),
            Kind::Shared(store) => store.last_id(),
        }
    }

    /// The first number for a batch, at `least` or above, and above all given out before.
    pub fn first_id(&self, least: i64) -> i64 {
        match &self.0 {
            Kind::Embedded(store) => least.max(store.last_id() + 1),
            Kind::Shared(store) => store.first_id(least),
        }
    }

    /// How far apart the numbers of a batch are.
    pub fn id_step(&self) -> i64 {
        match &self.0 {
            Kind::Embedded(_) => 1,
            Kind::Shared(_) => ID_STEP,
        }
    }

    /// Begins a transaction and loads what is wanted, and what hangs on it. After an error there is
    /// no transaction.
    pub fn load(&mut self, wanted: &Wanted<'_>, world: &mut World) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Embedded(store) => store.load(wanted, world),
            Kind::Shared(store) => store.load(wanted, world),
        }
    }

    /// Saves what changed and commits. After an error the transaction is gone; unless that is
    /// [`StoreError::CommitUnknown`], nothing was written. After [`StoreError::Again`] the batch is
    /// to be loaded and decided again.
    pub fn save(&mut self, world: &World) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Embedded(store) => store.save(world),
            Kind::Shared(store) => store.save(world),
        }
    }

    /// Ends the transaction without saving (a batch in which nothing changed).
    pub fn rollback(&mut self) {
        match &mut self.0 {
            Kind::Embedded(store) => store.rollback(),
            Kind::Shared(store) => store.give_up(),
        }
    }

    /// Carries out one command by itself, for who has no engine for it. After [`StoreError::Again`] it
    /// is to be tried again.
    pub fn carry_out<C: Command>(
        &mut self,
        command: &C,
        now: Timestamp,
    ) -> Result<Result<C::Done, C::Refusal>, StoreError> {
        self.ready()?;
        let now = Timestamp::from_millisecond(ms(now)).unwrap_or(now);
        let mut world = World::new(now, 0).number_by(self.id_step());
        let mut wanted = Wanted::default();
        command.wants(&mut wanted);
        self.load(&wanted, &mut world)?;
        world.set_time(now);
        world.number_from(self.first_id(first_id_at(now)));
        let decided = command.decide(&mut world);
        match decided {
            Ok(_) => self.save(&world)?,
            Err(_) => self.rollback(),
        }
        Ok(decided)
    }

    /// Does something in a transaction of its own, as this store's writer or node: it is fenced as a
    /// batch is. It must not change what nodes keep in memory. After an error nothing was written,
    /// unless that is [`StoreError::CommitUnknown`].
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.0 {
            Kind::Embedded(store) => store.transact(work),
            Kind::Shared(store) => store.transact(work),
        }
    }

    /// Empties every table (the sandbox's reset).
    pub fn wipe(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Embedded(store) => store.wipe(),
            Kind::Shared(store) => store.wipe(),
        }
    }

    /// To be called every few seconds, also while nothing is to be written: a node keeps its place
    /// by it.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Kind::Embedded(_) => Ok(()),
            Kind::Shared(store) => store.keep(),
        }
    }

    /// The embedded store's own connection.
    #[cfg(test)]
    pub(crate) fn sqlite(&mut self) -> &mut rusqlite::Connection {
        match &mut self.0 {
            Kind::Embedded(store) => store.conn_mut(),
            Kind::Shared(_) => panic!("it is a shared one"),
        }
    }

    /// Answers questions beside the writer.
    pub fn reader(&self) -> Reader {
        match &self.0 {
            Kind::Embedded(store) => store.reader(),
            Kind::Shared(store) => store.reader(),
        }
    }
}
