//! Old rows go to files, on a stopped server and beside a running one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use huodong_testing::Postgres;
use jiff::{SignedDuration, Timestamp, tz};
use serde_json::{Value, json};

use crate::copy::Lock;
use crate::support::{PATIENCE, Sandbox, fail, huodong, succeed};

const COUPONS: usize = 3;
/// Its coupons do not expire for years, so that nothing else is owed.
const ACTIVITY: &str = "1100000113";

/// A time in Shanghai so many days ago.
fn ago(days: i64, format: &str) -> String {
    let at = Timestamp::now() - SignedDuration::from_hours(24 * days);
    at.to_zoned(tz::TimeZone::fixed(tz::offset(8))).strftime(format).to_string()
}

/// What is archived here is older than this.
fn date() -> String {
    ago(40, "%F")
}

/// An installation, and its server where one runs.
struct Scene {
    data: PathBuf,
    /// Whether it is archived beside a running server.
    shared: bool,
    sandbox: Option<Sandbox>,
    files: tempfile::TempDir,
}

impl Scene {
    fn at(data: &Path, shared: bool) -> Self {
        let files = tempfile::tempdir().unwrap();
        Self { data: data.to_owned(), shared, sandbox: None, files }
    }

    fn serve(&mut self) -> &Sandbox {
        let data = Some(&*self.data);
        self.sandbox.get_or_insert_with(|| Sandbox::start_with(data, &[]))
    }

    /// Stops an embedded store's server.
    fn rest(&mut self) {
        if !self.shared
            && let Some(sandbox) = self.sandbox.take()
        {
            assert_eq!(sandbox.terminate(), Some(0));
        }
    }

    fn on<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&arguments[..1], &["--data", self.data.to_str().unwrap()], &arguments[1..]].concat()
    }

    fn archive(&mut self, arguments: &[&str]) -> String {
        self.rest();
        let to = self.files.path().join("new");
        let date = date();
        let own = ["archive", "--before", &date, "--to", to.to_str().unwrap()];
        succeed(&self.on(&[&own[..], arguments].concat()))
    }

    fn audit(&mut self) {
        self.rest();
        let report = succeed(&self.on(&["audit"]));
        assert!(report.contains("OK: everything holds"), "{report}");
    }

    /// The rows in a file.
    fn rows(&self, name: &str) -> Vec<Value> {
        let path = self.files.path().join("new").join(name);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.files.path().join("new")) else { return vec![] };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn clock(&mut self, arguments: &[&str]) {
        let base_url = self.serve().base_url.clone();
        succeed(&[&["clock"][..], arguments, &["--base-url", &base_url]].concat());
    }

    /// Coupons whose callbacks nobody takes, two months ago.
    async fn issue(&mut self) {
        self.clock(&["set", &ago(60, "%F %T")]);
        let sandbox = self.serve();
        for number in 0..COUPONS {
            let mut order = sandbox.issue(ACTIVITY, &format!("archived-{number}"));
            order.post_notify = Some("http://127.0.0.1:1/issue".into());
            sandbox.institution().issue(&order).await.unwrap();
        }
        self.exhaust().await;
    }

    /// Lets all attempts be made, and fail.
    async fn exhaust(&mut self) {
        self.clock(&["advance", "5h"]);
        let begin = Instant::now();
        let sandbox = self.serve();
        loop {
            let counts = sandbox.operator("callbacks/counts").await["counts"].clone();
            if counts == json!([{"status": "exhausted", "count": COUPONS}]) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{counts}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends one again, fifty days ago, in vain.
    async fn resend(&mut self, callback: &str) {
        self.clock(&["set", &ago(50, "%F %T")]);
        let sandbox = self.serve();
        sandbox.operate(&format!("callbacks/{callback}/resend"), &json!({})).await;
        self.exhaust().await;
    }

    async fn items(&mut self, path: &str) -> Vec<Value> {
        self.serve().operator(path).await["items"].as_array().unwrap().clone()
    }
}

fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["number"].as_u64().unwrap()).collect()
}

