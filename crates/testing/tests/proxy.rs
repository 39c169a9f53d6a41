//! What tests may rely on of a network that fails.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use huodong_testing::{Database, Postgres, Proxy, program};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends back what it is sent, until the last test has ended.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has a number");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut from, mut to) = (&stream, &stream);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
    stream
}

fn sends_back(stream: &mut TcpStream, text: &[u8; 5]) {
    stream.write_all(text).expect("it takes it");
    let mut back = [0; 5];
    stream.read_exact(&mut back).expect("it sends it back");
    assert_eq!(&back, text);
}

fn is_reset(mut stream: TcpStream) {
    let error = stream.read(&mut [0]).expect_err("a reset is not an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn everything_passes_both_ways_and_an_end_is_an_end() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    sends_back(&mut stream, b"hello");
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();
    let mut back = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = &stream;
            writer.write_all(&large).expect("it takes it");
            stream.shutdown(std::net::Shutdown::Write).expect("it can end");
        });
        (&stream).read_to_end(&mut back).expect("it ends");
    });
    assert!(back == large);
}

#[test]
fn a_cut_resets_and_refuses_until_it_is_restored() {
    let proxy = Proxy::to(echo());
    let (mut one, mut other) = (connect(&proxy), connect(&proxy));
    sends_back(&mut one, b"hello");
    sends_back(&mut other, b"there");
    for _ in 0..3 {
        proxy.cut();
        let error = TcpStream::connect(proxy.address()).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        proxy.restore();
        sends_back(&mut connect(&proxy), b"again");
    }
    is_reset(one);
    is_reset(other);
}

#[test]
fn a_cut_reaches_who_reads_nothing() {
    let proxy = Proxy::to(echo());
    let stream = connect(&proxy);
    stream.set_write_timeout(Some(Duration::from_millis(100))).expect("it can be set");
    // What comes back fills every buffer on the way.
    while (&stream).write(&[0; 4096]).is_ok() {}
    proxy.cut();
    assert!((&stream).write(&[0; 4096]).is_err());
}

#[test]
fn connections_are_reset_while_new_ones_pass() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    sends_back(&mut stream, b"hello");
    proxy.reset();
    is_reset(stream);
    sends_back(&mut connect(&proxy), b"again");
}

#[test]
fn a_stall_holds_back_until_it_resumes() {
    let proxy = Proxy::to(echo());
    let mut old = connect(&proxy);
    sends_back(&mut old, b"hello");
    proxy.stall();
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        stream.write_all(b"later").expect("it is taken");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("it can be set");
        let error = stream.read(&mut [0; 5]).expect_err("nothing comes");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
    }
    proxy.resume();
    for stream in [&mut old, &mut new] {
        let mut back = [0; 5];
        stream.read_exact(&mut back).expect("it comes now");
        assert_eq!(&back, b"later");
    }
    proxy.stall();
    proxy.cut();
    is_reset(old);
}

#[test]
fn a_dropped_proxy_is_gone() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    sends_back(&mut stream, b"hello");
    drop(proxy);
    is_reset(stream);
}

/// Inserts a row by way of the proxy.
fn insert(database: &Database, proxy: &Proxy) -> Child {
    let mut psql = program("psql");
    psql.args(["-X", "-q", "-d", &database.url_through(proxy.address())]);
    psql.args(["-c", "BEGIN", "-c", "INSERT INTO a VALUES (1)", "-c", "COMMIT"]);
    psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql starts")
}

fn rows_after_a_cut(cut: fn(&Proxy)) -> String {
    let postgres = Postgres::shared();
    let database = postgres.database();
    database.psql("CREATE TABLE a (n int)");
    let proxy = Proxy::to(postgres.address());
    cut(&proxy);
    assert!(!insert(&database, &proxy).wait().expect("psql ends").success());
    proxy.wait_until_cut();
    let rows = database.psql("SELECT count(*) FROM a");
    proxy.restore();
    assert!(insert(&database, &proxy).wait().expect("psql ends").success());
    rows
}

#[test]
fn a_commit_whose_answer_is_lost_has_happened() {
    assert_eq!(rows_after_a_cut(Proxy::cut_after_commit), "1");
}

#[test]
fn a_commit_that_is_lost_has_not_happened() {
    assert_eq!(rows_after_a_cut(Proxy::cut_before_commit), "0");
}
