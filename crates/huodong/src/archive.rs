//! `huodong archive`: rows that nothing is decided by any more leave the database for files.

mod file;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use huodong_campaign::{Archivable, BeginArchive, Command, EndArchive, Operated, SHANGHAI};
use huodong_engine::Clock;
use huodong_server::operator::archive::{attempt_line, audit_line};
use huodong_store::{ArchiveError, ArchiveExtent, ArchivedRows, Store, StoreError};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::failure::{Context as _, Failure};
use crate::install::actor;
use crate::progress::Progress;
use crate::settings::{Installation, open_existing};
use file::Lines;

/// Rows stay for so many days, whatever is asked for.
const DAYS_MIN: i64 = 30;

/// How long is waited before each further try of what another node came between, or what the database
/// did not answer to: a minute in all, in which a standby takes over.
const PAUSES_MS: [u64; 11] = [0, 20, 100, 500, 1_000, 2_000, 5_000, 10_000, 10_000, 15_000, 15_000];

/// Writes old rows that nothing is decided by any more to files, and deletes them: the attempts at
/// callbacks that were delivered or given up before DATE, and the entries of the audit log from
/// before it. Orders, coupons, transfers, callbacks and what makes a repeated call safe always stay.
///
/// DATE is at least 30 days ago: for that long every attempt stays where operators find it, as a
/// partner may dispute what it was told.
///
/// Each kind of row goes to a file of its own, one row on a line of JSON: attempts-before-DATE.jsonl,
/// audit-before-DATE.jsonl. A file that is there is not written over; the new one is numbered. Rows
/// are deleted some thousand at a time, once they are on disk in the file. So it can be stopped at
/// any time: at the worst some rows are in the file and in the database, too, and the next run
/// writes them once more, to another file. The log says archive.begin and archive.end.
///
/// With the embedded store the server is stopped for it. On PostgreSQL nodes run on; a callback whose
/// attempts are archived can still be sent again, and its attempts are numbered on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong archive --config huodong.toml --before 2026-01-01 --dry-run
  huodong archive --config huodong.toml --before 2026-01-01 --to /archive
  huodong archive --config huodong.toml --before 2026-01-01 --what audit --to /archive")]
pub(crate) struct Archive {
    #[command(flatten)]
    installation: Installation,
    /// Rows from before this day, as it begins in Shanghai (2026-01-01), or from before this moment
    /// (2026-01-01T02:00:00Z).
    #[arg(long, value_name = "DATE")]
    before: Before,
    /// Which rows.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["attempts", "audit"])]
    what: Vec<What>,
    /// The directory the files go to; made where it is missing.
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Only tell how many rows would go, and from when to when.
    #[arg(long)]
    dry_run: bool,
}

/// [`Archivable`], as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Attempts at callbacks that were delivered or given up.
    Attempts,
    /// Entries of the audit log.
    Audit,
}

impl What {
    fn archivable(self) -> Archivable {
        match self {
            Self::Attempts => Archivable::Attempts,
            Self::Audit => Archivable::Audit,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Audit => "audit",
        }
    }

    /// What its rows are called.
    fn rows(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Audit => "audit entries",
        }
    }
}

/// A moment, and how it stands in a file's name.
#[derive(Clone, Debug)]
struct Before {
    at: Timestamp,
    name: String,
}

impl FromStr for Before {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
            let at =
                SHANGHAI.to_timestamp(day.at(0, 0, 0, 0)).map_err(|error| error.to_string())?;
            return Ok(Self { at, name: day.to_string() });
        }
        let at: Timestamp = text.parse().map_err(|_| {
            "must be a day like 2026-01-01, which begins in Shanghai, or a moment like \
             2026-01-01T02:00:00Z"
                .to_owned()
        })?;
        Ok(Self { at, name: at.strftime("%Y-%m-%dT%H%M%SZ").to_string() })
    }
}

impl Archive {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        // The real clock: rows are kept for people, whatever a sandbox's clock was set to.
        old_enough(self.before.at, Clock::system().real())?;
        let mut store = open_existing(&self.installation.settings(Vec::new())?)?;
        for what in [What::Attempts, What::Audit] {
            if self.what.contains(&what) {
                self.archive(&mut store, what)?;
            }
        }
        Ok(())
    }

    fn archive(&self, store: &mut Store, what: What) -> Result<(), Failure> {
        let (rows, before) = (what.rows(), self.before.at);
        let extent = again(|| Ok(store.archive(what.archivable(), before).extent()?));
        let extent = extent.cannot(format_args!("look for {rows} to archive"))?;
        let Some(extent) = extent else {
            println!("nothing to archive: no {rows} from before {}", wall(before));
            return Ok(());
        };
        match &self.to {
            Some(to) if !self.dry_run => {
                let stem = format!("{}-before-{}", what.name(), self.before.name);
                let file = Lines::make(to, &stem);
                let file = file.cannot(format_args!("make a file in {}", to.display()))?;
                into_file(store, what, before, extent, file)
            }
            _ => {
                let (count, from, until) = (extent.rows, wall(extent.from), wall(extent.until));
                println!("would archive {count} {rows}, from {from} to {until}");
                Ok(())
            }
        }
    }
}

