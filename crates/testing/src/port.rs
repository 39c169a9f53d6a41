//! Ports for what is stopped and started again at the same address.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below what the system gives to connections, and to those who ask for any port: while a server is
/// down, nobody is given its port by chance.
const PORTS: Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    // Tests run side by side, and each looks somewhere else first.
    let first = RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start);
    let first = PORTS.start + u16::try_from(first).expect("it is within the range");
    (first..PORTS.end).chain(PORTS.start..first).find(free).expect("a port is free")
}
