//! A psql that is kept open: starting one takes longer than most of what it is asked.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::programs;

pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Connects, as soon as it is asked something.
    pub(crate) fn to(url: &str) -> Self {
        let mut child = programs::program("psql")
            .args(["-X", "-q", "-A", "-t", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("psql starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("psql's output is a pipe"));
        Self { child, input, output }
    }

    /// Executes one statement that returns no rows.
    pub(crate) fn execute(&mut self, statement: &str) -> Result<(), String> {
        let input = self.input.as_mut().expect("psql's input is a pipe until the drop");
        // How it ended is asked for with SELECT because psql keeps what \echo prints to itself
        // until its buffer is full.
        writeln!(input, "{statement};\nSELECT :'ERROR', :'LAST_ERROR_MESSAGE';")
            .map_err(|error| error.to_string())?;
        let mut outcome = String::new();
        self.output.read_line(&mut outcome).map_err(|error| error.to_string())?;
        match outcome.trim_end().split_once('|') {
            Some(("false", _)) => Ok(()),
            Some((_, message)) => Err(message.to_owned()),
            None => Err("psql has ended: the server is gone".to_owned()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input.take();
        // Nothing can be done about a psql that cannot be waited for.
        let _ = self.child.wait();
    }
}
