//! Many rows with one statement. In PostgreSQL it is one however many rows there are: each column
//! is sent as an array.

use std::marker::PhantomData;

use super::{Cell, Connection, Row};
use crate::StoreError;
use crate::errors::corrupt;
use crate::postgres::Array;

/// Rows of one statement in SQLite. Starting and ending a statement costs as much as a row does.
const ROWS: usize = 16;

/// Inserts rows. `bind` gives a row's values in the order of `columns`.
pub(crate) fn insert<'r, T>(
    conn: &Connection,
    table: &str,
    columns: &str,
    rows: &'r [T],
    bind: impl FnMut(&mut Binding<'_, '_, 'r>, &'r T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    put(conn, table, columns, "", rows, bind)
}

/// Inserts rows; `otherwise`, an `ON CONFLICT` clause, says what becomes of those that are there.
pub(crate) fn put<'r, T>(
    conn: &Connection,
    table: &str,
    columns: &str,
    otherwise: &str,
    rows: &'r [T],
    mut bind: impl FnMut(&mut Binding<'_, '_, 'r>, &'r T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    if let Connection::Postgres(conn) = conn {
        let values = collect(columns, rows, bind)?;
        return conn.insert(table, columns, otherwise, values);
    }
    let conn = conn.sqlite();
    let mut chunks = rows.chunks_exact(ROWS);
    if rows.len() >= ROWS {
        let mut many = conn.prepare_cached(&sql(table, columns, otherwise, ROWS))?;
        for chunk in chunks.by_ref() {
            let mut binding = Binding::Sqlite { statement: &mut many, at: 0 };
            chunk.iter().try_for_each(|row| bind(&mut binding, row))?;
            many.raw_execute()?;
        }
    }
    if !chunks.remainder().is_empty() {
        let mut one = conn.prepare_cached(&sql(table, columns, otherwise, 1))?;
        for row in chunks.remainder() {
            bind(&mut Binding::Sqlite { statement: &mut one, at: 0 }, row)?;
            one.raw_execute()?;
        }
    }
    Ok(())
}

fn sql(table: &str, columns: &str, otherwise: &str, rows: usize) -> String {
    let places = vec!["?"; columns.split(',').count()].join(", ");
    let rows = vec![format!("({places})"); rows].join(", ");
    // A row that is refused undoes the whole batch, so what the statement did before it need not
    // be undone by itself: OR FAIL spares SQLite the means for that.
    let or_fail = if otherwise.is_empty() { "OR FAIL " } else { "" };
    format!("INSERT {or_fail}INTO {table} ({columns}) VALUES {rows} {otherwise}")
}

/// Changes rows that must be there. `bind` gives a row's values in the order of `columns`, of which
/// the first says which row it is; `what` names one of them.
pub(crate) fn update<'r, T>(
    conn: &Connection,
    what: &'static str,
    table: &str,
    columns: &str,
    rows: &'r [T],
    mut bind: impl FnMut(&mut Binding<'_, '_, 'r>, &'r T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    if let Connection::Postgres(conn) = conn {
        let values = collect(columns, rows, bind)?;
        return conn.update(table, columns, values, Expected::Gone(rows.len(), what));
    }
    let mut names = columns.split(", ");
    let key = names.next().unwrap_or_default();
    let changes: Vec<_> = (2..).zip(names).map(|(at, name)| format!("{name} = ?{at}")).collect();
    let sql = format!("UPDATE {table} SET {} WHERE {key} = ?1", changes.join(", "));
    let mut update = conn.sqlite().prepare_cached(&sql)?;
    for row in rows {
        bind(&mut Binding::Sqlite { statement: &mut update, at: 0 }, row)?;
        Expected::Gone(1, what).check(update.raw_execute()?)?;
    }
    Ok(())
}

/// How many rows a change must find.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    Any,
    /// So many; where there are fewer, what was read a moment ago is gone.
    Gone(usize, &'static str),
}

impl Expected {
    pub(crate) fn check(self, changed: usize) -> Result<(), StoreError> {
        match self {
            Self::Gone(expected, what) if changed < expected => {
                Err(corrupt(format!("{what} that was changed is not there")))
            }
            _ => Ok(()),
        }
    }
}

fn collect<'r, T>(
    columns: &str,
    rows: &'r [T],
    mut bind: impl FnMut(&mut Binding<'_, '_, 'r>, &'r T) -> Result<(), StoreError>,
) -> Result<Vec<Array>, StoreError> {
    let mut values: Vec<_> = columns.split(',').map(|_| Array::of(rows.len())).collect();
    for row in rows {
        bind(&mut Binding::Postgres { columns: &mut values, at: 0, of: PhantomData }, row)?;
    }
    Ok(values)
}

/// Binds values one after the other.
pub(crate) enum Binding<'s, 'c, 'r> {
    Sqlite { statement: &'s mut rusqlite::CachedStatement<'c>, at: usize },
    Postgres { columns: &'s mut [Array], at: usize, of: PhantomData<&'r ()> },
}

impl<'r> Binding<'_, '_, 'r> {
    pub(crate) fn next(&mut self, value: impl Into<Cell<'r>>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { statement, at } => {
                *at += 1;
                Ok(statement.raw_bind_parameter(*at, value.into())?)
            }
            Self::Postgres { columns, at, .. } => {
                *at += 1;
                columns[*at - 1].push(value.into())
            }
        }
    }
}

/// Whether rows that are read are kept from others until the transaction ends. In SQLite they always
/// are: there is one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// They may be changed meanwhile.
    No,
    /// They are to be changed.
    Own,
}

/// The rows of these keys, as many as are there. `select` has no condition yet; `column` is the
/// key's, by the name of its table in `select`.
pub(crate) fn many<T>(
    conn: &Connection,
    select: &str,
    column: &str,
    keys: &[Cell<'_>],
    lock: Lock,
    mut map: impl FnMut(Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if let Connection::Postgres(conn) = conn {
        let locked = (lock == Lock::Own).then(|| {
            let of = column.split_once('.').map(|(table, _)| format!(" OF {table}"));
            // In one order everywhere, so that two batches do not wait for each other.
            format!(" ORDER BY {column} FOR UPDATE{}", of.unwrap_or_default())
        });
        let locked = locked.unwrap_or_default();
        let rows = conn.many(&format!("{select} WHERE {column} = ANY(?1){locked}"), keys)?;
        return rows.iter().map(|row| map(Row::Postgres(row))).collect();
    }
    let mut found = Vec::new();
    let mut select = conn.sqlite().prepare_cached(&format!("{select} WHERE {column} = ?1"))?;
    for key in keys {
        select.raw_bind_parameter(1, key)?;
        let mut rows = select.raw_query();
        while let Some(row) = rows.next()? {
            found.push(map(Row::Sqlite(row))?);
        }
    }
    Ok(found)
}

/// Deletes the rows of these keys, as many as are there.
pub(crate) fn delete(
    conn: &Connection,
    table: &str,
    column: &str,
    keys: &[Cell<'_>],
) -> Result<(), StoreError> {
    if let Connection::Postgres(conn) = conn {
        return conn.many(&format!("DELETE FROM {table} WHERE {column} = ANY(?1)"), keys).map(drop);
    }
    let mut delete =
        conn.sqlite().prepare_cached(&format!("DELETE FROM {table} WHERE {column} = ?1"))?;
    for key in keys {
        delete.raw_bind_parameter(1, key)?;
        delete.raw_execute()?;
    }
    Ok(())
}
