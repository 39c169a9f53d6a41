//! `verify` and coupons: what the rules made is sound, and every kind of damage to it is found.

use super::coupon_story::issue;
use super::story::Story;
use crate::Room;
use huodong_campaign::*;
use jiff::SignedDuration;

/// Everything that can happen to coupons and their callbacks.
fn eventful() -> Story {
    let mut story = Story::begun_with_coupons();
    let gifts: Vec<Coupon> = (0..12).map(|i| story.issued(&format!("g{i}"))).collect();
    for i in 0..5 {
        story.run(issue("slow", &format!("s{i}"), &format!("user{}", i % 2)));
        story.run(issue("slow", &format!("t{i}"), "user2"));
        story.run(issue("broken", &format!("b{i}"), "user"));
    }
    for i in 0..2 {
        let mut command = issue("few", &format!("f{i}"), "user");
        command.post_notify = None;
        story.run(command);
    }
    let reader = story.store.reader();
    let slow =
        reader.due_coupon_settlements(story.now + SignedDuration::from_secs(60), 99).unwrap();
    story.advance(60);
    for coupon in slow.iter().copied().take(slow.len() - 1) {
        assert!(story.run(SettleCoupon { coupon }));
    }
    story.redeem(slow[0], 3);
    story.redeem(slow[3], 600);
    story.redeem(gifts[0].id, 1000);
    story.run(VoidCoupon { coupon: gifts[1].id, reason: "asked".to_owned() });
    let due = reader.due_callbacks(story.now, &Room::of(99, 9)).unwrap();
    story.attempt(due[0].id, AttemptOutcome::Acknowledged);
    story.exhaust(due[1].id);
    story.attempt(due[2].id, AttemptOutcome::Broken);
    story.claim(&[due[3].id], story.now);
    story.run(EndActivity { activity_no: ActivityNo::from("slow"), only_if_over: false });
    story.redeem(slow[4], 100);
    story.advance(3 * 86_400);
    let mut due = reader.due_expiries(story.now, 99).unwrap();
    assert_eq!(due.pop(), Some(gifts[11].id));
    assert_eq!(story.run(Expire { coupons: due }), 9);
    story.advance(500 * 3600);
    let due = reader.due_expiries(story.now, 99).unwrap();
    story.run(Expire { coupons: due[..3].to_vec() });
    story.run(issue("broken", "waits", "user"));
    story
}

#[test]
fn what_the_rules_made_is_sound() {
    let story = eventful();
    let report = story.store.reader().verify().unwrap();
    assert_eq!(report.violations, [] as [&str; 0]);
    let rows = |what: &str| {
        let found = report.checked.iter().find(|(checked, _)| checked.contains(what));
        found.unwrap_or_else(|| panic!("{what} in {:?}", report.checked)).1
    };
    assert_eq!(rows("coupons moved the money"), 12 + 15 + 2 + 1);
    assert_eq!(rows("idempotency keys"), 30);
    assert_eq!(rows("leased callbacks"), 1);
    assert_eq!(rows("exhausted callbacks"), 1);
    assert_eq!(rows("attempts are numbered"), 12);
    assert_eq!(rows("receivers are due"), 2);
    assert!(rows("coupons in process") >= 1);
    assert!(rows("issued coupons are queued") >= 1);
    assert_eq!(rows("users' usage"), 4);
    let story = story.reopen();
    let report = story.store.reader().verify().unwrap();
    assert_eq!(report.violations, [] as [&str; 0]);
}

#[test]
fn each_kind_of_damage_is_found() {
    eventful().assert_each_found(DAMAGE);
}

