//! `verify` finds nothing wrong with what the rules made, and every kind of damage done to it.

use super::story::{Story, donate};
use crate::AuditReport;
use huodong_campaign::*;

/// Everything that can happen to donations, over a few days and sealed runs.
fn eventful() -> Story {
    eventful_in(Story::new())
}

fn eventful_in(story: Story) -> Story {
    let mut story = story.begin();
    for i in 0..40 {
        let user = format!("user{}", i % 3);
        story.run(donate("instant", format!("i{i}"), &user, 1 + i % 20));
        story.run(donate("deferred", format!("d{i}"), &user, 1 + i % 20));
    }
    let reader = story.store.reader();
    story.advance(60);
    let due = reader.due_settlements(story.now, 30).unwrap();
    for id in &due {
        assert!(story.run(Settle { donation: *id }));
    }
    let paid = due
        .iter()
        .filter(|id| reader.donation(**id).unwrap().unwrap().status == DonationStatus::Paid);
    let paid: Vec<Id> = paid.copied().collect();
    story.run(Refund { donation: paid[0], reason: String::new() });
    story.advance(86_400);
    for (i, donation) in [None, Some(paid[1]), None].into_iter().enumerate() {
        let open_id = match donation {
            Some(id) => reader.donation(id).unwrap().unwrap().third_uid.to_string(),
            None => "user0".to_owned(),
        };
        story.run(GrantFlowers {
            key: FlowerKey {
                appid: AppId::from("app"),
                trans_code: TransCode::from(format!("f{i}")),
            },
            open_id: OpenId::from(open_id),
            num: 2,
            starts_at: story.now,
            expires_at: story.now,
            donation,
            reward_transcode: None,
        });
    }
    story.run(donate("deferred", "next-day", "user1", 5));
    story.run(donate("deferred", "fails-late", "user1", 13));
    story.run(EndActivity { activity_no: ActivityNo::from("deferred"), only_if_over: false });
    story.advance(60);
    for id in reader.due_settlements(story.now, 100).unwrap() {
        assert!(story.run(Settle { donation: id }));
    }
    story.run(Refund { donation: paid[1], reason: String::new() });
    let withdraw = Withdraw { org_no: OrgNo::from("org"), money: Fen(5) };
    story.run(Referenced::new(Some("r".to_owned()), withdraw));
    story.activity("open", Settlement::Deferred { delay_s: 600 }, UserLimits::default());
    story.run(donate("open", "waits", "user1", 5));
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
    assert_eq!(rows("donations moved the money"), 83);
    assert_eq!(rows("references are of transfers"), 1);
    assert_eq!(rows("idempotency keys"), 83 + 3);
    assert_eq!(rows("users' usage"), 3);
    assert_eq!(rows("queued to settle"), 1);
    assert_eq!(rows("users have the flowers"), 3);
    assert!(rows("balances are the sums") >= 10);
    let story = story.reopen();
    assert_eq!(story.store.reader().verify().unwrap(), report);
}

/// Sees that verify says so after this was done to a sound database.
fn assert_told(story: Story, damage: &str, told: &str) {
    let report = after(story, damage);
    assert!(
        report.violations.iter().any(|violation| violation.contains(told)),
        "{damage}\nexpected: …{told}…\nfound: {:#?}",
        report.violations
    );
}

/// What verify says after this was done to a sound database.
fn after(story: Story, damage: &str) -> AuditReport {
    story.tamper(damage);
    story.store.reader().verify().unwrap()
}

