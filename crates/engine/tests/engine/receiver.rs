//! A receiver of callbacks that answers as it is told, and remembers what it was sent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huodong_engine::Clock;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::scene::SOON;

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// As the tests' envoy wants it.
    Ack,
    /// With this status and body.
    Say(u16, &'static str),
    /// With so many bytes.
    Bytes(usize),
    /// With this status, to there.
    Redirect(u16, String),
    /// With a head and ten bytes, and then a byte now and then, for ever.
    Drip,
    /// After so long, acknowledged.
    After(Duration),
    /// Once the test lets it, acknowledged.
    WhenLetGo,
    /// With status 500, once the test says so to this one alone.
    RefusedWhenTold(Arc<Notify>),
    /// Not: the connection is closed.
    Close,
    /// With something else than HTTP.
    Noise,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The business time it came at.
    pub at: Timestamp,
    pub head: String,
    pub body: String,
}

type Script = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

struct Inner {
    clock: Clock,
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
    under_way: Mutex<HashSet<String>>,
    /// Bodies that came again before they were answered.
    doubled: Mutex<Vec<String>>,
    most_at_once: Mutex<usize>,
    arrived: watch::Sender<usize>,
    let_go: watch::Sender<bool>,
}

pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

/// An address where nobody listens, nor can anybody begin to while the socket is kept.
pub fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
        self.let_go();
    }
}

impl Receiver {
    /// Answers each request the same way.
    pub async fn that(clock: &Clock, reply: Reply) -> Self {
        Self::scripted(clock, move |_| reply.clone()).await
    }

    pub async fn scripted(
        clock: &Clock,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            clock: clock.clone(),
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            under_way: Mutex::default(),
            doubled: Mutex::default(),
            most_at_once: Mutex::default(),
            arrived: watch::Sender::new(0),
            let_go: watch::Sender::new(false),
        });
        let accepting = tokio::spawn({
            let inner = Arc::clone(&inner);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(Arc::clone(&inner), stream));
                }
            }
        });
        Self { address, inner, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://{}/notify?of=test", self.address)
    }

    pub fn answer(&self, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        *self.inner.script.lock().unwrap() = Box::new(script);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        *self.inner.arrived.borrow()
    }

    /// Returns when so many requests have come.
    pub async fn has_received(&self, count: usize) {
        let mut arrived = self.inner.arrived.subscribe();
        let come = arrived.wait_for(|come| *come >= count);
        let come = tokio::time::timeout(SOON, come).await;
        assert!(come.is_ok(), "{} of {count} requests came", self.count());
    }

    /// What waits for it is answered.
    pub fn let_go(&self) {
        self.inner.let_go.send_replace(true);
    }

    /// Bodies that came again before they were answered.
    pub fn doubled(&self) -> Vec<String> {
        self.inner.doubled.lock().unwrap().clone()
    }

    pub fn most_at_once(&self) -> usize {
        *self.inner.most_at_once.lock().unwrap()
    }
}

async fn serve(inner: Arc<Inner>, mut stream: TcpStream) {
    let mut bytes = Vec::new();
    while let Some(request) = read(&inner.clock, &mut stream, &mut bytes).await {
        inner.begin(&request);
        let reply = (inner.script.lock().unwrap())(&request);
        let answer = inner.carry_out(reply, &mut stream).await;
        // Before anything is answered, or the next attempt could be here first.
        inner.end(&request);
        match answer {
            Some(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            None => return,
        }
    }
}

impl Inner {
    fn begin(&self, request: &Request) {
        let mut under_way = self.under_way.lock().unwrap();
        if !under_way.insert(request.body.clone()) {
            self.doubled.lock().unwrap().push(request.body.clone());
        }
        let mut most = self.most_at_once.lock().unwrap();
        *most = under_way.len().max(*most);
        self.requests.lock().unwrap().push(request.clone());
        self.arrived.send_modify(|count| *count += 1);
    }

    fn end(&self, request: &Request) {
        self.under_way.lock().unwrap().remove(&request.body);
    }

    /// The answer to write; `None` where the connection is to be closed.
    async fn carry_out(&self, reply: Reply, stream: &mut TcpStream) -> Option<String> {
        match reply {
            Reply::Ack => Some(said(200, "", "SUCCESS")),
            Reply::Say(status, body) => Some(said(status, "", body)),
            Reply::Bytes(count) => Some(said(200, "", &"x".repeat(count))),
            Reply::Redirect(status, to) => {
                Some(said(status, &format!("Location: {to}\r\n"), "SUCCESS"))
            }
            Reply::Drip => {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nxxxxxxxxxx";
                let mut next = head.as_bytes().to_vec();
                while stream.write_all(&next).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    next = b"x".to_vec();
                }
                None
            }
            Reply::After(pause) => {
                tokio::time::sleep(pause).await;
                Some(said(200, "", "SUCCESS"))
            }
            Reply::WhenLetGo => {
                let mut let_go = self.let_go.subscribe();
                let_go.wait_for(|gone| *gone).await.ok()?;
                Some(said(200, "", "SUCCESS"))
            }
            Reply::RefusedWhenTold(told) => {
                told.notified().await;
                Some(said(500, "", ""))
            }
            Reply::Close => None,
            Reply::Noise => Some("220 mail.example.com ready\r\n\r\n".to_owned()),
        }
    }
}

fn said(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

async fn read(clock: &Clock, stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((request, length)) = parse(clock, bytes) {
            bytes.drain(..length);
            return Some(request);
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(clock: &Clock, bytes: &[u8]) -> Option<(Request, usize)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let length: usize = length.unwrap_or(0);
    let body = rest.get(..length)?.to_owned();
    let request = Request { at: clock.now(), head: head.to_owned(), body };
    Some((request, head.len() + 4 + length))
}
