use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tower::Service;
use tracing::debug;

use super::Serving;

/// The largest request head. Ours are a few hundred bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// The connection a request came by; every request carries one in its extensions.
#[derive(Clone, Debug)]
pub struct ConnectionHandle(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    peer: SocketAddr,
    cut: Notify,
    begun: AtomicU64,
    answered: AtomicU64,
}

impl ConnectionHandle {
    fn new(peer: SocketAddr) -> Self {
        let (begun, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Connection { peer, cut: Notify::new(), begun, answered }))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Closes the connection without an answer. The handler that awaits this is dropped there and
    /// never goes on.
    pub async fn drop_connection(&self) -> Infallible {
        self.0.cut.notify_one();
        std::future::pending().await
    }

    /// How many requests have begun, where none of them is still being answered.
    fn idle_since(&self) -> Option<u64> {
        let begun = self.0.begun.load(Ordering::Relaxed);
        (self.0.answered.load(Ordering::Relaxed) == begun).then_some(begun)
    }
}

pub(super) async fn serve<S>(serving: Serving, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Serving { router, idle_timeout, mut stop, peer, .. } = serving;
    let handle = ConnectionHandle::new(peer);
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        handle.0.begun.fetch_add(1, Ordering::Relaxed);
        request.extensions_mut().insert(handle.clone());
        let answer = router.clone().call(request);
        let connection = Arc::clone(&handle.0);
        async move {
            let answer = answer.await;
            connection.answered.fetch_add(1, Ordering::Relaxed);
            answer
        }
    });
    // Time limits are kept here, once for each connection, not by hyper's timer, which sets an
    // alarm for every request.
    let mut connection = pin!(
        http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut stopping = false;
    let mut idle_check = pin!(tokio::time::sleep(idle_timeout));
    let mut seen = None;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%peer, %error, "a connection ended early");
                }
                return;
            }
            () = handle.0.cut.notified() => {
                debug!(%peer, "a handler had the connection cut");
                return;
            }
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = idle_check.as_mut() => {
                let idle = handle.idle_since();
                if idle.is_some() && idle == seen {
                    debug!(%peer, "a connection was idle for too long");
                    return;
                }
                seen = idle;
                idle_check.as_mut().reset(tokio::time::Instant::now() + idle_timeout);
            }
        }
    }
}
