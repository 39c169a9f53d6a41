//! `huodong backup` and `huodong restore`: the embedded store as one file, and back.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use huodong_engine::source::monotonic;
use huodong_store::{AuditReport, StoreError};
use tempfile::{NamedTempFile, TempPath};

use crate::failure::{Context as _, Failure};
use crate::install::print_report;
use crate::settings::{Installation, embedded, store_options};

/// Copies the database into one file, whether a server runs on it or not, and checks the copy as
/// `huodong audit` would. Everything acknowledged before it began is in it. A file that is there is
/// not written over, and a copy in which something does not hold is not kept.
///
/// The copy takes as much room as the database; meanwhile a running server's write-ahead log grows.
/// The master key is not in it, and without that key no secret in it can be opened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong backup --config huodong.toml --to /backup/huodong-$(date +%F).db
  huodong restore --config huodong.toml --from /backup/huodong-2026-11-21.db")]
pub(crate) struct Backup {
    #[command(flatten)]
    installation: Installation,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Backup {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let options = store_options(&self.installation.settings(Vec::new())?)?;
        let from = embedded(&options)?;
        let file = self.to.display();
        let exists = || Failure::new(format!("{file} is there already; nothing was written"));
        // Before the work; what comes into being meanwhile is not written over either.
        if self.to.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let directory = match self.to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let what = format!("write {file}");
        // Mode 0600, and gone unless it is kept.
        let copy = NamedTempFile::with_prefix_in(".huodong-backup-", directory).cannot(&what)?;
        let copy = copy.into_temp_path();
        let begun = monotonic();
        let mut bar = Bar::default();
        let report = huodong_store::backup(from, &copy, &mut |done, of| bar.show(done, of));
        bar.clear();
        let report = report.map_err(|error| refused("back up", from, error))?;
        let bytes = copy.metadata().cannot(&what)?.len();
        tell(&report, "the copy is not kept; huodong audit says the same of the stopped server")?;
        keep(copy, &self.to).cannot(&what)?;
        println!("wrote {file}: {} in {}", size(bytes), seconds(monotonic() - begun));
        Ok(())
    }
}

/// Gives the copy its name, unless that is taken, for good.
fn keep(copy: TempPath, to: &Path) -> std::io::Result<()> {
    let directory = copy.parent().map(Path::to_owned);
    copy.persist_noclobber(to).map_err(|error| error.error)?;
    directory.map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
}

/// Makes a database out of a backup, in a directory that has none. It is checked before it is put
/// in its place; where something does not hold, nothing is. A backup of an older version is
/// migrated.
///
/// What happened after the backup is gone, also what partners were told. Read "Going back in time"
/// in docs/operations.md before you serve what you restored.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  huodong restore --config huodong.toml --from /backup/huodong-2026-11-21.db")]
pub(crate) struct Restore {
    #[command(flatten)]
    installation: Installation,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

impl Restore {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let options = store_options(&self.installation.settings(Vec::new())?)?;
        let directory = embedded(&options)?;
        let begun = monotonic();
        let from = self.from.display();
        let bytes = self.from.metadata().cannot(format_args!("read {from}"))?.len();
        let (opened, report) = huodong_store::restore(directory, &self.from, &options)
            .map_err(|error| refused("restore", &self.from, error))?;
        tell(&report, "nothing was restored")?;
        if opened.from_version != opened.version {
            println!("migrated from schema version {} to {}", opened.from_version, opened.version);
        }
        let (directory, took) = (directory.display(), seconds(monotonic() - begun));
        println!("restored {from} into {directory}: {} in {took}", size(bytes));
        Ok(())
    }
}

fn tell(report: &AuditReport, otherwise: &str) -> Result<(), Failure> {
    print_report(report)
        .map_err(|failure| Failure::new(format!("{}; {otherwise}", failure.message)))
}

fn refused(what: &str, which: &Path, error: StoreError) -> Failure {
    match error {
        StoreError::Missing(_) | StoreError::Present(_) | StoreError::InUse(_) => {
            Failure::new(error.to_string())
        }
        error => Failure::new(format!("cannot {what} {}: {error}", which.display())),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is told to a tenth of a MiB")]
fn size(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// How far a copy is, for who watches.
#[derive(Default)]
struct Bar {
    shown: Option<u64>,
}

impl Bar {
    fn show(&mut self, done: u64, of: u64) {
        let percent = done * 100 / of.max(1);
        if self.shown == Some(percent) || !std::io::stderr().is_terminal() {
            return;
        }
        self.shown = Some(percent);
        eprint!("\rcopied {percent:>3} % of {}", size(of));
        // Whoever does not see it misses nothing else.
        let _ = std::io::stderr().flush();
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprintln!("; checking");
        }
    }
}
