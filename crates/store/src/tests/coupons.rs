//! Coupons and who hands them out: what was saved is what is loaded, listed and due.

use huodong_campaign::*;
use jiff::SignedDuration;

use super::coupon_story::{coupon_key, issue};
use super::story::Story;
use crate::{CouponFilter, Page, PageRequest};

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// Loads what is wanted, and lets go of the transaction.
fn load(story: &mut Story, wanted: &Wanted<'_>) -> World {
    let mut world = story.world();
    story.store.load(wanted, &mut world).unwrap();
    story.store.rollback();
    assert!(!world.is_changed());
    world
}

#[test]
fn partners_come_back_as_they_were_saved() {
    let mut story = Story::begun_with_coupons();
    let appid = InstitutionId::from("inst");
    let institution = story.run(ReplaceCertificate {
        appid: appid.clone(),
        certificate: "second".to_owned(),
        previous_until: Some(story.now),
    });
    let revoked = story.run(RevokeInstitution { appid: InstitutionId::from("else") });
    let key = |serial: &str, purpose| AddPlatformKey {
        serial: PlatformSerial::from(serial),
        purpose,
        certificate: "pem".to_owned(),
        sealed_key: vec![1, 2, 3],
        not_after: "2030-01-01T00:00:00Z".parse().unwrap(),
    };
    let old = story.run(key("0b", KeyPurpose::Reply));
    story.run(key("0a", KeyPurpose::Reply));
    let new = story.run(SignWith { serial: PlatformSerial::from("0a") });
    let retired = story.run(RetireKey { serial: old.serial.clone() });
    let campaign = CampaignNo::from("c");
    story.run(CreateOpenidPage {
        campaign: Some(campaign.clone()),
        appid: appid.clone(),
        wechat_appid: "wx1".into(),
        sealed_secret: vec![9],
        return_to: vec!["https://a.example/".into()],
    });
    let page = story.run(UpdateOpenidPage {
        campaign: campaign.clone(),
        wechat: Some(("wx2".into(), vec![8])),
        return_to: Some(vec!["https://b.example/".into(), "https://c.example/".into()]),
    });

    let mut story = story.reopen();
    let wanted = Wanted {
        institutions: [&appid].into(),
        openid_pages: [&campaign].into(),
        platform_keys: true,
        ..Wanted::default()
    };
    let world = load(&mut story, &wanted);
    assert_eq!(world.institutions.get(&appid), Some(&institution));
    assert_eq!(world.openid_pages.get(&campaign), Some(&page));
    assert_eq!(world.platform_keys.get(&new.serial), Some(&new));
    assert_eq!(world.platform_keys.iter().count(), 2);

    let reader = story.store.reader();
    assert_eq!(reader.institution(&appid).unwrap().as_ref(), Some(&institution));
    assert_eq!(reader.institution(&InstitutionId::from("?")).unwrap(), None);
    let newest_first = [revoked.clone(), institution.clone()];
    assert_eq!(reader.institutions(FIRST).unwrap().rows, newest_first);
    assert_eq!(reader.all_institutions().unwrap(), [institution, revoked]);
    assert_eq!(reader.platform_keys().unwrap(), [retired, new]);
    assert_eq!(reader.openid_page(&campaign).unwrap().as_ref(), Some(&page));
    assert_eq!(reader.openid_pages(FIRST).unwrap().rows, [page]);
}

#[test]
fn a_coupon_comes_back_by_its_key_with_what_hangs_on_it() {
    let mut story = Story::begun_with_coupons();
    let coupon = story.run(issue("slow", "one", "user")).coupon;
    assert_eq!(coupon.status, CouponStatus::Process);
    let mut story = story.reopen();
    let key = coupon_key("one");
    let wanted = Wanted { coupons: [coupon.id].into(), ..Wanted::default() };
    let world = load(&mut story, &wanted);
    assert_eq!(world.coupons.get(&coupon.id), Some(&coupon));
    let activity = world.activities.get(&coupon.activity_no).unwrap();
    let offer = activity.coupon.as_ref().unwrap();
    assert_eq!((offer.stock_left, &*offer.batch_code), (99, "batch-slow"));
    assert_eq!(offer.issuers.len(), 2);
    assert_eq!(world.balance(activity.held), Fen(300));
    assert_eq!(world.balance(activity.frozen), Fen(99_700));
    assert!(world.accounts.contains(&offer.spent));
    assert!(world.organizations.contains(&activity.org_no));
    assert_eq!(world.usages.get(&coupon.user_key()).unwrap().count_total, 1);
    let world = load(&mut story, &Wanted { coupon_keys: vec![&key], ..Wanted::default() });
    assert_eq!(world.coupon_keys.get(&key), Some(&coupon.id));
    assert_eq!(world.coupons.get(&coupon.id), Some(&coupon));

    let reader = story.store.reader();
    assert_eq!(reader.coupon(coupon.id).unwrap().as_ref(), Some(&coupon));
    assert_eq!(reader.coupon_by_key(&key).unwrap().as_ref(), Some(&coupon));
    assert_eq!(reader.coupon_by_key(&coupon_key("two")).unwrap(), None);
    let (found, ..) = reader.activity(&coupon.activity_no).unwrap().unwrap();
    assert_eq!(found.coupon.unwrap().stock_left, 99);
    let again = story.run(issue("slow", "one", "user"));
    assert!(again.repeated);
    assert_eq!(again.coupon, coupon);
}

