//! The harness for the stable toolchain; `--help` says what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fs;
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use huodong_fuzz::{Mutator, TARGETS, Target};

/// Feeds the decoders what nobody should send them.
///
/// Each target gets every file of its corpus as it is, and then as many inputs as asked for that
/// are made from them by random changes. The same seed makes the same inputs. An input that breaks
/// something is written to the directory of findings, and the exit status is 1; give that file back
/// with --input to see it again.
#[derive(Debug, Parser)]
#[command(name = "huodong-fuzz")]
struct Arguments {
    /// Only these targets; all where none is named.
    targets: Vec<String>,
    /// How many inputs each target gets; the slow ones get fewer, so that none takes all the time.
    #[arg(long, default_value_t = 100_000)]
    runs: u64,
    /// What the random changes come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the corpora are, a directory for each target.
    #[arg(long, default_value = "fuzz/corpus")]
    corpus: PathBuf,
    /// Where inputs go that break something.
    #[arg(long, default_value = "target/fuzz-findings")]
    findings: PathBuf,
    /// Only this file, to see again what it breaks.
    #[arg(long)]
    input: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("huodong-fuzz: {error}");
            ExitCode::from(2)
        }
    }
}

/// False where something broke.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let mut sound = true;
    for target in chosen(&arguments.targets)? {
        sound &= match &arguments.input {
            Some(file) => holds(target, &fs::read(file)?),
            None => fuzz(target, arguments)?,
        };
    }
    Ok(sound)
}

fn chosen(names: &[String]) -> io::Result<Vec<&'static Target>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |name: &String| {
        TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
            let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            io::Error::other(format!("no target {name}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn fuzz(target: &Target, arguments: &Arguments) -> io::Result<bool> {
    let corpus = corpus(&arguments.corpus.join(target.name))?;
    let mut mutator = Mutator::new(arguments.seed, &corpus, target.words);
    let runs = arguments.runs.div_ceil(target.cost);
    let made = (0..runs).map(|_| mutator.input());
    for (number, input) in corpus.iter().cloned().chain(made).enumerate() {
        if !holds(target, &input) {
            let file = arguments.findings.join(format!("{}-{number}", target.name));
            fs::create_dir_all(&arguments.findings)?;
            fs::write(&file, &input)?;
            println!(
                "{}: broken by input {number} of seed {}, kept in {}",
                target.name,
                arguments.seed,
                file.display()
            );
            return Ok(false);
        }
    }
    let (files, seed) = (corpus.len(), arguments.seed);
    println!("{}: {files} files and {runs} changed inputs of seed {seed}: sound", target.name);
    Ok(true)
}

/// In the order of their names, so that a seed means the same everywhere.
fn corpus(directory: &Path) -> io::Result<Vec<Vec<u8>>> {
    let wrong = |error| io::Error::other(format!("{}: {error}", directory.display()));
    let files = fs::read_dir(directory).map_err(wrong)?;
    let mut files: Vec<PathBuf> =
        files.map(|file| Ok(file?.path())).collect::<io::Result<_>>().map_err(wrong)?;
    files.sort();
    if files.is_empty() {
        return Err(wrong(io::Error::other("the corpus is empty")));
    }
    files.iter().map(fs::read).collect()
}

/// The panic's own message goes to standard error.
fn holds(target: &Target, input: &[u8]) -> bool {
    catch_unwind(|| (target.run)(input)).is_ok()
}
