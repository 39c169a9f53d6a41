use std::time::Duration;

use crate::Source;

/// How long to wait between attempts: twice as long each time, up to a limit, less up to half of
/// it by chance, so that callers who failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    /// The wait after so many attempts (1 is the first), without chance.
    fn full(self, attempts: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.most)
    }

    /// The wait after so many attempts (1 is the first).
    pub(crate) fn wait(self, attempts: u32, source: &dyn Source) -> Duration {
        let half = self.full(attempts) / 2;
        half + half.mul_f64(f64::from(source.jitter()) / f64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    struct Chance(u16);

    impl Source for Chance {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn nonce(&self) -> String {
            "1".to_owned()
        }

        fn jitter(&self) -> u16 {
            self.0
        }
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };
        let waits = [1, 2, 3, 4, 5, u32::MAX].map(|n| backoff.wait(n, &Chance(u16::MAX)));
        assert_eq!(waits.map(|wait| wait.as_millis()), [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn chance_takes_up_to_half() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };
        assert_eq!(backoff.wait(1, &Chance(0)), Duration::from_millis(50));
    }
}
