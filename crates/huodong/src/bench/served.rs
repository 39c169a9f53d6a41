//! `huodong serve` as a process of its own, to be measured.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use huodong_engine::source::monotonic;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::receiver::Receivers;
use crate::config::{MASTER_KEY_VARIABLE, PREFIX};
use crate::failure::{Context as _, Failure};

/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How long it may take to open its database and serve.
const START: Duration = Duration::from_secs(120);
/// Without a callback for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub(super) struct Served {
    child: Child,
    /// Where it serves.
    pub(super) address: SocketAddr,
}

/// A child that is killed when it is not wanted any more.
struct Killed(Option<Child>);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            end(&mut child);
        }
    }
}

fn end(child: &mut Child) {
    // One that has ended cannot be killed any more; that is all that can go wrong.
    let _ = child.kill();
    let _ = child.wait();
}

impl Served {
    /// Starts it, and returns when it serves.
    pub(super) async fn start(directory: &Path, key: &str) -> Result<Self, Failure> {
        let program = std::env::current_exe().cannot("find this program")?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        command.args(["--log-level", "warn,huodong::serve=info"]).arg("--data").arg(directory);
        // Its settings are these, not those of whoever measures.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(PREFIX) {
                command.env_remove(name);
            }
        }
        command.env_remove("RUST_LOG").env(MASTER_KEY_VARIABLE, key);
        command.env("HUODONG_CALLBACKS__ALLOW_HTTP", "true");
        command.env("HUODONG_CALLBACKS__ALLOW_PRIVATE", "true");
        // Attempts are counted, so none may end because the machine has too much to do.
        command.env("HUODONG_CALLBACKS__CONNECT_TIMEOUT_MS", "60000");
        command.env("HUODONG_CALLBACKS__TIMEOUT_MS", "60000");
        let mut child = command.stderr(Stdio::piped()).spawn().cannot("start a server")?;
        let log = child.stderr.take().ok_or_else(|| Failure::new("the server has no log"))?;
        let mut killed = Killed(Some(child));
        let serving = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            let mut lines = BufReader::new(log).lines();
            for line in lines.by_ref() {
                let line = line.cannot("read the server's log")?;
                if line.contains("\"serving\"") {
                    // Read on, or the pipe fills up.
                    std::thread::spawn(move || lines.for_each(drop));
                    return address(&line);
                }
                said.push_str(&line);
                said.push('\n');
            }
            Err(Failure::new(format!("the server ended before it served:\n{said}")))
        });
        // In time or not, the server is killed where this fails, and with it the log ends.
        let serving = tokio::time::timeout(START, serving).await;
        let serving = serving.cannot("wait for the server")?;
        let address = serving.cannot("wait for the server")??;
        let child = killed.0.take().ok_or_else(|| Failure::new("the server has gone"))?;
        Ok(Self { child, address })
    }

    /// Returns when so many callbacks have come.
    pub(super) async fn until_delivered(
        &self,
        receivers: &Receivers,
        count: u64,
    ) -> Result<(), Failure> {
        let (mut seen, mut since) = (0, monotonic());
        while receivers.count() < count {
            tokio::time::sleep(LOOK).await;
            if receivers.count() != seen {
                (seen, since) = (receivers.count(), monotonic());
            }
            if since.elapsed() > PATIENCE {
                return Err(Failure::new(format!("only {seen} of {count} callbacks came")));
            }
        }
        Ok(())
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn memory_mib(&self) -> Result<f64, Failure> {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&path).cannot(format_args!("read {path}"))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        });
        let kib = kib.ok_or_else(|| Failure::new(format!("{path} tells no memory")))?;
        Ok(kib as f64 / 1024.0)
    }

    /// Tells it to stop and waits for its end.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).cannot("stop the server")?;
        let begin = monotonic();
        loop {
            match self.child.try_wait().cannot("wait for the server's end")? {
                Some(ended) if ended.success() => return Ok(()),
                Some(ended) => return Err(Failure::new(format!("the server ended with {ended}"))),
                None if begin.elapsed() > PATIENCE => {
                    return Err(Failure::new("the server does not stop"));
                }
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Where it serves, from the line that says so.
fn address(line: &str) -> Result<SocketAddr, Failure> {
    let said: Value = serde_json::from_str(line).cannot("read the server's log")?;
    let address = said["address"].as_str();
    let address = address.and_then(|address| address.parse().ok());
    address.ok_or_else(|| Failure::new(format!("the server does not say where it serves: {line}")))
}
