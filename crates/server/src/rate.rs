//! How often an application may call.

use std::fmt;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// An application's rate limit: so many calls a second, all of them at once if need be.
pub struct Rate {
    per_s: u32,
    /// `None` where nothing is allowed.
    limiter: Option<DefaultDirectRateLimiter>,
}

impl Rate {
    /// At most this many calls a second.
    pub fn new(per_s: u32) -> Self {
        let limiter = NonZeroU32::new(per_s).map(|n| RateLimiter::direct(Quota::per_second(n)));
        Self { per_s, limiter }
    }

    /// What it was made with.
    pub fn per_s(&self) -> u32 {
        self.per_s
    }

    /// True when one more call may pass; it is counted.
    pub fn allows(&self) -> bool {
        self.limiter.as_ref().is_some_and(|limiter| limiter.check().is_ok())
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rate({}/s)", self.per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_calls_pass_at_once_as_the_rate_says() {
        let rate = Rate::new(3);
        assert_eq!([(); 4].map(|()| rate.allows()), [true, true, true, false]);
    }

    #[test]
    fn a_rate_of_zero_lets_nothing_pass() {
        assert!(!Rate::new(0).allows());
    }
}