/// Rows stay for a while.
fn old_enough(before: Timestamp, now: Timestamp) -> Result<(), Failure> {
    let latest = now - SignedDuration::from_hours(24 * DAYS_MIN);
    if before <= latest {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--before must lie {DAYS_MIN} days back or more, at {} at the latest: for that long a partner \
         may dispute what it was told, and the rows stay where operators find them",
        wall(latest)
    )))
}

/// Archives all rows of a kind and tells what was written, also where that was not all.
fn into_file(
    store: &mut Store,
    what: What,
    before: Timestamp,
    extent: ArchiveExtent,
    mut file: Lines,
) -> Result<(), Failure> {
    let actor = actor();
    let begun = BeginArchive { what: what.archivable(), before, file: file.name() };
    let begin = Operated { actor: actor.clone(), command: begun.clone() };
    let archived = again(|| record(store, &begin))
        .and_then(|()| pieces(store, what, before, extent, &mut file));
    let archived = archived.map_err(|error| {
        let what = what.rows();
        Failure::new(format!("cannot archive {what}: {error}; the next run archives what is left"))
    });
    let (rows, bytes, sha256) = (file.written.rows, file.written.bytes, file.written.sha256());
    let path = file.path.display();
    if rows > 0 {
        println!("wrote {path}: {rows} {}, {bytes} bytes, sha256 {sha256}", what.rows());
    }
    let end = Operated { actor, command: EndArchive { begun, rows, bytes, sha256 } };
    let ended = again(|| record(store, &end)).cannot("write to the audit log");
    let removed = if rows == 0 { file.remove() } else { Ok(()) };
    // What went wrong first is what is told.
    archived.and(ended).and(removed.cannot("remove the file that nothing came into"))
}

fn pieces(
    store: &mut Store,
    what: What,
    before: Timestamp,
    extent: ArchiveExtent,
    file: &mut Lines,
) -> Result<(), ArchiveError> {
    let mut archive = store.archive(what.archivable(), before);
    let mut progress = Progress::to_stderr();
    let mut done = 0;
    let archived = loop {
        let piece = again(|| {
            let written = file.written.clone();
            let piece = archive.piece(|rows| file.append(&lines(rows), rows.count()));
            match &piece {
                // They may be nowhere else.
                Ok(_) | Err(ArchiveError::Store(StoreError::CommitUnknown(_))) => {}
                Err(_) => file.back_to(written)?,
            }
            piece
        });
        match piece {
            Ok(Some(rows)) => done += rows,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        progress.show(what.name(), done, 0, extent.rows.max(done));
    };
    progress.end();
    archived
}

fn lines(rows: ArchivedRows<'_>) -> Vec<u8> {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    match rows {
        ArchivedRows::Attempts(rows) => {
            for (callback, attempts) in rows {
                attempts.iter().for_each(|attempt| line(attempt_line(callback, attempt)));
            }
        }
        ArchivedRows::Audit(entries) => entries.iter().for_each(|entry| line(audit_line(entry))),
    }
    text.into_bytes()
}

/// Writes a line to the audit log.
fn record<C>(store: &mut Store, command: &Operated<C>) -> Result<(), ArchiveError>
where
    Operated<C>: Command<Done = (), Refusal = std::convert::Infallible>,
{
    let Ok(()) = store.carry_out(command, Clock::system().now())?;
    Ok(())
}

/// Tries again where that may help, for a minute or so.
fn again<T>(mut attempt: impl FnMut() -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
    let mut pauses = PAUSES_MS.into_iter();
    loop {
        match attempt() {
            Err(ArchiveError::Store(StoreError::Again(_))) if let Some(pause) = pauses.next() => {
                std::thread::sleep(Duration::from_millis(pause));
            }
            done => return done,
        }
    }
}

/// A time as people in Shanghai read it.
fn wall(at: Timestamp) -> impl fmt::Display {
    SHANGHAI.to_datetime(at).strftime("%F %T").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_begins_in_shanghai_and_a_moment_is_where_it_says() {
        let read = |text: &str| {
            let Before { at, name } = text.parse().unwrap();
            (at.to_string(), name)
        };
        let of = |at: &str, name: &str| (at.to_owned(), name.to_owned());
        assert_eq!(read("2026-01-01"), of("2025-12-31T16:00:00Z", "2026-01-01"));
        let moment = of("2026-01-01T02:03:04Z", "2026-01-01T020304Z");
        assert_eq!(read("2026-01-01T02:03:04Z"), moment);
        assert_eq!(read("2026-01-01T10:03:04+08:00"), moment);
        for bad in ["", "yesterday", "2026-02-30", "2026-01-01T02:03:04", "01.01.2026"] {
            assert!(bad.parse::<Before>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_stay_for_thirty_days() {
        let now: Timestamp = "2026-11-27T03:00:00Z".parse().unwrap();
        let month = "2026-10-28T03:00:00Z".parse().unwrap();
        old_enough(month, now).unwrap();
        let failure = old_enough(month + SignedDuration::from_secs(1), now).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("2026-10-28 11:00:00"), "{}", failure.message);
    }
}
