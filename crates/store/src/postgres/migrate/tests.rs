use std::thread;
use std::time::Duration;

use huodong_campaign::{Command, CreateOrganization, Wanted, World};
use huodong_testing::{Database, Postgres};

use super::super::connection::Connection;
use super::{STEPS, Step};
use crate::postgres::{ID_STEP, PostgresAddress, Shared};
use crate::{Opened, StoreError};

/// What an older program can live with.
const ADDS: &str = "ALTER TABLE flowers ADD COLUMN note TEXT";
/// What it cannot.
const TAKES_AWAY: &str = "ALTER TABLE audit DROP COLUMN detail";

fn database() -> Database {
    Postgres::shared().database()
}

fn open(database: &Database, more: &[Step]) -> Result<(Shared, Opened), StoreError> {
    // Far more time than a statement takes: some wait for what the test does meanwhile.
    let address = format!("{}?statement_timeout_ms=60000", database.url());
    let address: PostgresAddress = address.parse().unwrap();
    let steps: Vec<_> = STEPS.iter().chain(more).copied().collect();
    Shared::open_with(&address, 1, &steps)
}

/// The step that follows those there are.
fn next(sql: &'static str, can_be_lived_with: bool) -> Step {
    let known = u32::try_from(STEPS.len()).unwrap();
    Step { sql, needs: if can_be_lived_with { 1 } else { known + 1 } }
}

/// Writes something, as the engine does: again where it must be.
fn write(store: &mut Shared, org_no: &str) -> Result<(), StoreError> {
    for _ in 0..5 {
        match try_write(store, org_no) {
            Err(StoreError::Again(_)) => {}
            written => return written,
        }
    }
    try_write(store, org_no)
}

fn try_write(store: &mut Shared, org_no: &str) -> Result<(), StoreError> {
    store.ready()?;
    let now = "2026-11-21T02:00:00Z".parse().unwrap();
    let mut world = World::new(now, store.first_id(0)).number_by(ID_STEP);
    let (name, merchant_no) = (String::new(), String::new());
    let command = CreateOrganization { org_no: Some(org_no.into()), name, merchant_no };
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    store.load(&wanted, &mut world)?;
    command.decide(&mut world).unwrap();
    store.save(&world)
}

#[test]
fn nodes_that_come_up_at_once_make_one_schema() {
    let database = database();
    let begun = thread::scope(|scope| {
        let open = || scope.spawn(|| open(&database, &[]).map(|(store, _)| store));
        let nodes: Vec<_> = (0..8).map(|_| open()).collect();
        nodes.into_iter().map(|node| node.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(database.psql("SELECT count(*), count(DISTINCT token) FROM nodes"), "8|8");
    assert_eq!(database.psql("SELECT count(*) FROM installation"), "1");
    let versions = "SELECT count(*) FROM migrations WHERE version > 0";
    assert_eq!(database.psql(versions), STEPS.len().to_string());
    for (number, mut store) in begun.into_iter().enumerate() {
        write(&mut store, &format!("org-{number}")).unwrap();
    }
}

#[test]
fn an_older_program_goes_on_beside_a_schema_it_can_live_with() {
    let database = database();
    let (mut older, opened) = open(&database, &[]).unwrap();
    let step = next(ADDS, true);
    let (mut newer, migrated) = open(&database, &[step]).unwrap();
    assert_eq!((migrated.from_version, migrated.version), (opened.version, opened.version + 1));
    write(&mut older, "older").unwrap();
    write(&mut newer, "newer").unwrap();
    // It also starts anew.
    drop(older);
    let (mut older, opened) = open(&database, &[]).unwrap();
    assert_eq!(opened.from_version, migrated.version);
    write(&mut older, "older again").unwrap();
}

#[test]
fn what_older_programs_cannot_live_with_waits_until_none_runs() {
    let database = database();
    let (mut older, _) = open(&database, &[]).unwrap();
    let step = next(TAKES_AWAY, false);
    let refused = open(&database, &[step]).unwrap_err();
    assert!(matches!(refused, StoreError::OlderNodes(1)), "{refused}");
    write(&mut older, "older").unwrap();

    drop(older);
    let (mut newer, _) = open(&database, &[step]).unwrap();
    write(&mut newer, "newer").unwrap();
    let refused = open(&database, &[]).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
}

#[test]
fn a_node_that_slept_while_the_schema_left_it_behind_writes_no_more() {
    let database = database();
    let (mut older, _) = open(&database, &[]).unwrap();
    // As if a minute had passed without a word of it.
    database.psql("UPDATE nodes SET until = 0");
    let (newer, _) = open(&database, &[next(TAKES_AWAY, false)]).unwrap();
    let refused = write(&mut older, "older").unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    assert_eq!(database.psql("SELECT count(*) FROM organizations"), "0");
    drop(newer);
}

#[test]
fn a_node_that_starts_while_the_schema_changes_waits_for_it() {
    let database = database();
    drop(open(&database, &[]).unwrap());
    // It takes until it gets what the test holds, and waits for no lock: that has an end.
    let slow = "DO 'BEGIN WHILE NOT pg_try_advisory_xact_lock(1) LOOP PERFORM pg_sleep(0.02); \
                END LOOP; END'; ALTER TABLE audit DROP COLUMN detail";
    thread::scope(|scope| {
        let holds = Connection::open(&database.url().parse().unwrap()).unwrap();
        holds.execute_batch("DO 'BEGIN PERFORM pg_advisory_lock(1); END'").unwrap();
        let newer = scope.spawn(|| open(&database, &[next(slow, false)]).map(drop));
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE";
        until(&database, "1", &format!("{sessions} wait_event = 'PgSleep'"));
        let older = scope.spawn(|| open(&database, &[]).map(drop));
        until(&database, "1", &format!("{sessions} wait_event_type = 'Lock'"));
        assert!(!newer.is_finished() && !older.is_finished());
        holds.execute_batch("DO 'BEGIN PERFORM pg_advisory_unlock(1); END'").unwrap();
        newer.join().unwrap().unwrap();
        let refused = older.join().unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    });
}

#[test]
fn a_step_that_has_to_wait_keeps_nobody_from_writing_for_long() {
    let database = database();
    let (mut older, _) = open(&database, &[]).unwrap();
    let reads = Connection::open(&database.url().parse().unwrap()).unwrap();
    reads.execute_batch("BEGIN; LOCK TABLE organizations IN ACCESS SHARE MODE").unwrap();
    let adds = next("ALTER TABLE organizations ADD COLUMN note TEXT", true);
    thread::scope(|scope| {
        let newer = scope.spawn(|| open(&database, &[adds]).map(drop));
        let waits = "SELECT count(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                     WHERE NOT granted AND mode = 'AccessExclusiveLock' \
                     AND d.datname = current_database()";
        while database.psql(waits) != "t" {
            assert!(!newer.is_finished(), "it did not wait");
        }
        write(&mut older, "meanwhile").unwrap();
        assert!(!newer.is_finished());
        reads.execute_batch("COMMIT").unwrap();
        newer.join().unwrap().unwrap();
    });
    write(&mut older, "afterwards").unwrap();
}

/// Waits until a question about this database's sessions has this answer.
fn until(database: &Database, answer: &str, question: &str) {
    let question = format!("{question} AND datname = current_database()");
    for _ in 0..6000 {
        if database.psql(&question) == answer {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("not within a minute: {question} = {answer}");
}