#[test]
fn each_end_of_a_coupon_is_saved() {
    let mut story = Story::begun_with_coupons();
    let used = story.issued("used");
    let expires = story.issued("expires");
    let void = story.issued("void");
    let slow = story.run(issue("slow", "slow", "user")).coupon;
    let broken = story.run(issue("broken", "broken", "user")).coupon;
    story.run(issue("few", "last", "user"));
    let failed = story.run(issue("few", "none left", "user")).coupon;
    assert_eq!(failed.failed, Some(FailReason::OutOfStock));
    let reader = story.store.reader();
    assert_eq!(reader.next_due().unwrap(), slow.settle_at);
    assert_eq!(reader.due_coupon_settlements(story.now, 9).unwrap(), []);
    story.advance(60);
    assert_eq!(reader.due_coupon_settlements(story.now, 9).unwrap(), [slow.id, broken.id]);
    story.settle_coupons();
    assert_eq!(reader.due_coupon_settlements(story.now, 9).unwrap(), []);
    assert_eq!(reader.next_due().unwrap(), used.expires_at);
    let used = story.redeem(used.id, 1200);
    let void = story.run(VoidCoupon { coupon: void.id, reason: "asked".to_owned() });
    assert_eq!(reader.due_expiries(story.now, 9).unwrap(), []);
    story.advance(3 * 86_400);
    let due = reader.due_expiries(story.now, 9).unwrap();
    assert_eq!(due, [expires.id]);
    assert_eq!(story.run(Expire { coupons: due }), 1);

    let story = story.reopen();
    let reader = story.store.reader();
    assert_eq!(reader.coupon(used.id).unwrap().as_ref(), Some(&used));
    assert_eq!(used.redeemed.as_ref().unwrap().promo_amount, Fen(500));
    assert_eq!(reader.coupon(void.id).unwrap(), Some(void));
    assert_eq!(reader.coupon(failed.id).unwrap(), Some(failed));
    let expired = reader.coupon(expires.id).unwrap().unwrap();
    assert_eq!((expired.status, expired.closed_at), (CouponStatus::Expired, Some(story.now)));
    let broken = reader.coupon(broken.id).unwrap().unwrap();
    assert_eq!(broken.failed, Some(FailReason::Channel));
    assert_eq!(reader.user_usage(&broken.user_key()).unwrap().count_total, 0);
    let totals = |no: &str| reader.coupon_totals(&ActivityNo::from(no)).unwrap().by_status;
    let expected = [(CouponStatus::Used, 1, Fen(500)), (CouponStatus::Expired, 2, Fen(1000))];
    assert_eq!(totals("gifts"), expected);
    assert_eq!(totals("slow"), [(CouponStatus::Issued, 1, Fen(300))]);
    assert_eq!(totals("broken"), [(CouponStatus::Failed, 1, Fen(77))]);
    assert_eq!(totals("instant"), []);
    let (activity, ..) = reader.activity(&used.activity_no).unwrap().unwrap();
    let offer = activity.coupon.unwrap();
    assert_eq!(offer.stock_left, 99);
    assert_eq!(reader.account(offer.spent).unwrap().unwrap().balance, Fen(500));
    let filter = crate::TransferFilter { account: Some(offer.spent), ..Default::default() };
    let spent = reader.transfers(&filter, FIRST).unwrap().rows;
    assert_eq!(spent.len(), 1);
    assert_eq!((spent[0].reason, spent[0].order), (TransferReason::Spend, Some(used.id)));
}

