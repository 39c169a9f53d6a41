//! `verify` and the gateway: what the rules made is sound, and every kind of damage to it is found.

use super::gateway_story::{call, rejected, store_photo};
use super::story::Story;
use huodong_campaign::*;

/// Everything that can happen to merchants, photos and enrolments.
fn eventful() -> Story {
    let mut story = Story::begun_with_gateway();
    story.run(UpdateOffer {
        activity_no: ActivityNo::from("gifts"),
        terms: None,
        issuers: None,
        initiators: Some(vec![CertId::from("two")]),
        merchants: None,
        add_stock: None,
    });
    for merc_id in ["m0", "m1", "m2", "m3"] {
        story.enrolled(merc_id);
    }
    let enrolments = story.store.reader().enrolments(
        &crate::EnrolmentFilter::default(),
        crate::PageRequest { before: None, limit: 9 },
    );
    let ids: Vec<Id> = enrolments.unwrap().rows.iter().map(|it| it.id).collect();
    story.decided(ids[0], Decision::Approve);
    story.decided(ids[1], rejected("blurred"));
    story.enrolled("m2");
    story.photo("unused");
    story.run(store_photo("two", b"of another"));
    for i in 0..60 {
        story.run(call(&format!("call-{i}"), "fine"));
    }
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
    assert_eq!(rows("initiators that may hand"), 1);
    assert_eq!(rows("merchants have an initiator"), 7);
    assert_eq!(rows("enrolments are of"), 5);
    assert_eq!(rows("enrolments are found by their merchant"), 5);
    assert_eq!(rows("pending enrolments"), 3);
    assert_eq!(rows("photos have their content"), 5 * 3 + 2);
    assert_eq!(rows("photos that enrolments name"), 5 * 4);
    assert_eq!(rows("unused photos"), 2);
    // m2 enrolled twice with the same pictures.
    assert_eq!(rows("contents of photos"), 4 * 3 + 2);
    assert_eq!(rows("calls that were answered"), 60);
    assert_eq!(rows("idempotency keys"), 60);
    let story = story.reopen();
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn each_kind_of_damage_is_found() {
    eventful().assert_each_found(DAMAGE);
}

const DAMAGE: &[(&str, &str)] = &[
    ("DELETE FROM initiators WHERE cert_id = 'two'", "may be handed out by two, who is not there"),
    ("UPDATE activities SET initiators = '[\"?\"]' WHERE spent IS NOT NULL", "handed out by ?"),
    ("UPDATE activities SET initiators = NULL", "half an offer"),
    (
        "UPDATE activities SET merchants = '7' WHERE spent IS NOT NULL",
        "settings that cannot be read",
    ),
    ("UPDATE initiators SET previous_key = 'pem'", "half a previous key"),
    ("UPDATE initiators SET mode = 3", "3 is no "),
    ("UPDATE merchants SET initiator = 99 WHERE merc_id = 'm5'", "a merchant of no initiator"),
    ("UPDATE merchants SET kind = 6", "6 is no "),
    ("DELETE FROM merchants WHERE merc_id = 'm0'", "is of no merchant or no initiator"),
    ("UPDATE enrolments SET initiator = 99", "is of no merchant or no initiator"),
    ("UPDATE enrolments SET initiator = 2", "which is another's"),
    ("UPDATE enrolments SET photos = '{\"front\":[7]}'", "names photo 7, which is not there"),
    ("UPDATE enrolments SET photos = '{}'", "lacks photos"),
    ("UPDATE enrolments SET photos = '{\"front\":[]}'", "lacks photos"),
    ("UPDATE enrolments SET photos = '{\"back\":[1]}'", "settings that cannot be read"),
    ("UPDATE enrolments SET photos = 'no JSON'", "settings that cannot be read"),
    ("UPDATE enrolments SET decided_by = NULL WHERE status = 2", "Approved, has other marks"),
    ("UPDATE enrolments SET decided_at = 0 WHERE status = 1", "Pending, has other marks"),
    ("UPDATE enrolments SET reason = NULL WHERE status = 3", "Rejected, has other marks"),
    (
        "DROP INDEX enrolments_living; \
         UPDATE enrolments SET status = 2, reason = NULL WHERE status = 3",
        "both live",
    ),
    ("DELETE FROM photos WHERE used = 1", "which is not there"),
    ("UPDATE photos SET used = 0 WHERE used = 1", "is marked as unused; an enrolment names it"),
    ("UPDATE photos SET used = 1 WHERE used = 0", "is marked as used; no enrolment names it"),
    ("UPDATE photos SET initiator = 99 WHERE used = 0", "is of no initiator"),
    ("UPDATE photos SET initiator = 2 WHERE used = 1", "which is another's"),
    ("UPDATE photos SET bytes = bytes + 1", "bytes; its content has"),
    ("UPDATE photos SET sha256 = zeroblob(32)", "has no content"),
    ("DELETE FROM photo_contents", "has no content"),
    ("DELETE FROM photos WHERE used = 0", "is of no photo"),
    (
        "UPDATE photo_contents SET bytes = CAST(zeroblob(length(bytes)) AS BLOB)",
        "is not what its SHA-256 says",
    ),
    ("UPDATE gateway_requests SET initiator = 99", "is of no initiator"),
    ("UPDATE gateway_requests SET initiator = 2", "is not found by its key"),
    ("UPDATE gateway_requests SET req_id = 'else' WHERE req_id = 'call-7'", "is not found by its"),
    ("UPDATE gateway_requests SET api = 9", "9 is no "),
    ("DELETE FROM gateway_requests WHERE req_id = 'call-7'", "do not agree"),
    (
        "UPDATE writer SET last_id = (SELECT max(id) FROM enrolments)",
        "gateway_requests has a number above",
    ),
];
