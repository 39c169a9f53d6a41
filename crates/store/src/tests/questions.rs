//! Readers: lists, filters, pages, and what they see while the writer goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use huodong_campaign::*;
use jiff::SignedDuration;

use super::story::{Story, donate};
use crate::{
    AccountFilter, ActivityFilter, AuditFilter, DonationFilter, FlowerFilter, Page, PageRequest,
    TransferFilter,
};

/// All pages of a list, and how many there were.
fn all<T>(limit: usize, ask: impl Fn(PageRequest) -> Page<T>) -> (Vec<T>, usize) {
    let (mut rows, mut pages, mut before) = (Vec::new(), 0, None);
    loop {
        let page = ask(PageRequest { before, limit });
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        pages += 1;
        before = page.next;
        if before.is_none() {
            return (rows, pages);
        }
    }
}

#[test]
fn donations_are_listed_newest_first_by_every_filter() {
    let mut story = Story::begun();
    let begun = story.now;
    let mut placed = Vec::new();
    for i in 0..10 {
        let activity = if i % 2 == 0 { "instant" } else { "deferred" };
        let mut command = donate(activity, format!("code{i}"), &format!("user{}", i % 3), 1);
        if i == 4 {
            command.project_no = ProjectNo::from("q");
        }
        placed.push(story.run(command).donation);
        story.advance(60);
    }
    let reader = story.store.reader();
    let ask = |filter: DonationFilter| {
        let (rows, _) = all(3, |page| reader.donations(&filter, page).unwrap());
        rows
    };
    let those = |keep: &dyn Fn(usize) -> bool| -> Vec<Donation> {
        let kept = placed.iter().enumerate().filter(|(i, _)| keep(*i));
        kept.map(|(_, donation)| donation.clone()).rev().collect()
    };
    let none = DonationFilter::default();
    assert_eq!(ask(none.clone()), those(&|_| true));
    let activity_no = Some(ActivityNo::from("instant"));
    assert_eq!(ask(DonationFilter { activity_no, ..none.clone() }), those(&|i| i % 2 == 0));
    let activity_no = Some(ActivityNo::from("unknown"));
    assert_eq!(ask(DonationFilter { activity_no, ..none.clone() }), []);
    let project_no = Some(ProjectNo::from("q"));
    assert_eq!(ask(DonationFilter { project_no, ..none.clone() }), those(&|i| i == 4));
    let appid = Some(AppId::from("other"));
    assert_eq!(ask(DonationFilter { appid, ..none.clone() }), []);
    let bid = Some(Bid::from("b"));
    assert_eq!(ask(DonationFilter { bid, ..none.clone() }), those(&|_| true));
    let third_uid = Some(ThirdUid::from("user1"));
    let filter = DonationFilter {
        third_uid,
        activity_no: Some(ActivityNo::from("deferred")),
        ..none.clone()
    };
    assert_eq!(ask(filter), those(&|i| i % 3 == 1 && i % 2 == 1));
    let status = Some(DonationStatus::Placed);
    assert_eq!(ask(DonationFilter { status, ..none.clone() }), those(&|i| i % 2 == 1));
    let minute = |n: i64| Some(begun + SignedDuration::from_mins(n));
    let filter = DonationFilter { from: minute(2), until: minute(5), ..none };
    assert_eq!(ask(filter), those(&|i| (2..5).contains(&i)));
}

#[test]
fn a_time_span_holds_also_after_the_clock_was_set_back() {
    let mut story = Story::begun();
    let later = story.run(donate("instant", "later", "user", 1)).donation;
    story.advance(-600);
    let earlier = story.run(donate("instant", "earlier", "user", 1)).donation;
    assert!(earlier.id > later.id);
    let filter = DonationFilter {
        from: Some(story.now),
        until: Some(later.placed_at),
        ..DonationFilter::default()
    };
    let (rows, _) = all(10, |page| story.store.reader().donations(&filter, page).unwrap());
    assert_eq!(rows, [earlier]);
}

