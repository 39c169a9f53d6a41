use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::super::connection;
use crate::StoreError;

/// How long a question waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A few connections that only read, opened when first needed.
pub(super) struct Pool {
    directory: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Connection>,
    /// How many more may be opened.
    unopened: usize,
}

impl Pool {
    pub(super) fn new(directory: PathBuf, size: usize) -> Self {
        let state = Mutex::new(State { idle: Vec::with_capacity(size), unopened: size });
        Self { directory, state, returned: Condvar::new() }
    }

    pub(super) fn borrow(&self) -> Result<Borrowed<'_>, StoreError> {
        let mut state = self.state.lock();
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(Borrowed { pool: self, conn: Some(conn) });
            }
            if state.unopened > 0 {
                state.unopened -= 1;
                drop(state);
                // The place is given back also where opening fails.
                let mut place = Borrowed { pool: self, conn: None };
                place.conn = Some(self.connect()?);
                return Ok(place);
            }
            if self.returned.wait_for(&mut state, WAIT_MAX).timed_out() {
                return Err(StoreError::Unavailable("every reader is busy".to_owned()));
            }
        }
    }

    /// A connection outside the pool.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        connection::reader(&self.directory)
    }
}

/// A connection on loan.
pub(super) struct Borrowed<'p> {
    pool: &'p Pool,
    conn: Option<Connection>,
}

impl Deref for Borrowed<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("only a place that could not be opened has no connection")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        match self.conn.take() {
            Some(conn) => state.idle.push(conn),
            None => state.unopened += 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
