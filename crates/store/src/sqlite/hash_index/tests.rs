#![allow(clippy::unwrap_used)]

use super::super::migrate::{MIGRATIONS, migrate};
use super::*;
use huodong_campaign::Id;
use proptest::prelude::*;

fn database() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn, MIGRATIONS).unwrap();
    conn
}

/// Spreads small numbers over all hashes.
fn hash(n: u64) -> u128 {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn batch(conn: &Connection, index: &mut HashIndex, entries: &[(u64, i64)], commit: bool) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (key, value) in entries {
        index.put(hash(*key), Value::id(Id(*value)));
    }
    index.write(conn).unwrap();
    if commit {
        conn.execute_batch("COMMIT").unwrap();
        index.committed();
    } else {
        conn.execute_batch("ROLLBACK").unwrap();
        index.rolled_back();
    }
}

fn count(conn: &Connection, table: &str) -> i64 {
    conn.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

#[derive(Clone, Debug)]
enum Action {
    Batch(Vec<(u64, i64)>, bool),
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    let entries = prop::collection::vec((0..300_u64, any::<i64>()), 0..40);
    prop_oneof![
        9 => (entries, prop::bool::weighted(0.9)).prop_map(|(e, commit)| Action::Batch(e, commit)),
        1 => Just(Action::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is put, sealed, rolled back and read again after a restart: the index says what a
    /// plain map says, and so does the merge of what is on disk.
    #[test]
    fn it_agrees_with_a_map(
        actions in prop::collection::vec(action(), 1..60),
        keys_per_run in 1..80_usize,
    ) {
        let conn = database();
        let mut index = HashIndex::open(&conn, keys_per_run).unwrap();
        let mut model = std::collections::BTreeMap::new();
        for action in actions {
            match action {
                Action::Batch(entries, commit) => {
                    batch(&conn, &mut index, &entries, commit);
                    if commit {
                        model.extend(entries);
                    }
                }
                Action::Reopen => index = HashIndex::open(&conn, keys_per_run).unwrap(),
            }
            let hashes: Vec<u128> = (0..300).map(hash).collect();
            let found = index.lookup().get_many(&conn, &hashes).unwrap();
            for (key, value) in (0..300).zip(found) {
                let value = value.map(|value| value.to_id().unwrap().0);
                prop_assert_eq!(value, model.get(&key).copied());
            }
        }
        let mut merged = Merged::open(&conn).unwrap();
        let mut found = HashMap::new();
        while let Some(entry) = merged.next(&conn).unwrap() {
            found.insert(entry.hash, entry.value.to_id().unwrap().0);
        }
        let expected: HashMap<_, _> = model.iter().map(|(k, v)| (hash(*k), *v)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_log_stays_short_and_each_run_is_one_row() {
    let conn = database();
    let mut index = HashIndex::open(&conn, 1000).unwrap();
    for i in 0..1000_u64 {
        let entries: Vec<_> = (0..20).map(|n| (i * 20 + n, 1)).collect();
        batch(&conn, &mut index, &entries, true);
    }
    let runs = count(&conn, "hash_run");
    assert!((15..=20).contains(&runs), "{runs} runs of 1000 and more from 20,000 keys");
    let log = count(&conn, "hash_log");
    assert!(log <= 120, "{log} rows: the log holds about the keys that are in no run");
}

#[test]
fn a_large_run_is_sorted_aside_while_batches_go_on() {
    let conn = database();
    let mut index = HashIndex::open(&conn, 20_000).unwrap();
    let all: Vec<_> = (0..20_000).map(|n| (n, 1)).collect();
    batch(&conn, &mut index, &all, true);
    let mut batches = 0;
    while count(&conn, "hash_run") == 0 {
        batch(&conn, &mut index, &[(20_000 + batches, 2)], true);
        assert!(index.lookup().get_many(&conn, &[hash(7)]).unwrap()[0].is_some());
        batches += 1;
    }
    assert!(batches > 10, "each batch wrote its share only");
}

#[test]
fn a_filter_of_another_format_is_made_anew() {
    let conn = database();
    let mut index = HashIndex::open(&conn, 10).unwrap();
    batch(&conn, &mut index, &(0..10).map(|n| (n, 7)).collect::<Vec<_>>(), true);
    batch(&conn, &mut index, &[], true);
    conn.execute("UPDATE hash_run SET filter_format = 0, filter = x''", ()).unwrap();
    let index = HashIndex::open(&conn, 10).unwrap();
    assert_eq!(index.lookup().get_many(&conn, &[hash(3)]).unwrap()[0], Some(Value::id(Id(7))));
}

#[test]
fn a_block_that_is_missing_or_cut_short_is_corrupt_not_absent() {
    for damage in ["DELETE FROM hash_block", "UPDATE hash_block SET entries = x'0102'"] {
        let conn = database();
        let mut index = HashIndex::open(&conn, 10).unwrap();
        batch(&conn, &mut index, &(0..10).map(|n| (n, 7)).collect::<Vec<_>>(), true);
        batch(&conn, &mut index, &[], true);
        conn.execute(damage, ()).unwrap();
        let found = index.lookup().get_many(&conn, &[hash(3)]);
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{damage}");
    }
}
