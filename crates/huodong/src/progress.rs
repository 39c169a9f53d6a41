//! How far something long has come: one line that is drawn again on a terminal, else a line now and
//! then.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use huodong_engine::source::monotonic;

/// How often a terminal is drawn on, and how often a line is written elsewhere.
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(5);
/// How many places the bar has.
const BAR: u64 = 24;

pub(crate) struct Progress {
    on_terminal: bool,
    /// When the first rows were told.
    begun: Option<Instant>,
    shown: Option<Instant>,
    /// The line that was not shown yet.
    pending: Option<String>,
}

impl Progress {
    pub(crate) fn to_stderr() -> Self {
        let on_terminal = stderr().is_terminal();
        Self { on_terminal, begun: None, shown: None, pending: None }
    }

    /// Something else begins.
    pub(crate) fn say(&mut self, what: &str) {
        self.end();
        eprintln!("{what}");
    }

    /// `done` of `of` rows are done, of which `earlier` were so before.
    pub(crate) fn show(&mut self, what: &str, done: u64, earlier: u64, of: u64) {
        let now = monotonic();
        let begun = *self.begun.get_or_insert(now);
        let line = line(what, done, earlier, of, now - begun);
        let pause = if self.on_terminal { REDRAW } else { LINE };
        if self.shown.is_some_and(|shown| now - shown < pause) {
            self.pending = Some(line);
            return;
        }
        self.shown = Some(now);
        self.write(&line);
    }

    fn write(&mut self, line: &str) {
        self.pending = None;
        // Whoever looked may have gone; that is no reason to stop.
        let _ = if self.on_terminal {
            write!(stderr(), "\r\x1b[2K{line}").and_then(|()| stderr().flush())
        } else {
            writeln!(stderr(), "{line}")
        };
    }

    /// Shows what is left to show; the next line is another's.
    pub(crate) fn end(&mut self) {
        if let Some(line) = self.pending.take() {
            self.write(&line);
        }
        if self.on_terminal && self.shown.take().is_some() {
            eprintln!();
        }
    }
}

fn line(what: &str, done: u64, earlier: u64, of: u64, since: Duration) -> String {
    let share = |whole: u64| (u128::from(done) * u128::from(whole) / u128::from(of.max(1))) as u64;
    let filled = share(BAR).min(BAR);
    let bar: String = (0..BAR).map(|at| if at < filled { '#' } else { '.' }).collect();
    let rate = (done.saturating_sub(earlier)) as f64 / since.as_secs_f64();
    let (speed, left) = if rate.is_finite() && rate >= 1.0 {
        let left = of.saturating_sub(done) as f64 / rate;
        (format!("{rate:.0}/s"), span(left as u64))
    } else {
        ("-/s".to_owned(), "-".to_owned())
    };
    let percent = share(100).min(100);
    format!("[{bar}] {percent:>3}%  {done} of {of} rows  {speed}  {left} left  {what}")
}

fn span(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long_still() {
        let told = line("transfers", 3_000, 1_000, 4_000, Duration::from_secs(4));
        assert_eq!(
            told,
            "[##################......]  75%  3000 of 4000 rows  500/s  0:02 left  transfers"
        );
        let begun = line("accounts", 0, 0, 0, Duration::ZERO);
        assert_eq!(begun, "[........................]   0%  0 of 0 rows  -/s  - left  accounts");
        assert_eq!(span(2 * 3600 + 5), "2:00:05");
    }
}