#[test]
fn transfers_are_found_by_order_and_by_account() {
    let mut story = Story::begun();
    let paid = story.run(donate("deferred", "pays", "user", 100)).donation;
    story.run(donate("instant", "other", "user", 5));
    story.advance(60);
    story.run(Settle { donation: paid.id });
    story.run(Refund { donation: paid.id, reason: String::new() });
    let reader = story.store.reader();
    let ask = |filter: TransferFilter| {
        let (rows, _) = all(2, |page| reader.transfers(&filter, page).unwrap());
        rows.into_iter().map(|transfer| transfer.reason).collect::<Vec<_>>()
    };
    use TransferReason::{Deposit, Fund, Hold, Pay, Refund as Refunded};
    let order = Some(paid.id);
    let none = TransferFilter::default();
    assert_eq!(ask(TransferFilter { order, ..none.clone() }), [Refunded, Pay, Hold]);
    let (activity, frozen, held) = reader.activity(&paid.activity_no).unwrap().unwrap();
    assert_eq!((frozen, held), (Fen(100_000), Fen::ZERO));
    let account = Some(activity.frozen);
    assert_eq!(ask(TransferFilter { account, ..none.clone() }), [Refunded, Hold, Fund]);
    let account = Some(activity.held);
    assert_eq!(ask(TransferFilter { account, ..none.clone() }), [Pay, Hold]);
    let organization = reader.organization(&OrgNo::from("org")).unwrap().unwrap();
    let account = Some(organization.account);
    assert_eq!(ask(TransferFilter { account, ..none.clone() }), [Fund, Fund, Deposit]);
    let reason = Some(Pay);
    assert_eq!(ask(TransferFilter { reason, ..none.clone() }), [Pay, Pay]);
    let filter = TransferFilter { account, reason, ..none };
    assert_eq!(ask(filter), []);
}

#[test]
fn the_smaller_lists_are_filtered_and_paged() {
    let mut story = Story::begun();
    story.run(AssignBid { bid: Some(Bid::from("b2")), appid: AppId::from("app") });
    let actor = Actor { name: "root".to_owned(), trace_id: "t".to_owned() };
    let command = Deposit { org_no: OrgNo::from("org"), money: Fen(1) };
    story.run(Operated { actor, command });
    let reader = story.store.reader();
    let (bids, pages) = all(1, |page| reader.bids(Some(&AppId::from("app")), page).unwrap());
    let bids: Vec<_> = bids.iter().map(|grant| grant.bid.as_str()).collect();
    assert_eq!((bids, pages), (vec!["b2", "b"], 2));
    let (projects, _) = all(1, |page| reader.projects(page).unwrap());
    assert_eq!(projects.len(), 2);
    let (organizations, pages) = all(1, |page| reader.organizations(page).unwrap());
    assert_eq!((organizations.len(), pages), (1, 1));
    let org_no = OrgNo::from("org");
    assert_eq!(all(9, |page| reader.applications(Some(&org_no), page).unwrap()).0.len(), 1);
    let filter = ActivityFilter {
        org_no: Some(org_no),
        project_no: Some(ProjectNo::from("q")),
        status: Some(ActivityStatus::Running),
    };
    assert_eq!(all(1, |page| reader.activities(&filter, page).unwrap()).0.len(), 2);
    let filter = ActivityFilter { project_no: Some(ProjectNo::from("x")), ..Default::default() };
    assert_eq!(all(1, |page| reader.activities(&filter, page).unwrap()).0.len(), 0);
    let filter = AccountFilter { kind: Some(AccountKind::Frozen), owner: None };
    assert_eq!(all(1, |page| reader.accounts(&filter, page).unwrap()).0.len(), 2);
    let filter = AccountFilter { kind: None, owner: Some("instant".to_owned()) };
    assert_eq!(all(1, |page| reader.accounts(&filter, page).unwrap()).0.len(), 2);
    let filter = AuditFilter { actor: Some("root".to_owned()), ..Default::default() };
    assert_eq!(all(1, |page| reader.audit_log(&filter, page).unwrap()).0.len(), 1);
    let filter = AuditFilter { actor: Some("else".to_owned()), ..Default::default() };
    assert_eq!(all(1, |page| reader.audit_log(&filter, page).unwrap()).0.len(), 0);
    let filter = FlowerFilter { appid: Some(AppId::from("app")), open_id: None };
    assert_eq!(all(1, |page| reader.flowers(&filter, page).unwrap()).0.len(), 0);
    let balance = reader.trial_balance().unwrap();
    assert_eq!(balance.sum, Fen::ZERO);
    assert!(balance.kinds.contains(&(AccountKind::Frozen, 2, Fen(200_000))));
}

