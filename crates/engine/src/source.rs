//! Where time and chance come from. The one place where the system's clocks and random numbers are
//! read; everything else takes a [`Clock`] or a [`Chance`].
#![allow(clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use tokio::sync::watch;

/// The two clocks: the real one, by which signatures are fresh, and the business clock, by which
/// windows, days and timers run and which a sandbox may freeze and move.
#[derive(Clone, Debug)]
pub struct Clock {
    business: Arc<RwLock<Business>>,
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
            moved: watch::Sender::new(0),
        }
    }

    /// The real time.
    pub fn real(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The business time.
    pub fn now(&self) -> Timestamp {
        match *self.business.read() {
            Business::Running(offset) => shift(Timestamp::now(), offset),
            Business::Frozen(at) => at,
        }
    }

    /// True while the business clock stands still.
    pub fn frozen(&self) -> bool {
        matches!(*self.business.read(), Business::Frozen(_))
    }

    /// Sets the business clock; it goes on from there, or stays there where it is frozen.
    pub fn set(&self, to: Timestamp) {
        let mut business = self.business.write();
        *business = match *business {
            Business::Running(_) => Business::Running(to.duration_since(Timestamp::now())),
            Business::Frozen(_) => Business::Frozen(to),
        };
        drop(business);
        self.moved.send_modify(|count| *count += 1);
    }

    /// Moves the business clock.
    pub fn advance(&self, by: SignedDuration) {
        self.set(shift(self.now(), by));
    }

    /// Stops the business clock where it is, or lets it run on from there.
    pub fn freeze(&self, frozen: bool) {
        let now = self.now();
        *self.business.write() = if frozen {
            Business::Frozen(now)
        } else {
            Business::Running(now.duration_since(Timestamp::now()))
        };
        self.moved.send_modify(|count| *count += 1);
    }

    /// Puts the business clock beside the real one again.
    pub fn reset(&self) {
        *self.business.write() = Business::Running(SignedDuration::ZERO);
        self.moved.send_modify(|count| *count += 1);
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
