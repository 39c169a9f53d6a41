//! Loading and saving batches among other nodes that do the same.

use std::fmt;

use huodong_campaign::{RowState, Wanted, World};

use super::address::PostgresAddress;
use super::connection::Connection as Pg;
use super::migrate::{self, STEPS, Step};
use super::node::{ID_STEP, Node, SLOT_TAKEN};
use crate::copy;
use crate::errors::{DUPLICATE, corrupt};
use crate::index::{self, Entered, Index, KEYS, KeyHasher, Lookup};
use crate::load::{Ahead, Ask, Cache, Loader};
use crate::numbers::Numbers;
use crate::reader::Reader;
use crate::rows;
use crate::save::{Saver, WIPE};
use crate::sql::{Cell, Connection, Lock, Row};
use crate::{Opened, Place, StoreError};

/// How many batches in a row may be refused for a key that stands there already.
const DUPLICATES_MAX: u32 = 10;

/// A node's way to write to a shared database; see [`Store`](crate::Store).
pub(crate) struct Shared {
    address: PostgresAddress,
    knows: u32,
    conn: Option<Connection>,
    node: Option<Node>,
    keys: KeyHasher,
    numbers: Numbers,
    /// What is kept of rows that seldom change, as of `changes`.
    cache: Cache,
    /// The installation's number of changes, as of the last batch.
    changes: i64,
    locks: Locks,
    /// The next batch keeps others from changing what nodes keep in memory.
    alone: bool,
    /// How often in a row a batch was refused for a key that stands there already.
    duplicates: u32,
    /// How the batch under way keeps activities from others.
    activities: Lock,
    /// The highest number among the rows that the batch under way has loaded.
    seen: i64,
    /// What became of the last commit is not known: the number it was to write.
    unknown: Option<i64>,
    reader: Reader,
}

impl Shared {
    pub(crate) fn open(
        address: &PostgresAddress,
        readers: usize,
    ) -> Result<(Self, Opened), StoreError> {
        Self::open_with(address, readers, STEPS)
    }

    /// The same where an installation is there already.
    pub(crate) fn open_existing(
        address: &PostgresAddress,
        readers: usize,
    ) -> Result<(Self, Opened), StoreError> {
        let (conn, known) = (writer(address)?, migrate::newest());
        let opened = match migrate::version(&conn)? {
            None => return Err(StoreError::Missing(address.to_string().into())),
            Some(found) if found < known => return Err(StoreError::Older { found, known }),
            Some(_) => migrate::migrate_to_newest(&conn)?,
        };
        let conn = Connection::Postgres(Box::new(conn));
        if copy::is_under_way(&conn)? {
            return Err(StoreError::HalfCopied);
        }
        // Without a slot until there is something to write: who only reads must not have to commit.
        Ok((Self::without_slot(address, readers, known, conn)?, opened))
    }

    pub(super) fn open_with(
        address: &PostgresAddress,
        readers: usize,
        steps: &[Step],
    ) -> Result<(Self, Opened), StoreError> {
        let opened = {
            let mut conn = Pg::open(address)?;
            conn.without_deadline()?;
            migrate::migrate(&conn, steps)?
        };
        let conn = Connection::Postgres(Box::new(writer(address)?));
        let knows = migrate::number(steps);
        let mut store = Self::without_slot(address, readers, knows, conn)?;
        let conn = store.conn()?;
        let node = Node::claim(conn.postgres(), knows)?;
        // With its slot, so that of a node and a copy that begin at once one sees the other.
        if copy::is_under_way(conn)? {
            node.release(conn.postgres())?;
            return Err(StoreError::HalfCopied);
        }
        tracing::info!(slot = node.slot, database = %address, "this node has a slot");
        store.node = Some(node);
        Ok((store, opened))
    }

