//! One client's connection, and the one made for it to the target.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::shared::Shared;

/// How soon a writer whose reader does not read notices that the connection was reset.
const WRITE_TIMEOUT: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    reset: AtomicBool,
}

impl Connection {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> io::Result<Self> {
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        }
        Ok(Self { client, server, reset: AtomicBool::new(false) })
    }

    /// Has both ends closed with a reset, as soon as both directions have noticed.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            // Either end may have gone by itself, and then there is nothing to reset. Closing the
            // reading half wakes who reads and, other than closing both, sends nothing.
            let _ = set_socket_linger(stream, Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    pub(super) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }

    /// Passes on what comes from one side until that side ends or the connection is reset.
    pub(super) fn pass(&self, direction: Direction, shared: &Shared) {
        let (mut from, to) = match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        };
        let mut buffer = [0; 16 * 1024];
        let mut watch = Watch::new(direction);
        loop {
            let length = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(_) => return self.reset(),
            };
            let bytes = &buffer[..length];
            let commit = watch.sees_commit(bytes).then_some(direction);
            if !shared.may_pass(self, commit) {
                return;
            }
            if self.write(to, bytes).is_err() {
                return self.reset();
            }
        }
        if shared.may_pass(self, None) {
            // A side that has gone already need not be told that the other has.
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock && !self.is_reset() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Looks for a COMMIT in what passes, however it is cut into pieces.
struct Watch {
    pattern: &'static [u8],
    seen: Vec<u8>,
}

impl Watch {
    fn new(direction: Direction) -> Self {
        let pattern: &[u8] = match direction {
            Direction::ToServer => b"COMMIT",
            // The message CommandComplete: its kind, its length, and what was completed.
            Direction::ToClient => b"C\0\0\0\x0bCOMMIT\0",
        };
        Self { pattern, seen: Vec::new() }
    }

    fn sees_commit(&mut self, bytes: &[u8]) -> bool {
        self.seen.extend_from_slice(bytes);
        let sees = self.seen.windows(self.pattern.len()).any(|window| window == self.pattern);
        self.seen.drain(..self.seen.len().saturating_sub(self.pattern.len() - 1));
        sees
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_seen_once_however_it_comes() {
        let mut watch = Watch::new(Direction::ToServer);
        let pieces: [&[u8]; 4] = [b"BEGIN; COM", b"M", b"IT;", b" COMMENT"];
        assert_eq!(pieces.map(|piece| watch.sees_commit(piece)), [false, false, true, false]);
    }
}
