//! Rows that leave for files: which, how many at once, and what is left.

use std::io;
use std::thread;

use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};

use super::story::Story;
use crate::{
    ArchiveError, ArchiveExtent, ArchivedRows, AuditFilter, PageRequest, Store, StoreError,
};

/// Callbacks of four coupons.
struct Told {
    delivered: Id,
    /// After ten attempts.
    exhausted: Id,
    /// After one attempt that failed.
    waiting: Id,
    /// The same, with another under way.
    leased: Id,
}

fn told(story: &mut Story) -> Told {
    let ids = ["d", "e", "w", "l"].map(|order| {
        let coupon = Some(story.issued(order).id);
        let filter = crate::CallbackFilter { coupon, ..Default::default() };
        let first = PageRequest { before: None, limit: 9 };
        story.store.reader().callbacks(&filter, first).unwrap().rows.remove(0).id
    });
    let [delivered, exhausted, waiting, leased] = ids;
    story.advance(1);
    story.attempt(waiting, AttemptOutcome::Broken);
    story.attempt(leased, AttemptOutcome::Broken);
    story.advance(1);
    story.attempt(delivered, AttemptOutcome::Acknowledged);
    story.exhaust(exhausted);
    story.claim(&[leased], story.now + SignedDuration::from_hours(9));
    Told { delivered, exhausted, waiting, leased }
}

/// A moment after all that has happened.
fn after(story: &Story) -> Timestamp {
    story.now + SignedDuration::from_millis(1)
}

