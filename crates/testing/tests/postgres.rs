//! What tests may rely on of the servers they are given.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, panic};

use huodong_testing::{Postgres, program};

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}

/// The server's process; its port could be another's by the time it is looked at.
fn process(postgres: &Postgres) -> String {
    let file = postgres.psql("postgres", "SELECT pg_read_file('postmaster.pid')");
    file.lines().next().expect("the first line is the process").to_owned()
}

fn runs(process: &str) -> bool {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -0 \"$0\"", process]).stderr(Stdio::null());
    kill.status().expect("sh runs").success()
}

fn databases(postgres: &Postgres) -> Vec<String> {
    let names = postgres.psql("postgres", "SELECT datname FROM pg_database");
    names.lines().map(str::to_owned).collect()
}

#[test]
fn a_database_is_empty_and_goes_with_its_value() {
    let postgres = Postgres::shared();
    let database = postgres.database();
    assert_eq!(
        database.url(),
        format!("postgres://postgres@{}/{}", postgres.address(), database.name())
    );
    assert_eq!(database.psql("SELECT count(*) FROM pg_stat_user_tables"), "0");
    database.psql("CREATE TABLE a (n bigint); INSERT INTO a VALUES (1), (2)");
    assert_eq!(database.psql("SELECT n, -n FROM a ORDER BY n"), "1|-1\n2|-2");

    let name = database.name().to_owned();
    let mut connected = program("psql")
        .args(["-X", "-d", database.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("psql starts");
    eventually("psql connects", || {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
        postgres.psql("postgres", &sql) == "1"
    });
    drop(database);
    assert!(!databases(postgres).contains(&name));
    drop(connected.stdin.take());
    connected.wait().expect("psql ends");
}

#[test]
fn a_statement_that_fails_says_why() {
    let database = Postgres::shared().database();
    let panic = catch_unwind(panic::AssertUnwindSafe(|| database.psql("SELECT 1; SELECT x")));
    let message = panic.expect_err("there is no x").downcast::<String>().expect("a message");
    assert!(message.contains("column \"x\" does not exist"), "{message}");
}

#[test]
fn a_template_is_prepared_once_and_copied() {
    let postgres = Postgres::shared();
    let prepare = || {
        postgres.template("prepared", |url| {
            let mut psql = program("psql");
            psql.args(["-X", "-q", "-d", url, "-c", "CREATE TABLE t AS SELECT 7 n"]);
            assert!(psql.status().expect("psql runs").success());
        });
    };
    assert!(catch_unwind(|| postgres.template("prepared", |_| panic!("half way"))).is_err());
    prepare();
    prepare();
    let (one, other) = (postgres.database_like("prepared"), postgres.database_like("prepared"));
    one.psql("UPDATE t SET n = 8");
    assert_eq!(
        (one.psql("SELECT n FROM t"), other.psql("SELECT n FROM t")),
        ("8".into(), "7".into())
    );
}

#[test]
fn settings_are_taken_and_a_dropped_server_leaves_nothing() {
    let postgres = Postgres::start_with(&[("application_name", "it's set"), ("fsync", "on")]);
    let show =
        |setting: &str| postgres.psql("postgres", &format!("SELECT current_setting('{setting}')"));
    assert_eq!(show("fsync"), "on");
    assert_eq!(show("synchronous_commit"), "on");
    assert_eq!(show("server_encoding"), "UTF8");
    let (data, process) = (show("data_directory"), process(&postgres));
    let database = postgres.database();
    drop(postgres);
    assert_eq!(database.psql("SELECT 1"), "1", "a database keeps its server");
    drop(database);
    assert!(!Path::new(&data).exists() && !runs(&process));
}

#[test]
fn what_was_committed_outlives_a_crash() {
    let postgres = Postgres::start();
    let database = postgres.database();
    database.psql("CREATE TABLE a (n int); INSERT INTO a VALUES (1)");
    let process = process(&postgres);
    assert!(runs(&process));
    postgres.crash();
    assert!(!runs(&process));
    postgres.start_again();
    assert_eq!(database.psql("SELECT n FROM a"), "1");
}

/// The test below runs this program again with this variable, as a test that never ends.
const KILLED: &str = "HUODONG_TESTING_KILLED";

#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    if env::var_os(KILLED).is_some() {
        let postgres = Postgres::shared();
        let data = postgres.psql("postgres", "SHOW data_directory");
        eprintln!("\nserver {} {data}", process(postgres));
        loop {
            thread::park();
        }
    }
    let mut child = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "--nocapture", "a_server_ends_with_a_process_that_is_killed"])
        .env(KILLED, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let output = BufReader::new(child.stderr.take().expect("its output is a pipe"));
    let line = output.lines().map_while(Result::ok).find(|line| line.starts_with("server "));
    let line = line.expect("it has started a server");
    let [_, process, data] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let directory = Path::new(data).parent().expect("the data has a directory").to_owned();
    assert!(runs(process) && directory.exists());

    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    eventually("the directory goes", || !directory.exists());
    assert!(!runs(process));
}

#[test]
fn many_threads_make_databases_at_once() {
    const THREADS: u32 = 8;
    const EACH: u32 = 8;
    let postgres = Postgres::shared();
    drop(postgres.database());
    let barrier = Barrier::new(THREADS as usize + 1);
    let (made, took) = thread::scope(|scope| {
        let make = || {
            barrier.wait();
            let made: Vec<_> = (0..EACH).map(|_| postgres.database()).collect();
            barrier.wait();
            made
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(make)).collect();
        barrier.wait();
        let began = Instant::now();
        barrier.wait();
        let took = began.elapsed();
        let made = threads.into_iter().flat_map(|thread| thread.join().expect("it ends well"));
        (made.collect::<Vec<_>>(), took)
    });
    println!("{:?} for each database", took / (THREADS * EACH));
    let there: HashSet<String> = databases(postgres).into_iter().collect();
    let names: HashSet<&str> = made.iter().map(|database| database.name()).collect();
    assert_eq!(names.len(), made.len());
    assert!(names.iter().all(|name| there.contains(*name)));
}
