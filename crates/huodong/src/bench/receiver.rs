//! Receivers of callbacks that acknowledge everything at once, with as little work as HTTP allows,
//! so that what is measured is the sender.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huodong_engine::source::monotonic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::failure::{Context as _, Failure};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n\
    {\"code\":\"SUCCESS\"}";
/// The largest request; callbacks are about one kilobyte.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Some addresses on loopback, and how many callbacks came to them.
pub(super) struct Receivers {
    /// Where.
    pub(super) addresses: Vec<SocketAddr>,
    seen: Arc<Seen>,
    // Ends the receiving when it is dropped.
    _tasks: JoinSet<()>,
}

struct Seen {
    count: AtomicU64,
    began: Instant,
    /// When the first and the last came, in microseconds after the beginning.
    first: AtomicU64,
    last: AtomicU64,
}

impl Receivers {
    /// So many.
    pub(super) async fn open(count: usize) -> Result<Self, Failure> {
        let seen = Arc::new(Seen {
            count: AtomicU64::new(0),
            began: monotonic(),
            first: AtomicU64::new(u64::MAX),
            last: AtomicU64::new(0),
        });
        let (mut addresses, mut tasks) = (Vec::with_capacity(count), JoinSet::new());
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.cannot("listen on loopback")?;
            addresses.push(listener.local_addr().cannot("tell the address")?);
            tasks.spawn(accept(listener, Arc::clone(&seen)));
        }
        Ok(Self { addresses, seen, _tasks: tasks })
    }

    /// How many came.
    pub(super) fn count(&self) -> u64 {
        self.seen.count.load(Ordering::Relaxed)
    }

    /// From the first to the last.
    pub(super) fn took(&self) -> Duration {
        let last = self.seen.last.load(Ordering::Relaxed);
        Duration::from_micros(last.saturating_sub(self.seen.first.load(Ordering::Relaxed)))
    }
}

impl Seen {
    fn one(&self) {
        let at = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.first.fetch_min(at, Ordering::Relaxed);
        self.last.fetch_max(at, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that cannot be taken is the sender's failed attempt, and shows as such.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(receive(stream, Arc::clone(&seen)));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request after the other until the sender goes.
async fn receive(mut stream: TcpStream, seen: Arc<Seen>) {
    let mut bytes = Vec::with_capacity(4096);
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        while let Some(length) = request(&bytes) {
            bytes.drain(..length);
            seen.one();
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
        if bytes.len() > REQUEST_BYTES_MAX {
            return;
        }
    }
}

/// How long the request at the beginning is, once it is all there.
fn request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = bytes[..head].split(|byte| *byte == b'\n');
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at_checked("content-length:".len())?;
        let named = name.eq_ignore_ascii_case(b"content-length:");
        named.then(|| std::str::from_utf8(value.trim_ascii()).ok()?.parse::<usize>().ok())?
    });
    let whole = head + 4 + length.unwrap_or(0);
    (bytes.len() >= whole).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_found_once_it_is_whole() {
        let whole = b"POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\n\r\n{}";
        for short in 0..whole.len() {
            assert_eq!(request(&whole[..short]), None, "at {short}");
        }
        assert_eq!(request(whole), Some(whole.len()));
        assert_eq!(request(b"GET / HTTP/1.1\r\n\r\nmore"), Some(18));
    }
}
