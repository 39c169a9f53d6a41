//! What a crash, a second process or a failing disk leaves behind.

use std::path::Path;

use huodong_campaign::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::gateway_story::{sha256, store_photo};
use super::story::{Story, donate, key, options};
use crate::sqlite::MIGRATIONS;
use crate::{Place, Store, StoreError, StoreOptions};

/// What is on disk at this moment, as a crash would leave it.
fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // The -shm file is only an index of the log, made anew at start.
        if !file.file_name().to_str().unwrap().ends_with("-shm") {
            std::fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
        }
    }
    to
}

#[test]
fn after_a_crash_between_any_two_batches_all_that_was_acknowledged_is_there() {
    let mut story = Story::embedded().begin();
    let mut acknowledged = Vec::new();
    let mut unfinished_runs = 0;
    for i in 0..24 {
        let commands: Vec<Donate> = (0..40)
            .map(|n| donate("deferred", format!("{i}-{n}"), &format!("user{n}"), 1))
            .collect();
        acknowledged.extend(story.batch(&commands).into_iter().map(|done| done.donation));
        let crashed = copy(story.directory.path());
        unfinished_runs += unfinished(crashed.path());
        let (store, _) = Store::open(&options(&crashed)).unwrap();
        let reader = store.reader();
        for donation in &acknowledged {
            assert_eq!(reader.donation_by_key(&donation.key).unwrap().as_ref(), Some(donation));
        }
        let users: u64 = (0..40)
            .map(|n| {
                let user = ThirdUid::from(format!("user{n}"));
                let activity_no = ActivityNo::from("deferred");
                let key = UserKey { activity_no, user };
                u64::from(reader.user_usage(&key).unwrap().count_total)
            })
            .sum();
        assert_eq!(users, acknowledged.len() as u64);
        assert_eq!(reader.verify().unwrap().violations, [] as [&str; 0]);
    }
    assert_eq!(unfinished_runs, 0, "runs this small are written in one batch");
}

/// Blocks on disk that belong to no finished run.
fn unfinished(directory: &Path) -> i64 {
    let conn = Connection::open(directory.join("huodong.db")).unwrap();
    conn.query_row(
        "SELECT count(*) FROM hash_block WHERE id >> 32 NOT IN (SELECT no FROM hash_run)",
        (),
        |row| row.get(0),
    )
    .unwrap()
}

