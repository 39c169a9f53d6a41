//! An installation of one's own: its key, its tokens, its settings, its server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PATIENCE, PATIENT, fail, huodong, signal, succeed};

const MASTER_KEY: &str = "HUODONG_MASTER_KEY";

/// A running `huodong serve`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// `address:port`.
    pub(crate) address: String,
    /// Where operators call, where that is an address of its own.
    operators: Option<String>,
    /// The log until it served.
    said: String,
}

impl Server {
    pub(crate) fn start(data: &Path, key: &str, arguments: &[&str]) -> Self {
        Self::start_with(data, key, arguments, &[])
    }

    /// With settings from the environment.
    pub(crate) fn start_with(
        data: &Path,
        key: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = huodong(&["serve", "--log-format", "json"]);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(arguments).arg("--data").arg(data).env(MASTER_KEY, key);
        command.envs(PATIENT).envs(environment.iter().copied());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let serving = loop {
            let line = lines.next().expect("it ended before it served").unwrap();
            said += &line;
            let line: Value = serde_json::from_str(&line).expect("every line is JSON");
            if line["message"] == "serving" {
                break line;
            }
        };
        // Read on, or the pipe fills up.
        std::thread::spawn(move || lines.for_each(drop));
        let address = serving["address"].as_str().unwrap().to_owned();
        let operators = serving["operators"].as_str().map(str::to_owned);
        Self { child, address, operators, said }
    }

    pub(crate) fn stop(mut self) {
        signal(&self.child);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A child that has ended cannot be killed any more; that is all that can go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().unwrap().to_owned()
}

#[test]
fn an_installation_is_made_served_by_tls_and_audited() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let data_text = data.to_str().unwrap();
    let key = succeed(&["master-key"]).trim().to_owned();
    assert_eq!(key.len(), 64);

    assert!(succeed(&["migrate", "--data", data_text]).contains("migrated from schema version 0"));
    assert!(succeed(&["migrate", "--data", data_text]).contains("nothing to do"));
    let token = succeed(&["token", "create", "--data", data_text, "--name", "ops"]);
    let token = token.trim();
    let (_, message) = fail(&["token", "create", "--data", data_text, "--name", "ops"]);
    assert_eq!(message.lines().last(), Some("huodong: name ops is taken"));

    let credentials = path(home.path(), "bench.json");
    let mut fill = huodong(&["bench", "fill", "--orders", "200", "--data", data_text]);
    let fill = fill.args(["--credentials", &credentials]).env(MASTER_KEY, &key);
    assert!(fill.status().unwrap().success());

    let (certificate, private) = (path(home.path(), "cert.pem"), path(home.path(), "key.pem"));
    self_signed(&certificate, &private);
    let arguments = ["--tls-cert", &certificate, "--tls-key", &private];
    let server = Server::start(&data, &key, &arguments);
    let base_url = format!("https://{}", server.address);

    let call = ["call", "gongyi", "RewardToDonate", "-q", "--credentials", &credentials];
    let over_tls = ["--base-url", &base_url, "--ca-file", &certificate];
    let answer = succeed(&[&call[..], &over_tls[..]].concat());
    assert!(answer.contains("\"donate_status\": 11"), "{answer}");
    let (_, untrusted) = fail(&[&call[..], &["--base-url", &base_url]].concat());
    assert!(untrusted.contains("does not answer"), "{untrusted}");

    let whoami = operator(&server, &certificate, token);
    assert!(whoami.contains("ops"), "{whoami}");
    server.stop();

    succeed(&["token", "revoke", "--data", data_text, "--name", "ops"]);
    assert!(succeed(&["token", "list", "--data", data_text]).contains("revoked"));
    let report = succeed(&["audit", "--data", data_text]);
    assert!(report.contains("OK: everything holds"), "{report}");

    // Under another key its secrets do not open, and nothing is served.
    let mut other = huodong(&["serve", "--listen", "127.0.0.1:0", "--data", data_text]);
    let output = other.env(MASTER_KEY, "0f".repeat(32)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("does not open under this master key"), "{message}");
}

