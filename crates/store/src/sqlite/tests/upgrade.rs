//! Databases of earlier versions.

use huodong_campaign::*;
use rusqlite::Connection;

use super::coupon_story::issue;
use super::story::{Story, donate, key};
use crate::{DonationFilter, PageRequest, Store};

#[test]
fn a_database_of_version_1_is_upgraded_with_its_rows_and_goes_on() {
    let story = Story::new();
    let Story { store, now, options, directory } = story;
    drop(store);
    let path = directory.path().join("huodong.db");
    std::fs::remove_file(&path).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("fixtures/0001.sql")).unwrap();
    drop(old);

    let (store, opened) = Store::open(&options).unwrap();
    assert_eq!((opened.from_version, opened.version), (1, 2));
    let reader = store.reader();
    let report = reader.verify().unwrap();
    assert_eq!(report.violations, [] as [&str; 0]);
    let page = PageRequest { before: None, limit: 100 };
    let donations = reader.donations(&DonationFilter::default(), page).unwrap().rows;
    assert_eq!(donations.len(), 83);
    let first = reader.donation_by_key(&key("i0")).unwrap().unwrap();
    assert_eq!(first.status, DonationStatus::Paid);
    let (activity, ..) = reader.activity(&ActivityNo::from("instant")).unwrap().unwrap();
    assert_eq!(activity.coupon, None);

    let mut story = Story { store, now, options, directory };
    story.advance(30 * 86_400);
    let again = story.run(donate("instant", "i0", "user0", 1));
    assert!(again.repeated);
    assert!(!story.run(donate("instant", "new", "user0", 1)).repeated);
    story.coupon_activities();
    let coupon = story.run(issue("gifts", "one", "user")).coupon;
    story.redeem(coupon.id, 5000);
    let report = story.reopen().store.reader().verify().unwrap();
    assert_eq!(report.violations, [] as [&str; 0]);
}