async fn archived_and_sent_again(data: &Path, shared: bool) {
    let mut scene = Scene::at(data, shared);
    scene.issue().await;
    let callbacks = scene.items("callbacks").await;
    let first = callbacks.last().unwrap().clone();
    let id = first["id"].as_str().unwrap();
    // It leaves a line in the audit log, and ten more attempts.
    scene.resend(id).await;
    let shown = scene.items(&format!("callbacks/{id}/attempts?limit=500")).await;

    let attempts = format!("attempts-before-{}.jsonl", date());
    let audit = format!("audit-before-{}.jsonl", date());
    let told = scene.archive(&["--dry-run"]);
    assert!(told.contains("would archive 40 attempts, from "), "{told}");
    assert!(told.contains("would archive 1 audit entries, from "), "{told}");
    assert_eq!(scene.names(), [] as [&str; 0]);

    let told = scene.archive(&[]);
    assert_eq!(scene.names(), [&*attempts, &*audit]);
    for (name, rows) in [(&attempts, "40 attempts"), (&audit, "1 audit entries")] {
        let bytes = std::fs::read(scene.files.path().join("new").join(name)).unwrap();
        let sha256 = sha256(&bytes);
        let line = format!("{name}: {rows}, {} bytes, sha256 {sha256}", bytes.len());
        assert!(told.contains(&line), "{line} is not in {told}");
    }
    scene.audit();

    // Every one that was shown is in the file as it was, by the same names.
    let lines = scene.rows(&attempts);
    assert_eq!(lines.len(), 40);
    let lines: Vec<_> = lines.into_iter().filter(|line| line["callback"] == *id).collect();
    assert_eq!(numbers(&lines), (1..=20).collect::<Vec<_>>());
    for (shown, line) in shown.iter().zip(&lines) {
        for (name, value) in shown.as_object().unwrap() {
            let time =
                |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            let same =
                line[name] == *value || time(value).is_some_and(|at| time(&line[name]) == Some(at));
            assert!(same, "{name}: {shown} became {line}");
        }
        assert_eq!((&line["trade_no"], &line["coupon"]), (&first["trade_no"], &first["coupon"]));
        assert!(line["at"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    let entry = scene.rows(&audit).remove(0);
    assert_eq!((&entry["action"], &entry["subject"]), (&json!("callback.resend"), &json!(id)));

    let told = scene.archive(&[]);
    assert!(told.contains("nothing to archive: no attempts from before "), "{told}");
    assert!(told.contains("nothing to archive: no audit entries from before "), "{told}");
    assert_eq!(scene.names().len(), 2);

    // The operator API says what was done.
    let callback = scene.serve().operator(&format!("callbacks/{id}")).await;
    assert_eq!((&callback["attempts"], &callback["attempts_archived"]), (&json!(20), &json!(20)));
    assert_eq!(scene.items(&format!("callbacks/{id}/attempts")).await, [] as [Value; 0]);
    assert_eq!(scene.items("audit?action=callback.resend").await, [] as [Value; 0]);
    let ended = scene.items("audit?action=archive.end").await;
    assert_eq!(ended.len(), 2);
    let ended = ended.into_iter().find(|entry| entry["subject"] == attempts).unwrap();
    assert_eq!(ended["actor"], "huodong-command");
    assert_eq!(
        (&ended["detail"]["what"], &ended["detail"]["rows"]),
        (&json!("attempts"), &json!(40))
    );
    assert!(told_in(&scene, &attempts, ended["detail"]["sha256"].as_str().unwrap()));
    let begun = scene.items("audit?action=archive.begin").await;
    assert!(begun.iter().any(|entry| entry["trace_id"] == ended["trace_id"]), "{begun:?}");

    // Sent again, it numbers its attempts on, and those go to a file of another name.
    scene.resend(id).await;
    let again = scene.items(&format!("callbacks/{id}/attempts")).await;
    assert_eq!(numbers(&again), (21..=30).collect::<Vec<_>>());
    scene.audit();
    scene.archive(&["--what", "attempts"]);
    let second = format!("attempts-before-{}.2.jsonl", date());
    assert_eq!(scene.names(), [&*second, &*attempts, &*audit]);
    assert_eq!(numbers(&scene.rows(&second)), (21..=30).collect::<Vec<_>>());
    assert_eq!(scene.rows(&attempts).len(), 40);
    scene.audit();
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

fn told_in(scene: &Scene, name: &str, expected: &str) -> bool {
    sha256(&std::fs::read(scene.files.path().join("new").join(name)).unwrap()) == expected
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_is_archived_and_its_callbacks_are_sent_again() {
    let data = tempfile::tempdir().unwrap();
    archived_and_sent_again(data.path(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_store_is_archived_beside_a_running_server() {
    let database = Postgres::shared().database();
    archived_and_sent_again(Path::new(database.url()), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_file_and_the_commit_leaves_the_rows_in_both() {
    let database = Postgres::shared().database();
    let mut scene = Scene::at(Path::new(database.url()), true);
    scene.issue().await;
    let date = date();
    let to = scene.files.path().join("new");
    let own = ["archive", "--before", &date, "--to", to.to_str().unwrap()];
    // It can read them and write them down, but not delete them.
    let lock = Lock::on(&database, "attempts");
    let mut archive = huodong(&scene.on(&own));
    let mut archive = archive.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND datname = current_database() AND query LIKE 'DELETE%'";
    let begin = Instant::now();
    while database.psql(waits) != "1" {
        assert!(archive.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(begin.elapsed() < PATIENCE, "it does not get so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    archive.kill().unwrap();
    archive.wait().unwrap();
    drop(lock);

    let first = scene.rows(&format!("attempts-before-{date}.jsonl"));
    assert_eq!(first.len(), 10 * COUPONS);
    assert_eq!(database.psql("SELECT count(*) FROM attempts"), first.len().to_string());
    scene.audit();
    scene.archive(&[]);
    assert_eq!(scene.rows(&format!("attempts-before-{date}.2.jsonl")), first);
    assert_eq!(database.psql("SELECT count(*) FROM attempts"), "0");
    scene.audit();
    // The log says that the first one has no end.
    let mut count = async |action: &str| scene.items(&format!("audit?action={action}")).await.len();
    assert_eq!((count("archive.begin").await, count("archive.end").await), (2, 1));
}

#[test]
fn what_is_not_archived_is_told() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let archive = |more: &[&str]| fail(&[&["archive", "--data", data][..], more].concat());
    let (exit, message) = archive(&["--before", &ago(29, "%F"), "--dry-run"]);
    assert!(exit == 2 && message.contains("must lie 30 days back or more"), "{message}");
    let (exit, message) = archive(&["--before", "yesterday", "--dry-run"]);
    assert!(exit == 2 && message.contains("must be a day like 2026-01-01"), "{message}");
    let (exit, message) = archive(&["--before", "2020-01-01"]);
    assert!(exit == 2 && message.contains("--to"), "{message}");
    let (exit, message) = archive(&["--before", "2020-01-01", "--what", "orders", "--dry-run"]);
    assert!(exit == 2 && message.contains("attempts, audit"), "{message}");
    let (exit, message) = archive(&["--before", "2020-01-01", "--dry-run"]);
    assert!(exit == 1 && message.contains("there is no database in"), "{message}");

    succeed(&["migrate", "--data", data]);
    let sandbox = Sandbox::start_with(Some(Path::new(data)), &[]);
    let (exit, message) = archive(&["--before", "2020-01-01", "--dry-run"]);
    assert!(exit == 1 && message.contains("in use by another process"), "{message}");
    assert_eq!(sandbox.terminate(), Some(0));
    // Where nothing can be written nothing is deleted; here there is nothing anyway.
    let told = succeed(&["archive", "--data", data, "--before", "2020-01-01", "--to", "/dev/null"]);
    assert!(told.contains("nothing to archive"), "{told}");
}
