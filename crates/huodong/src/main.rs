//! The `huodong` command.
// It is a command: what it prints is its work.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod config;
mod credentials;
mod failure;
mod logging;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Context as _, Failure};

#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure: a load generator and its yardstick.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Bench(bench) => bench.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("huodong: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// A runtime with a worker for each core.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().cannot("start the runtime")
}
