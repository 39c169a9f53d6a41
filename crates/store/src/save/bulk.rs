use rusqlite::{Connection, Statement, ToSql};

use crate::StoreError;

/// Rows of one statement. Starting and ending a statement costs as much as a row does.
const ROWS: usize = 16;

/// Inserts rows, many with each statement. `bind` gives a row's values in the order of `columns`.
pub(super) fn insert<T>(
    conn: &Connection,
    table: &str,
    columns: &str,
    rows: &[T],
    mut bind: impl FnMut(&mut Binding<'_, '_>, &T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut chunks = rows.chunks_exact(ROWS);
    if rows.len() >= ROWS {
        let mut many = conn.prepare(&sql(table, columns, ROWS))?;
        for chunk in chunks.by_ref() {
            let mut binding = Binding { statement: &mut many, at: 0 };
            chunk.iter().try_for_each(|row| bind(&mut binding, row))?;
            many.raw_execute()?;
        }
    }
    if !chunks.remainder().is_empty() {
        let mut one = conn.prepare(&sql(table, columns, 1))?;
        for row in chunks.remainder() {
            bind(&mut Binding { statement: &mut one, at: 0 }, row)?;
            one.raw_execute()?;
        }
    }
    Ok(())
}

fn sql(table: &str, columns: &str, rows: usize) -> String {
    let places = vec!["?"; columns.split(',').count()].join(", ");
    let rows = vec![format!("({places})"); rows].join(", ");
    // A row that is refused undoes the whole batch, so what the statement did before it need not
    // be undone by itself: OR FAIL spares SQLite the means for that.
    format!("INSERT OR FAIL INTO {table} ({columns}) VALUES {rows}")
}

/// Binds values one after the other.
pub(super) struct Binding<'s, 'c> {
    statement: &'s mut Statement<'c>,
    at: usize,
}

impl Binding<'_, '_> {
    pub(super) fn next(&mut self, value: impl ToSql) -> Result<(), StoreError> {
        self.at += 1;
        Ok(self.statement.raw_bind_parameter(self.at, value)?)
    }
}
