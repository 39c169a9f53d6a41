//! `huodong copy`: an installation moves to a database that several servers share.

use std::path::PathBuf;

use clap::Args;
use huodong_store::{Copied, CopyError, CopyOptions, CopyStep, Place, PostgresAddress};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Installation;

/// Copies a whole installation from the embedded store to a PostgreSQL database and checks the copy.
///
/// The source is only read, and must not be served meanwhile. The target is a database with nothing
/// in it. A copy that was broken off, by Ctrl-C, a kill or a lost connection, goes on where it was when
/// the same command is given again; until it is done, no server starts on the target. At the end the
/// rows of each table and the sums over all accounts are compared with the source's, and the target is
/// audited as `huodong audit` does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  createdb huodong
  huodong copy --from huodong-data --to postgres://huodong@127.0.0.1/huodong
  HUODONG_STORE__URL=postgres://huodong:secret@db1,db2/huodong huodong copy --from sqlite:huodong-data

Secrets stay sealed under the installation's master key: serve the copy with the same one. What the
source takes after the copy has begun is not in it, so do not serve the source again.")]
pub(crate) struct Copy {
    /// The embedded store: its directory, with or without sqlite: before it.
    #[arg(long, value_name = "[sqlite:]DIR")]
    from: String,
    /// The shared database, as for --data elsewhere; without it, what the settings name (store.url),
    /// which keeps a password out of the list of processes.
    #[arg(long, value_name = "postgres://…")]
    to: Option<String>,
    /// The configuration file; see `huodong config`.
    #[arg(long, value_name = "FILE", env = "HUODONG_CONFIG")]
    config: Option<PathBuf>,
    /// Throw away what a copy that was broken off left in the target, and begin again.
    #[arg(long)]
    anew: bool,
}

impl Copy {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let to = self.to()?;
        let options = CopyOptions { from: directory(&self.from)?, to, anew: self.anew };
        eprintln!("copying {} to {}", options.from.display(), options.to);
        eprintln!("It can be stopped at any time: the same command goes on where it was.");
        let mut progress = Progress::to_stderr();
        let copied = huodong_store::copy(&options, |step| match step {
            CopyStep::Counting => progress.say("counting the source's rows"),
            CopyStep::Copying { table, copied, earlier, of } => {
                progress.show(table, copied, earlier, of);
            }
            CopyStep::Checking => progress.say("comparing and auditing the copy"),
        });
        progress.end();
        report(&copied.map_err(failed)?, &options);
        Ok(())
    }

    fn to(&self) -> Result<PostgresAddress, Failure> {
        let data = self.to.clone().map(PathBuf::from);
        if data.as_ref().is_some_and(|to| !to.to_string_lossy().contains("://")) {
            return Err(Failure::usage(ONE_WAY));
        }
        let installation = Installation { config: self.config.clone(), data };
        match installation.settings(Vec::new())?.store.place()? {
            Place::Postgres(address) => Ok(address),
            Place::Directory(_) => {
                Err(Failure::usage("where to? Give --to postgres://…, or set store.url"))
            }
        }
    }
}

const ONE_WAY: &str = "copies go from an embedded store (--from DIR) to a shared one \
    (--to postgres://…), and no other way";

fn directory(from: &str) -> Result<PathBuf, Failure> {
    if from.contains("://") {
        return Err(Failure::usage(ONE_WAY));
    }
    Ok(PathBuf::from(from.strip_prefix("sqlite:").unwrap_or(from)))
}

fn failed(error: CopyError) -> Failure {
    if let CopyError::Differs(wrong) = &error {
        wrong.iter().for_each(|what| println!("VIOLATED {what}"));
    }
    let on = match &error {
        CopyError::Target(_) => "; the same command goes on where it was",
        _ => "",
    };
    Failure::new(format!("cannot copy: {error}{on}"))
}

fn report(copied: &Copied, options: &CopyOptions) {
    for (table, rows) in copied.tables.iter().filter(|(_, rows)| *rows > 0) {
        println!("copied   {rows:>12}  {table}");
    }
    let tables = copied.tables.len();
    println!("compared {tables:>12}  tables have as many rows as the source's");
    let kinds = copied.account_kinds;
    println!("compared {kinds:>12}  kinds of account hold what the source's hold");
    for (what, rows) in &copied.audit.checked {
        println!("checked  {rows:>12}  {what}");
    }
    let (from, to) = (options.from.display(), &options.to);
    println!("OK: {to} has all that {from} has, and everything holds");
    println!(
        "Secrets are sealed under the same master key as before: serve the copy with it, and do not \
         serve {from} again."
    );
}
