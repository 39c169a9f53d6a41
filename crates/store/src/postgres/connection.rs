//! One connection: a client of its own, driven by whichever thread asks. Calls block.

use std::cell::{Cell as Flag, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{JoinAll, join, join_all, join3};
use tokio::runtime::Runtime;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use super::address::PostgresAddress;
use crate::StoreError;
use crate::errors::{AGAIN, corrupt};
use crate::sql::{Cell, Expected};

/// Rows read at once of a question that gives many.
const ROWS_AT_ONCE: usize = 2_000;

/// Turns of a connection's runtime in which it notices that it was closed.
const TURNS: u32 = 4;

/// A connection, and what has been prepared on it.
pub(crate) struct Connection {
    client: Client,
    runtime: Option<Runtime>,
    answer_within: Duration,
    statements: RefCell<HashMap<Box<str>, tokio_postgres::Statement>>,
    queued: RefCell<Vec<Queued>>,
    types: RefCell<HashMap<Box<str>, Arc<str>>>,
    /// Whether questions without parameters are read a piece at a time.
    streams: Flag<bool>,
    cursors: Flag<u64>,
    /// Nothing is to be had of it any more.
    broken: Flag<bool>,
}

impl Connection {
    pub(crate) fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let client = match block(&runtime, address.connect()) {
            Ok(client) => client,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        Ok(Self {
            client,
            runtime: Some(runtime),
            answer_within: address.answer_within(),
            statements: RefCell::default(),
            queued: RefCell::default(),
            types: RefCell::default(),
            streams: Flag::new(false),
            cursors: Flag::new(0),
            broken: Flag::new(false),
        })
    }

    /// Forgets what is queued: its transaction is over.
    pub(crate) fn forget_queued(&self) {
        self.queued.borrow_mut().clear();
    }

    /// Whether anything can still be asked of it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.broken.get() && !self.client.is_closed()
    }

    /// The same, but looks first at what came of it while nobody asked.
    pub(crate) fn is_alive(&self) -> bool {
        if self.is_usable()
            && let Some(runtime) = &self.runtime
        {
            // What has come is heard of at the first turn, and taken in at the next.
            block(runtime, async {
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
            });
        }
        self.is_usable()
    }

    /// Takes as long as it takes, from now on: for what reads a whole database.
    pub(crate) fn without_deadline(&mut self) -> Result<(), StoreError> {
        self.execute_batch(
            "SET statement_timeout = 0; SET lock_timeout = 0; \
             SET idle_in_transaction_session_timeout = 0; SET enable_seqscan = on",
        )?;
        self.answer_within = Duration::from_secs(24 * 3600);
        Ok(())
    }

    /// Reads a piece at a time from now on, or no longer. Only within a transaction.
    pub(crate) fn stream(&self, streams: bool) {
        self.streams.set(streams);
    }

    /// Waits for an answer, but not for ever.
    fn wait<T: Send>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
    ) -> Result<T, StoreError> {
        let runtime = self.runtime.as_ref().expect("it is there until it is dropped");
        let within = self.answer_within;
        let answer = block(runtime, async { tokio::time::timeout(within, answer).await });
        match answer {
            Ok(answer) => answer.map_err(|error| {
                let ends = self.client.is_closed() || ends_session(&error);
                self.broken.set(self.broken.get() || ends);
                StoreError::from(error)
            }),
            Err(_) => {
                // What it would have answered is not known, so nothing more is asked of it.
                self.broken.set(true);
                let why = "the database does not answer; a commit may be waiting for a standby that \
                           is away";
                Err(StoreError::Again(why.to_owned()))
            }
        }
    }

    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), StoreError> {
        self.flush()?;
        self.wait(self.client.batch_execute(sql))
    }

    /// Statements without parameters, and the numbers in the one row that they give.
    pub(crate) fn numbers(&self, sql: &str) -> Result<Vec<i64>, StoreError> {
        self.flush()?;
        numbers_in(&self.wait(self.client.simple_query(sql))?)
    }

    /// The same, with the rows of two questions about lists of keys, asked together.
    #[allow(clippy::type_complexity, reason = "three answers to three questions")]
    pub(crate) fn numbers_and_many(
        &self,
        sql: &str,
        first: &(String, &[Cell<'_>]),
        second: &(String, &[Cell<'_>]),
    ) -> Result<(Vec<i64>, Vec<Row>, Vec<Row>), StoreError> {
        self.flush()?;
        let statements = (self.prepared(&dialect(&first.0))?, self.prepared(&dialect(&second.0))?);
        let keys: [&[&(dyn ToSql + Sync)]; 2] = [&[&first.1], &[&second.1]];
        let client = &self.client;
        let asked = (
            client.simple_query(sql),
            client.query(&statements.0, keys[0]),
            client.query(&statements.1, keys[1]),
        );
        // Whatever fails, what was asked is answered, so that the next question gets its own answer.
        let (numbers, first, second) = self.wait(async {
            let (numbers, first, second) = join3(asked.0, asked.1, asked.2).await;
            Ok((numbers?, first?, second?))
        })?;
        Ok((numbers_in(&numbers)?, first, second))
    }

    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, StoreError> {
        let sql = dialect(sql);
        Ok(Statement { conn: self, sql })
    }

    fn prepared(&self, sql: &str) -> Result<tokio_postgres::Statement, StoreError> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        let prepared = self.wait(self.client.prepare(sql))?;
        self.statements.borrow_mut().insert(sql.into(), prepared.clone());
        Ok(prepared)
    }

    fn ask(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        self.flush()?;
        let prepared = self.prepared(sql)?;
        self.wait(self.client.query(&prepared, values))
    }

    fn tell(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<usize, StoreError> {
        self.flush()?;
        let prepared = self.prepared(sql)?;
        let changed = self.wait(self.client.execute(&prepared, values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// The rows of a question about a list of keys.
    pub(crate) fn many(&self, sql: &str, keys: &[Cell<'_>]) -> Result<Vec<Row>, StoreError> {
        self.ask(&dialect(sql), &[&keys])
    }

    pub(crate) fn insert(
        &self,
        table: &str,
        columns: &str,
        otherwise: &str,
        values: Vec<Array>,
    ) -> Result<(), StoreError> {
        let arrays = self.arrays(table, columns)?;
        let sql =
            format!("INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays}) {otherwise}");
        self.queue(&sql, values, Expected::Any)
    }

    pub(crate) fn update(
        &self,
        table: &str,
        columns: &str,
        values: Vec<Array>,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let arrays = self.arrays(table, columns)?;
        let mut names = columns.split(", ");
        let key = names.next().unwrap_or_default();
        let changes: Vec<_> = names.map(|name| format!("{name} = v.{name}")).collect();
        let sql = format!(
            "UPDATE {table} SET {} FROM unnest({arrays}) AS v ({columns}) \
             WHERE {table}.{key} = v.{key}",
            changes.join(", ")
        );
        self.queue(&sql, values, expected)
    }

    /// A change that need not be answered before the next: it is sent with those that follow, at
    /// the latest when something is asked or committed. What goes wrong with it is told then.
    pub(crate) fn queue(
        &self,
        sql: &str,
        values: Vec<Array>,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(sql)?;
        self.queued.borrow_mut().push(Queued { statement, values, expected });
        Ok(())
    }

    /// Sends what is queued, all at once, and hears what became of it.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let queued = std::mem::take(&mut *self.queued.borrow_mut());
        if queued.is_empty() {
            return Ok(());
        }
        let values = values_of(&queued);
        let sent = send(&self.client, &queued, &values);
        let changed = self.wait(async { sent.await.into_iter().collect::<Result<Vec<_>, _>>() })?;
        queued.iter().zip(changed).try_for_each(|(queued, changed)| {
            queued.expected.check(usize::try_from(changed).unwrap_or(usize::MAX))
        })
    }

    /// Sends what is queued and commits with it, without waiting in between.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        // What must be looked at first is.
        if self.queued.borrow().iter().any(|queued| !matches!(queued.expected, Expected::Any)) {
            self.flush()?;
        }
        let queued = std::mem::take(&mut *self.queued.borrow_mut());
        let values = values_of(&queued);
        let sent = send(&self.client, &queued, &values);
        // A commit after what has failed takes everything back.
        let commit = self.client.batch_execute("COMMIT");
        self.wait(async {
            let (sent, committed) = join(sent, commit).await;
            sent.into_iter().collect::<Result<Vec<_>, _>>().and(committed)
        })
    }

    /// The rows of a question about arrays.
    pub(crate) fn query_arrays(&self, sql: &str, values: &[Array]) -> Result<Vec<Row>, StoreError> {
        let values: Vec<_> = values.iter().map(Array::as_sql).collect();
        self.ask(sql, &values)
    }

    /// Places for an array of each column, with their types, which PostgreSQL does not find out by
    /// itself.
    fn arrays(&self, table: &str, columns: &str) -> Result<String, StoreError> {
        let mut arrays = String::new();
        for (at, column) in (1..).zip(columns.split(", ")) {
            let kind = self.type_of(table, column)?;
            let comma = if at == 1 { "" } else { ", " };
            let _ = write!(arrays, "{comma}CAST(${at} AS {kind}[])");
        }
        Ok(arrays)
    }

    fn type_of(&self, table: &str, column: &str) -> Result<Arc<str>, StoreError> {
        let name = format!("{table}.{column}");
        if let Some(known) = self.types.borrow().get(&*name) {
            return Ok(Arc::clone(known));
        }
        let rows = self.ask(
            "SELECT table_name || '.' || column_name, CAST(data_type AS TEXT) \
             FROM information_schema.columns WHERE table_schema = current_schema()",
            &[],
        )?;
        let mut types = self.types.borrow_mut();
        for row in &rows {
            let (name, kind) = (cell(row, 0)?, cell(row, 1)?);
            types.insert(name.as_str()?.into(), kind.as_str()?.into());
        }
        let known = types.get(&*name).map(Arc::clone);
        known.ok_or_else(|| corrupt(format!("the database has no column {name}")))
    }
}

fn numbers_in(told: &[SimpleQueryMessage]) -> Result<Vec<i64>, StoreError> {
    let row = told.iter().find_map(|told| match told {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| corrupt("a row is missing"))?;
    let numbers = (0..row.len()).map(|at| row.get(at)?.parse().ok());
    numbers.collect::<Option<_>>().ok_or_else(|| corrupt("a number is missing"))
}

/// Whether it is the last that a session says, its end may not be here yet; or that what was asked
/// for may or may not have been done, which is found out on another session.
fn ends_session(error: &tokio_postgres::Error) -> bool {
    let Some(error) = error.as_db_error() else { return false };
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || *error.code() == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
        || *error.code() == SqlState::TRANSACTION_RESOLUTION_UNKNOWN
}

thread_local! {
    /// Whether this thread may wait, although it belongs to a runtime.
    static MAY_WAIT: Flag<bool> = const { Flag::new(false) };
}

/// Does something on a thread of a runtime that is there to wait, as those of `spawn_blocking` are.
/// Questions to a shared database are waited for on the thread itself then; elsewhere on a runtime
/// each takes a thread of its own.
pub fn waiting_here<T>(ask: impl FnOnce() -> T) -> T {
    MAY_WAIT.set(true);
    let answer = ask();
    MAY_WAIT.set(false);
    answer
}

/// Drives a connection until there is an answer.
fn block<T: Send>(runtime: &Runtime, answer: impl Future<Output = T> + Send) -> T {
    if MAY_WAIT.get() || tokio::runtime::Handle::try_current().is_err() {
        return runtime.block_on(answer);
    }
    // A runtime's own threads are not let in.
    let waited = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(answer)).join());
    waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A runtime must not be waited for where it may be dropped: on a thread that serves.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A change that fails, and the batch with it, where it finds fewer rows than `expected`, an
/// expression: the commit is sent with it, so it cannot be looked at first. `why` is told in the error;
/// see [`AGAIN`].
pub(crate) fn all_or_again(change: &str, expected: &str, why: &str) -> String {
    format!(
        "WITH changed AS ({change} RETURNING 1) SELECT CAST(CASE WHEN count(*) >= {expected} \
         THEN '1' ELSE '{AGAIN}{}' END AS BIGINT) FROM changed",
        why.replace('\'', "''")
    )
}

/// A change that waits to be sent.
struct Queued {
    statement: tokio_postgres::Statement,
    values: Vec<Array>,
    expected: Expected,
}

/// All of it, one after the other without waiting in between.
fn send<'q>(
    client: &'q Client,
    queued: &'q [Queued],
    values: &'q [Vec<&'q (dyn ToSql + Sync)>],
) -> JoinAll<impl Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'q> {
    let each = queued.iter().zip(values);
    join_all(each.map(|(queued, values)| client.execute(&queued.statement, values)))
}

fn values_of(queued: &[Queued]) -> Vec<Vec<&(dyn ToSql + Sync)>> {
    queued.iter().map(|queued| queued.values.iter().map(Array::as_sql).collect()).collect()
}

/// A column of many rows.
#[derive(Clone, Debug)]
pub(crate) enum Array {
    /// Of which nothing is known yet but how many there will be, and how many are NULL.
    Nothing {
        rows: usize,
        nulls: usize,
    },
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Array {
    /// An empty one, for so many rows.
    pub(crate) fn of(rows: usize) -> Self {
        Self::Nothing { rows, nulls: 0 }
    }

    pub(crate) fn push(&mut self, cell: Cell<'_>) -> Result<(), StoreError> {
        if let Self::Nothing { rows, nulls } = self {
            *self = match &cell {
                Cell::Null => {
                    *nulls += 1;
                    return Ok(());
                }
                Cell::Int(_) => Self::Ints(begun(*rows, *nulls)),
                Cell::Text(_) | Cell::Owned(_) => Self::Texts(begun(*rows, *nulls)),
                Cell::Blob(_) => Self::Blobs(begun(*rows, *nulls)),
            };
        }
        match (self, cell) {
            (Self::Ints(column), Cell::Int(number)) => column.push(Some(number)),
            (Self::Ints(column), Cell::Null) => column.push(None),
            (Self::Texts(column), Cell::Text(text)) => column.push(Some(text.to_owned())),
            (Self::Texts(column), Cell::Owned(text)) => column.push(Some(text)),
            (Self::Texts(column), Cell::Null) => column.push(None),
            (Self::Blobs(column), Cell::Blob(bytes)) => column.push(Some(bytes.to_vec())),
            (Self::Blobs(column), Cell::Null) => column.push(None),
            (_, other) => return Err(corrupt(format!("{other:?} in a column of another kind"))),
        }
        Ok(())
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Nothing { .. } => self,
            Self::Ints(column) => column,
            Self::Texts(column) => column,
            Self::Blobs(column) => column,
        }
    }
}

fn begun<T: Clone>(rows: usize, nulls: usize) -> Vec<Option<T>> {
    let mut column = Vec::with_capacity(rows);
    column.resize(nulls, None);
    column
}

/// Of NULLs alone, whatever the column's kind.
impl ToSql for Array {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Self::Nothing { nulls, .. } = self else {
            return Err("it is not of NULLs alone".into());
        };
        vec![Cell::Null; *nulls].to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <Vec<Cell<'_>> as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

/// PostgreSQL's spelling of what is written for both: its places, and no advice on indexes.
fn dialect(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(" INDEXED BY ") {
        text.push_str(&rest[..at]);
        let after = &rest[at + " INDEXED BY ".len()..];
        rest = &after[after.find(' ').unwrap_or(after.len())..];
    }
    text.push_str(rest);
    text.replace('?', "$")
}

/// A statement that is ready to be asked.
pub(crate) struct Statement<'c> {
    conn: &'c Connection,
    sql: String,
}

impl Statement<'_> {
    pub(crate) fn query(&mut self, cells: &[Cell<'_>]) -> Result<Rows<'_>, StoreError> {
        if self.conn.streams.get() && cells.is_empty() {
            return Rows::open(self.conn, &self.sql);
        }
        let read = self.conn.ask(&self.sql, &values(cells))?;
        Ok(Rows { conn: self.conn, cursor: None, read: read.into(), current: None })
    }

    pub(crate) fn execute(&mut self, cells: &[Cell<'_>]) -> Result<usize, StoreError> {
        self.conn.tell(&self.sql, &values(cells))
    }
}

fn values<'c>(cells: &'c [Cell<'c>]) -> Vec<&'c (dyn ToSql + Sync)> {
    cells.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect()
}

/// Rows being read.
pub(crate) struct Rows<'s> {
    conn: &'s Connection,
    /// What fetches more of them.
    cursor: Option<String>,
    read: VecDeque<Row>,
    current: Option<Row>,
}

impl<'s> Rows<'s> {
    fn open(conn: &'s Connection, sql: &str) -> Result<Self, StoreError> {
        let number = conn.cursors.get() + 1;
        conn.cursors.set(number);
        conn.execute_batch(&format!("DECLARE c{number} NO SCROLL CURSOR FOR {sql}"))?;
        let cursor = Some(format!("FETCH {ROWS_AT_ONCE} FROM c{number}"));
        Ok(Self { conn, cursor, read: VecDeque::new(), current: None })
    }

    pub(crate) fn next(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.read.is_empty()
            && let Some(fetch) = &self.cursor
        {
            let runtime = self.conn.wait(self.conn.client.query(fetch, &[]));
            self.read = runtime?.into();
            if self.read.len() < ROWS_AT_ONCE {
                self.cursor = None;
            }
        }
        self.current = self.read.pop_front();
        Ok(self.current.as_ref())
    }
}

/// What a column holds.
pub(crate) fn cell(row: &Row, column: usize) -> Result<Cell<'_>, StoreError> {
    Ok(row.try_get::<_, Found<'_>>(column)?.0)
}

struct Found<'r>(Cell<'r>);

impl<'r> FromSql<'r> for Found<'r> {
    fn from_sql(
        kind: &Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::INT8 => Cell::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Cell::Int(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Cell::Int(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Cell::Blob(raw),
            _ => Cell::Text(<&str>::from_sql(kind, raw)?),
        }))
    }

    fn from_sql_null(_kind: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Cell::Null))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA)
            || <&str as FromSql>::accepts(kind)
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) if *kind == Type::BOOL => (*number != 0).to_sql(kind, out),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Owned(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        Found::accepts(kind)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::dialect;

    #[test]
    fn places_and_advice_are_put_in_other_words() {
        let sql = "SELECT a FROM t INDEXED BY t_by_a WHERE a = ?1 AND b > ?2";
        assert_eq!(dialect(sql), "SELECT a FROM t WHERE a = $1 AND b > $2");
        assert_eq!(dialect("SELECT a FROM t INDEXED BY t_by_a"), "SELECT a FROM t");
    }
}
