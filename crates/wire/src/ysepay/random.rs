//! Random numbers, between what a caller passes in and what the crates under this one expect.

use std::convert::Infallible;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rand_core::{TryCryptoRng, TryRng};

/// Random numbers that a caller passed in, as a function that fills bytes with them.
pub(super) struct Given<'a>(pub(super) &'a mut dyn FnMut(&mut [u8]));

impl TryRng for Given<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(to);
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}

/// aws-lc's own, with which RSA keys are blinded: they change nothing that anybody sees.
pub(super) struct Blinding(SystemRandom);

impl Blinding {
    pub(super) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl TryRng for Blinding {
    type Error = Unspecified;

    fn try_next_u32(&mut self) -> Result<u32, Unspecified> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Unspecified> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Unspecified> {
        self.0.fill(to)
    }
}

impl TryCryptoRng for Blinding {}
