//! Processor time of a process, from what Linux tells of its threads.

use std::collections::HashMap;

use crate::failure::{Context as _, Failure};

/// What each thread of a process had used at a moment, in nanoseconds.
pub(super) struct Cpu {
    process: u32,
    threads: HashMap<String, u64>,
}

impl Cpu {
    pub(super) fn of(process: u32) -> Result<Self, Failure> {
        let mut threads = HashMap::new();
        let directory = format!("/proc/{process}/task");
        let entries = std::fs::read_dir(&directory).cannot(format_args!("read {directory}"))?;
        for entry in entries {
            let entry = entry.cannot(format_args!("read {directory}"))?;
            // A thread that has ended meanwhile has nothing to tell.
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else {
                continue;
            };
            let used = text.split_whitespace().next().and_then(|used| used.parse().ok());
            threads.insert(entry.file_name().to_string_lossy().into_owned(), used.unwrap_or(0));
        }
        Ok(Self { process, threads })
    }

    pub(super) fn own() -> Result<Self, Failure> {
        Self::of(std::process::id())
    }

    /// What has been used since, shared among so many calls, in microseconds. What a thread used
    /// that has ended since is lost.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn us_each(&self, calls: u64) -> Result<f64, Failure> {
        let now = Self::of(self.process)?;
        let before = |thread| self.threads.get(thread).copied().unwrap_or(0);
        let used: u64 =
            now.threads.iter().map(|(thread, used)| used.saturating_sub(before(thread))).sum();
        Ok(used as f64 / 1_000.0 / calls as f64)
    }
}
