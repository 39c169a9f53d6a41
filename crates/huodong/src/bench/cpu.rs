//! Processor time of a process, as the system counts it.

use rustix::param::clock_ticks_per_second;

use crate::failure::{Context as _, Failure};

/// What a process had used at a moment, its threads that have ended included.
pub(super) struct Cpu {
    process: u32,
    ticks: u64,
}

impl Cpu {
    pub(super) fn of(process: u32) -> Result<Self, Failure> {
        let path = format!("/proc/{process}/stat");
        let stat = std::fs::read_to_string(&path).cannot(format_args!("read {path}"))?;
        // The program's name, in brackets, may hold blanks; what follows are numbers.
        let numbers = stat.rsplit_once(')').map(|(_, numbers)| numbers).unwrap_or_default();
        let numbers: Vec<u64> =
            numbers.split_whitespace().map(|number| number.parse().unwrap_or(0)).collect();
        // utime and stime, the fourteenth and fifteenth of all.
        let used = numbers.get(11).zip(numbers.get(12)).map(|(user, system)| user + system);
        let ticks = used.ok_or_else(|| Failure::new(format!("{path} tells no times")))?;
        Ok(Self { process, ticks })
    }

    pub(super) fn own() -> Result<Self, Failure> {
        Self::of(std::process::id())
    }

    /// What has been used since, in microseconds for each of so many calls.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn us_each(&self, calls: u64) -> Result<f64, Failure> {
        let used = Self::of(self.process)?.ticks.saturating_sub(self.ticks);
        let us = used as f64 * 1e6 / clock_ticks_per_second() as f64;
        Ok(us / calls.max(1) as f64)
    }
}
