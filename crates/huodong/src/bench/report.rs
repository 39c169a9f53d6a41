//! What a load run found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The longest latency told apart; a longer one counts as this.
const LATENCY_US_MAX: u64 = 600_000_000;

/// What happened to the requests of one thread, or of all.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Answers by the envelope's code.
    pub(super) codes: BTreeMap<i64, u64>,
    /// Answers without a code, by HTTP status.
    pub(super) bare_statuses: BTreeMap<u16, u64>,
    /// Connections that broke, by what the system said.
    pub(super) broken: BTreeMap<String, u64>,
    /// Requests that had no answer when waiting ended.
    pub(super) unanswered: u64,
    /// How long answers took, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Some of the answers, whole.
    pub(super) samples: Vec<Vec<u8>>,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        Self {
            codes: BTreeMap::new(),
            bare_statuses: BTreeMap::new(),
            broken: BTreeMap::new(),
            unanswered: 0,
            latency: latency.expect("the bounds are constants that fit"),
            samples: Vec::new(),
        }
    }

    /// One answer.
    pub(super) fn answer(&mut self, status: u16, code: Option<i64>, took: Duration) {
        match code {
            Some(code) => *self.codes.entry(code).or_default() += 1,
            None => *self.bare_statuses.entry(status).or_default() += 1,
        }
        self.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Takes another thread's findings in.
    pub(super) fn add(&mut self, other: &Self) {
        for (code, count) in &other.codes {
            *self.codes.entry(*code).or_default() += count;
        }
        for (status, count) in &other.bare_statuses {
            *self.bare_statuses.entry(*status).or_default() += count;
        }
        for (reason, count) in &other.broken {
            *self.broken.entry(reason.clone()).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.samples.extend_from_slice(&other.samples);
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
    }
}

/// The findings of a whole run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// What was asked for, in the plural.
    pub(super) what: &'static str,
    /// Connections.
    pub(super) connections: usize,
    /// Requests a second that were to be sent; `None` for a closed loop.
    pub(super) rate: Option<f64>,
    /// How many requests were sent, before and while it was measured.
    pub(super) sent: u64,
    /// True where the load ended because there were no more requests, before its time was up.
    pub(super) ran_out: bool,
    /// How long was measured.
    pub(super) measured: Duration,
    /// What happened.
    pub(super) tally: Tally,
}

impl Report {
    /// Orders accepted in the measured time.
    pub(super) fn accepted(&self) -> u64 {
        self.tally.codes.get(&0).copied().unwrap_or_default()
    }

    /// Orders accepted a second.
    pub(super) fn accepted_per_s(&self) -> f64 {
        self.per_second(self.accepted())
    }

    #[allow(clippy::cast_precision_loss)]
    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.measured.as_secs_f64().max(1e-9)
    }

    #[allow(clippy::cast_precision_loss)]
    fn latency_ms(&self) -> [(&'static str, f64); 5] {
        let latency = &self.tally.latency;
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile| ms(latency.value_at_quantile(quantile));
        let max = if latency.is_empty() { 0.0 } else { ms(latency.max()) };
        [("p50", at(0.5)), ("p90", at(0.9)), ("p99", at(0.99)), ("p99.9", at(0.999)), ("max", max)]
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let texts = |(code, count): (&i64, &u64)| (code.to_string(), *count);
        json!({
            "connections": self.connections,
            "rate": self.rate,
            "ran_out": self.ran_out,
            "measured_s": self.measured.as_secs_f64(),
            "accepted": self.accepted(),
            "accepted_per_s": self.per_second(self.accepted()),
            "answers": self.tally.latency.len(),
            "answers_per_s": self.per_second(self.tally.latency.len()),
            "codes": self.tally.codes.iter().map(texts).collect::<BTreeMap<_, _>>(),
            "statuses_without_code": self.tally.bare_statuses,
            "broken": self.tally.broken,
            "unanswered": self.tally.unanswered,
            "latency_ms": self.latency_ms().into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loop_kind = match self.rate {
            None => "closed loop".to_owned(),
            Some(rate) => format!("open loop, {rate:.0} requests a second"),
        };
        let seconds = self.measured.as_secs_f64();
        writeln!(f, "{} connections, {loop_kind}, {seconds:.1} s measured", self.connections)?;
        let accepted = self.accepted();
        writeln!(
            f,
            "accepted   {:>10.0} /s  ({accepted} {})",
            self.per_second(accepted),
            self.what
        )?;
        let answers = self.tally.latency.len();
        writeln!(f, "answered   {:>10.0} /s  ({answers} answers)", self.per_second(answers))?;
        for (code, count) in &self.tally.codes {
            writeln!(f, "  code {code:<12} {count:>10}")?;
        }
        for (status, count) in &self.tally.bare_statuses {
            writeln!(f, "  HTTP {status}, no code {count:>10}")?;
        }
        for (reason, count) in &self.tally.broken {
            writeln!(f, "  broken: {reason} {count:>10}")?;
        }
        if self.tally.unanswered > 0 {
            writeln!(f, "  unanswered {:>17}", self.tally.unanswered)?;
        }
        write!(f, "latency ms")?;
        for (name, ms) in self.latency_ms() {
            write!(f, "  {name} {ms:.2}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_only_code_zero_as_accepted() {
        let mut tally = Tally::new();
        for ms in 1..=100 {
            tally.answer(200, Some(0), Duration::from_millis(ms));
        }
        tally.answer(200, Some(32_240_007), Duration::from_millis(1));
        let mut both = Tally::new();
        both.add(&tally);
        let measured = Duration::from_secs(2);
        let report = Report {
            what: "donations",
            connections: 1,
            rate: None,
            sent: 101,
            ran_out: false,
            measured,
            tally: both,
        };
        let json = report.json();
        assert_eq!(json["accepted"], 100);
        assert_eq!(json["accepted_per_s"], 50.0);
        assert_eq!(json["answers"], 101);
        assert_eq!(json["codes"]["32240007"], 1);
        let p50 = json["latency_ms"]["p50"].as_f64().expect("a number");
        assert!((p50 - 50.0).abs() < 1.0, "{p50}");
    }
}
