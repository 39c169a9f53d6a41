//! The embedded store that is copied: read, and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::SyncSender;

use super::CopyError;
use super::tables::{KEYS, KEYS_COLUMNS, Order, TABLES};
use super::target::Progress;
use crate::errors::corrupt;
use crate::index::Merged;
use crate::postgres::Array;
use crate::sql::{Cell, Connection};
use crate::{Place, StoreError, sqlite};

/// Rows of one lot.
const ROWS_MAX: u64 = 5_000;
/// Bytes of one lot, but for its last row: photos are large.
const BYTES_MAX: usize = 4 << 20;

/// What tells a source, and that nobody has opened it for writing since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) hash_secret: [u8; 16],
    pub(super) epoch: i64,
    /// The highest number given out.
    pub(super) last_id: i64,
}

pub(super) struct Source {
    place: Place,
    pub(super) conn: Connection,
    pub(super) identity: Identity,
    /// Held as long as it is open.
    _lock: File,
}

/// A table of the source.
pub(super) struct Table {
    pub(super) name: &'static str,
    order: Order,
    /// Separated by `, `.
    pub(super) columns: String,
    /// How many rows it has; of the hash index, how many entries at most.
    pub(super) rows: u64,
}

/// What was read.
pub(super) enum Read {
    Rows(Lot),
    /// How many keys there are in all.
    Keys(u64),
}

/// Some rows, and how far the table is copied with them.
pub(super) struct Lot {
    pub(super) table: &'static str,
    pub(super) columns: String,
    pub(super) values: Vec<Array>,
    pub(super) rows: u64,
    pub(super) progress: Progress,
}

impl Source {
    pub(super) fn open(directory: &Path) -> Result<Self, CopyError> {
        let place = Place::Directory(directory.to_owned());
        let open = || {
            if !sqlite::connection::exists(directory) {
                return Err(StoreError::Missing(directory.to_owned()));
            }
            let lock = sqlite::connection::lock(directory)?;
            Ok((lock, Connection::open(&place)?))
        };
        let (lock, conn) = open().map_err(CopyError::Source)?;
        let found = sqlite::migrate::version(conn.sqlite()).map_err(CopyError::Source)?;
        let known = u32::try_from(sqlite::MIGRATIONS.len()).expect("they are written by hand");
        if found > known {
            return Err(CopyError::Source(StoreError::Newer { found, known }));
        }
        if found < known {
            return Err(CopyError::Older { found, known });
        }
        let identity = identity(&conn).map_err(CopyError::Source)?;
        Ok(Self { place, conn, identity, _lock: lock })
    }

    /// Its tables, and last its keys.
    pub(super) fn tables(&self) -> Result<Vec<Table>, StoreError> {
        let mut tables = Vec::with_capacity(TABLES.len() + 1);
        for (name, order) in TABLES {
            let mut select = self.conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
            let columns = select.query_and_then([*name], |row| row.get::<String>(0))?;
            let columns = columns.collect::<Result<Vec<_>, _>>()?.join(", ");
            let rows = count(&self.conn, &format!("SELECT count(*) FROM {name}"))?;
            tables.push(Table { name, order: *order, columns, rows });
        }
        // A key that was changed stands in several places; how many there are is known at the end.
        let in_runs = count(&self.conn, "SELECT coalesce(sum(entries), 0) FROM hash_run")?;
        let columns = KEYS_COLUMNS.to_owned();
        tables.push(Table { name: KEYS, order: Order::Row, columns, rows: in_runs });
        Ok(tables)
    }

    /// A further connection.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        Connection::open(&self.place)
    }
}

/// Reads all that was not copied before; ends early where nobody listens any more.
pub(super) fn read(
    conn: &Connection,
    tables: &[Table],
    begun: &HashMap<String, Progress>,
    to: &SyncSender<Read>,
) -> Result<(), StoreError> {
    for table in tables {
        let begun = begun.get(table.name).copied().unwrap_or_default();
        let heard = if table.name == KEYS {
            read_keys(conn, begun, to)?
        } else {
            read_table(conn, table, begun, to)?
        };
        if !heard {
            break;
        }
    }
    Ok(())
}

