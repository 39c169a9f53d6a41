//! A shell that keeps a server, and ends it when this process ends.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use crate::programs;

/// A server must not outlive its test, also not when the test is killed or keeps it in a static
/// that is never dropped. So it is not this process's child but that of a shell which waits for
/// the end of a pipe from here, stops the server and removes its directory.
pub(crate) struct Keeper {
    directory: PathBuf,
    child: Child,
    pipes: Mutex<Option<Pipes>>,
}

struct Pipes {
    commands: ChildStdin,
    outcomes: BufReader<ChildStdout>,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        let mut command = programs::shell();
        command.args(["-c", include_str!("keeper.sh"), "sh"]);
        command.arg(programs::directory()).arg(env::temp_dir());
        // In a group of its own the shell is not hit by what is sent to this process's group.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell starts");
        let commands = child.stdin.take().expect("its input is a pipe");
        let mut outcomes = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut directory = String::new();
        outcomes.read_line(&mut directory).expect("the shell answers");
        let directory = PathBuf::from(directory.trim_end());
        assert!(directory.is_dir(), "the shell makes a directory in {}", env::temp_dir().display());
        Self { directory, child, pipes: Mutex::new(Some(Pipes { commands, outcomes })) }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Everything the programs and the server have written.
    pub(crate) fn log(&self) -> String {
        fs::read(self.directory.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Runs one line of shell, in which `$bin` and `$directory` are set; `false` when it failed.
    pub(crate) fn run(&self, line: &str) -> bool {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let Pipes { commands, outcomes } = pipes.as_mut().expect("the shell runs until the drop");
        writeln!(commands, "{line}").expect("the shell reads");
        let mut outcome = String::new();
        outcomes.read_line(&mut outcome).expect("the shell answers");
        outcome.trim_end() == "0"
    }

    /// Runs one line of shell that has to work.
    pub(crate) fn must_run(&self, line: &str) {
        assert!(self.run(line), "`{line}` failed:\n{}", self.log());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // Nothing can be done about a shell that cannot be waited for.
        let _ = self.child.wait();
    }
}
