//! Connections: bounds, TLS, cutting, shutdown.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::stream;
use huodong_server::{ConnectionHandle, ListenOptions, Served, bind, serve, tls_from_files};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::app::PATIENCE;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Served>,
}

impl Running {
    async fn start(router: Router, options: ListenOptions) -> Self {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, router, options, async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is as closed as an end.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

/// Reads one answer with a body of 5 bytes.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    while !all.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "closed");
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn a_connection_answers_one_request_after_another() {
    let server = Running::start(hello(), ListenOptions::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_handler_knows_who_is_at_the_other_end() {
    let peer = get(async |Extension(connection): Extension<ConnectionHandle>| {
        connection.peer().to_string()
    });
    let server = Running::start(Router::new().route("/", peer), ListenOptions::default()).await;
    let mut stream = server.connect().await;
    let local = stream.local_addr().unwrap().to_string();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut stream).await.ends_with(&local));
}

#[tokio::test]
async fn a_handler_can_have_its_connection_cut_without_an_answer() {
    let router = hello().route(
        "/cut",
        post(async |Extension(connection): Extension<ConnectionHandle>| -> &'static str {
            match connection.drop_connection().await {}
        }),
    );
    let server = Running::start(router, ListenOptions::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
    let mut other = server.connect().await;
    other.write_all(GET).await.unwrap();
    one_answer(&mut other).await;
}

#[tokio::test]
async fn shutdown_answers_what_was_accepted_and_closes_what_is_idle() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        get(async move || {
            begun.notify_one();
            go_on.notified().await;
            "hello"
        })
    };
    let router = Router::new().route("/", handler);
    let mut server = Running::start(router, ListenOptions::default()).await;
    let (mut idle, mut busy) = (server.connect().await, server.connect().await);
    busy.write_all(GET).await.unwrap();
    begun.notified().await;
    server.stop();
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "the port is free");
    go_on.notify_one();
    let answer = until_closed(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    assert_eq!(server.served.await.unwrap(), Served { cut_off: 0 });
}

#[tokio::test]
async fn shutdown_waits_no_longer_than_the_grace_time() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        get(async move || {
            begun.notify_one();
            std::future::pending::<()>().await;
        })
    };
    let options = ListenOptions { grace: Duration::from_millis(50), ..ListenOptions::default() };
    let mut server = Running::start(Router::new().route("/", handler), options).await;
    let mut busy = server.connect().await;
    busy.write_all(GET).await.unwrap();
    begun.notified().await;
    server.stop();
    assert_eq!(until_closed(&mut busy).await, "");
    assert_eq!(server.served.await.unwrap(), Served { cut_off: 1 });
}

#[tokio::test]
async fn idle_and_half_sent_connections_are_closed() {
    let idle_timeout = Duration::from_millis(50);
    let options = ListenOptions { idle_timeout, ..ListenOptions::default() };
    let server = Running::start(hello(), options).await;
    let (mut idle, mut half) = (server.connect().await, server.connect().await);
    half.write_all(&GET[..10]).await.unwrap();
    assert_eq!(until_closed(&mut idle).await, "");
    assert_eq!(until_closed(&mut half).await, "");
}

/// Asks until a handler has begun, which says so, and gives its answer. On a slow machine a
/// connection may be idle for too long before its request comes.
async fn once_begun(server: &Running, begun: &AtomicBool) -> String {
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        let mut stream = server.connect().await;
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let sent = stream.write_all(request).await;
        let answer = until_closed(&mut stream).await;
        if begun.load(Ordering::SeqCst) {
            assert!(sent.is_ok());
            return answer;
        }
    }
    panic!("no request comes in time");
}

#[tokio::test]
async fn a_slow_handler_is_not_idle() {
    let begun = Arc::new(AtomicBool::new(false));
    let handler = {
        let begun = Arc::clone(&begun);
        get(async move || {
            begun.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            "hello"
        })
    };
    let idle_timeout = Duration::from_millis(50);
    let options = ListenOptions { idle_timeout, ..ListenOptions::default() };
    let server = Running::start(Router::new().route("/", handler), options).await;
    let answer = once_begun(&server, &begun).await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_long_answer_is_not_idle() {
    let begun = Arc::new(AtomicBool::new(false));
    let handler = {
        let begun = Arc::clone(&begun);
        get(async move || {
            begun.store(true, Ordering::SeqCst);
            let pieces = stream::unfold(0, async |count| {
                tokio::time::sleep(Duration::from_millis(30)).await;
                (count < 10).then_some((Ok::<_, Infallible>("piece "), count + 1))
            });
            Body::from_stream(pieces)
        })
    };
    let idle_timeout = Duration::from_millis(60);
    let options = ListenOptions { idle_timeout, ..ListenOptions::default() };
    let server = Running::start(Router::new().route("/", handler), options).await;
    let answer = once_begun(&server, &begun).await;
    assert_eq!(answer.matches("piece ").count(), 10);
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn no_more_connections_are_served_than_allowed() {
    let options = ListenOptions { connections_max: 1, ..ListenOptions::default() };
    let server = Running::start(hello(), options).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    one_answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(GET).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(100), second.readable()).await;
    assert!(waits.is_err(), "the second waits while the first is open");
    drop(first);
    one_answer(&mut second).await;
}

#[tokio::test]
async fn a_request_head_is_bounded() {
    let server = Running::start(hello(), ListenOptions::default()).await;
    let mut stream = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    // The server may have hung up before all is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

fn pem(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/tls").join(name)
}

#[tokio::test]
async fn tls_is_spoken_with_the_given_certificate() {
    let tls = Some(tls_from_files(&pem("chain.pem"), &pem("key.pem")).unwrap());
    let server = Running::start(hello(), ListenOptions { tls, ..ListenOptions::default() }).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("chain.pem")).unwrap()).unwrap();
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, server.connect().await).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed");
    }
}

#[tokio::test]
async fn plain_http_to_a_tls_port_is_closed() {
    let tls = Some(tls_from_files(&pem("chain.pem"), &pem("key.pem")).unwrap());
    let server = Running::start(hello(), ListenOptions { tls, ..ListenOptions::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    assert!(!all.starts_with(b"HTTP"), "nothing is answered in the clear");
}

#[test]
fn what_is_wrong_with_tls_files_is_said() {
    let error =
        |chain: &str, key: &str| tls_from_files(&pem(chain), &pem(key)).unwrap_err().to_string();
    assert!(error("none.pem", "key.pem").contains("none.pem"));
    assert!(error("key.pem", "key.pem").contains("no certificate"));
    assert!(error("chain.pem", "chain.pem").contains("chain.pem"));
}
