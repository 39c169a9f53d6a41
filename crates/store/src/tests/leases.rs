//! Leases end with the process that held them.

use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};

use super::story::Story;
use crate::{CallbackStatus, Room};

#[test]
fn opening_frees_every_lease_and_writes_the_attempts_down_as_interrupted() {
    let mut story = Story::embedded().begin_coupons();
    let coupons: Vec<Coupon> = (0..3).map(|i| story.issued(&format!("c{i}"))).collect();
    story.advance(1);
    let reader = story.store.reader();
    let due = reader.due_callbacks(story.now, &Room::of(10, 10)).unwrap();
    assert_eq!(due.len(), 3);
    story.advance(5);
    let until = story.now + SignedDuration::from_secs(30);
    let claimed = story.claim(&[due[0].id, due[2].id], until);
    assert_eq!(
        claimed.iter().map(|it| it.coupon.id).collect::<Vec<_>>(),
        [coupons[0].id, coupons[2].id]
    );
    assert_eq!(reader.lapsed_leases(until - SignedDuration::from_millis(1), 9).unwrap(), []);
    assert_eq!(reader.lapsed_leases(until, 9).unwrap(), [due[0].id, due[2].id]);
    let counts = [(CallbackStatus::Waiting, 1), (CallbackStatus::Leased, 2)];
    assert_eq!(reader.callback_counts().unwrap(), counts);
    drop(reader);

    let last_id = story.store.last_id();
    let story = story.reopen();
    let reader = story.store.reader();
    assert_eq!(reader.lapsed_leases(Timestamp::MAX, 9).unwrap(), []);
    assert_eq!(reader.callback_counts().unwrap(), [(CallbackStatus::Waiting, 3)]);
    assert_eq!(reader.due_callbacks(story.now, &Room::of(10, 10)).unwrap(), due);
    let callback = reader.callback(due[0].id).unwrap().unwrap();
    assert_eq!((callback.attempts, callback.tries), (1, 0));
    assert_eq!(callback.state, CallbackState::Waiting { due_at: due[0].due_at });
    let attempts = reader.attempts(due[0].id).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].number, attempts[0].outcome), (1, AttemptOutcome::Interrupted));
    assert_eq!((attempts[0].due_at, attempts[0].id), (due[0].due_at, Id(last_id + 1)));
    assert!(attempts[0].at >= due[0].due_at - SignedDuration::from_secs(1));
    assert!(attempts[0].at <= story.now);
    assert_eq!(reader.attempts(due[1].id).unwrap(), []);
    assert_eq!(reader.verify().unwrap().violations, [] as [&str; 0]);
    assert_eq!(story.store.last_id(), last_id + 2);
}

#[test]
fn a_lease_between_two_milliseconds_is_still_known_by_its_attempt() {
    let mut story = Story::begun_with_coupons();
    let coupon = story.issued("one");
    let filter = crate::CallbackFilter { coupon: Some(coupon.id), ..Default::default() };
    let page = crate::PageRequest { before: None, limit: 9 };
    let callback = story.store.reader().callbacks(&filter, page).unwrap().rows.remove(0);
    story.advance(1);
    // Leases are stored to the millisecond; this one ends between two.
    let after = story.attempt(callback.id, AttemptOutcome::BadStatus);
    assert_eq!(after.tries, 1, "the attempt was taken for the lease's own");
    let due_at = callback.created_at + SignedDuration::from_secs(6);
    assert_eq!(after.state, CallbackState::Waiting { due_at });
    assert_eq!(story.store.reader().callback(callback.id).unwrap(), Some(after));
}
