//! A network that fails when it is told to.

mod acceptor;
mod connection;
mod shared;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::port::{Port, free_port};
use shared::{Mode, Shared};

/// A port of 127.0.0.1 that leads to another address until it is told to fail. Connections end with
/// this value.
pub struct Proxy {
    shared: Arc<Shared>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
    /// Kept while it is cut as well.
    _port: Port,
}

impl Proxy {
    /// A proxy in front of this address.
    pub fn to(target: SocketAddr) -> Self {
        // Who is no test may take a port between the look and this.
        let (port, listener) = loop {
            let port = free_port();
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())) {
                break (port, listener);
            }
        };
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared::new(target, address));
        let acceptor = acceptor::spawn(listener, &shared);
        Self { shared, acceptor: Mutex::new(Some(acceptor)), _port: port }
    }

    /// Where to connect to instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Resets every connection and refuses new ones. Nothing passes once this has returned.
    pub fn cut(&self) {
        self.shared.cut();
        self.wait_until_cut();
    }

    /// Resets every connection; new ones are let through.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Passes everything on again, whatever it was told before.
    pub fn restore(&self) {
        self.set(Mode::Passing);
    }

    /// Holds back everything, new connections too: both sides just wait.
    pub fn stall(&self) {
        self.set(Mode::Stalled);
    }

    /// Passes on what a stall has held back, and what comes after.
    pub fn resume(&self) {
        self.set(Mode::Passing);
    }

    /// Cuts instead of passing on the next COMMIT: its sender is left without an answer, and it has
    /// not happened. Any message of a client with this word in it is taken for one. (As PostgreSQL's
    /// messages are read, nothing may be encrypted.)
    pub fn cut_before_commit(&self) {
        self.set(Mode::CutBeforeCommit);
    }

    /// Cuts instead of passing on the next answer that says COMMIT: its sender is left without an
    /// answer, but it has happened. (As PostgreSQL's messages are read, nothing may be encrypted.)
    pub fn cut_after_commit(&self) {
        self.set(Mode::CutAfterCommit);
    }

    /// Returns once it is cut, after a minute at most.
    ///
    /// # Panics
    ///
    /// When it is not cut by then.
    pub fn wait_until_cut(&self) {
        assert!(self.shared.wait_until_cut(), "a minute has passed without a cut");
    }

    fn set(&self, mode: Mode) {
        let mut acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.shared.is_cut() {
            return self.shared.set(mode);
        }
        // What was cut is cut in full first, or it would come back with the new mode.
        self.wait_until_cut();
        let listener = TcpListener::bind(self.address()).expect("the port is kept free");
        self.shared.set(mode);
        *acceptor = Some(acceptor::spawn(listener, &self.shared));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.cut();
        let acceptor = self.acceptor.get_mut().unwrap_or_else(PoisonError::into_inner);
        acceptor.take().map(JoinHandle::join);
    }
}
