use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Source;

/// Between attempts to send.
pub(crate) const SENDING: Backoff =
    Backoff { first: Duration::from_millis(100), most: Duration::from_secs(5) };
/// Between queries of what was accepted.
pub(crate) const POLLING: Backoff =
    Backoff { first: Duration::from_millis(500), most: Duration::from_secs(10) };

/// How often a call whose error says [`Advice::Retry`](crate::gongyi::Advice::Retry) is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// In all, the first included; 0 counts as 1.
    pub attempts_max: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
}

impl Default for Retry {
    /// Four attempts, waiting 0.1 s to 5 s between them.
    fn default() -> Self {
        Self { attempts_max: 4, backoff: SENDING }
    }
}

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

/// Waits, unless the deadline would come first: then it says false at once, as nothing is gained
/// by waiting for it.
pub(crate) async fn pause(wait: Duration, deadline: Instant) -> bool {
    if wait >= deadline.saturating_duration_since(Instant::now()) {
        return false;
    }
    sleep(wait).await;
    true
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
