use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::sql::Connection;
use crate::{Place, StoreError};

/// How long a question waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A few connections that only read, opened when first needed.
pub(super) struct Pool {
    place: Place,
    size: usize,
    state: Mutex<State>,
    returned: Condvar,
    /// A connection broke: those that are idle may be broken too.
    suspect: AtomicBool,
    /// Counts connections that broke, the writer's included.
    broken: AtomicU64,
}

struct State {
    idle: Vec<Connection>,
    /// How many more may be opened.
    unopened: usize,
}

impl Pool {
    pub(super) fn new(place: Place, size: usize) -> Self {
        let state = Mutex::new(State { idle: Vec::with_capacity(size), unopened: size });
        let (suspect, broken) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { place, size, state, returned: Condvar::new(), suspect, broken }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// So many connections broke, and are opened again when needed.
    pub(super) fn broke(&self, count: u64) {
        self.broken.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// How many there can be.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn borrow(&self) -> Result<Borrowed<'_>, StoreError> {
        self.borrow_within(WAIT_MAX)
    }

    fn borrow_within(&self, wait_max: Duration) -> Result<Borrowed<'_>, StoreError> {
        let mut state = self.state.lock();
        if self.suspect.swap(false, Ordering::Relaxed) {
            state.unopened += state.idle.len();
            self.broke(state.idle.len() as u64);
            state.idle.clear();
        }
        // However often somebody else was faster, it waits no longer than that.
        self.returned.wait_while_for(
            &mut state,
            |state| state.idle.is_empty() && state.unopened == 0,
            wait_max,
        );
        let idle = state.idle.pop();
        if idle.is_none() && state.unopened == 0 {
            return Err(StoreError::Unavailable("every reader is busy".to_owned()));
        }
        if idle.is_none() {
            state.unopened -= 1;
        }
        drop(state);
        if let Some(conn) = idle.filter(Connection::is_alive) {
            return Ok(Borrowed { pool: self, conn: Some(conn) });
        }
        // The place is given back also where opening fails.
        let mut place = Borrowed { pool: self, conn: None };
        place.conn = Some(self.connect()?);
        Ok(place)
    }

    /// A connection outside the pool.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        Connection::open(&self.place)
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
        let usable = self.conn.as_ref().is_some_and(Connection::is_usable);
        if self.conn.is_some() && !usable {
            self.pool.suspect.store(true, Ordering::Relaxed);
            self.pool.broke(1);
        }
        let mut state = self.pool.state.lock();
        match self.conn.take().filter(|_| usable) {
            Some(conn) => state.idle.push(conn),
            None => state.unopened += 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_however_often_it_is_woken_for_nothing() {
        let pool = Pool::new(Place::Directory(std::path::PathBuf::new()), 0);
        let refused = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let answer = pool.borrow_within(Duration::from_millis(100));
                refused.store(answer.is_err(), Ordering::Release);
            });
            // A hundred times as long as it may wait, in steps shorter than that.
            for _ in 0..1_000 {
                if refused.load(Ordering::Acquire) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
                pool.returned.notify_one();
            }
            panic!("it waits on");
        });
    }
}