#[test]
fn a_filter_that_matches_little_looks_at_a_bounded_number_of_rows() {
    let mut story = Story::begun();
    let first = story.run(donate("instant", "first", "rare", 1)).donation;
    story.advance(60);
    for i in 0..21 {
        let commands: Vec<Donate> =
            (0..1000).map(|n| donate("instant", format!("{i}-{n}"), "user", 1)).collect();
        story.batch(&commands);
    }
    let reader = story.store.reader();
    let filter = DonationFilter {
        activity_no: Some(ActivityNo::from("instant")),
        third_uid: Some(ThirdUid::from("rare")),
        ..DonationFilter::default()
    };
    let (rows, pages) = all(10, |page| reader.donations(&filter, page).unwrap());
    assert_eq!((rows, pages), (vec![first.clone()], 2));
    // A time span that ends within the first look is not looked past.
    story.advance(60);
    let filter = DonationFilter { from: Some(story.now), ..filter };
    let (rows, pages) = all(10, |page| reader.donations(&filter, page).unwrap());
    assert_eq!((rows, pages), (vec![], 1));
    let filter = DonationFilter { from: Some(first.placed_at), ..filter };
    let (rows, pages) = all(10, |page| reader.donations(&filter, page).unwrap());
    assert_eq!((rows, pages), (vec![first], 2));
}

#[test]
fn a_reader_never_misses_a_committed_key_while_runs_are_sealed() {
    let mut story = Story::begun();
    let known: Vec<Donation> = (0..200)
        .map(|i| story.run(donate("instant", format!("known{i}"), "user", 1)).donation)
        .collect();
    let (reader, stop) = (story.store.reader(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) || rounds == 0 {
                    for donation in &known {
                        let found = reader.donation_by_key(&donation.key).unwrap();
                        assert_eq!(found.as_ref(), Some(donation));
                    }
                    rounds += 1;
                }
            });
        }
        for i in 0..100 {
            let commands: Vec<Donate> =
                (0..30).map(|n| donate("instant", format!("{i}-{n}"), "user", 1)).collect();
            let placed = story.batch(&commands).remove(29).donation;
            let found = reader.donation_by_key(&placed.key).unwrap();
            assert_eq!(found, Some(placed), "what was acknowledged is seen at once");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_log_of_writes_stays_short_unless_a_long_question_holds_it() {
    let mut story = Story::embedded().begin();
    story.run(FundActivity { activity_no: ActivityNo::from("deferred"), money: Fen(200_000) });
    let path = story.directory.path().join("huodong.db");
    let mut load = |name: &str| {
        for i in 0..120 {
            let user = |n| format!("user{}", n % 500);
            let commands: Vec<Donate> = (0..500)
                .map(|n| donate("deferred", format!("{name}{i}-{n}"), &user(n), 1))
                .collect();
            story.batch(&commands);
        }
        let wal = story.directory.path().join("huodong.db-wal");
        std::fs::metadata(wal).unwrap().len() >> 20
    };
    let short = load("a");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN; SELECT * FROM donations LIMIT 1").unwrap();
    let held = load("b");
    assert!(short < 32, "{short} MiB");
    assert!(held > short + 16, "{held} MiB: the load is enough for the log to grow");
}
