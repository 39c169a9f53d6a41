//! One keep-alive connection with at most one request under way.

use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::answer::{Answer, parse};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Where an answer is read to; ours are far shorter.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A request under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    /// When it was to be sent; latency counts from here.
    pub(super) scheduled: Instant,
}

/// A keep-alive connection.
pub(super) struct Connection {
    stream: TcpStream,
    token: Token,
    /// The request.
    pub(super) out: Vec<u8>,
    written: usize,
    awaits_room: bool,
    input: Box<[u8; ANSWER_BYTES_MAX]>,
    filled: usize,
    /// What it waits for.
    pub(super) under_way: Option<UnderWay>,
}

impl Connection {
    /// Connects and registers for reading.
    pub(super) fn open(address: SocketAddr, token: Token, registry: &Registry) -> Result<Self> {
        // Connecting is done blocking: it belongs to the preparation, not to what is measured.
        let stream = std::net::TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            token,
            out: Vec::with_capacity(1024),
            written: 0,
            awaits_room: false,
            input: Box::new([0; ANSWER_BYTES_MAX]),
            filled: 0,
            under_way: None,
        })
    }

    /// Sends what stands in `out`.
    pub(super) fn send(&mut self, under_way: UnderWay, registry: &Registry) -> Result<()> {
        self.under_way = Some(under_way);
        self.written = 0;
        self.go_on(registry)
    }

    /// Writes what is left of the request.
    pub(super) fn go_on(&mut self, registry: &Registry) -> Result<()> {
        while self.under_way.is_some() && self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.await_room(true, registry);
                }
                Err(error) => return Err(error),
            }
        }
        self.await_room(false, registry)
    }

    fn await_room(&mut self, awaits: bool, registry: &Registry) -> Result<()> {
        if awaits != self.awaits_room {
            self.awaits_room = awaits;
            let both = Interest::READABLE | Interest::WRITABLE;
            let interest = if awaits { both } else { Interest::READABLE };
            registry.reregister(&mut self.stream, self.token, interest)?;
        }
        Ok(())
    }

    /// Reads; `Some` when the answer is there. Events come on edges, so this reads on until it is,
    /// or until nothing more has come. The answer is added to `samples`, where given.
    pub(super) fn receive(
        &mut self,
        samples: Option<&mut Vec<Vec<u8>>>,
    ) -> Result<Option<(UnderWay, Answer)>> {
        loop {
            if self.filled == self.input.len() {
                return Err(ErrorKind::InvalidData.into());
            }
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            let parsed = parse(&self.input[..self.filled]);
            if let Some(answer) = parsed.map_err(|_| ErrorKind::InvalidData)? {
                let under_way = self.under_way.take().ok_or(ErrorKind::InvalidData)?;
                if answer.length != self.filled {
                    return Err(ErrorKind::InvalidData.into());
                }
                if let Some(samples) = samples {
                    samples.push(self.input[..self.filled].to_vec());
                }
                self.filled = 0;
                return Ok(Some((under_way, answer)));
            }
        }
    }
}