const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE accounts SET balance = balance + 1 WHERE kind = 5", "took"),
    ("UPDATE accounts SET owner = 'else' || id WHERE kind = 5", "is not the Spent one of"),
    ("UPDATE accounts SET balance = balance + 1 WHERE kind = 3", "orders under way sum up to"),
    ("UPDATE activities SET stock_left = -1 WHERE spent IS NOT NULL", "a negative stock"),
    ("UPDATE activities SET issuers = NULL", "half an offer"),
    ("UPDATE activities SET kind = 1 WHERE spent IS NOT NULL", "with an offer of the other"),
    ("UPDATE coupons SET value = value + 1 WHERE status = 2", "but its transfers are"),
    ("UPDATE coupons SET value = -value WHERE status = 2", "is worth -"),
    ("UPDATE coupons SET status = 4 WHERE status = 5", "has other marks"),
    ("UPDATE coupons SET closed_at = NULL WHERE status = 5", "has other marks"),
    ("UPDATE coupons SET failed = NULL WHERE status = 3", "has other marks"),
    ("UPDATE coupons SET failed = 6 WHERE status = 3", "6 is no "),
    ("UPDATE coupons SET settle_at = NULL WHERE status = 1", "has other marks"),
    (
        "UPDATE coupons SET status = 3, failed = 5, expires_at = NULL WHERE status = 2",
        "is Failed, but",
    ),
    ("UPDATE coupons SET promo_amount = promo_amount - 1 WHERE promo_amount > 1", "is Used, but"),
    ("UPDATE coupons SET org_amount = 1 WHERE promo_amount > 1", "took 500 off 1"),
    ("UPDATE coupons SET reference = NULL", "half a redemption"),
    ("UPDATE coupons SET activity = 99 WHERE status = 2", "is of no coupon activity"),
    ("UPDATE coupons SET activity = 1 WHERE status = 2", "is of no coupon activity"),
    ("UPDATE coupons SET app = 99 WHERE status = 2", "is of no institution"),
    ("UPDATE coupons SET mer_order_id = 'else' WHERE status = 2", "is not found by its key"),
    ("UPDATE coupons SET openid = 'else' WHERE status = 1", "the usage of"),
    ("UPDATE coupons SET placed_at = placed_at + 86400000 WHERE status = 1", "the usage of"),
    ("UPDATE coupons SET post_notify = NULL WHERE status = 2", "owes [IssueResult] instead of []"),
    ("DELETE FROM coupons WHERE status = 1", "found with theirs"),
    ("DELETE FROM coupons WHERE status = 5", "which is not there"),
    ("DELETE FROM transfers WHERE reason = 9", "but its transfers are"),
    ("DELETE FROM transfers WHERE reason = 6", "but its transfers are"),
    ("UPDATE coupon_totals SET money = money + 1", "the coupon_totals of activity"),
    ("UPDATE institutions SET owners = 7 WHERE appid = 'inst'", "settings that cannot be read"),
    ("DELETE FROM callbacks WHERE event = 2", "owes [IssueResult] instead of"),
    ("UPDATE callbacks SET event = 1 WHERE event = 2", "owes [IssueResult, IssueResult] instead"),
    ("UPDATE callbacks SET coupon = 7 WHERE state = 4", "is of coupon 7, which is not there"),
    ("UPDATE receivers SET app = 2", "is owed to another"),
    ("UPDATE receivers SET next_due = next_due + 1", "is next due at"),
    ("UPDATE receivers SET next_due = NULL", "is next due at None"),
    ("UPDATE callbacks SET due_at = NULL WHERE state = 1", "with other times"),
    ("UPDATE callbacks SET tries = 3 WHERE state = 4", "was tried 3 times"),
    ("UPDATE callbacks SET tries = 10 WHERE state = 1", "was tried 10 times"),
    ("UPDATE callbacks SET finished_at = NULL WHERE state = 3", "was finished at None"),
    ("UPDATE callback_counts SET callbacks = callbacks + 1", "the counts of callbacks"),
    (
        "UPDATE callbacks SET attempts = attempts + 1 WHERE state = 3",
        "the others are not all there",
    ),
    ("DELETE FROM attempts WHERE number = 1", "the others are not all there"),
    ("UPDATE attempts SET number = 11 WHERE number = 10", "the others are not all there"),
    ("UPDATE callbacks SET archived = 1 WHERE state = 4", "10 attempts, 1 of them archived"),
    ("UPDATE callbacks SET archived = attempts WHERE state = 4", "10 of them archived"),
    ("UPDATE callbacks SET archived = attempts + 1 WHERE state = 3", "2 of them archived"),
    ("UPDATE callbacks SET archived = -1 WHERE state = 3", "-1 is out of range"),
    ("UPDATE attempts SET callback = 7 WHERE number = 10", "callback 7, which is not there"),
    ("UPDATE writer SET last_id = 7", "above the last one given out"),
];