    fn without_slot(
        address: &PostgresAddress,
        readers: usize,
        knows: u32,
        conn: Connection,
    ) -> Result<Self, StoreError> {
        let keys = KeyHasher::new(&secret(&conn)?);
        let place = Place::Postgres(address.clone());
        let reader = Reader::new(place, readers, keys.clone(), Lookup::Table, None);
        let locks = Locks::of(&conn)?;
        Ok(Self {
            address: address.clone(),
            knows,
            conn: Some(conn),
            node: None,
            keys,
            numbers: Numbers::default(),
            cache: Cache::default(),
            changes: 0,
            locks,
            alone: false,
            duplicates: 0,
            activities: Lock::No,
            seen: 0,
            unknown: None,
            reader,
        })
    }

    /// Has a connection and a slot, and knows what became of the last commit.
    pub(crate) fn ready(&mut self) -> Result<(), StoreError> {
        if self.conn.as_ref().is_none_or(|conn| !conn.is_alive()) {
            self.conn = None;
            self.conn = Some(Connection::Postgres(Box::new(writer(&self.address)?)));
            self.reader.connection_broke();
        }
        if self.unknown.is_some() {
            self.settle_unknown()?;
        }
        if self.node.is_none() {
            let node = Node::claim(self.conn()?.postgres(), self.knows)?;
            tracing::info!(slot = node.slot, "this node has a slot");
            self.node = Some(node);
        }
        Ok(())
    }

    fn conn(&self) -> Result<&Connection, StoreError> {
        self.conn.as_ref().ok_or_else(no_connection)
    }

    fn node(&self) -> Result<&Node, StoreError> {
        self.node.as_ref().ok_or_else(|| StoreError::Again("this node has no slot".to_owned()))
    }

    pub(crate) fn last_id(&self) -> i64 {
        self.node.as_ref().map_or(1, |node| node.last_id)
    }

    /// The lowest number at or above `least` that is this node's to give: it ends in the node's slot,
    /// also where the slot has given out none before, and is above those of the rows that were loaded
    /// and of what was made with them. What happens to an order later bears a higher number, also
    /// where it happens at a node whose clock is behind.
    pub(crate) fn first_id(&self, least: i64) -> i64 {
        let slot = self.node.as_ref().map_or(0, |node| node.slot);
        let above_seen = self.seen + ID_STEP + 1;
        let least = least.max(self.last_id() + 1).max(above_seen);
        (least - slot + ID_STEP - 1).div_euclid(ID_STEP) * ID_STEP + slot
    }

    pub(crate) fn load(
        &mut self,
        wanted: &Wanted<'_>,
        world: &mut World,
    ) -> Result<(), StoreError> {
        self.ready()?;
        let loaded = self.load_alone_or_not(wanted, world);
        if loaded.is_err() {
            self.rollback();
        }
        loaded
    }

    fn load_alone_or_not(
        &mut self,
        wanted: &Wanted<'_>,
        world: &mut World,
    ) -> Result<(), StoreError> {
        let (changes, ahead) = if self.alone {
            (self.begin(true)?, None)
        } else {
            let ask = Ask::of(wanted, &self.cache, &self.keys);
            let (changes, ahead) = self.begin_asking(&ask)?;
            (changes, Some(ahead))
        };
        // What was asked for by what is not so any more is asked for again.
        let ahead = ahead.filter(|_| changes == self.changes);
        if self.alone || changes != self.changes {
            self.cache = Cache::default();
            self.numbers.clear();
            self.changes = changes;
        }
        // A coupon is taken from the stock, which lies with its activity.
        let takes_stock = !wanted.coupon_keys.is_empty() || !wanted.coupons.is_empty();
        self.activities = if self.alone || takes_stock { Lock::Own } else { Lock::No };
        self.seen = 0;
        let Some(conn) = &self.conn else { return Err(no_connection()) };
        Loader {
            conn,
            keys: &self.keys,
            index: &Lookup::Table,
            activities: self.activities,
            ahead,
            cache: (!self.alone).then_some(&mut self.cache),
            world,
        }
        .load(wanted)?;
        self.seen = highest_number(world);
        Ok(())
    }

    /// Begins a transaction: alone, or beside others that are not. Gives the number of changes to what
    /// nodes keep.
    fn begin(&self, alone: bool) -> Result<i64, StoreError> {
        let begin = if alone { self.locks.alone } else { self.locks.beside };
        let numbers = self.conn()?.postgres().numbers(begin)?;
        numbers.first().copied().ok_or_else(|| corrupt("an installation without its number"))
    }

