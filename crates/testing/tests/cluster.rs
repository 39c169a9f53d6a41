//! What tests may rely on of a primary with its standby.

use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use huodong_testing::{Cluster, program};

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}

fn psql(url: &str, sql: &str) -> Output {
    let mut psql = program("psql");
    psql.args(["-X", "-q", "-A", "-t", "-d", url, "-c", sql]);
    psql.output().expect("psql runs")
}

fn answer(url: &str, sql: &str) -> String {
    let output = psql(url, sql);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text").trim_end().to_owned()
}

#[test]
fn what_was_acknowledged_is_there_after_a_failover() {
    let cluster = Cluster::start();
    let url = cluster.url();
    assert_eq!(answer(&url, "CREATE TABLE a AS SELECT 1 n; SELECT pg_is_in_recovery()"), "f");
    cluster.stop_primary_at_once();
    assert!(!psql(&url, "SELECT 1").status.success(), "the standby takes no writes yet");
    cluster.promote_standby();
    assert_eq!(answer(&url, "INSERT INTO a VALUES (2); SELECT sum(n) FROM a"), "3");
}

#[test]
fn a_commit_waits_for_the_standby() {
    let cluster = Cluster::start();
    let url = cluster.url();
    answer(&url, "CREATE TABLE a (n int)");
    cluster.standby().crash();
    let mut insert = program("psql");
    insert.args(["-X", "-q", "-d", &url, "-c", "INSERT INTO a VALUES (1)"]).stderr(Stdio::null());
    let mut waiting = insert.spawn().expect("psql starts");
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    eventually("the commit waits", || {
        assert!(waiting.try_wait().expect("it can be asked").is_none(), "it was answered");
        cluster.primary().psql("postgres", waits) == "1"
    });
    cluster.standby().start_again();
    cluster.wait_until_synchronous();
    assert!(waiting.wait().expect("psql ends").success());
    // It is in the standby's log by now; whoever reads there sees it a moment later.
    let standby = format!("postgres://postgres@{}/huodong", cluster.standby().address());
    eventually("the standby shows it", || psql(&standby, "SELECT n FROM a").stdout == b"1\n");
}
