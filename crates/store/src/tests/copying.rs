//! An installation moves from the embedded store to the shared one.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use huodong_campaign::*;
use huodong_testing::{Database, Postgres};
use jiff::SignedDuration;

use super::coupon_story::issue;
use super::gateway_story::call;
use super::story::{Story, donate, key};
use crate::copy::TABLES;
use crate::{
    ArchivedRows, Copied, CopyError, CopyOptions, CopyStep, PageRequest, Place, Store, StoreError,
    StoreOptions, TransferFilter, copy,
};

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// Something of everything.
fn eventful() -> Story {
    let mut story = Story::embedded().begin_gateway();
    for i in 0..60 {
        story.run(donate("instant", format!("i{i}"), &format!("user{}", i % 9), i + 1));
        story.run(donate("deferred", format!("d{i}"), &format!("user{}", i % 9), 7));
    }
    // In one batch, so that what comes later for an order bears a number near to its own.
    let many: Vec<_> = (0..300).map(|i| donate("deferred", format!("m{i}"), "many", 3)).collect();
    story.batch(&many);
    for i in 0..4 {
        let coupon = story.issued(&format!("g{i}"));
        story.advance(1);
        let filter = crate::CallbackFilter { coupon: Some(coupon.id), ..Default::default() };
        let callback = story.store.reader().callbacks(&filter, FIRST).unwrap().rows.remove(0);
        match i {
            0 => drop(story.redeem(coupon.id, 5000)),
            1 => drop(story.attempt(callback.id, AttemptOutcome::Acknowledged)),
            2 => story.exhaust(callback.id),
            _ => drop(story.claim(&[callback.id], story.now + SignedDuration::from_secs(30))),
        }
    }
    story.enrolled("m0");
    let pending = story.enrolled("m1");
    story.decided(pending.id, Decision::Approve);
    story.run(call("r-1", "an answer"));
    let digest = [7; 32];
    let (name, role) = (TokenId::from("ops"), Role::Admin);
    let actor = Actor { name: "someone".to_owned(), trace_id: String::new() };
    let command = CreateToken { name, role, digest, expires_at: None };
    story.run(Operated { actor, command });
    story
}

fn options(story: &Story, database: &Database) -> CopyOptions {
    let from = story.directory.path().to_owned();
    CopyOptions { from, to: database.url().parse().unwrap(), anew: false }
}

/// Closes a story's store and copies it; the story goes on with the copy.
fn moved(story: Story, database: Database) -> (Story, Copied) {
    let copying = options(&story, &database);
    let Story { store, now, options, directory, .. } = story;
    drop(store);
    let copied = copy(&copying, |_| {}).unwrap();
    let options = StoreOptions { place: Place::Postgres(copying.to), ..options };
    let (store, _) = Store::open(&options).unwrap();
    (Story { store, now, options, directory, database: Some(database) }, copied)
}