    /// The same, beside others, with what is asked for at once.
    fn begin_asking(&self, ask: &Ask) -> Result<(i64, Ahead), StoreError> {
        let conn = self.conn()?.postgres();
        let hashes: Vec<_> = ask.hashes.iter().map(|hash| hash.to_be_bytes()).collect();
        let hashes: Vec<_> = hashes.iter().map(Cell::from).collect();
        let accounts: Vec<_> = ask.accounts.iter().copied().map(Cell::from).collect();
        let keys = (format!("{KEYS} WHERE hash = ANY(?1)"), hashes.as_slice());
        let balances = (format!("{} WHERE id = ANY(?1)", rows::ACCOUNTS), accounts.as_slice());
        let (numbers, keys, balances) =
            conn.numbers_and_many(self.locks.beside, &keys, &balances)?;
        let changes = numbers.first().copied();
        let changes = changes.ok_or_else(|| corrupt("an installation without its number"))?;
        let keys = keys.iter().map(|row| index::entry(Row::Postgres(row)));
        let accounts = balances.iter().map(|row| rows::account(Row::Postgres(row)));
        let ahead = Ahead {
            asked: ask.hashes.iter().copied().collect(),
            keys: keys.collect::<Result<_, _>>()?,
            accounts: accounts.collect::<Result<_, _>>()?,
        };
        Ok((changes, ahead))
    }

    pub(crate) fn save(&mut self, world: &World) -> Result<(), StoreError> {
        if !self.alone && changes_what_nodes_keep(world, self.activities) {
            self.rollback();
            self.alone = true;
            return Err(StoreError::Again("it is done again alone".to_owned()));
        }
        // It rises with each batch, so that it tells whether a batch was committed.
        let last_id = (world.next_id() - ID_STEP).max(self.last_id() + ID_STEP);
        if let Err(error) = self.write(world, last_id) {
            self.undo();
            return Err(self.unless_for_good(error));
        }
        self.commit(last_id).map_err(|error| self.unless_for_good(error))?;
        self.alone = false;
        self.duplicates = 0;
        Ok(())
    }

    /// A key that another batch has entered is found when the batch is done again. One that is
    /// refused time after time, and not found, is of a row that makes no sense.
    fn unless_for_good(&mut self, error: StoreError) -> StoreError {
        match error {
            // The server quotes it, each language with its own quotation marks.
            StoreError::Again(why) if why.contains(SLOT_TAKEN) => {
                self.node = None;
                StoreError::Again(why)
            }
            StoreError::Again(why) if why.contains(DUPLICATE) => {
                self.duplicates += 1;
                if self.duplicates < DUPLICATES_MAX {
                    StoreError::Again(why)
                } else {
                    self.duplicates = 0;
                    StoreError::Corrupt(why)
                }
            }
            error => error,
        }
    }

    /// Ends a batch that was not saved.
    pub(crate) fn give_up(&mut self) {
        self.alone = false;
        self.duplicates = 0;
        self.rollback();
    }

    fn rollback(&mut self) {
        let Some(conn) = self.conn.as_ref().filter(|conn| conn.is_usable()) else { return };
        conn.postgres().forget_queued();
        if let Err(error) = conn.execute_batch("ROLLBACK") {
            tracing::warn!(%error, "a transaction could not be rolled back");
            self.conn = None;
        }
    }

    fn write(&mut self, world: &World, last_id: i64) -> Result<(), StoreError> {
        self.fence(last_id)?;
        let Some(conn) = &self.conn else { return Err(no_connection()) };
        let index = Index::Table(&mut Entered::default());
        Saver { conn, keys: &self.keys, index, numbers: &mut self.numbers }.save(world)?;
        if self.alone {
            conn.execute_batch("UPDATE installation SET changes = changes + 1")?;
        }
        Ok(())
    }

    /// Writes the highest number given out, and with it whether this node may write at all.
    fn fence(&self, last_id: i64) -> Result<(), StoreError> {
        self.node()?.fence(self.conn()?.postgres(), last_id)
    }