#[test]
fn a_run_that_a_crash_left_unfinished_is_written_again() {
    let mut story = Story::embedded_with(|options| options.keys_per_run = 3000).begin();
    for i in 0..77 {
        let commands: Vec<Donate> =
            (0..40).map(|n| donate("instant", format!("{i}-{n}"), "user", 1)).collect();
        story.batch(&commands);
    }
    let crashed = copy(story.directory.path());
    assert!(unfinished(crashed.path()) > 0);
    let mut options = options(&crashed);
    options.keys_per_run = 3000;
    let (store, _) = Store::open(&options).unwrap();
    assert_eq!(unfinished(crashed.path()), 0);
    assert!(store.reader().donation_by_key(&key("0-0")).unwrap().is_some());
    assert_eq!(store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_second_process_is_kept_out_until_the_first_has_gone() {
    let story = Story::embedded();
    let second = Store::open(&story.options);
    assert!(matches!(second, Err(StoreError::InUse(_))));
    story.reopen();
}

#[test]
fn who_was_taken_over_writes_no_more() {
    let mut story = Story::embedded().begin();
    let path = story.directory.path().join("huodong.db");
    let other = Connection::open(path).unwrap();
    crate::sqlite::connection::take_over(&other).unwrap();
    let mut world = story.world();
    let command = donate("instant", "code", "user", 1);
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    story.store.load(&wanted, &mut world).unwrap();
    command.decide(&mut world).unwrap();
    assert!(matches!(story.store.save(&world), Err(StoreError::Fenced)));
    assert_eq!(story.store.reader().donation_by_key(&command.key).unwrap(), None);
    assert!(matches!(story.store.wipe(), Err(StoreError::Fenced)));
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let story = Story::embedded();
    let Story { store, options, directory, .. } = story;
    drop(store);
    let conn = Connection::open(directory.path().join("huodong.db")).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    let known = u32::try_from(MIGRATIONS.len()).unwrap();
    match Store::open(&options) {
        Err(StoreError::Newer { found: 99, known: told }) => assert_eq!(told, known),
        other => panic!("{other:?}"),
    }
}

#[test]
fn looking_for_a_database_makes_none() {
    let directory = TempDir::new().unwrap();
    let options = options(&directory);
    assert!(matches!(Store::open_existing(&options), Err(StoreError::Missing(_))));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let (store, opened) = Store::open(&options).unwrap();
    let newest = u32::try_from(MIGRATIONS.len()).unwrap();
    assert_eq!((opened.from_version, opened.version), (0, newest));
    drop(store);
    let (_store, opened) = Store::open_existing(&options).unwrap();
    assert_eq!((opened.from_version, opened.version), (newest, newest));
}

#[test]
fn looking_for_a_shared_database_fills_none() {
    let database = huodong_testing::Postgres::shared().database();
    let place = Place::Postgres(database.url().parse().unwrap());
    let options = StoreOptions::of(place);
    assert!(matches!(Store::open_existing(&options), Err(StoreError::Missing(_))));
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(database.psql(tables).trim(), "0");
    let (store, opened) = Store::open(&options).unwrap();
    assert_eq!(opened.from_version, 0);
    drop(store);
    let (_store, again) = Store::open_existing(&options).unwrap();
    assert_eq!((again.from_version, again.version), (opened.version, opened.version));
}

#[test]
fn a_batch_that_cannot_begin_is_unavailable_and_the_next_one_goes_through() {
    let mut story = Story::embedded().begin();
    story.store.sqlite().busy_timeout(std::time::Duration::ZERO).unwrap();
    let path = story.directory.path().join("huodong.db");
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut world = story.world();
    let refused = story.store.load(&Wanted::default(), &mut world);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(!story.run(donate("instant", "code", "user", 1)).repeated);
}

#[test]
fn after_a_commit_of_unknown_outcome_memory_is_read_again() {
    let mut story = Story::embedded().begin();
    let command = donate("instant", "code", "user", 1);
    let mut world = story.world();
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    story.store.load(&wanted, &mut world).unwrap();
    command.decide(&mut world).unwrap();
    story.store.sqlite().commit_hook(Some(|| true)).unwrap();
    let unknown = story.store.save(&world);
    assert!(matches!(unknown, Err(StoreError::CommitUnknown(_))), "{unknown:?}");
    story.store.sqlite().commit_hook(None::<fn() -> bool>).unwrap();
    assert!(!story.run(command.clone()).repeated, "this time the commit had not happened");
    assert!(story.run(command).repeated);
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_row_that_makes_no_sense_is_corrupt() {
    let mut story = Story::embedded().begin();
    let path = story.directory.path().join("huodong.db");
    let other = Connection::open(path).unwrap();
    other.execute("UPDATE activities SET channel = '{}'", ()).unwrap();
    let no = ActivityNo::from("instant");
    let wanted = Wanted { activities: [&no].into(), ..Wanted::default() };
    let mut world = story.world();
    let refused = story.store.load(&wanted, &mut world);
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

#[test]
fn a_closed_database_needs_no_log_beside_it() {
    let mut story = Story::embedded().begin();
    story.batch(&[donate("instant", "the last", "user", 1)]);
    let Story { store, directory, .. } = story;
    drop(store);
    let alone = TempDir::new().unwrap();
    std::fs::copy(directory.path().join("huodong.db"), alone.path().join("huodong.db")).unwrap();
    let (store, _) = Store::open(&options(&alone)).unwrap();
    assert!(store.reader().donation_by_key(&key("the last")).unwrap().is_some());
}

#[test]
fn after_a_crash_between_any_two_batches_photos_have_their_contents() {
    let mut story = Story::embedded().begin_gateway();
    let mut kept: Vec<Photo> = Vec::new();
    let content = |i: usize| vec![u8::try_from(i % 5).unwrap(); 300_000];
    for i in 0..12 {
        let stored = story.run(store_photo("one", &content(i)));
        if i % 3 == 2 {
            // What goes takes its content with it, or leaves it to another that has the same.
            let photos = vec![kept.remove(0).id, stored.id];
            assert_eq!(story.run(RemovePhotos { photos, uploaded_until: story.now }), 2);
        } else {
            kept.push(stored);
        }
        let crashed = copy(story.directory.path());
        let (store, _) = Store::open(&options(&crashed)).unwrap();
        let reader = store.reader();
        for photo in &kept {
            let (found, bytes) = reader.photo_and_content(photo.id).unwrap().unwrap();
            assert_eq!((&found, sha256(&bytes)), (photo, photo.sha256));
        }
        assert_eq!(reader.orphan_photos(story.now, 99).unwrap().len(), kept.len());
        assert_eq!(reader.verify().unwrap().violations, [] as [&str; 0]);
    }
}