fn sound(story: &Story) {
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

fn callback(story: &Story, id: Id) -> Callback {
    story.store.reader().callback(id).unwrap().unwrap()
}

fn numbers(story: &Story, callback: Id) -> Vec<u32> {
    let attempts = story.store.reader().attempts(callback).unwrap();
    attempts.iter().map(|attempt| attempt.number).collect()
}

/// Attempts, by their callback and with the numbers they have there.
type Attempts = Vec<(Id, Vec<u32>)>;

fn attempts_in(rows: ArchivedRows<'_>) -> Attempts {
    let ArchivedRows::Attempts(rows) = rows else { panic!("{rows:?}") };
    let numbers = |attempts: &[Attempt]| attempts.iter().map(|it| it.number).collect();
    rows.iter().map(|(callback, attempts)| (callback.id, numbers(attempts))).collect()
}

/// Archives all attempts from before a moment; what each piece had, where it had any.
fn archive_attempts(store: &mut Store, before: Timestamp) -> Vec<Attempts> {
    let mut archive = store.archive(Archivable::Attempts, before);
    let mut pieces = Vec::new();
    loop {
        let mut seen = Vec::new();
        let Some(rows) = archive
            .piece(|rows| {
                seen = attempts_in(rows);
                Ok(())
            })
            .unwrap()
        else {
            return pieces;
        };
        assert_eq!(rows, seen.iter().map(|(_, numbers)| numbers.len() as u64).sum::<u64>());
        pieces.extend((rows > 0).then_some(seen));
    }
}

#[test]
fn attempts_at_finished_callbacks_go_and_no_others() {
    let mut story = Story::begun_with_coupons();
    let told = told(&mut story);
    let before = after(&story);
    let attempts = story.store.reader().attempts(told.exhausted).unwrap();
    let extent = story.store.archive(Archivable::Attempts, before).extent().unwrap();
    let (from, until) = (attempts[0].at, attempts[9].at);
    assert_eq!(extent, Some(ArchiveExtent { rows: 11, from, until }));

    let pieces = archive_attempts(&mut story.store, before);
    let all_ten: Vec<u32> = (1..=10).collect();
    // However many they are, the attempts at one callback go together.
    assert_eq!(pieces, [vec![(told.delivered, vec![1])], vec![(told.exhausted, all_ten)]]);
    for (id, archived) in
        [(told.delivered, 1), (told.exhausted, 10), (told.waiting, 0), (told.leased, 0)]
    {
        assert_eq!(callback(&story, id).archived, archived);
        assert_eq!(numbers(&story, id), (archived == 0).then_some(1).as_slice());
    }
    assert_eq!(story.store.archive(Archivable::Attempts, before).extent().unwrap(), None);
    assert_eq!(archive_attempts(&mut story.store, before), [] as [Attempts; 0]);
    sound(&story);
    sound(&story.reopen());
}

#[test]
fn attempts_at_callbacks_that_were_finished_at_the_moment_or_later_stay() {
    let mut story = Story::begun_with_coupons();
    let told = told(&mut story);
    let finished = callback(&story, told.exhausted).finished_at.unwrap();
    let pieces = archive_attempts(&mut story.store, finished);
    assert_eq!(pieces, [vec![(told.delivered, vec![1])]]);
    assert_eq!(numbers(&story, told.exhausted).len(), 10);
    sound(&story);
}

#[test]
fn several_callbacks_share_a_piece_as_far_as_it_goes() {
    let mut story = Story::begun_with_coupons();
    let ids: Vec<Id> = (0..20)
        .map(|n| {
            let coupon = Some(story.issued(&format!("c{n}")).id);
            let filter = crate::CallbackFilter { coupon, ..Default::default() };
            let first = PageRequest { before: None, limit: 9 };
            story.store.reader().callbacks(&filter, first).unwrap().rows.remove(0).id
        })
        .collect();
    story.advance(1);
    ids.iter().for_each(|id| drop(story.attempt(*id, AttemptOutcome::Acknowledged)));
    let before = after(&story);
    let pieces = archive_attempts(&mut story.store, before);
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
    let archived: Vec<Id> = pieces.concat().into_iter().map(|(id, _)| id).collect();
    assert_eq!(archived, ids);
    sound(&story);
}

#[test]
fn an_archived_callback_that_is_sent_again_numbers_its_attempts_on() {
    let mut story = Story::begun_with_coupons();
    let told = told(&mut story);
    let before = after(&story);
    archive_attempts(&mut story.store, before);
    story.run(Resend { callbacks: vec![told.exhausted, told.delivered] });
    sound(&story);
    story.attempt(told.exhausted, AttemptOutcome::Broken);
    assert_eq!(numbers(&story, told.exhausted), [11]);
    sound(&story);
    story.advance(6);
    story.attempt(told.exhausted, AttemptOutcome::Acknowledged);
    let at_end = callback(&story, told.exhausted);
    assert_eq!((at_end.attempts, at_end.archived), (12, 10));
    sound(&story);

    // What is archived again is what came since.
    assert_eq!(archive_attempts(&mut story.store, before), [] as [Attempts; 0]);
    let before = after(&story);
    let pieces = archive_attempts(&mut story.store, before);
    assert_eq!(pieces, [vec![(told.exhausted, vec![11, 12])]]);
    assert_eq!(callback(&story, told.exhausted).archived, 12);
    sound(&story);
}

#[test]
fn what_was_not_written_stays_and_comes_again() {
    let mut story = Story::begun_with_coupons();
    let told = told(&mut story);
    let before = after(&story);
    let mut archive = story.store.archive(Archivable::Attempts, before);
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let refused = archive.piece(|_| Err(full())).unwrap_err();
    assert!(matches!(refused, ArchiveError::Unwritten(_)), "{refused}");
    let mut seen = Vec::new();
    archive
        .piece(|rows| {
            seen = attempts_in(rows);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [(told.delivered, vec![1])]);
    let refused = archive.piece(|_| Err(full())).unwrap_err();
    assert!(matches!(refused, ArchiveError::Unwritten(_)), "{refused}");
    assert_eq!(numbers(&story, told.exhausted).len(), 10);
    assert_eq!(callback(&story, told.exhausted).archived, 0);
    sound(&story);
    sound(&story.reopen());
}

#[test]
fn attempts_of_which_one_is_missing_are_left_for_whoever_looks_into_it() {
    let mut story = Story::begun_with_coupons();
    let told = told(&mut story);
    story.tamper("DELETE FROM attempts WHERE number = 4");
    let before = after(&story);
    let mut archive = story.store.archive(Archivable::Attempts, before);
    archive.piece(|_| Ok(())).unwrap();
    let refused = archive.piece(|_| panic!("it is not whole")).unwrap_err();
    assert!(refused.to_string().contains(&format!("callback {}", told.exhausted)), "{refused}");
    assert_eq!(numbers(&story, told.exhausted).len(), 9);
}

fn actor() -> Actor {
    Actor { name: "someone".to_owned(), trace_id: "trace".to_owned() }
}

/// A line of the audit log, a minute after the last.
fn logged(story: &mut Story, file: &str) -> Timestamp {
    story.advance(60);
    let (what, before) = (Archivable::Audit, story.now);
    let command = BeginArchive { what, before, file: file.to_owned() };
    let Ok(()) = story.store.carry_out(&Operated { actor: actor(), command }, story.now).unwrap();
    story.now
}

fn log(story: &Story) -> Vec<String> {
    let first = PageRequest { before: None, limit: 100 };
    let log = story.store.reader().audit_log(&AuditFilter::default(), first).unwrap().rows;
    log.into_iter().rev().map(|entry| entry.subject).collect()
}

#[test]
fn audit_entries_from_before_a_moment_go() {
    let mut story = Story::begun_with_coupons();
    let times: Vec<_> = (0..12).map(|n| logged(&mut story, &n.to_string())).collect();
    let mut archive = story.store.archive(Archivable::Audit, times[10]);
    let extent = ArchiveExtent { rows: 10, from: times[0], until: times[9] };
    assert_eq!(archive.extent().unwrap(), Some(extent));
    let mut pieces = Vec::new();
    let mut take = |rows: ArchivedRows<'_>| {
        let ArchivedRows::Audit(entries) = rows else { panic!("{rows:?}") };
        pieces.push(entries.to_vec());
        Ok(())
    };
    while archive.piece(&mut take).unwrap().is_some() {}
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [8, 2]);
    for (n, entry) in pieces.concat().iter().enumerate() {
        assert_eq!((&*entry.subject, entry.at), (&*n.to_string(), times[n]));
        assert_eq!((&entry.actor, &*entry.action), (&actor(), "archive.begin"));
    }
    assert_eq!(log(&story), ["10", "11"]);
    let left = story.store.archive(Archivable::Audit, times[10]).extent().unwrap();
    assert_eq!(left, None);
    sound(&story);
    sound(&story.reopen());
}