#[test]
fn every_reason_to_fail_comes_back() {
    let mut story = Story::begun_with_coupons();
    for i in 0..4 {
        story.run(issue("slow", &format!("s{i}"), "user"));
    }
    let over = story.store.reader().coupon_by_key(&coupon_key("s3")).unwrap().unwrap();
    assert_eq!(over.failed, Some(FailReason::Limit(LimitReached::CountTotal)));
    let activity_no = ActivityNo::from("gifts");
    story.run(SetStatus { activity_no, status: ActivityStatus::Paused });
    let paused = story.run(issue("gifts", "paused", "user")).coupon;
    assert_eq!(paused.failed, Some(FailReason::Over));
    let found = story.reopen().store.reader().coupon_by_key(&paused.key).unwrap();
    assert_eq!(found, Some(paused));
}

#[test]
fn coupons_are_listed_newest_first_by_every_filter() {
    let mut story = Story::begun_with_coupons();
    let begun = story.now;
    let mut placed = Vec::new();
    for i in 0..10 {
        let activity = if i % 2 == 0 { "gifts" } else { "slow" };
        let mut command = issue(activity, &format!("order{i}"), &format!("user{}", i % 3));
        if i == 4 {
            command.owner_id = OwnerId::from("other");
        }
        if i == 7 {
            command.key.appid = InstitutionId::from("else");
        }
        placed.push(story.run(command).coupon);
        story.advance(60);
    }
    let reader = story.store.reader();
    let ask = |filter: CouponFilter| {
        let (mut rows, mut before) = (Vec::new(), None);
        loop {
            let Page { rows: some, next } =
                reader.coupons(&filter, PageRequest { before, limit: 3 }).unwrap();
            rows.extend(some);
            before = next;
            if next.is_none() {
                return rows;
            }
        }
    };
    let those = |keep: &dyn Fn(usize) -> bool| -> Vec<Coupon> {
        let kept = placed.iter().enumerate().filter(|(i, _)| keep(*i));
        kept.map(|(_, coupon)| coupon.clone()).rev().collect()
    };
    let none = CouponFilter::default();
    assert_eq!(ask(none.clone()), those(&|_| true));
    let activity_no = Some(ActivityNo::from("gifts"));
    assert_eq!(ask(CouponFilter { activity_no, ..none.clone() }), those(&|i| i % 2 == 0));
    let activity_no = Some(ActivityNo::from("unknown"));
    assert_eq!(ask(CouponFilter { activity_no, ..none.clone() }), []);
    let appid = Some(InstitutionId::from("else"));
    assert_eq!(ask(CouponFilter { appid, ..none.clone() }), those(&|i| i == 7));
    let appid = Some(InstitutionId::from("unknown"));
    assert_eq!(ask(CouponFilter { appid, ..none.clone() }), []);
    let owner_id = Some(OwnerId::from("other"));
    assert_eq!(ask(CouponFilter { owner_id, ..none.clone() }), those(&|i| i == 4));
    let openid = Some(OpenId::from("user1"));
    assert_eq!(ask(CouponFilter { openid, ..none.clone() }), those(&|i| i % 3 == 1));
    let member_id = Some("m-user2".to_owned());
    let activity_no = Some(ActivityNo::from("slow"));
    let filter = CouponFilter { member_id, activity_no, ..none.clone() };
    assert_eq!(ask(filter), those(&|i| i % 3 == 2 && i % 2 == 1));
    let status = Some(CouponStatus::Process);
    assert_eq!(ask(CouponFilter { status, ..none.clone() }), those(&|i| i % 2 == 1));
    let minute = |n: i64| Some(begun + SignedDuration::from_mins(n));
    let filter = CouponFilter { from: minute(2), until: minute(5), ..none };
    assert_eq!(ask(filter), those(&|i| (2..5).contains(&i)));
}

#[test]
fn a_wiped_store_has_no_coupons_and_takes_them_again() {
    let mut story = Story::begun_with_coupons();
    let coupon = story.issued("one");
    story.store.wipe().unwrap();
    let mut story = story.begin_coupons();
    let again = story.run(issue("gifts", "one", "user"));
    assert!(!again.repeated);
    story.store.wipe().unwrap();
    let reader = story.store.reader();
    assert_eq!(reader.coupon(coupon.id).unwrap(), None);
    assert_eq!(reader.coupon_by_key(&coupon.key).unwrap(), None);
    assert_eq!(reader.all_institutions().unwrap(), []);
    assert_eq!(reader.callback_counts().unwrap(), []);
    assert_eq!(reader.next_callback_due().unwrap(), None);
    assert_eq!(reader.verify().unwrap().violations, [] as [&str; 0]);
}
