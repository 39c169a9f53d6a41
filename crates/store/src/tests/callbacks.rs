//! Callbacks: lists, counts, and whose turn it is.

use std::collections::HashMap;

use huodong_campaign::*;
use jiff::SignedDuration;

use super::coupon_story::issue;
use super::story::Story;
use crate::{CallbackFilter, CallbackStatus, DueCallback, PageRequest, ReceiverNo, Room};

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// Coupons, each of whose outcome is told at this host.
fn told_at(story: &mut Story, host: &str, coupons: std::ops::Range<u32>) {
    let commands: Vec<Issue> = coupons
        .map(|n| {
            let mut command = issue("slow", &format!("{host}-{n}"), &format!("{host}-{n}"));
            command.post_notify = Some(format!("https://{host}/told").into());
            command
        })
        .collect();
    story.batch(&commands);
    story.advance(60);
    story.settle_coupons();
}

fn hosts(story: &Story, due: &[DueCallback]) -> Vec<String> {
    let reader = story.store.reader();
    let host = |due: &DueCallback| reader.callback(due.id).unwrap().unwrap().receiver.to_string();
    due.iter().map(host).collect()
}

#[test]
fn callbacks_are_listed_by_every_filter() {
    let mut story = Story::begun_with_coupons();
    let begun = story.now;
    let used = story.issued("used");
    story.advance(60);
    let other = story.issued("other");
    story.advance(60);
    story.redeem(used.id, 2000);
    let reader = story.store.reader();
    let ask = |filter: CallbackFilter| {
        let all = reader.callbacks(&filter, FIRST).unwrap();
        assert_eq!(all.next, None);
        let (mut paged, mut before) = (Vec::new(), None);
        loop {
            let page = reader.callbacks(&filter, PageRequest { before, limit: 1 }).unwrap();
            paged.extend(page.rows);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(all.rows, paged);
        let told: Vec<_> = paged.iter().map(|callback| (callback.coupon, callback.event)).collect();
        told
    };
    use CallbackEvent::{IssueResult, WriteOff};
    let none = CallbackFilter::default();
    let all = [(used.id, WriteOff), (other.id, IssueResult), (used.id, IssueResult)];
    assert_eq!(ask(none.clone()), all);
    let coupon = Some(used.id);
    assert_eq!(ask(CallbackFilter { coupon, ..none.clone() }), [all[0], all[2]]);
    let event = Some(WriteOff);
    assert_eq!(ask(CallbackFilter { event, ..none.clone() }), all[..1]);
    let receiver = Some("issue.example".to_owned());
    assert_eq!(ask(CallbackFilter { receiver, ..none.clone() }), all[1..]);
    let receiver = Some("used.example:8443".to_owned());
    assert_eq!(ask(CallbackFilter { receiver, ..none.clone() }), all[..1]);
    let appid = Some(InstitutionId::from("inst"));
    assert_eq!(ask(CallbackFilter { appid, ..none.clone() }), all);
    for appid in ["else", "unknown"] {
        let appid = Some(InstitutionId::from(appid));
        assert_eq!(ask(CallbackFilter { appid, ..none.clone() }), []);
    }
    let minute = |n: i64| Some(begun + SignedDuration::from_mins(n));
    let filter = CallbackFilter { from: minute(1), until: minute(2), ..none.clone() };
    assert_eq!(ask(filter), all[1..2]);

    let status = Some(CallbackStatus::Waiting);
    assert_eq!(ask(CallbackFilter { status, ..none.clone() }), all);
    let ids: Vec<Id> =
        reader.callbacks(&none, FIRST).unwrap().rows.iter().map(|callback| callback.id).collect();
    story.exhaust(ids[1]);
    story.attempt(ids[2], AttemptOutcome::Acknowledged);
    story.advance(1);
    story.claim(&ids[..1], story.now);
    for (status, found) in [
        (CallbackStatus::Waiting, &[][..]),
        (CallbackStatus::Leased, &all[..1]),
        (CallbackStatus::Exhausted, &all[1..2]),
        (CallbackStatus::Delivered, &all[2..]),
    ] {
        let status = Some(status);
        assert_eq!(ask(CallbackFilter { status, ..none.clone() }), found, "{status:?}");
    }
    use CallbackStatus::{Delivered, Exhausted, Leased};
    assert_eq!(reader.callback_counts().unwrap(), [(Leased, 1), (Delivered, 1), (Exhausted, 1)]);
    let attempts = reader.attempts(ids[1]).unwrap();
    assert_eq!(
        attempts.iter().map(|it| it.number).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
    let last = &attempts[9];
    assert_eq!((last.took_ms, last.status, &*last.reason), (12, None, "it said no"));
    assert_eq!(last.answer, b"no \xff");
    assert_eq!(last.due_at, attempts[0].due_at + SignedDuration::from_secs(14_600));
    assert_eq!(reader.attempts(ids[2]).unwrap()[0].status, Some(500));
    assert_eq!(story.run(Resend { callbacks: vec![ids[1]] }), [ids[1]]);
    assert_eq!(reader.callback_counts().unwrap()[0], (CallbackStatus::Waiting, 1));
}

#[test]
fn what_is_due_is_given_oldest_first_and_the_next_moment_is_known() {
    let mut story = Story::begun_with_coupons();
    let reader = story.store.reader();
    assert_eq!(reader.next_callback_due().unwrap(), None);
    let first = story.issued("first");
    story.advance(3);
    story.issued("second");
    let at = |seconds| first.placed_at + SignedDuration::from_secs(seconds);
    assert_eq!(reader.next_callback_due().unwrap(), Some(at(1)));
    let due = |now| reader.due_callbacks(now, &Room::of(9, 9)).unwrap();
    let times = |now| due(now).iter().map(|it| it.due_at).collect::<Vec<_>>();
    assert_eq!(times(at(1) - SignedDuration::from_millis(1)), []);
    assert_eq!(times(at(1)), [at(1)]);
    assert_eq!(times(at(4)), [at(1), at(4)]);
    let ids: Vec<Id> = due(at(4)).iter().map(|it| it.id).collect();
    // A failed attempt comes after what is due before its next one.
    story.attempt(ids[0], AttemptOutcome::TimedOut);
    assert_eq!(times(at(6)), [at(4), at(6)]);
    assert_eq!(reader.next_callback_due().unwrap(), Some(at(4)));
    story.advance(1);
    story.claim(&[ids[1]], at(9));
    assert_eq!(times(at(6)), [at(6)]);
    assert_eq!(reader.next_callback_due().unwrap(), Some(at(6)));
    story.advance(9);
    story.attempt(ids[0], AttemptOutcome::Acknowledged);
    assert_eq!(reader.next_callback_due().unwrap(), None);
}

#[test]
fn receivers_take_turns_and_none_starves_behind_another() {
    let mut story = Story::begun_with_coupons();
    told_at(&mut story, "big", 0..20);
    told_at(&mut story, "small", 0..2);
    told_at(&mut story, "one", 0..1);
    story.advance(60);
    let reader = story.store.reader();
    let ask = |limit| {
        let due = reader.due_callbacks(story.now, &Room::of(limit, 8)).unwrap();
        hosts(&story, &due)
    };
    // One each, then the second of each; what is left over goes to whoever has more.
    assert_eq!(ask(7), ["big", "small", "one", "big", "small", "big", "big"]);
    assert_eq!(ask(100).len(), 8 + 2 + 1);
    // Looks that are too small for all begin where the last one ended.
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(ask(1));
    }
    seen.sort();
    assert_eq!(seen, ["big", "one", "small"]);
}

#[test]
fn a_receiver_gets_no_more_at_once_than_it_may() {
    let mut story = Story::begun_with_coupons();
    told_at(&mut story, "big", 0..20);
    told_at(&mut story, "small", 0..2);
    story.advance(60);
    let reader = story.store.reader();
    let all = reader.due_callbacks(story.now, &Room::of(100, 100)).unwrap();
    assert_eq!(all.len(), 22);
    let big = all[0].receiver;
    let count = |in_flight: &HashMap<ReceiverNo, usize>| {
        let due = reader
            .due_callbacks(story.now, &Room { per_receiver: in_flight.clone(), ..Room::of(100, 8) })
            .unwrap();
        (due.iter().filter(|it| it.receiver == big).count(), due.len())
    };
    assert_eq!(count(&HashMap::new()), (8, 10));
    assert_eq!(count(&[(big, 3)].into()), (5, 7));
    assert_eq!(count(&[(big, 8)].into()), (0, 2));
    assert_eq!(count(&[(big, 9)].into()), (0, 2));
    // A full receiver does not use up the turns of the others.
    let due = reader
        .due_callbacks(story.now, &Room { per_receiver: [(big, 8)].into(), ..Room::of(1, 8) })
        .unwrap();
    assert_eq!(hosts(&story, &due), ["small"]);
}

#[test]
fn the_same_host_of_two_institutions_is_two_receivers() {
    let mut story = Story::begun_with_coupons();
    story.run(issue("gifts", "one", "user"));
    let mut command = issue("gifts", "one", "user");
    command.key.appid = InstitutionId::from("else");
    story.run(command);
    story.advance(1);
    let reader = story.store.reader();
    let due = reader.due_callbacks(story.now, &Room::of(9, 1)).unwrap();
    assert_eq!(due.len(), 2);
    assert_ne!(due[0].receiver, due[1].receiver);
    let callback = reader.callback(due[1].id).unwrap().unwrap();
    assert_eq!(callback.appid, InstitutionId::from("else"));
}

#[test]
fn institutions_take_turns_however_many_receivers_one_of_them_has() {
    let mut story = Story::begun_with_coupons();
    for n in 0..20 {
        told_at(&mut story, &format!("host{n}"), n..n + 1);
    }
    let mut command = issue("gifts", "one", "user");
    command.key.appid = InstitutionId::from("else");
    story.run(command);
    story.advance(60);
    let reader = story.store.reader();
    let all = reader.due_callbacks(story.now, &Room::of(100, 8)).unwrap();
    assert_eq!(all.len(), 21);
    let many = all
        .iter()
        .map(|due| due.institution)
        .max_by_key(|institution| all.iter().filter(|due| due.institution == *institution).count());
    let many = many.unwrap();
    let of_many = |room: &Room| {
        let due = reader.due_callbacks(story.now, room).unwrap();
        (due.iter().filter(|due| due.institution == many).count(), due.len())
    };
    assert_eq!(of_many(&Room::of(2, 8)), (1, 2), "one each");
    assert_eq!(of_many(&Room::of(2, 8)), (1, 2), "and again");
    let half = Room { per_institution_max: 5, ..Room::of(100, 8) };
    assert_eq!(of_many(&half), (5, 6));
    let full = Room { per_institution: [(many, 5)].into(), ..half.clone() };
    assert_eq!(of_many(&full), (0, 1), "one that is full is passed over");
    // Its receivers have their turns, too, though others are served between.
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let due = reader.due_callbacks(story.now, &Room::of(2, 8)).unwrap();
        seen.extend(due.iter().map(|due| due.receiver));
    }
    assert_eq!(seen.len(), 21);
}
