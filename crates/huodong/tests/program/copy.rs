//! An installation moves to a database that several servers share, and goes on there.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use huodong_testing::{Database, Postgres, program};
use huodong_wire::gongyi::Api;
use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::{Caller, PATIENCE, Sandbox, code, fail, huodong, succeed};

/// Under which the sandbox's secrets are sealed.
const MASTER_KEY: &[u8; 32] = b"huodong sandbox, not for secrets";
const INSTANT: &str = "100001";
const DEFERRED: &str = "100005";
const COUPONS: &str = "1100000086";

/// What an installation answered while it was made.
struct Made {
    credentials: Value,
    donated: Vec<(Value, Value)>,
}

fn donation(caller: &Caller, activity: &str, number: u64) -> Value {
    json!({
        "activity_no": activity, "project_no": "224328", "third_uid": format!("user_{}", number % 7),
        "reward": 1000, "reward_transcode": format!("copy-{activity}-{number}"),
        "reward_time": "2026-11-21 12:00:00", "money": 1 + number, "bid": caller.bid,
    })
}

/// Donations at once and later, coupons with callbacks that nobody takes, enrolments with photos.
async fn made(data: &Path) -> Made {
    let sandbox = Sandbox::start_with(Some(data), &[]);
    let caller = sandbox.caller();
    let mut donated = Vec::new();
    for number in 0..20 {
        for activity in [INSTANT, DEFERRED] {
            let order = donation(&caller, activity, number);
            let answer = caller.call(Api::RewardToDonate, &order).await.unwrap();
            assert_eq!(code(&answer), 0, "{answer}");
            donated.push((order, answer));
        }
    }
    let institution = sandbox.institution();
    for number in 0..5 {
        let mut order = sandbox.issue(COUPONS, &format!("copied-{number}"));
        order.post_notify = Some("http://127.0.0.1:1/issue".into());
        institution.issue(&order).await.unwrap();
    }
    let at = ["--base-url", &sandbox.base_url];
    for mode in ["sm2", "rsa"] {
        succeed(&[&["call", "ysepay", "addData", "--mode", mode, "-q"][..], &at].concat());
    }
    succeed(&[&["clock", "advance", "1h"][..], &at].concat());
    let credentials = sandbox.credentials.clone();
    assert_eq!(sandbox.terminate(), Some(0));
    Made { credentials, donated }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn serve(database: &Database) -> Server {
    Server::start(Path::new(database.url()), &hex::encode(MASTER_KEY), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_copied_audited_and_served_on() {
    let data = tempfile::tempdir().unwrap();
    let made = made(data.path()).await;
    let database = Postgres::shared().database();
    let from = format!("sqlite:{}", text(data.path()));
    let told = succeed(&["copy", "--from", &from, "--to", database.url()]);
    for line in ["40  donations", "tables have as many rows", "OK: ", "same master key"] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    assert!(succeed(&["audit", "--data", database.url()]).contains("OK: everything holds"));

    let server = serve(&database);
    let caller = Caller::new(&format!("http://{}", server.address), &made.credentials["gongyi"]);
    let highest = number(&database, "SELECT max(id) FROM donations");
    for (order, answer) in &made.donated {
        let again = caller.call(Api::RewardToDonate, order).await.unwrap();
        assert_eq!(again["data"]["donate_transcode"], answer["data"]["donate_transcode"]);
        assert_eq!(code(&again), 0, "{again}");
    }
    assert_eq!(number(&database, "SELECT max(id) FROM donations"), highest, "none is new");
    let mut order = made.donated[0].0.clone();
    order["reward_transcode"] = json!("after the move");
    let new = caller.call(Api::RewardToDonate, &order).await.unwrap();
    assert_eq!(code(&new), 0, "{new}");
    assert!(number(&database, "SELECT max(id) FROM donations") > highest);
    server.stop();
    assert!(succeed(&["audit", "--data", database.url()]).contains("OK: everything holds"));
    // The source is as it was.
    assert!(succeed(&["audit", "--data", text(data.path())]).contains("OK: everything holds"));
}

fn number(database: &Database, sql: &str) -> i64 {
    database.psql(sql).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_and_no_server_starts_before_its_end() {
    let data = tempfile::tempdir().unwrap();
    made(data.path()).await;
    let database = Postgres::shared().database();
    let url = database.url();
    // A database that has its tables already is as good as one without.
    succeed(&["migrate", "--data", url]);
    let arguments = ["copy", "--from", text(data.path()), "--to", url];
    let lock = Lock::on(&database, "transfers");
    let mut copy = huodong(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while !donations_are_copied(&database) {
        assert!(copy.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(begin.elapsed() < PATIENCE, "it does not get so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    copy.kill().unwrap();
    copy.wait().unwrap();
    drop(lock);

    let donations = number(&database, "SELECT count(*) FROM donations");
    assert_eq!(donations, 40);
    assert_eq!(number(&database, "SELECT count(*) FROM transfers"), 0);
    for refused in ["audit", "migrate"] {
        let (_, message) = fail(&[refused, "--data", url]);
        assert!(message.contains("let `huodong copy` finish"), "{message}");
    }
    let mut server = huodong(&["serve", "--listen", "127.0.0.1:0", "--data", url]);
    let refused = server.env("HUODONG_MASTER_KEY", hex::encode(MASTER_KEY)).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("let `huodong copy` finish"));

    let told = succeed(&arguments);
    assert!(told.contains("OK: "), "{told}");
    let (_, message) = fail(&arguments);
    assert!(message.contains("has an installation of its own"), "{message}");
    assert!(message.contains("copy into an empty database"), "{message}");
    serve(&database).stop();
}

fn donations_are_copied(database: &Database) -> bool {
    let begun = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'copy_progress'";
    let copied = "SELECT count(*) FROM copy_progress WHERE name = 'donations'";
    number(database, begun) > 0 && number(database, copied) > 0
}

#[test]
fn what_cannot_be_copied_is_told() {
    let data = tempfile::tempdir().unwrap();
    let directory = text(data.path());
    let database = Postgres::shared().database();
    let copy = |from: &str, to: &[&str]| fail(&[&["copy", "--from", from][..], to].concat());
    let to = ["--to", database.url()];
    let (exit, message) = copy(directory, &to);
    assert!(exit == 1 && message.contains("there is no database in"), "{message}");
    let (exit, message) = copy(database.url(), &["--to", directory]);
    assert!(exit == 2 && message.contains("and no other way"), "{message}");
    let (exit, message) = copy(directory, &["--to", directory]);
    assert!(exit == 2 && message.contains("and no other way"), "{message}");
    let (exit, message) = copy(directory, &[]);
    assert!(exit == 2 && message.contains("where to?"), "{message}");

    let sandbox = Sandbox::start_with(Some(data.path()), &[]);
    let (exit, message) = copy(directory, &to);
    assert!(exit == 1 && message.contains("in use by another process"), "{message}");
    assert_eq!(sandbox.terminate(), Some(0));

    // The address may come from the settings, where no list of processes shows it.
    let mut from_settings = huodong(&["copy", "--from", directory]);
    let output = from_settings.env("HUODONG_STORE__URL", database.url()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Keeps everybody from writing to a table until it is dropped.
pub(crate) struct Lock<'d> {
    database: &'d Database,
    psql: Child,
}

impl<'d> Lock<'d> {
    pub(crate) fn on(database: &'d Database, table: &str) -> Self {
        let held = format!("BEGIN; LOCK TABLE {table} IN SHARE MODE; SELECT pg_sleep(600)");
        let mut psql: Command = program("psql");
        let psql = psql.args(["-X", "-q", "-d", database.url(), "-c", &held]);
        let psql = psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let lock = Self { database, psql };
        let begin = Instant::now();
        let sql = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted \
            AND relation = 'TABLE'::regclass";
        while number(database, &sql.replace("TABLE", table)) == 0 {
            assert!(begin.elapsed() < PATIENCE, "it is not locked");
            std::thread::sleep(Duration::from_millis(5));
        }
        lock
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        self.database.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' \
             AND datname = current_database()",
        );
        // Its connection is gone, so it ends.
        let _ = self.psql.wait();
    }
}
