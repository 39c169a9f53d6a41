//! What a proxy's threads share.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::connection::{Connection, Direction};

/// How long a cut may take to come about.
const CUT_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Passing,
    Stalled,
    CutBeforeCommit,
    CutAfterCommit,
    Cut,
}

pub(super) struct Shared {
    pub(super) target: SocketAddr,
    pub(super) address: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    listening: bool,
    connections: Vec<Weak<Connection>>,
    /// Threads that pass something on, two for each connection. Only they hold it open.
    passing: usize,
}

impl Shared {
    /// With a listener, and nothing wrong.
    pub(super) fn new(target: SocketAddr, address: SocketAddr) -> Self {
        let state =
            State { mode: Mode::Passing, listening: true, connections: Vec::new(), passing: 0 };
        Self { target, address, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state().mode == Mode::Cut
    }

    /// Changes to any mode but `Cut`; somebody listens.
    pub(super) fn set(&self, mode: Mode) {
        let mut state = self.state();
        state.mode = mode;
        state.listening = true;
        self.changed.notify_all();
    }

    pub(super) fn not_listening(&self) {
        self.state().listening = false;
        self.changed.notify_all();
    }

    /// Begins to cut.
    pub(super) fn cut(&self) {
        self.cut_from(self.state());
    }

    fn cut_from(&self, mut state: MutexGuard<'_, State>) {
        if state.mode == Mode::Cut {
            return;
        }
        state.mode = Mode::Cut;
        state.reset();
        self.changed.notify_all();
        drop(state);
        // The acceptor looks up when somebody comes. Should nobody be let in, it is busy with others
        // and looks up as well.
        let _ = TcpStream::connect(self.address);
    }

    pub(super) fn reset(&self) {
        self.state().reset();
        self.changed.notify_all();
    }

    /// Whether it was cut in time.
    pub(super) fn wait_until_cut(&self) -> bool {
        let not_yet =
            |state: &mut State| state.mode != Mode::Cut || state.listening || state.passing > 0;
        let waited = self.changed.wait_timeout_while(self.state(), CUT_TIMEOUT, not_yet);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Counts a connection in, unless it has been cut meanwhile.
    pub(super) fn open(&self, connection: &Arc<Connection>) -> bool {
        let mut state = self.state();
        if state.mode == Mode::Cut {
            return false;
        }
        state.connections.retain(|connection| connection.strong_count() > 0);
        state.connections.push(Arc::downgrade(connection));
        state.passing += 2;
        true
    }

    /// Ends one of a connection's two threads.
    pub(super) fn close(&self, connection: Arc<Connection>) {
        // The last of the two closes the sockets, before it is counted out.
        drop(connection);
        self.state().passing -= 1;
        self.changed.notify_all();
    }

    /// Whether something may pass, once nothing stalls. A `commit` on its way in this direction may
    /// be what a cut waits for.
    pub(super) fn may_pass(&self, connection: &Connection, commit: Option<Direction>) -> bool {
        let stalled = |state: &mut State| state.mode == Mode::Stalled && !connection.is_reset();
        let state = self.changed.wait_while(self.state(), stalled);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let cuts = match state.mode {
            Mode::CutBeforeCommit => commit == Some(Direction::ToServer),
            Mode::CutAfterCommit => commit == Some(Direction::ToClient),
            Mode::Passing | Mode::Stalled | Mode::Cut => false,
        };
        if cuts {
            self.cut_from(state);
        }
        !connection.is_reset()
    }
}

impl State {
    fn reset(&mut self) {
        for connection in self.connections.drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.reset();
            }
        }
    }
}
