//! Databases of earlier versions.

use huodong_campaign::*;
use rusqlite::Connection;

use super::coupon_story::{coupon_key, issue};
use super::story::{Story, donate, key};
use crate::sqlite::MIGRATIONS;
use crate::{CallbackFilter, CallbackStatus, CouponFilter, DonationFilter, PageRequest, Store};

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// A database that an earlier version wrote, opened by this one.
fn upgraded(version: u32, written: &str) -> Story {
    let Story { store, now, options, directory, database } = Story::embedded();
    drop(store);
    let path = directory.path().join("huodong.db");
    std::fs::remove_file(&path).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(written).unwrap();
    drop(old);
    let (store, opened) = Store::open(&options).unwrap();
    let newest = u32::try_from(MIGRATIONS.len()).unwrap();
    assert_eq!((opened.from_version, opened.version), (version, newest));
    let mut story = Story { store, now, options, directory, database };
    sound(&story);
    story.advance(30 * 86_400);
    story
}

fn sound(story: &Story) {
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn a_database_of_version_1_is_upgraded_with_its_rows_and_goes_on() {
    let mut story = upgraded(1, include_str!("fixtures/0001.sql"));
    let reader = story.store.reader();
    let donations = reader.donations(&DonationFilter::default(), FIRST).unwrap().rows;
    assert_eq!(donations.len(), 83);
    let first = reader.donation_by_key(&key("i0")).unwrap().unwrap();
    assert_eq!(first.status, DonationStatus::Paid);
    let (activity, ..) = reader.activity(&ActivityNo::from("instant")).unwrap().unwrap();
    assert_eq!(activity.coupon, None);

    let again = story.run(donate("instant", "i0", "user0", 1));
    assert!(again.repeated);
    assert!(!story.run(donate("instant", "new", "user0", 1)).repeated);
    story.coupon_activities();
    let coupon = story.run(issue("gifts", "one", "user")).coupon;
    story.redeem(coupon.id, 5000);
    story.initiators();
    story.enrolled("m0");
    sound(&story.reopen());
}

#[test]
fn a_database_of_version_3_is_upgraded_with_its_attempts_none_of_them_archived() {
    let mut story = upgraded(3, include_str!("fixtures/0003.sql"));
    let reader = story.store.reader();
    let callbacks = reader.callbacks(&CallbackFilter::default(), FIRST).unwrap().rows;
    let attempts: Vec<_> = callbacks.iter().map(|it| (it.attempts, it.archived)).collect();
    assert_eq!(attempts, [(0, 0), (10, 0), (1, 0), (0, 0)]);

    let mut archive = story.store.archive(Archivable::Attempts, story.now);
    let mut archived = 0;
    while let Some(rows) = archive.piece(|_| Ok(())).unwrap() {
        archived += rows;
    }
    assert_eq!(archived, 11);
    story.run(Resend { callbacks: vec![callbacks[1].id] });
    story.attempt(callbacks[1].id, AttemptOutcome::Acknowledged);
    assert_eq!(reader.attempts(callbacks[1].id).unwrap()[0].number, 11);
    sound(&story.reopen());
}

#[test]
fn a_database_of_version_2_is_upgraded_with_its_coupons_and_goes_on() {
    let mut story = upgraded(2, include_str!("fixtures/0002.sql"));
    let reader = story.store.reader();
    let coupons = reader.coupons(&CouponFilter::default(), FIRST).unwrap().rows;
    assert_eq!(coupons.len(), 30);
    let first = reader.coupon_by_key(&coupon_key("g0")).unwrap().unwrap();
    assert_eq!(first.status, CouponStatus::Used);
    assert_eq!(reader.donations(&DonationFilter::default(), FIRST).unwrap().rows.len(), 18);
    let counts = reader.callback_counts().unwrap();
    assert!(counts.contains(&(CallbackStatus::Exhausted, 1)));
    let offer = |no: &str| {
        let (activity, ..) = reader.activity(&ActivityNo::from(no)).unwrap().unwrap();
        activity.coupon
    };
    assert_eq!(offer("instant"), None);
    let gifts = offer("gifts").unwrap();
    assert_eq!(gifts.issuers.len(), 2);
    assert_eq!((gifts.initiators, gifts.merchants), (vec![], vec![]));

    assert!(story.run(issue("gifts", "g0", "user")).repeated);
    assert_eq!(story.issued("another").status, CouponStatus::Issued);
    story.initiators();
    story.run(UpdateOffer {
        activity_no: ActivityNo::from("gifts"),
        terms: None,
        issuers: None,
        initiators: Some(vec![CertId::from("one")]),
        merchants: None,
        add_stock: None,
    });
    let asked = Consult {
        cert_id: CertId::from("one"),
        merchant: Some(AlipayPid::from("pid-0")),
        user: AlipayUser::OpenId("user".into()),
        activities: ["gifts", "slow", "few"].map(ActivityNo::from).to_vec(),
    };
    let told = [ConsultResult::Success, ConsultResult::Other, ConsultResult::Other];
    assert_eq!(story.run(asked), told);
    story.enrolled("m0");
    sound(&story.reopen());
}
