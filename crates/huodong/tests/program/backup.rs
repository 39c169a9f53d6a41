//! A backup of what is being served, and a server of what was backed up.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::{JoinError, JoinSet};

use crate::crash::{audit, check, donate};
use crate::support::{PATIENCE, Sandbox, fail, huodong, succeed};

const CALLERS: usize = 8;
/// Donations acknowledged before the backup begins.
const BEFORE: usize = 500;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn files(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Callers that donate until they are stopped, and what they were answered.
struct Load {
    acknowledged: Arc<Mutex<HashMap<u64, Value>>>,
    callers: JoinSet<()>,
}

impl Load {
    fn on(sandbox: &Sandbox) -> Self {
        let acknowledged = Arc::new(Mutex::new(HashMap::new()));
        let next = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (caller, next) = (sandbox.caller(), Arc::clone(&next));
            let acknowledged = Arc::clone(&acknowledged);
            callers.spawn(async move {
                loop {
                    let k = next.fetch_add(1, Ordering::Relaxed);
                    let answer = donate(&caller, k).await;
                    acknowledged.lock().unwrap().insert(k, answer);
                }
            });
        }
        Self { acknowledged, callers }
    }

    fn acknowledged(&self) -> HashMap<u64, Value> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Returns when more than so many are acknowledged.
    async fn is_beyond(&mut self, count: usize) {
        let began = Instant::now();
        while self.acknowledged.lock().unwrap().len() <= count {
            if let Some(ended) = self.callers.try_join_next() {
                panic!("a caller has ended: {ended:?}");
            }
            assert!(began.elapsed() < PATIENCE, "the load does not get on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Has something done beside the load, once it is under way. Gives what was acknowledged when
    /// that began, and what came of it.
    async fn beside<T: Send + 'static>(
        mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> (HashMap<u64, Value>, T) {
        self.is_beyond(BEFORE).await;
        let before = self.acknowledged();
        let done = tokio::task::spawn_blocking(work).await.unwrap();
        // It never stood still for good.
        self.is_beyond(before.len()).await;
        self.callers.abort_all();
        while let Some(ended) = self.callers.join_next().await {
            assert!(ended.as_ref().is_err_and(JoinError::is_cancelled), "{ended:?}");
        }
        (before, done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_under_load_is_served_from_it() {
    let (data, place, restored) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    let file = place.path().join("backup.db");
    let arguments = ["backup", "--data", text(data.path()), "--to", text(&file)];
    let arguments = arguments.map(str::to_owned);
    let back_up = move || succeed(&arguments.each_ref().map(|argument| &**argument));
    let (before, said) = Load::on(&sandbox).beside(back_up).await;
    assert!(said.contains("OK: everything holds"), "{said}");
    assert!(said.lines().last().unwrap().starts_with("wrote "), "{said}");
    assert_eq!(sandbox.terminate(), Some(0));
    assert_eq!(files(&place), ["backup.db"]);

    let said = succeed(&["restore", "--data", text(restored.path()), "--from", text(&file)]);
    assert!(said.lines().last().unwrap().starts_with("restored "), "{said}");
    let sandbox = Sandbox::start_with(Some(restored.path()), &[]);
    let caller = sandbox.caller();
    for (k, answer) in &before {
        check(&caller, *k, answer).await;
    }
    assert_eq!(sandbox.terminate(), Some(0));
    audit(restored.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_dump_of_postgresql_is_served_from_it() {
    let server = huodong_testing::Postgres::shared();
    let (database, restored) = (server.database(), server.database());
    let place = TempDir::new().unwrap();
    let sandbox = Sandbox::start_with(Some(Path::new(database.url())), &[]);
    let (url, file) = (database.url().to_owned(), place.path().join("huodong.dump"));
    let dump = {
        let file = file.clone();
        move || run("pg_dump", &["--format=custom", "--file", text(&file), &url])
    };
    let (before, ()) = Load::on(&sandbox).beside(dump).await;
    assert_eq!(sandbox.terminate(), Some(0));

    let into = ["--exit-on-error", "--no-owner", "--dbname", restored.url(), text(&file)];
    run("pg_restore", &into);
    audit(Path::new(restored.url()));
    let sandbox = Sandbox::start_with(Some(Path::new(restored.url())), &[]);
    let caller = sandbox.caller();
    for (k, answer) in &before {
        check(&caller, *k, answer).await;
    }
    assert_eq!(sandbox.terminate(), Some(0));
    audit(Path::new(restored.url()));
}

/// Runs one of PostgreSQL's programs.
fn run(program: &str, arguments: &[&str]) {
    let output = huodong_testing::program(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
}

#[test]
fn a_shared_database_is_not_backed_up_as_if_it_were_a_file() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("backup.db");
    for arguments in [["backup", "--to", text(&file)], ["restore", "--from", text(&file)]] {
        // Nobody listens there, and nobody need.
        let url = "postgres://postgres@127.0.0.1:1/huodong";
        let output = huodong(&arguments).env("HUODONG_STORE__URL", url).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("docs/operations.md"), "{said}");
    }
    assert_eq!(files(&place), [] as [&str; 0]);
}

#[test]
fn nothing_is_written_over() {
    let (data, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let data = text(data.path());
    succeed(&["migrate", "--data", data]);
    let file = place.path().join("backup.db");
    succeed(&["backup", "--data", data, "--to", text(&file)]);
    let (mode, first) = (mode(&file), std::fs::read(&file).unwrap());
    assert_eq!(mode, 0o600, "who donated is nobody else's business");

    let (exit, said) = fail(&["backup", "--data", data, "--to", text(&file)]);
    assert_eq!(exit, 1);
    assert!(said.contains("is there already; nothing was written"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), first);
    let (exit, said) = fail(&["restore", "--data", data, "--from", text(&file)]);
    assert_eq!(exit, 1);
    assert!(said.contains("there is a database in"), "{said}");
    assert_eq!(files(&place), ["backup.db"]);
}

fn mode(file: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777
}

#[test]
fn what_does_not_hold_is_neither_kept_nor_restored() {
    let (data, place, restored) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    assert_eq!(sandbox.terminate(), Some(0));
    let file = place.path().join("backup.db");
    let back_up = ["backup", "--data", text(data.path()), "--to", text(&file)];
    succeed(&back_up);

    // A fen from nowhere.
    let damage = |database: &Path| {
        let conn = rusqlite::Connection::open(database).unwrap();
        let damage = "UPDATE accounts SET balance = balance + 1 WHERE id = \
                      (SELECT id FROM accounts WHERE balance > 0 LIMIT 1)";
        assert_eq!(conn.execute(damage, ()).unwrap(), 1);
        conn.close().unwrap();
    };
    damage(&file);
    let restore = ["restore", "--data", text(restored.path()), "--from", text(&file)];
    let (exit, said) = fail(&restore);
    assert_eq!(exit, 1);
    assert!(said.ends_with("violations; nothing was restored\n"), "{said}");
    assert_eq!(files(&restored), ["huodong.lock"]);

    std::fs::remove_file(&file).unwrap();
    damage(&data.path().join("huodong.db"));
    let (exit, said) = fail(&back_up);
    assert_eq!(exit, 1);
    assert!(said.contains("violations; the copy is not kept"), "{said}");
    assert_eq!(files(&place), [] as [&str; 0]);
}
