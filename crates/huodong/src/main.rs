//! The `huodong` command.
// It is a command: what it prints is its work.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod archive;
mod backup;
mod bench;
mod call;
mod caller;
mod config;
mod content;
mod controls;
mod copy;
mod credentials;
mod envelope;
mod failure;
mod fault;
mod files;
mod initiator;
mod install;
mod institution;
mod json_text;
mod key_file;
mod keys;
mod limits;
mod listen;
mod logging;
mod progress;
mod reply_signature;
mod sandbox;
mod sealing;
mod serve;
mod settings;
mod shell;
mod sign;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use huodong_engine::Chance;

use crate::failure::{Context as _, Failure};

/// Rows are made by one thread and freed by another, which is what glibc's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A server that speaks the campaign APIs of Chinese payment platforms, with real state behind them.
///
/// It takes 腾讯公益 points donations: money of an organization, frozen for an activity, goes to a
/// charity project when a user gives points. It issues 拉卡拉 coupons, watches over their life, and
/// tells partners by callbacks that survive a crash. It stands for the 银盛 gateway, in RSA and 国密 mode:
/// photos, enrolments that people review, and what a user can claim. Each order happens once however often it is
/// sent, no activity is overdrawn or oversold, and what was answered is on disk.
#[derive(Debug, Parser)]
#[command(version, after_help = GUIDE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const GUIDE: &str = "\
Try it, in two terminals:
  huodong sandbox                        # a server with demo partners; nothing to configure
  huodong call gongyi RewardToDonate     # a signed donation, and the whole exchange
  huodong listen                         # in a third one: receives callbacks
  huodong call lakala issue              # a signed coupon order; its callback arrives there
  huodong call ysepay addData            # photos and an enrolment, sealed and signed, 国密 or RSA

Test your program against it:
  huodong sandbox --credentials sandbox.json     # where to call, and as whom
  huodong clock advance 1h                       # what is due by then, happens
  huodong fault add RewardToDonate --code 32240007 --count 2
  huodong listen --answers fail,500,drop,ack     # see a callback's schedule work
  huodong envelope open request.json             # what is in a 银盛 request, and what is wrong with it
  huodong reset

Run it for others:
  huodong config > huodong.toml          # every setting, explained
  huodong master-key > master.key        # seals partners' secrets
  huodong token create --config huodong.toml --name ops
  huodong serve --config huodong.toml --master-key-file master.key
  huodong keys platform list --server http://127.0.0.1:8080
                                         # what it signs with (HUODONG_TOKEN asks); its help says how
                                         # to rotate it
  huodong backup --config huodong.toml --to backup.db   # one file, checked; the server goes on
  huodong audit --config huodong.toml    # do the books balance? (embedded store: server stopped)
  huodong archive --config huodong.toml --before 2026-01-01 --to archive
                                         # what only people read, a month old or more, to files

`huodong help COMMAND` says more about each, with examples.
Exit codes: 0 done; 1 it could not be done, or does not hold; 2 it was asked wrongly.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server with demo partners, for trying out and for tests.
    Sandbox(sandbox::Sandbox),
    /// Send a signed call and print the exchange.
    #[command(subcommand)]
    Call(call::Call),
    /// Print signed headers for use with curl.
    #[command(subcommand)]
    Sign(sign::Sign),
    /// Look inside 银盛 requests and replies, and make some.
    #[command(subcommand)]
    Envelope(envelope::Envelope),
    /// Receive callbacks, verify and show them, and answer as told.
    Listen(listen::Listen),
    /// Make keys and certificates, look into key files, and rotate the platform's keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Read, stop, move and set a sandbox's clock.
    Clock(controls::Clock),
    /// Have a sandbox answer wrongly, late or not at all.
    Fault(fault::Fault),
    /// Bring a sandbox back to its beginning.
    Reset(controls::Reset),
    /// Run the server.
    Serve(Box<serve::Serve>),
    /// Print every setting with its default, explained.
    Config,
    /// Print a fresh master key.
    MasterKey,
    /// Make the database or bring it up to this version.
    Migrate(install::Migrate),
    /// Make, list and revoke operator tokens.
    #[command(subcommand)]
    Token(install::Token),
    /// Check the ledger and every invariant of a database.
    Audit(install::Audit),
    /// Carry old attempts at callbacks and old audit entries to files, and out of the database.
    Archive(archive::Archive),
    /// Copy the database into one file, while a server runs on it or not, and check the copy.
    Backup(backup::Backup),
    /// Make a database out of a backup.
    Restore(backup::Restore),
    /// Copy an installation to a PostgreSQL database.
    Copy(copy::Copy),
    /// Measure: a load generator, its yardstick, and a database to measure on.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("huodong: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Whoever reads our output may have seen enough, as `| head` has: no failure worth a backtrace.
fn end_quietly_when_nobody_reads() {
    /// What a shell shows for a process that SIGPIPE ended.
    const CLOSED_PIPE: i32 = 141;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>();
        if said.is_some_and(|said| said.starts_with("failed printing to stdout")) {
            std::process::exit(CLOSED_PIPE);
        }
        report(panic);
    }));
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Sandbox(sandbox) => sandbox.run(),
        Command::Call(call) => call.run(),
        Command::Sign(sign) => sign.run(),
        Command::Envelope(envelope) => envelope.run(),
        Command::Listen(listen) => listen.run(),
        Command::Keys(keys) => keys.run(),
        Command::Clock(clock) => clock.run(),
        Command::Fault(fault) => fault.run(),
        Command::Reset(reset) => reset.run(),
        Command::Serve(serve) => serve.run(),
        Command::Config => {
            print!("{}", config::DEFAULT);
            Ok(())
        }
        Command::MasterKey => {
            println!("{}", hex::encode(Chance.bytes::<32>()));
            Ok(())
        }
        Command::Migrate(migrate) => migrate.run(),
        Command::Token(token) => token.run(),
        Command::Audit(audit) => audit.run(),
        Command::Archive(archive) => archive.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Copy(copy) => copy.run(),
        Command::Bench(bench) => bench.run(),
    }
}

/// A runtime with a worker for each core.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().cannot("start the runtime")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_options_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