fn identity(conn: &Connection) -> Result<Identity, StoreError> {
    let secret = "SELECT value FROM meta WHERE name = 'hash_secret'";
    let hash_secret = conn.query_row(secret, (), |row| row.get(0))?;
    conn.query_row("SELECT epoch, last_id FROM writer", (), |row| {
        Ok(Identity { hash_secret, epoch: row.get(0)?, last_id: row.get(1)? })
    })
}

pub(super) fn count(conn: &Connection, sql: &str) -> Result<u64, StoreError> {
    let count: i64 = conn.query_row(sql, (), |row| row.get(0))?;
    u64::try_from(count).map_err(|_| corrupt("a count below zero"))
}

/// False where nobody listens.
fn read_table(
    conn: &Connection,
    table: &Table,
    mut progress: Progress,
    to: &SyncSender<Read>,
) -> Result<bool, StoreError> {
    let Table { name, order, columns, .. } = table;
    let select = match order {
        Order::Row => format!(
            "SELECT rowid, {columns} FROM {name} WHERE rowid > ?1 ORDER BY rowid LIMIT {ROWS_MAX}"
        ),
        // The number is that of the rows before it.
        Order::Key(key) => format!(
            "SELECT ?1 + row_number() OVER (ORDER BY {key}), {columns} FROM \
             (SELECT * FROM {name} ORDER BY {key} LIMIT {ROWS_MAX} OFFSET ?1) ORDER BY {key}"
        ),
    };
    loop {
        let mut statement = conn.prepare(&select)?;
        let mut rows = statement.query([progress.until])?;
        let mut lot = Filling::new(columns);
        while let Some(row) = rows.next()? {
            for column in 0..lot.values.len() {
                lot.push(column, row.cell(column + 1)?)?;
            }
            progress.until = row.get(0)?;
            lot.rows += 1;
            if lot.bytes >= BYTES_MAX {
                break;
            }
        }
        if lot.rows == 0 {
            return Ok(true);
        }
        progress.copied += lot.rows;
        if to.send(Read::Rows(lot.of(table.name, columns, progress))).is_err() {
            return Ok(false);
        }
    }
}

/// The newest value of every key. They are counted off, as they have no numbers: the source does not
/// change, so they come in the same order each time.
fn read_keys(
    conn: &Connection,
    mut progress: Progress,
    to: &SyncSender<Read>,
) -> Result<bool, StoreError> {
    let mut merged = Merged::open(conn)?;
    let mut seen = 0;
    loop {
        let mut lot = Filling::new(KEYS_COLUMNS);
        while lot.rows < ROWS_MAX
            && let Some(entry) = merged.next(conn)?
        {
            seen += 1;
            if seen > progress.copied {
                lot.push(0, Cell::Blob(&entry.hash.to_be_bytes()))?;
                lot.push(1, Cell::Blob(entry.value.bytes()))?;
                lot.rows += 1;
            }
        }
        if lot.rows == 0 {
            return Ok(to.send(Read::Keys(seen)).is_ok());
        }
        progress.copied += lot.rows;
        if to.send(Read::Rows(lot.of(KEYS, KEYS_COLUMNS, progress))).is_err() {
            return Ok(false);
        }
    }
}

/// A lot that is being read.
struct Filling {
    values: Vec<Array>,
    rows: u64,
    bytes: usize,
}

impl Filling {
    fn new(columns: &str) -> Self {
        let values = columns.split(", ").map(|_| Array::of(0)).collect();
        Self { values, rows: 0, bytes: 0 }
    }

    fn push(&mut self, column: usize, cell: Cell<'_>) -> Result<(), StoreError> {
        self.bytes += match &cell {
            Cell::Null | Cell::Int(_) => 8,
            Cell::Text(text) => text.len(),
            Cell::Owned(text) => text.len(),
            Cell::Blob(bytes) => bytes.len(),
        };
        self.values[column].push(cell)
    }

    fn of(self, table: &'static str, columns: &str, progress: Progress) -> Lot {
        let Self { values, rows, .. } = self;
        Lot { table, columns: columns.to_owned(), values, rows, progress }
    }
}