    fn commit(&mut self, last_id: i64) -> Result<(), StoreError> {
        let conn = self.conn()?;
        let committed = conn.postgres().commit();
        let answered = conn.is_usable();
        match committed {
            Ok(()) => {
                if let Some(node) = &mut self.node {
                    node.last_id = last_id;
                }
                Ok(())
            }
            // It said that it has not.
            Err(error) if answered => {
                self.undo();
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%error, "whether a batch was committed is to be found out");
                self.numbers.clear();
                self.conn = None;
                self.unknown = Some(last_id);
                self.find_out(last_id)
            }
        }
    }

    /// Asks whether the batch was committed whose answer was lost.
    fn find_out(&mut self, last_id: i64) -> Result<(), StoreError> {
        let asked = self.ready();
        match (asked, self.unknown) {
            (Ok(()), None) if self.last_id() >= last_id => Ok(()),
            (Ok(()), None) => Err(StoreError::Again("the batch was not committed".to_owned())),
            (Err(error), _) => Err(StoreError::CommitUnknown(error.to_string())),
            (Ok(()), Some(_)) => Err(StoreError::CommitUnknown("it cannot be known".to_owned())),
        }
    }

    /// Reads what this node has committed.
    fn settle_unknown(&mut self) -> Result<(), StoreError> {
        let (Some(conn), Some(node)) = (&self.conn, &mut self.node) else {
            return Err(no_connection());
        };
        let committed = node.committed(conn.postgres())?;
        self.unknown = None;
        let Some(last_id) = committed else {
            // Another has the slot, and may have written since: it stays unknown.
            self.node = None;
            return Err(StoreError::Again("another node has this node's slot".to_owned()));
        };
        node.last_id = last_id;
        Ok(())
    }

    /// Takes back a transaction that has written.
    fn undo(&mut self) {
        self.rollback();
        self.numbers.clear();
    }

    /// Beside other nodes' batches, but not beside who changes what they keep: whoever is alone is so.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.ready()?;
        let last_id = self.last_id() + ID_STEP;
        if let Err(error) = self.begin_fenced(last_id) {
            self.undo();
            return Err(self.unless_for_good(error).into());
        }
        let done = match self.conn().map_err(E::from).and_then(work) {
            Ok(done) => done,
            Err(error) => {
                self.undo();
                return Err(error);
            }
        };
        self.commit(last_id).map_err(|error| self.unless_for_good(error))?;
        Ok(done)
    }

    fn begin_fenced(&self, last_id: i64) -> Result<(), StoreError> {
        self.begin(false)?;
        self.fence(last_id)?;
        // What is wrong with the slot shall not be taken for something else.
        self.conn()?.postgres().flush()
    }

    pub(crate) fn wipe(&mut self) -> Result<(), StoreError> {
        self.ready()?;
        let emptied = self.empty();
        if emptied.is_err() {
            self.undo();
        }
        emptied.map_err(|error| self.unless_for_good(error))
    }

    fn empty(&mut self) -> Result<(), StoreError> {
        let last_id = self.last_id() + ID_STEP;
        self.begin(true)?;
        self.fence(last_id)?;
        self.conn()?.execute_batch(WIPE)?;
        self.conn()?.execute_batch(
            "DELETE FROM keys; DELETE FROM nonces; UPDATE installation SET changes = changes + 1",
        )?;
        self.commit(last_id)
    }

    /// Holds on to the slot.
    pub(crate) fn keep(&mut self) -> Result<(), StoreError> {
        self.ready()?;
        if !self.node()?.renew(self.conn()?.postgres())? {
            self.node = None;
            self.ready()?;
        }
        Ok(())
    }

    pub(crate) fn reader(&self) -> Reader {
        self.reader.clone()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.rollback();
        if let (Some(conn), Some(node)) = (&self.conn, &self.node)
            && conn.is_usable()
            && let Err(error) = node.release(conn.postgres())
        {
            tracing::debug!(%error, "this node's slot was not given back");
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A connection for batches. Their statements are the same every time, and found by an index: there
/// is nothing to be gained by planning them anew.
fn writer(address: &PostgresAddress) -> Result<Pg, StoreError> {
    let conn = Pg::open(address)?;
    // Whoever is answered has it on disk, whatever else the database serves. What asks for more than
    // that stays as it is.
    let flushed = "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') = 'off'";
    for setting in ["SET plan_cache_mode = force_generic_plan", flushed] {
        match conn.execute_batch(setting) {
            // What only speaks as PostgreSQL does may not know it.
            Err(StoreError::Unavailable(_)) | Ok(()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(conn)
}

/// How a transaction begins. Table locks are given out in the order they are asked for, so that who
/// wants to be alone is not kept waiting by ever new others; databases that have no such locks do it
/// with the row's.
#[derive(Clone, Copy)]
struct Locks {
    beside: &'static str,
    alone: &'static str,
}

impl Locks {
    const TABLE: Self = Self {
        beside: "BEGIN; LOCK TABLE installation IN ROW SHARE MODE; \
                 SELECT changes FROM installation",
        alone: "BEGIN; LOCK TABLE installation IN EXCLUSIVE MODE; \
                SELECT changes FROM installation",
    };
    const ROW: Self = Self {
        beside: "BEGIN; SELECT changes FROM installation FOR SHARE",
        alone: "BEGIN; SELECT changes FROM installation FOR UPDATE",
    };

    fn of(conn: &Connection) -> Result<Self, StoreError> {
        let version: String = conn.query_row("SELECT version()", (), |row| row.get(0))?;
        let others = ["CockroachDB", "YugabyteDB", "-YB-"];
        let is_other = others.iter().any(|other| version.contains(other));
        Ok(if is_other { Self::ROW } else { Self::TABLE })
    }
}

fn no_connection() -> StoreError {
    StoreError::Again("there is no connection".to_owned())
}

/// Whether a batch changes what nodes keep in memory, or what is decided by without being locked.
/// Such batches are done one at a time, and others hear of them.
fn changes_what_nodes_keep(world: &World, activities: Lock) -> bool {
    // Of coupons' activities, which are not kept, only that there are more of them.
    let kept = || {
        let mut changed = world.activities.unsaved();
        changed.any(|(_, row)| row.state == RowState::New || row.value.coupon.is_none())
    };
    world.organizations.is_changed()
        || world.applications.is_changed()
        || world.bids.is_changed()
        || world.projects.is_changed()
        || world.institutions.is_changed()
        || world.openid_pages.is_changed()
        || world.platform_keys.is_changed()
        || world.initiators.is_changed()
        || world.merchants.is_changed()
        || world.tokens.is_changed()
        || (world.activities.is_changed() && (activities != Lock::Own || kept()))
}

/// Of the rows on which others hang that are numbered after them.
fn highest_number(world: &World) -> i64 {
    let donations = world.donations.iter().map(|(id, _)| id.0);
    let coupons = world.coupons.iter().map(|(id, _)| id.0);
    let callbacks = world.callbacks.iter().map(|(id, _)| id.0);
    let enrolments = world.enrolments.iter().map(|(id, _)| id.0);
    donations.chain(coupons).chain(callbacks).chain(enrolments).max().unwrap_or(0)
}

/// The secret that keys are hashed under; made once for each installation.
fn secret(conn: &Connection) -> Result<[u8; 16], StoreError> {
    let select = |conn: &Connection| {
        let mut select = conn.prepare("SELECT hash_secret FROM installation")?;
        select.maybe_row((), |row| row.get::<Vec<u8>>(0))
    };
    let known = match select(conn)? {
        Some(known) => known,
        None => {
            let made = super::node::token()?;
            conn.prepare(
                "INSERT INTO installation (one, hash_secret, changes) VALUES (1, ?1, 1) \
                 ON CONFLICT (one) DO NOTHING",
            )?
            .execute([&made])?;
            select(conn)?.ok_or_else(|| corrupt("an installation without its row"))?
        }
    };
    known.try_into().map_err(|_| corrupt("the hash secret has another length"))
}
