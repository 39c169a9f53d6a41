//! One `huodong serve`, with what it says.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::huodong;

/// How long a caller waits, in milliseconds.
const DEADLINE_MS: &str = "2000";
/// How long an attempt at a callback may take: longer than it takes to start two nodes anywhere.
pub(super) const CALLBACK_MS: u64 = 60_000;

/// A node; killed when dropped.
pub(super) struct Node {
    child: Child,
    pub(super) base_url: String,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Node {
    /// Starts one with its database at this address, and returns when it serves.
    pub(super) fn start(database: &str) -> Self {
        let arguments = ["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--data"];
        let mut command = huodong(&arguments);
        command.arg(database).env("HUODONG_MASTER_KEY", master_key());
        for (name, value) in [
            ("SERVER__DEADLINE_MS", DEADLINE_MS),
            ("CALLBACKS__TIMEOUT_MS", &CALLBACK_MS.to_string()),
            ("CALLBACKS__ALLOW_HTTP", "true"),
            ("CALLBACKS__ALLOW_PRIVATE", "true"),
            ("GONGYI__RATE_PER_S", "1000000"),
            ("LAKALA__RATE_PER_S", "1000000"),
        ] {
            command.env(format!("HUODONG_{name}"), value);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // What it says as it fails is for people, and no JSON.
        let read = |line: String| serde_json::from_str(&line).unwrap_or(Value::String(line));
        let mut lines = lines.map(move |line| read(line.unwrap()));
        let mut first = Vec::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it has ended: {first:?}"));
            let address = (line["message"] == "serving").then(|| line["address"].clone());
            first.push(line);
            if let Some(address) = address {
                break address.as_str().unwrap().to_owned();
            }
        };
        let said = Arc::new(Mutex::new(first));
        let all = Arc::clone(&said);
        std::thread::spawn(move || lines.for_each(|line| all.lock().unwrap().push(line)));
        Self { child, base_url: format!("http://{address}"), said }
    }

    /// The slots it has had, in order.
    pub(super) fn slots(&self) -> Vec<i64> {
        self.said.lock().unwrap().iter().filter_map(|line| line["slot"].as_i64()).collect()
    }

    /// The most memory it ever held, in MiB.
    pub(super) fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(super) fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, after which it must end well.
    pub(super) fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said.lock().unwrap();
            let worth = said.iter().filter(|line| line["message"] != "answered");
            worth.for_each(|line| println!("{}: {line}", self.base_url));
        }
        // A child that has ended cannot be killed any more; that is all that can go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The key under which a sandbox seals.
fn master_key() -> String {
    let key = b"huodong sandbox, not for secrets";
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
