//! Ports for what is stopped and started again at the same address.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below what the system gives to connections, and to those who ask for any port: while a server is
/// down, nobody is given its port by chance.
const PORTS: Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that no other test is given for as long as this value lives, also while
/// nobody listens at it.
pub(crate) struct Port {
    number: u16,
    /// A name that one process at a time can have, and that goes with it: a file would stay behind
    /// when it is killed, and a socket at the port would be in the way of who is to listen there.
    _claim: UnixListener,
}

impl Port {
    /// `None` where another test has it. Whether anybody listens there is not looked at.
    pub(crate) fn claim(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("huodong-test-port-{number}"));
        let claim = UnixListener::bind_addr(&name.expect("it is short")).ok()?;
        Some(Self { number, _claim: claim })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    fn is_free(&self) -> bool {
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.number)).is_ok()
    }
}

/// A port at which nobody listened a moment ago.
pub(crate) fn free_port() -> Port {
    // Tests run side by side, and each looks somewhere else first.
    let first = RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start);
    let first = PORTS.start + u16::try_from(first).expect("it is within the range");
    let mut claimed = (first..PORTS.end).chain(PORTS.start..first).filter_map(Port::claim);
    claimed.find(Port::is_free).expect("a port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_at_which_nobody_listens_is_still_nobody_elses() {
        let port = free_port();
        assert!(Port::claim(port.number()).is_none());
        assert_ne!(free_port().number(), port.number());
    }
}
