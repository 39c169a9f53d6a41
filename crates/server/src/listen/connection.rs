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
use super::watched::Watched;

/// The largest request head. Ours are a few hundred bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// The connection a request came by; every request carries one in its extensions.
#[derive(Clone, Debug)]
pub struct ConnectionHandle(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    peer: SocketAddr,
    cut: Notify,
    activity: Arc<Activity>,
}

/// What happens on a connection, as far as telling whether it is idle takes.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    answered: AtomicU64,
    writes: AtomicU64,
}

impl Activity {
    /// Some bytes of an answer were written.
    pub(super) fn moved(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// What has happened so far, where no request is being worked on; while this stays the same,
    /// the connection is idle.
    fn at_rest(&self) -> Option<(u64, u64)> {
        let begun = self.begun.load(Ordering::Relaxed);
        let answered = self.answered.load(Ordering::Relaxed);
        (answered == begun).then(|| (begun, self.writes.load(Ordering::Relaxed)))
    }
}

impl ConnectionHandle {
    fn new(peer: SocketAddr, activity: Arc<Activity>) -> Self {
        Self(Arc::new(Connection { peer, cut: Notify::new(), activity }))
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
}

pub(super) async fn serve<S>(serving: Serving, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Serving { router, idle_timeout, mut stop, peer, .. } = serving;
    let activity = Arc::new(Activity::default());
    let handle = ConnectionHandle::new(peer, Arc::clone(&activity));
    let stream = Watched::new(stream, Arc::clone(&activity));
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        activity.begun.fetch_add(1, Ordering::Relaxed);
        request.extensions_mut().insert(handle.clone());
        let answer = router.clone().call(request);
        let connection = Arc::clone(&handle.0);
        async move {
            let answer = answer.await;
            connection.activity.answered.fetch_add(1, Ordering::Relaxed);
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
                let at_rest = activity.at_rest();
                if at_rest.is_some() && at_rest == seen {
                    debug!(%peer, "a connection was idle for too long");
                    return;
                }
                seen = at_rest;
                idle_check.as_mut().reset(tokio::time::Instant::now() + idle_timeout);
            }
        }
    }
}