fn sound(story: &Story) {
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

fn transfers(story: &Story, order: Id) -> Vec<(i64, TransferReason)> {
    let filter = TransferFilter { order: Some(order), ..TransferFilter::default() };
    let found = story.store.reader().transfers(&filter, FIRST).unwrap().rows;
    found.iter().rev().map(|transfer| (transfer.id.0 - order.0, transfer.reason)).collect()
}

fn refund(story: &mut Story, code: &str) -> Id {
    let id = story.store.reader().donation_by_key(&key(code)).unwrap().unwrap().id;
    story.run(Refund { donation: id, reason: String::new() });
    id
}

#[test]
fn an_installation_is_copied_whole_and_goes_on() {
    use TransferReason::{Hold, Pay, Refund};
    let mut story = eventful();
    let archived = archived(&mut story);
    let highest = story.store.last_id();
    let before = story.store.reader().donation_by_key(&key("i7")).unwrap().unwrap();
    let (mut story, copied) = moved(story, Postgres::shared().database());
    let rows = |table: &str| copied.tables.iter().find(|(name, _)| name == table).unwrap().1;
    assert_eq!(rows("donations"), 420);
    assert_eq!(rows("photo_contents"), 6);
    let empty = TABLES.iter().map(|(table, _)| *table).filter(|table| rows(table) == 0);
    assert_eq!(empty.collect::<BTreeSet<_>>(), BTreeSet::from(NOT_IN_STORY));
    assert!(rows("keys") > 430);
    assert_eq!(copied.account_kinds, 6);
    sound(&story);
    for (callback, attempts) in archived {
        let copied = story.store.reader().callback(callback).unwrap().unwrap();
        assert_eq!((copied.archived, copied.attempts), (attempts, attempts));
    }

    let again = story.run(donate("instant", "i7", "user7", 8));
    assert!(again.repeated);
    assert_eq!(again.donation, before);
    assert!(story.run(issue("gifts", "g0", "user")).repeated);
    let new = story.run(donate("instant", "new", "user0", 1)).donation;
    assert!(new.id.0 > highest, "{} is not above {highest}", new.id);
    assert_eq!(transfers(&story, new.id), [(256, Pay)]);
    assert_eq!(transfers(&story, before.id), [(1, Pay)]);

    // What comes later is found beside both.
    refund(&mut story, "new");
    refund(&mut story, "i7");
    let reasons = |id| transfers(&story, id).into_iter().map(|it| it.1).collect::<Vec<_>>();
    assert_eq!(reasons(new.id), [Pay, Refund]);
    assert_eq!(reasons(before.id), [Pay, Refund]);
    story.advance(3600);
    for donation in story.store.reader().due_settlements(story.now, 1000).unwrap() {
        story.run(Settle { donation });
    }
    let settled = story.store.reader().donation_by_key(&key("m0")).unwrap().unwrap();
    assert_eq!(
        transfers(&story, settled.id).iter().map(|it| it.1).collect::<Vec<_>>(),
        [Hold, Pay]
    );
    sound(&story);

    // Whoever makes something that is numbered from one goes on after the last.
    story.institution("third");
    story.merchant("m9", "one", MerchantKind::Micro, None);
    story.activity("more", Settlement::Instant, UserLimits::default());
    story.enrolled("m2");
    sound(&story);
}

/// Archives attempts at some callbacks, but not at all; at which, and how many.
fn archived(story: &mut Story) -> Vec<(Id, u32)> {
    let mut archived = Vec::new();
    let before = story.now + SignedDuration::from_secs(1);
    let mut archive = story.store.archive(Archivable::Attempts, before);
    let piece = archive.piece(|rows| {
        let ArchivedRows::Attempts(rows) = rows else { panic!("{rows:?}") };
        archived.extend(rows.iter().map(|(callback, _)| (callback.id, callback.attempts)));
        Ok(())
    });
    assert_eq!(piece.unwrap(), Some(1));
    archived
}

/// Tables that are empty there.
const NOT_IN_STORY: [&str; 4] = ["flowers", "openid_pages", "platform_keys", "postings"];

/// As when a donation is refunded while the clock stands still: the refund's number is the order's
/// and 256, as a placing transfer's is in the shared store.
#[test]
fn a_later_transfer_256_after_its_order_is_no_placing_one() {
    use TransferReason::{Pay, Refund};
    let mut story = Story::embedded().begin();
    let odd = story.run(donate("instant", "odd", "user", 5)).donation.id;
    // A donation takes two numbers, and none is left out while the clock stands.
    for i in 1..128 {
        story.run(donate("instant", format!("n{i}"), "user", 1));
    }
    refund(&mut story, "odd");
    assert_eq!(transfers(&story, odd), [(1, Pay), (256, Refund)]);
    let (mut story, _) = moved(story, Postgres::shared().database());
    assert_eq!(transfers(&story, odd), [(1, Pay), (256, Refund)]);
    refund(&mut story, "n1");
    sound(&story);
}

#[test]
fn every_node_of_a_copy_gives_out_numbers_above_all_that_were_copied() {
    let mut story = Story::embedded().begin();
    // A sandbox's clock may have been far ahead.
    story.advance(400 * 86_400);
    story.run(CreateProject { project_no: None, name: "Late".to_owned() });
    let highest = story.store.last_id();
    let (story, _) = moved(story, Postgres::shared().database());
    let (second, _) = Store::open(&story.options).unwrap();
    let (third, _) = Store::open(&story.options).unwrap();
    for (slot, store) in [&story.store, &second, &third].into_iter().enumerate() {
        let first = store.first_id(0);
        assert!(first > highest, "{first} of node {slot} is not above {highest}");
        assert_eq!(usize::try_from(first % 256).unwrap(), slot);
    }
}

#[test]
fn a_copy_goes_on_wherever_it_was_broken_off() {
    let Story { store, directory, .. } = eventful();
    drop(store);
    let to = |database: &Database| CopyOptions {
        from: directory.path().to_owned(),
        to: database.url().parse().unwrap(),
        anew: false,
    };
    let mut lots = 0;
    copy(&to(&Postgres::shared().database()), |step| {
        lots += usize::from(matches!(step, CopyStep::Copying { .. }));
    })
    .unwrap();
    assert!(lots > 20);
    for broken_off in (1..lots).step_by(4) {
        let database = Postgres::shared().database();
        let options = to(&database);
        let mut left = broken_off;
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            copy(&options, |step| {
                if let CopyStep::Copying { .. } = step {
                    left -= 1;
                    assert!(left > 0, "it is broken off here");
                }
            })
        }));
        assert!(stopped.is_err());
        let refused = Store::open(&StoreOptions::of(Place::Postgres(options.to.clone())));
        assert!(matches!(refused, Err(StoreError::HalfCopied)), "{refused:?}");
        let mut steps = Vec::new();
        copy(&options, |step| steps.push(step)).unwrap();
        let copying = steps.iter().filter(|step| matches!(step, CopyStep::Copying { .. }));
        assert_eq!(copying.count(), lots - broken_off, "nothing is copied twice");
        drop(Store::open(&StoreOptions::of(Place::Postgres(options.to))).unwrap());
    }
}

