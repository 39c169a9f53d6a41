//! What a database says about the callbacks that were delivered.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use huodong_engine::source::monotonic;
use huodong_engine::{Clock, DeliveryOptions};
use huodong_store::{
    CallbackFilter, CallbackStatus, PageRequest, Reader, Room, Store, StoreOptions,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::failure::{Context as _, Failure};

/// The longest lateness told apart, in milliseconds.
const LATE_MS_MAX: u64 = 86_400_000;
/// What counts as in time.
const IN_TIME_MS: u64 = 100;
const PAGE: usize = 1_000;
/// How many looks are timed.
const LOOKS: u32 = 200;

/// Attempts, their lateness, and what looking for more costs.
pub(super) struct Delivered {
    /// Callbacks that were acknowledged.
    callbacks: u64,
    /// Attempts that took.
    attempts: u64,
    /// From due to sent, in milliseconds.
    late_ms: Histogram<u64>,
    /// How long a look for what is due takes: now, and when everything is due.
    looks: [Duration; 2],
    /// Of the server that delivered them.
    pub(super) memory_mib: Option<f64>,
}

impl Delivered {
    /// Reads a database that no server has open any more, and audits it.
    pub(super) fn read(directory: &Path) -> Result<Self, Failure> {
        let options = StoreOptions::at(directory);
        let (store, _) = Store::open_existing(&options).cannot("open the database")?;
        let reader = store.reader();
        let report = reader.verify().cannot("audit the database")?;
        if let Some(violation) = report.violations.first() {
            return Err(Failure::new(format!("the books do not balance: {violation}")));
        }
        let now = Clock::system().real();
        let late_ms = Histogram::new_with_bounds(1, LATE_MS_MAX, 3);
        let mut found = Self {
            callbacks: 0,
            attempts: 0,
            late_ms: late_ms.expect("the bounds are constants that fit"),
            looks: [look(&reader, now)?, look(&reader, far_from(now))?],
            memory_mib: None,
        };
        let delivered =
            CallbackFilter { status: Some(CallbackStatus::Delivered), ..CallbackFilter::default() };
        let mut before = None;
        loop {
            let page = reader.callbacks(&delivered, PageRequest { before, limit: PAGE });
            let page = page.cannot("list the callbacks")?;
            for callback in &page.rows {
                found.callbacks += 1;
                for attempt in reader.attempts(callback.id).cannot("list the attempts")? {
                    let late = attempt.at.duration_since(attempt.due_at).as_millis();
                    found.attempts += 1;
                    // Half a millisecond is less than nothing: both times are whole ones.
                    found.late_ms.saturating_record(u64::try_from(late).unwrap_or(0));
                }
            }
            before = page.next;
            if before.is_none() {
                return Ok(found);
            }
        }
    }

    /// That so many were delivered, each by one attempt.
    pub(super) fn all_at_the_first_attempt(&self, count: u64) -> Result<(), Failure> {
        if (self.callbacks, self.attempts) == (count, count) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "of {count} callbacks {} were delivered, by {} attempts",
            self.callbacks, self.attempts
        )))
    }

    fn quantiles(&self) -> [(&'static str, u64); 5] {
        let at = |quantile| self.late_ms.value_at_quantile(quantile);
        let max = self.late_ms.max();
        [("p50", at(0.5)), ("p90", at(0.9)), ("p99", at(0.99)), ("p99.9", at(0.999)), ("max", max)]
    }

    #[allow(clippy::cast_precision_loss)]
    fn in_time(&self) -> f64 {
        let in_time = self.late_ms.count_between(0, IN_TIME_MS);
        in_time as f64 / (self.late_ms.len() as f64).max(1.0)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let us = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        json!({
            "callbacks": self.callbacks,
            "late_ms": self.quantiles().into_iter().collect::<HashMap<_, _>>(),
            "within_100_ms": self.in_time(),
            "look_us": us(self.looks[0]),
            "look_when_all_is_due_us": us(self.looks[1]),
            "server_memory_mib": self.memory_mib,
        })
    }
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "late by ms")?;
        for (name, ms) in self.quantiles() {
            write!(f, "  {name} {ms}")?;
        }
        let [now, far] = self.looks.map(|took| took.as_secs_f64() * 1e6);
        write!(f, "\n  {:.2} % within {IN_TIME_MS} ms", self.in_time() * 100.0)?;
        write!(f, "\n  a look for what is due {now:.0} µs; when everything is, {far:.0} µs")?;
        if let Some(memory) = self.memory_mib {
            write!(f, "\n  the server's memory {memory:.0} MiB")?;
        }
        Ok(())
    }
}

/// How long one look takes that a server's delivery makes.
fn look(reader: &Reader, now: Timestamp) -> Result<Duration, Failure> {
    let options = DeliveryOptions::default();
    let (limit, each) = (options.at_once_max, options.at_once_per_receiver_max);
    let begin = monotonic();
    for _ in 0..LOOKS {
        let due = reader.due_callbacks(now, &Room::of(limit, each));
        std::hint::black_box(due.cannot("look for what is due")?);
    }
    Ok(begin.elapsed() / LOOKS)
}

fn far_from(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(10_000)).unwrap_or(Timestamp::MAX)
}
