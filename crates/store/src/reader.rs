//! Questions beside the writer.

mod callbacks;
mod campaigns;
mod coupons;
mod donations;
mod due;
mod gateway;
mod ledger;
mod nodes;
mod operators;
mod paging;
mod partners;
mod pool;

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use parking_lot::Mutex;

use super::index::{KeyHasher, Lookup, Value};
use super::verify;
use crate::sql::{Connection, Params, Row};
use crate::{AuditReport, Place, StoreError};
use pool::Pool;

/// Answers from what is committed. Cheap to clone; calls block, so run them off the async threads.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

struct Shared {
    pool: Pool,
    keys: KeyHasher,
    index: Lookup,
    /// Whose callbacks were given out last.
    turns: Mutex<callbacks::Turns>,
    /// Closed after the pool: see [`sqlite::connection::file`](crate::sqlite).
    _file: Option<Arc<File>>,
}

impl Reader {
    pub(super) fn new(
        place: Place,
        readers: usize,
        keys: KeyHasher,
        index: Lookup,
        file: Option<Arc<File>>,
    ) -> Self {
        let pool = Pool::new(place, readers.max(1));
        Self(Arc::new(Shared { pool, keys, index, turns: Mutex::default(), _file: file }))
    }

    /// How many questions can be answered side by side; a further one waits.
    pub fn connections(&self) -> usize {
        self.0.pool.size()
    }

    /// Cheap: can the database be read?
    pub fn ping(&self) -> Result<(), StoreError> {
        let conn = self.conn()?;
        let sql = conn.either("SELECT epoch FROM writer", "SELECT changes FROM installation");
        conn.query_row(sql, (), |_| Ok(()))
    }

    /// Checks every invariant of the whole database, as it stood when asked. Reads all of it.
    pub fn verify(&self) -> Result<AuditReport, StoreError> {
        verify::verify(&self.patient()?, &self.0.keys)
    }

    /// A connection for what takes minutes on a large database: not one that others wait for.
    pub(crate) fn patient(&self) -> Result<Connection, StoreError> {
        let mut conn = self.0.pool.connect()?;
        if let Connection::Postgres(conn) = &mut conn {
            conn.without_deadline()?;
        }
        Ok(conn)
    }

    fn conn(&self) -> Result<pool::Borrowed<'_>, StoreError> {
        self.0.pool.borrow()
    }

    /// Looks a key up in the hash index and reads what it leads to. Asked again where a reset came
    /// between the two.
    fn keyed<T>(
        &self,
        hash: u128,
        read: impl Fn(&Connection, Value) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let conn = self.conn()?;
        loop {
            let generation = self.0.index.generation();
            let found = self.0.index.get(&conn, hash);
            let read = found.and_then(|value| value.map(|value| read(&conn, value)).transpose());
            match read {
                Err(StoreError::Corrupt(_)) if generation != self.0.index.generation() => {}
                read => return read,
            }
        }
    }

    /// The one row a query gives, where it gives any.
    fn one<T>(
        &self,
        select: &str,
        params: impl Params,
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    ) -> Result<Option<T>, StoreError> {
        super::load::one(&*self.conn()?, select, params, map)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