fn self_signed(certificate: &str, key: &str) {
    let names = "subjectAltName=IP:127.0.0.1";
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=huodong", "-addext", names]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let output = openssl.args(["-keyout", key, "-out", certificate]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn operator(server: &Server, certificate: &str, token: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sf", "--cacert", certificate, "-H"]);
    curl.arg(format!("Authorization: Bearer {token}"));
    let output =
        curl.arg(format!("https://{}/operator/v1/whoami", server.address)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn operators_may_have_an_address_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let key = "0f".repeat(32);
    let server = Server::start(data.path(), &key, &["--operator-listen", "127.0.0.1:0"]);
    let operators = server.operators.as_ref().unwrap();
    let status = |address: &str, path: &str| {
        let mut curl = Command::new("curl");
        let url = format!("http://{address}{path}");
        let output = curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!(status(operators, "/metrics"), "200");
    assert_eq!(status(operators, "/operator/v1/whoami"), "401");
    assert_eq!(status(operators, "/readyz"), "200");
    assert_eq!(status(&server.address, "/readyz"), "200");
    assert_eq!(status(&server.address, "/metrics"), "404");
    assert_eq!(status(&server.address, "/operator/v1/whoami"), "404");
    assert_eq!(status(&server.address, "/sandbox/v1/clock"), "404");
    server.stop();
}

#[test]
fn controls_are_served_beyond_loopback_at_no_door() {
    let data = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut serve = huodong(&["serve", "--data", data.path().to_str().unwrap()]);
        serve.args(arguments).env(MASTER_KEY, "0f".repeat(32));
        serve.env("HUODONG_SANDBOX__CONTROLS", "true").envs(environment.iter().copied());
        let output = serve.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("sandbox.allow_remote"));
    };
    start(&["--listen", "0.0.0.0:0"], &[]);
    start(&["--listen", "127.0.0.1:0", "--operator-listen", "0.0.0.0:0"], &[]);
    start(&["--listen", "127.0.0.1:0"], &[("HUODONG_SERVER__OPERATOR_LISTEN", "[::]:0")]);
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "something was made");
}

#[test]
fn operators_at_the_partners_address_are_warned_of() {
    let warns = |arguments: &[&str]| {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), &"0f".repeat(32), arguments);
        let warns = server.said.contains("server.operator_listen");
        server.stop();
        warns
    };
    assert!(warns(&["--listen", "0.0.0.0:0"]));
    assert!(!warns(&["--listen", "0.0.0.0:0", "--operator-listen", "127.0.0.1:0"]));
    assert!(!warns(&[]));
}

#[test]
fn a_server_that_is_to_stop_says_so_before_it_stops() {
    // On a slow machine a short while can be over before it is looked at.
    assert!([3, 20, 120].into_iter().any(says_so_first), "it never says that it is not ready");
}

/// Whether it was seen to say so before its time was over, which a server cannot be blamed for.
fn says_so_first(drain_s: u64) -> bool {
    let data = tempfile::tempdir().unwrap();
    let drain_ms = (drain_s * 1_000).to_string();
    let drain = [("HUODONG_SERVER__DRAIN_MS", &*drain_ms)];
    let mut server = Server::start_with(data.path(), &"0f".repeat(32), &[], &drain);
    let status = |path: &str| {
        let mut curl = Command::new("curl");
        let url = format!("http://{}{path}", server.address);
        let output = curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!(status("/readyz"), "200");
    signal(&server.child);
    let begin = Instant::now();
    let said = loop {
        let said = [status("/readyz"), status("/healthz")];
        if said[0] != "200" {
            break said;
        }
        assert!(begin.elapsed() < PATIENCE, "it was told to stop");
    };
    let in_time = begin.elapsed() < Duration::from_secs(drain_s);
    assert!(!in_time || said == ["503", "200"], "new connections are taken still: {said:?}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    in_time
}

#[test]
fn the_printed_configuration_serves_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let file = path(home.path(), "huodong.toml");
    std::fs::write(&file, succeed(&["config"])).unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, &"0f".repeat(32), &["--config", &file]);
    server.stop();
    assert!(data.exists());
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let file = path(home.path(), "huodong.toml");
    let data = home.path().join("data");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let (exit, message) = fail(&["serve", "--config", &file, "--data", data.to_str().unwrap()]);
        assert_eq!(exit, 2, "{message}");
        assert!(!data.exists());
        message
    };
    assert!(refused("[server]\nlisten_at = \"x\"\n").contains("did you mean server.listen?"));
    assert!(refused("[engine]\nqueue_max = \"many\"\n").contains("engine.queue_max"));
    assert!(refused("[server\n").contains("huodong.toml"));
    assert!(refused("").contains("there is no master key"));
}

#[test]
fn a_slip_in_a_path_makes_no_database() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("letter.txt"), "of somebody else").unwrap();
    for directory in [home.path().to_str().unwrap(), &path(home.path(), "nowhere")] {
        for command in [&["audit"][..], &["token", "list"], &["token", "revoke", "--name", "ops"]] {
            let (exit, message) = fail(&[command, &["--data", directory]].concat());
            assert_eq!(exit, 1);
            assert_eq!(message, format!("huodong: there is no database in {directory}\n"));
        }
    }
    let left = std::fs::read_dir(home.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["letter.txt"]);
}
