//! Where this crate's time and chance come from: the one place where it reads the system's clock
//! and random numbers. An integrator's program has no use for the engine's, so the SDK has its own.
#![allow(clippy::disallowed_methods)]

use jiff::Timestamp;

/// Time and chance, for signatures and for the jitter of retries. [`System`] unless a test puts
/// another in its place.
pub trait Source: Send + Sync + 'static {
    /// The real time.
    fn now(&self) -> Timestamp;

    /// Letters and digits that were not used before, 1 to 64 of them.
    fn nonce(&self) -> String;

    /// A number that spreads retries: any from 0 to 65535, each as likely.
    fn jitter(&self) -> u16;

    /// Fills bytes with random numbers that nobody can guess, for keys: the system's, which is what
    /// it should be outside of tests.
    fn fill(&self, bytes: &mut [u8]) {
        fill(bytes);
    }
}

/// The system's clock and random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Source for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn nonce(&self) -> String {
        hex::encode(random::<16>())
    }

    fn jitter(&self) -> u16 {
        u16::from_ne_bytes(random())
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_fresh_and_well_formed() {
        let (one, other) = (System.nonce(), System.nonce());
        assert_ne!(one, other);
        assert!(huodong_wire::gongyi::sign::nonce_is_well_formed(&one));
    }
}