/// Waits until somebody waits for a row.
fn blocked<T>(story: &Story, archiving: &thread::ScopedJoinHandle<'_, T>) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND datname = current_database()";
    while story.look(waits) != "1" {
        assert!(!archiving.is_finished(), "it waits for nobody");
    }
}

#[test]
fn a_callback_that_another_node_is_sending_again_keeps_its_attempts() {
    let mut story = Story::shared().begin_coupons();
    let told = told(&mut story);
    let before = after(&story);
    let (mut other, _) = Store::open(&story.options).unwrap();
    let resend = Resend { callbacks: vec![told.delivered] };
    let mut world = story.world();
    let mut wanted = Wanted::default();
    resend.wants(&mut wanted);
    story.store.load(&wanted, &mut world).unwrap();
    resend.decide(&mut world).unwrap();
    let pieces = thread::scope(|scope| {
        let archiving = scope.spawn(|| archive_attempts(&mut other, before));
        blocked(&story, &archiving);
        story.store.save(&world).unwrap();
        archiving.join().unwrap()
    });
    assert_eq!(pieces, [vec![(told.exhausted, (1..=10).collect::<Vec<_>>())]]);
    assert_eq!(numbers(&story, told.delivered), [1]);
    story.attempt(told.delivered, AttemptOutcome::Acknowledged);
    assert_eq!(numbers(&story, told.delivered), [1, 2]);
    sound(&story);
}

#[test]
fn of_two_that_archive_at_once_one_gets_each_row() {
    let mut story = Story::shared().begin_coupons();
    let told = told(&mut story);
    let before = after(&story);
    let (mut other, _) = Store::open(&story.options).unwrap();
    let (mut first, _) = Store::open(&story.options).unwrap();
    let (seen, others) = thread::scope(|scope| {
        let (mut seen, mut second, other) = (Vec::new(), None, &mut other);
        let mut archive = first.archive(Archivable::Attempts, before);
        archive
            .piece(|rows| {
                seen = attempts_in(rows);
                let archiving = scope.spawn(move || archive_attempts(other, before));
                blocked(&story, &archiving);
                second = Some(archiving);
                Ok(())
            })
            .unwrap();
        (seen, second.unwrap().join().unwrap())
    });
    assert_eq!(seen, [(told.delivered, vec![1])]);
    assert_eq!(others, [vec![(told.exhausted, (1..=10).collect::<Vec<_>>())]]);
    sound(&story);
}

#[test]
fn who_has_lost_its_slot_archives_nothing_until_it_has_another() {
    let mut story = Story::shared().begin_coupons();
    let told = told(&mut story);
    let before = after(&story);
    story.tamper("UPDATE nodes SET token = decode(repeat('00', 16), 'hex')");
    let mut archive = story.store.archive(Archivable::Attempts, before);
    let refused = archive.piece(|_| panic!("it has no slot")).unwrap_err();
    assert!(matches!(refused, ArchiveError::Store(StoreError::Again(_))), "{refused}");
    let mut seen = Vec::new();
    archive
        .piece(|rows| {
            seen = attempts_in(rows);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [(told.delivered, vec![1])]);
    sound(&story);
}
