//! Backups made beside the writer, and databases made of them.

use std::fs::File;
use std::path::{Path, PathBuf};

use huodong_campaign::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::story::{Story, donate, key, options};
use crate::{AuditReport, DonationFilter, PageRequest, Store, StoreError, backup, restore};

const ALL: PageRequest = PageRequest { before: None, limit: 10_000 };

fn file_in(directory: &TempDir, name: &str) -> PathBuf {
    let path = directory.path().join(name);
    File::create(&path).unwrap();
    path
}

fn back_up(story: &Story, file: &Path) -> AuditReport {
    backup(story.directory.path(), file, &mut |_, _| {}).unwrap()
}

fn donations(store: &Store) -> Vec<Donation> {
    store.reader().donations(&DonationFilter::default(), ALL).unwrap().rows
}

#[test]
fn a_backup_holds_what_was_committed_when_it_began_and_nothing_later() {
    let mut story = Story::embedded().begin();
    for i in 0..60 {
        story.run(donate("instant", format!("before{i}"), "user", 1));
    }
    let before = donations(&story.store);
    let place = TempDir::new().unwrap();
    let file = file_in(&place, "backup");
    let directory = story.directory.path().to_owned();
    let (mut steps, mut all) = (0, (0, 0));
    let report = backup(&directory, &file, &mut |done, of| {
        story.run(donate("instant", format!("while{steps}"), "user", 1));
        (steps, all) = (steps + 1, (done, of));
    });
    let report = report.unwrap();
    assert!(steps > 3, "{steps}");
    assert_eq!(all, (all.1, file.metadata().unwrap().len()));
    assert_eq!(report.violations, [] as [&str; 0]);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "one file is all of it");

    let restored = TempDir::new().unwrap();
    let (opened, again) = restore(restored.path(), &file, &options(&restored)).unwrap();
    assert_eq!(opened.from_version, opened.version);
    assert_eq!(again, report);
    let (store, _) = Store::open_existing(&options(&restored)).unwrap();
    assert_eq!(donations(&store), before);
    let mut left: Vec<_> = std::fs::read_dir(restored.path()).unwrap().collect();
    left.retain(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
    assert!(left.is_empty(), "{left:?}");

    // It goes on from there: old keys are known, later ones are not.
    let (now, options) = (story.now, options(&restored));
    let mut story = Story { store, now, options, directory: restored, database: None };
    assert!(story.run(donate("instant", "before0", "user", 1)).repeated);
    assert!(!story.run(donate("instant", "while0", "user", 1)).repeated);
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_database_that_nobody_serves_is_backed_up_too() {
    let Story { store, directory, options, .. } = Story::embedded().begin();
    drop(store);
    let place = TempDir::new().unwrap();
    let file = file_in(&place, "backup");
    let report = backup(directory.path(), &file, &mut |_, _| {}).unwrap();
    assert_eq!(report.violations, [] as [&str; 0]);
    assert!(Store::open_existing(&options).is_ok());
}

#[test]
fn where_there_is_no_database_nothing_is_backed_up() {
    let (nowhere, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let refused = backup(nowhere.path(), &file_in(&place, "backup"), &mut |_, _| {});
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0);
}

#[test]
fn a_backup_of_an_earlier_version_is_migrated() {
    let place = TempDir::new().unwrap();
    let file = file_in(&place, "backup");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("fixtures/0001.sql")).unwrap();
    old.close().unwrap();
    let restored = TempDir::new().unwrap();
    let (opened, report) = restore(restored.path(), &file, &options(&restored)).unwrap();
    assert_eq!(opened.from_version, 1);
    assert_eq!(report.violations, [] as [&str; 0]);
    let (store, _) = Store::open_existing(&options(&restored)).unwrap();
    assert!(store.reader().donation_by_key(&key("i0")).unwrap().is_some());
    // Such a database cannot be checked without migrating it, which is not a backup's business.
    let old = TempDir::new().unwrap();
    std::fs::copy(&file, old.path().join("huodong.db")).unwrap();
    let refused = backup(old.path(), &file_in(&place, "again"), &mut |_, _| {});
    assert!(refused.unwrap_err().to_string().contains("its schema has version 1"));
}

#[test]
fn a_database_that_is_there_is_not_written_over() {
    let story = Story::embedded().begin();
    let place = TempDir::new().unwrap();
    let file = file_in(&place, "backup");
    back_up(&story, &file);
    let in_use = restore(story.directory.path(), &file, &story.options);
    assert!(matches!(in_use, Err(StoreError::InUse(_))), "{in_use:?}");
    drop(story.store);
    let present = restore(story.directory.path(), &file, &story.options);
    assert!(matches!(present, Err(StoreError::Present(_))), "{present:?}");
    let (store, _) = Store::open_existing(&story.options).unwrap();
    assert_eq!(store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

/// Nothing is restored, and nothing left behind.
fn refused(file: &Path) -> String {
    let restored = TempDir::new().unwrap();
    let said = match restore(restored.path(), file, &options(&restored)) {
        Ok((_, report)) => {
            assert!(!report.violations.is_empty(), "it was restored");
            report.violations.join("\n")
        }
        Err(error) => error.to_string(),
    };
    let left = std::fs::read_dir(restored.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty() || left == ["huodong.lock"], "{left:?}");
    said
}

#[test]
fn what_is_damaged_or_no_backup_is_not_restored() {
    let story = Story::embedded().begin();
    let place = TempDir::new().unwrap();
    let file = file_in(&place, "backup");
    back_up(&story, &file);
    let whole = std::fs::read(&file).unwrap();

    let conn = Connection::open(&file).unwrap();
    conn.execute("UPDATE accounts SET balance = balance + 1 WHERE id > 1", ()).unwrap();
    conn.close().unwrap();
    assert!(refused(&file).contains("its transfers sum up to"), "{}", refused(&file));

    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&file).contains("malformed"), "{}", refused(&file));
    std::fs::write(&file, "a letter to somebody").unwrap();
    assert!(refused(&file).contains("not a database"), "{}", refused(&file));
    std::fs::write(&file, "").unwrap();
    assert!(refused(&file).contains("holds no database"), "{}", refused(&file));

    // A copy of a database that was open is only half of it.
    std::fs::write(&file, &whole).unwrap();
    std::fs::write(place.path().join("backup-wal"), "what was committed last").unwrap();
    assert!(refused(&file).contains("write-ahead log"), "{}", refused(&file));
}

#[test]
fn a_damaged_database_is_told_of_when_it_is_backed_up() {
    let story = Story::embedded().begin();
    let conn = Connection::open(story.directory.path().join("huodong.db")).unwrap();
    conn.execute("UPDATE accounts SET balance = balance + 1 WHERE id > 1", ()).unwrap();
    drop(conn);
    let place = TempDir::new().unwrap();
    assert!(!back_up(&story, &file_in(&place, "backup")).violations.is_empty());
}