#[test]
fn each_kind_of_damage_is_found() {
    let frozen = "(SELECT frozen FROM activities WHERE activity_no = 'instant')";
    let held = "(SELECT held FROM activities WHERE activity_no = 'instant')";
    for (damage, told) in [
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 1", "not zero"),
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 4", "its transfers sum up to"),
        (
            &format!(
                "INSERT INTO transfers SELECT max(id) + 5, {frozen}, {held}, 1000000, 4, NULL, 0 \
                 FROM transfers"
            ),
            "overdraw",
        ),
        ("UPDATE transfers SET amount = -amount WHERE reason = 1", "moves -"),
        ("UPDATE transfers SET reason = 3 WHERE reason = 1", "goes from Some(Outside)"),
        ("UPDATE donations SET money = money + 1 WHERE status = 2", "moved another amount"),
        ("UPDATE donations SET status = 13 WHERE status = 11", "but its transfers are"),
        ("UPDATE donations SET status = 11, settle_at = NULL WHERE status = 2", "is Paid, but"),
        ("UPDATE donations SET settle_at = NULL WHERE status = 2", "is to settle at None"),
        ("UPDATE donations SET project = 2 WHERE status = 11", "but its transfers are"),
        ("UPDATE donations SET activity = 99 WHERE status = 2", "is of no activity"),
        ("UPDATE donations SET bid = 99 WHERE status = 2", "was paid by no bid"),
        ("UPDATE donations SET app = 99 WHERE status = 2", "was called by no application"),
        ("UPDATE donations SET status = 12 WHERE status = 2", "12 is no "),
        ("DELETE FROM donations WHERE status = 13", "which is not there"),
        ("DELETE FROM donations WHERE status = 2", "found with theirs"),
        ("DELETE FROM transfers WHERE reason = 6", "but its transfers are"),
        ("UPDATE donations SET third_uid = 'else' WHERE status = 11", "the usage of"),
        ("UPDATE donations SET placed_at = placed_at + 86400000 WHERE status = 11", "the usage of"),
        ("UPDATE donations SET reward_transcode = 'else' WHERE status = 2", "is not found by its"),
        ("UPDATE donations SET flowers = 1 WHERE flowers IS NOT NULL", "was thanked by exchange"),
        ("UPDATE flowers SET num = num + 1", "the flowers of"),
        ("UPDATE flowers SET trans_code = trans_code || 'x'", "exchange"),
        ("UPDATE donation_totals SET orders = orders + 1", "the donation_totals of activity"),
        ("UPDATE writer SET last_id = 7", "above the last one given out"),
        ("UPDATE accounts SET owner = 'else' || id WHERE kind = 3", "is not the Held one of"),
        ("INSERT INTO accounts VALUES (77, 1, 'nobody', 0)", "belong to somebody"),
        ("UPDATE postings SET money = money + 1", "reference r of org"),
        ("UPDATE postings SET transfer = transfer + 1", "reference r of org"),
    ] {
        assert_told(eventful(), damage, told);
    }
}

#[test]
fn each_kind_of_damage_to_the_embedded_index_is_found() {
    for (damage, told) in [
        ("DELETE FROM hash_log", "do not agree"),
        ("DELETE FROM hash_run WHERE no = 1", "do not agree"),
        ("UPDATE hash_run SET filter = zeroblob(length(filter))", "filter of run"),
        ("UPDATE hash_run SET fences = zeroblob(length(fences))", "the fence of block"),
        ("DELETE FROM hash_block", "lacks block"),
        (
            // A whole block: where in it a key lies depends on the secret that keys are hashed under.
            "INSERT INTO hash_log SELECT max(seq) + 1, (SELECT entries FROM hash_block LIMIT 1) \
             FROM hash_log",
            "stands in the index 2 times",
        ),
        (
            "INSERT INTO hash_log SELECT max(seq) + 1, CAST(zeroblob(16) || x'1c' || zeroblob(28) \
             AS BLOB) FROM hash_log",
            "have a user",
        ),
    ] {
        assert_told(eventful_in(Story::embedded()), damage, told);
    }
}

#[test]
fn each_kind_of_damage_to_the_shared_index_is_found() {
    for (damage, told) in [
        ("DELETE FROM keys WHERE length(value) = 8", "do not agree"),
        (
            "UPDATE keys SET value = '\\x0102030405060708' WHERE length(value) = 8",
            "is not found by",
        ),
        ("INSERT INTO keys VALUES ('\\x00000000000000000000000000000000', '\\x01')", "of no kind"),
        (
            "INSERT INTO keys SELECT decode(repeat('00', 16), 'hex'), decode(repeat('00', 28), 'hex')",
            "have a user",
        ),
    ] {
        assert_told(eventful_in(Story::shared()), damage, told);
    }
}

#[test]
fn a_flood_of_violations_is_cut_short() {
    let mut report = AuditReport::default();
    for i in 0..100_000 {
        report.violation(|| i.to_string());
    }
    assert_eq!(report.violations.len(), 201);
}