#[test]
fn a_target_that_is_somebody_elses_is_refused() {
    let story = Story::embedded().begin();
    let Story { store, directory, .. } = story;
    drop(store);
    let database = Postgres::shared().database();
    let to = StoreOptions::of(Place::Postgres(database.url().parse().unwrap()));
    let options = CopyOptions {
        from: directory.path().to_owned(),
        to: database.url().parse().unwrap(),
        anew: false,
    };
    let secret = "SELECT hash_secret FROM installation";
    let (node, _) = Store::open(&to).unwrap();
    let before = database.psql(secret);
    let refused = copy(&options, |_| {});
    assert!(matches!(refused, Err(CopyError::Nodes(1))), "{refused:?}");
    assert_eq!(database.psql(secret), before, "the node's keys are hashed under it");
    drop(node);
    drop(Store::open(&to).unwrap());

    // Tables without an installation are no hindrance; one without a server is.
    copy(&options, |_| {}).unwrap();
    let refused = copy(&options, |_| {});
    assert!(matches!(refused, Err(CopyError::NotEmpty(_))), "{refused:?}");
    let refused = copy(&CopyOptions { anew: true, ..options }, |_| {});
    assert!(matches!(refused, Err(CopyError::NotEmpty(_))), "{refused:?}");
}

fn broken_off(options: &CopyOptions) {
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        copy(options, |step| assert_eq!(step, CopyStep::Counting))
    }));
    assert!(stopped.is_err());
}

#[test]
fn another_source_and_one_that_went_on_are_refused_until_begun_anew() {
    let database = Postgres::shared().database();
    let [one, other] = [(); 2].map(|()| {
        let Story { store, directory, .. } = Story::embedded().begin();
        drop(store);
        let to = database.url().parse().unwrap();
        let options = CopyOptions { from: directory.path().to_owned(), to, anew: false };
        (options, directory)
    });
    let (one, other) = (&one, &other);
    broken_off(&one.0);
    let refused = copy(&other.0, |_| {});
    assert!(matches!(refused, Err(CopyError::OtherSource)), "{refused:?}");
    drop(Store::open(&StoreOptions::at(&one.0.from)).unwrap());
    let refused = copy(&one.0, |_| {});
    assert!(matches!(refused, Err(CopyError::Changed)), "{refused:?}");
    let copied = copy(&CopyOptions { anew: true, ..one.0.clone() }, |_| {}).unwrap();
    assert!(!copied.audit.checked.is_empty());
}

#[test]
fn a_source_that_is_in_use_or_not_there_or_of_another_version_is_refused() {
    let database = Postgres::shared().database();
    let story = Story::embedded().begin();
    let options = options(&story, &database);
    let refused = copy(&options, |_| {});
    assert!(matches!(refused, Err(CopyError::Source(StoreError::InUse(_)))), "{refused:?}");
    let Story { store, directory, .. } = story;
    drop(store);
    let conn = rusqlite::Connection::open(directory.path().join("huodong.db")).unwrap();
    conn.pragma_update(None, "user_version", 2).unwrap();
    let refused = copy(&options, |_| {});
    assert!(matches!(refused, Err(CopyError::Older { found: 2, .. })), "{refused:?}");
    let nowhere = CopyOptions { from: directory.path().join("nowhere"), ..options };
    let refused = copy(&nowhere, |_| {});
    assert!(matches!(refused, Err(CopyError::Source(StoreError::Missing(_)))), "{refused:?}");
}

#[test]
fn what_is_lost_on_the_way_is_found_and_no_server_starts() {
    let story = Story::embedded().begin();
    let database = Postgres::shared().database();
    let options = options(&story, &database);
    drop(story.store);
    let lost = copy(&options, |step| {
        if step == CopyStep::Checking {
            database.psql("DELETE FROM bids");
        }
    });
    let Err(CopyError::Differs(wrong)) = lost else { panic!("{lost:?}") };
    assert!(wrong.iter().any(|what| what.contains("bids has 0 rows")), "{wrong:?}");
    let refused = Store::open(&StoreOptions::of(Place::Postgres(options.to)));
    assert!(matches!(refused, Err(StoreError::HalfCopied)), "{refused:?}");
}

#[test]
fn no_table_is_left_out() {
    let mut story = Story::embedded();
    let conn = story.store.sqlite();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut select = conn.prepare(sql).unwrap();
    let names = select.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let here: BTreeSet<String> = names.map(Result::unwrap).collect();
    let database = Postgres::shared().database();
    drop(Store::open(&StoreOptions::of(Place::Postgres(database.url().parse().unwrap()))).unwrap());
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
    let there: BTreeSet<String> = database.psql(sql).lines().map(str::to_owned).collect();
    let with = |others: &[&str]| -> BTreeSet<String> {
        TABLES
            .iter()
            .map(|(table, _)| *table)
            .chain(others.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(here, with(&["meta", "writer", "hash_log", "hash_block", "hash_run"]));
    assert_eq!(there, with(&["installation", "nodes", "leases", "keys", "nonces", "migrations"]));
}
