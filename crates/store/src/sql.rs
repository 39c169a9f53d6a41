//! What the two kinds of database have in common: connections, statements, rows and values, with as
//! much of each as this crate needs. Everything above asks in one SQL; what differs between the two
//! is here and in the modules named after them.
//!
//! Parameters are written `?1`, `?2`, … in both.

mod bulk;
mod cell;

use rusqlite::types::ValueRef;

pub(crate) use bulk::{Expected, Lock, delete, insert, many, put, update};
pub(crate) use cell::{Cell, Column, Params};

use crate::errors::corrupt;
use crate::{Place, StoreError, postgres, sqlite};

/// A connection to a database.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Connection {
    /// A further connection: of an embedded database, one that only reads.
    pub(crate) fn open(place: &Place) -> Result<Self, StoreError> {
        Ok(match place {
            Place::Directory(directory) => Self::Sqlite(sqlite::connection::reader(directory)?),
            Place::Postgres(address) => {
                Self::Postgres(Box::new(postgres::Connection::open(address)?))
            }
        })
    }

    /// SQLite's own, for what only the embedded store does.
    pub(crate) fn sqlite(&self) -> &rusqlite::Connection {
        match self {
            Self::Sqlite(conn) => conn,
            Self::Postgres(_) => unreachable!("the embedded store has SQLite's connections"),
        }
    }

    /// PostgreSQL's own.
    pub(crate) fn postgres(&self) -> &postgres::Connection {
        match self {
            Self::Postgres(conn) => conn,
            Self::Sqlite(_) => unreachable!("the shared store has PostgreSQL's connections"),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Whether anything can still be asked of it.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(conn) => conn.is_usable(),
        }
    }

    /// The same, but looks first at what came of it while nobody asked.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(conn) => conn.is_alive(),
        }
    }

    /// Whichever of two texts is in this database's own words.
    pub(crate) fn either<'t>(&self, sqlite: &'t str, postgres: &'t str) -> &'t str {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// How far apart the numbers are that follow each other: [`World::take_id`] counts by it.
    ///
    /// [`World::take_id`]: huodong_campaign::World::take_id
    pub(crate) fn id_step(&self) -> i64 {
        if self.is_postgres() { postgres::ID_STEP } else { 1 }
    }

    /// A statement, kept for the next time.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, StoreError> {
        Ok(match self {
            Self::Sqlite(conn) => Statement::Sqlite(conn.prepare_cached(sql)?),
            Self::Postgres(conn) => Statement::Postgres(conn.prepare(sql)?),
        })
    }

    /// The one row of a question.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.prepare(sql)?.query_row(params, map)
    }

    /// Statements without parameters, one after the other.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => Ok(conn.execute_batch(sql)?),
            Self::Postgres(conn) => conn.execute_batch(sql),
        }
    }

    /// One view of everything for the questions that follow, until it is dropped.
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'_>, StoreError> {
        self.execute_batch(
            self.either("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        )?;
        if let Self::Postgres(conn) = self {
            conn.stream(true);
        }
        Ok(Snapshot(self))
    }
}

/// See [`Connection::snapshot`].
pub(crate) struct Snapshot<'c>(&'c Connection);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Connection::Postgres(conn) = self.0 {
            conn.stream(false);
        }
        if let Err(error) = self.0.execute_batch("ROLLBACK") {
            tracing::warn!(%error, "a view of the database could not be ended");
        }
    }
}

/// A statement that is ready to be asked.
pub(crate) enum Statement<'c> {
    Sqlite(rusqlite::CachedStatement<'c>),
    Postgres(postgres::Statement<'c>),
}

impl Statement<'_> {
    /// Its rows, one at a time.
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, StoreError> {
        params.with(|cells| match self {
            Self::Sqlite(statement) => {
                bind(statement, cells)?;
                Ok(Rows::Sqlite(statement.raw_query()))
            }
            Self::Postgres(statement) => Ok(Rows::Postgres(statement.query(cells)?)),
        })
    }

    /// Its rows, all read, each by itself.
    pub(crate) fn query_and_then<T>(
        &mut self,
        params: impl Params,
        map: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<std::vec::IntoIter<Result<T, StoreError>>, StoreError> {
        let (mut rows, mut map) = (self.query(params)?, map);
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            read.push(map(row));
        }
        Ok(read.into_iter())
    }

    /// Its first row, where it gives any.
    pub(crate) fn maybe_row<T>(
        &mut self,
        params: impl Params,
        map: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.query(params)?.next()?.map(map).transpose()
    }

    /// Its one row.
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        map: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.maybe_row(params, map)?.ok_or_else(|| corrupt("a row is missing"))
    }

    /// How many rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize, StoreError> {
        params.with(|cells| match self {
            Self::Sqlite(statement) => {
                bind(statement, cells)?;
                Ok(statement.raw_execute()?)
            }
            Self::Postgres(statement) => statement.execute(cells),
        })
    }
}

fn bind(
    statement: &mut rusqlite::CachedStatement<'_>,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    for (at, cell) in cells.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, cell)?;
    }
    Ok(())
}

/// Rows being read.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows<'s>),
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, StoreError> {
        Ok(match self {
            Self::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            Self::Postgres(rows) => rows.next()?.map(Row::Postgres),
        })
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    /// What a column holds.
    pub(crate) fn cell(self, column: usize) -> Result<Cell<'r>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Text(text) => Cell::Text(
                    std::str::from_utf8(text).map_err(|error| corrupt(error.to_string()))?,
                ),
                ValueRef::Blob(bytes) => Cell::Blob(bytes),
                ValueRef::Real(_) => return Err(corrupt("a number with a fraction")),
            },
            Self::Postgres(row) => postgres::cell(row, column)?,
        })
    }

    /// A column as what it should be.
    pub(crate) fn get<T: Column>(self, column: usize) -> Result<T, StoreError> {
        Ok(T::read(self.cell(column)?)?)
    }
}
