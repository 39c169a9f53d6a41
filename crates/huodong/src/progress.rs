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
    let share = |whole: u64| done.saturating_mul(whole) / of.max(1);
    let filled = share(BAR).min(BAR);
    let bar: String = (0..BAR).map(|at| if at < filled { '#' } else { '.' }).collect();
    let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let rate = done.saturating_sub(earlier).saturating_mul(1000).checked_div(ms).unwrap_or(0);
    let left = of.saturating_sub(done).checked_div(rate).map_or_else(|| "-".to_owned(), span);
    let percent = share(100).min(100);
    format!("[{bar}] {percent:>3}%  {done} of {of} rows  {rate}/s  {left} left  {what}")
}

fn span(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
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
        assert_eq!(begun, "[........................]   0%  0 of 0 rows  0/s  - left  accounts");
        assert_eq!(span(2 * 3600 + 5), "2:00:05");
    }
}
