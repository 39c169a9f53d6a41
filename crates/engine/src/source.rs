//! Where time and chance come from. The one place where the system's clocks and random numbers are
//! read; everything else takes a [`Clock`] or a [`Chance`].
#![allow(clippy::disallowed_methods)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use tokio::sync::watch;

/// The two clocks: the real one, by which signatures are fresh, and the business clock, by which
/// windows, days and timers run and which a sandbox may freeze and move.
#[derive(Clone, Debug)]
pub struct Clock {
    business: Arc<RwLock<Business>>,
    /// The latest business time told, in microseconds.
    told: Arc<AtomicI64>,
    moved: watch::Sender<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Business {
    /// Runs beside the real clock at this distance.
    Running(SignedDuration),
    /// Stands still.
    Frozen(Timestamp),
}

impl Clock {
    /// Both clocks alike.
    pub fn system() -> Self {
        Self {
            business: Arc::new(RwLock::new(Business::Running(SignedDuration::ZERO))),
            told: Arc::new(AtomicI64::new(i64::MIN)),
            moved: watch::Sender::new(0),
        }
    }

    /// The real time.
    pub fn real(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The business time. It goes back only when it is told to: should the system's clock be put
    /// right by a step backwards, it waits there, or a day's limits could be used twice.
    pub fn now(&self) -> Timestamp {
        match *self.business.read() {
            Business::Running(offset) => self.forward(shift(Timestamp::now(), offset)),
            Business::Frozen(at) => at,
        }
    }

    fn forward(&self, time: Timestamp) -> Timestamp {
        let told = self.told.fetch_max(time.as_microsecond(), Ordering::Relaxed);
        if told <= time.as_microsecond() {
            return time;
        }
        Timestamp::from_microsecond(told).unwrap_or(time)
    }

    fn moved(&self, business: Business) {
        *self.business.write() = business;
        self.told.store(i64::MIN, Ordering::Relaxed);
        self.moved.send_modify(|count| *count += 1);
    }

    /// True while the business clock stands still.
    pub fn frozen(&self) -> bool {
        matches!(*self.business.read(), Business::Frozen(_))
    }

    /// Sets the business clock; it goes on from there, or stays there where it is frozen.
    pub fn set(&self, to: Timestamp) {
        let business = match *self.business.read() {
            Business::Running(_) => Business::Running(to.duration_since(Timestamp::now())),
            Business::Frozen(_) => Business::Frozen(to),
        };
        self.moved(business);
    }

    /// Moves the business clock.
    pub fn advance(&self, by: SignedDuration) {
        self.set(shift(self.now(), by));
    }

    /// Stops the business clock where it is, or lets it run on from there.
    pub fn freeze(&self, frozen: bool) {
        let now = self.now();
        self.moved(if frozen {
            Business::Frozen(now)
        } else {
            Business::Running(now.duration_since(Timestamp::now()))
        });
    }

    /// Puts the business clock beside the real one again.
    pub fn reset(&self) {
        self.moved(Business::Running(SignedDuration::ZERO));
    }

    /// Tells whenever the business clock was moved, frozen or let go.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }
}

/// The years 1 to 9999 are enough for anybody.
fn shift(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}

/// A point on the monotonic clock, for measuring how long something took.
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Unpredictable bytes, from the operating system's generator as aws-lc keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chance;

impl Chance {
    /// This many unpredictable bytes.
    ///
    /// # Panics
    /// When the operating system has none to give.
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn business_time_does_not_follow_a_step_backwards() {
        let clock = Clock::system();
        let later = time("2026-11-21T16:00:01Z");
        assert_eq!(clock.forward(later), later);
        assert_eq!(clock.forward(time("2026-11-21T15:59:59Z")), later);
    }

    #[test]
    fn business_time_goes_back_when_told_to_and_stands_when_frozen() {
        let clock = Clock::system();
        clock.freeze(true);
        clock.set(time("2026-11-21T10:00:00Z"));
        assert_eq!(clock.now(), time("2026-11-21T10:00:00Z"));
        clock.set(time("2020-01-02T00:00:00Z"));
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.now(), time("2020-01-02T00:00:05Z"));
        clock.freeze(false);
        assert!(clock.now() < time("2020-01-02T01:00:00Z"));
        clock.reset();
        assert!(clock.now() >= clock.real() - SignedDuration::from_secs(60));
    }
}
