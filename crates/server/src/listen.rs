//! How connections are taken: an accept loop with bounds on everything a stranger could hold open,
//! TLS by files, a shutdown that answers what was accepted, and a handle by which a handler can
//! have its connection cut (the sandbox's faults need that).

mod connection;
mod tls;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tracing::{debug, info, warn};

pub use connection::ConnectionHandle;
pub use tls::{TlsError, tls_from_files};

/// After a failed accept (no file descriptors left, most often) this long nothing is tried.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bounds within which connections are served.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Connections open at once; more wait in the kernel's backlog.
    pub connections_max: usize,
    /// A connection on which no request arrives whole, none is worked on and nothing of an answer
    /// is taken for this long is closed; at the latest after twice this.
    pub idle_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// At shutdown, how long requests in flight may take before they are cut off.
    pub grace: Duration,
    /// The certificate to speak TLS with; `None` is plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            idle_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(20),
            tls: None,
        }
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Connections whose requests were cut off because the grace time had passed.
    pub cut_off: usize,
}

/// Takes an address to listen on. Port 0 takes a free one: ask the listener for it.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves `router` on `listener` until `shutdown` is done: then takes no more connections, closes
/// idle ones, and returns when the requests in flight are answered or the grace time has passed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ListenOptions,
    shutdown: impl Future<Output = ()>,
) -> Served {
    let stop = watch::Sender::new(false);
    let room = Arc::new(Semaphore::new(options.connections_max));
    let acceptor = options.tls.clone().map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &room) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let serving = Serving {
            router: router.clone(),
            idle_timeout: options.idle_timeout,
            handshake_timeout: options.handshake_timeout,
            stop: stop.subscribe(),
            peer,
        };
        connections.spawn(serving.run(stream, acceptor.clone(), permit));
    }
    // The port is free from here on: the next process may already take it.
    drop(listener);
    stop.send_replace(true);
    finish(connections, options.grace).await
}

async fn finish(mut connections: JoinSet<()>, grace: Duration) -> Served {
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all_done).await.is_ok() {
        return Served { cut_off: 0 };
    }
    let cut_off = connections.len();
    warn!(cut_off, "the grace time has passed; cutting off the requests still in flight");
    connections.shutdown().await;
    Served { cut_off }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) if is_peers_fault(&error) => debug!(%error, "a connection went away"),
            Err(error) => {
                warn!(%error, "cannot accept connections for the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// All that one connection needs to be served.
struct Serving {
    router: Router,
    idle_timeout: Duration,
    handshake_timeout: Duration,
    stop: watch::Receiver<bool>,
    peer: SocketAddr,
}

impl Serving {
    async fn run(
        self,
        stream: TcpStream,
        acceptor: Option<TlsAcceptor>,
        permit: OwnedSemaphorePermit,
    ) {
        let _permit = permit;
        if let Err(error) = stream.set_nodelay(true) {
            debug!(peer = %self.peer, %error, "a connection went away");
            return;
        }
        let Some(acceptor) = acceptor else {
            return connection::serve(self, stream).await;
        };
        match tokio::time::timeout(self.handshake_timeout, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => connection::serve(self, stream).await,
            Ok(Err(error)) => info!(peer = %self.peer, %error, "a TLS handshake failed"),
            Err(_) => info!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }
}
