use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{HOUR, START, activity_no, at, institution_id, owner_id, user};

use CallbackEvent::{IssueResult, WriteOff};

#[test]
fn an_instant_coupon_is_issued_at_once_and_holds_its_money_and_stock() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    assert_eq!((coupon.status, coupon.settle_at), (CouponStatus::Issued, None));
    assert_eq!(coupon.decided_at, Some(scene.now));
    assert_eq!(coupon.expires_at, Some(at(START + 58 * HOUR)));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 900, 100, 0], 4));
    assert_eq!(scene.owed(coupon.id), [IssueResult]);
}

#[test]
fn a_deferred_coupon_is_in_process_until_it_is_due() {
    let mut scene = Scene::deferred_coupons();
    let coupon = scene.issue(1);
    assert_eq!((coupon.status, coupon.expires_at), (CouponStatus::Process, None));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 900, 100, 0], 4));
    assert!(scene.owed(coupon.id).is_empty(), "nothing is known yet");
    scene.pass(4);
    assert!(!scene.settle_coupon(coupon.id), "it is not due yet");
    scene.pass(1);
    assert!(scene.settle_coupon(coupon.id));
    assert!(!scene.settle_coupon(coupon.id), "it was decided on");
    let coupon = scene.coupon(coupon.id).clone();
    assert_eq!((coupon.status, coupon.decided_at), (CouponStatus::Issued, Some(scene.now)));
    assert_eq!(scene.owed(coupon.id), [IssueResult]);
    let two_days = at(START + 58 * HOUR + 5);
    assert_eq!(coupon.expires_at, Some(two_days), "days count from the issue, not the order");
}

#[test]
fn a_coupon_its_channel_fails_gives_everything_back() {
    let mut scene = Scene::deferred_coupons();
    let coupon = scene.issue(1);
    let fails = Scene::book(|rule| rule.fail_money = vec![Fen(100)]);
    scene.update(|update| update.channel = Some(fails)).unwrap();
    scene.pass(5);
    assert!(scene.settle_coupon(coupon.id));
    let coupon = scene.coupon(coupon.id).clone();
    assert_eq!((coupon.status, coupon.failed), (CouponStatus::Failed, Some(FailReason::Channel)));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
    assert_eq!(scene.owed(coupon.id), [IssueResult]);
    let instant = scene.issue(2);
    assert_eq!(instant.failed, Some(FailReason::Channel), "an instant one fails at once");
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
}

#[test]
fn a_pause_or_an_end_stops_no_order_that_was_taken() {
    for ends in [false, true] {
        let mut scene = Scene::deferred_coupons();
        let coupon = scene.issue(1);
        if ends {
            scene.end();
        } else {
            scene.set(ActivityStatus::Paused).unwrap();
        }
        scene.pass(5);
        assert!(scene.settle_coupon(coupon.id));
        assert_eq!(scene.coupon(coupon.id).status, CouponStatus::Issued);
        scene.redeem(coupon.id, 300).unwrap();
        assert_eq!(scene.purse()[2..], [0, 100]);
    }
}

#[test]
fn what_comes_back_after_the_end_is_the_organizations() {
    let mut scene = Scene::offering(|plan| {
        let percent = Discount::Percent { off: 10, at_most: Fen(100) };
        plan.offer.terms.discount = percent;
    });
    let (used, expired) = (scene.issue(1), scene.issue(2));
    scene.end();
    assert_eq!(scene.purse(), [9_800, 0, 200, 0]);
    scene.redeem(used.id, 400).unwrap();
    assert_eq!(scene.purse(), [9_860, 0, 100, 40]);
    scene.void(expired.id).unwrap();
    assert_eq!(scene.purse(), [9_960, 0, 0, 40]);
}

#[test]
fn a_coupon_decided_on_after_its_validity_fails() {
    let until = at(START + 10 * HOUR + 5);
    let mut scene = Scene::offering(|plan| {
        plan.channel = Scene::book(|rule| rule.settlement = Settlement::Deferred { delay_s: 5 });
        plan.offer.terms.validity = Validity::Until(until);
    });
    let coupon = scene.issue(1);
    scene.pass(5);
    assert_eq!(scene.failed(2), Some(FailReason::Over), "none is given from that moment on");
    assert!(scene.settle_coupon(coupon.id));
    assert_eq!(scene.coupon(coupon.id).failed, Some(FailReason::Over));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
    assert_eq!(scene.owed(coupon.id), [IssueResult]);
}

#[test]
fn what_a_rule_stands_against_fails_for_ever_and_says_so() {
    let mut scene = Scene::coupons();
    scene.set(ActivityStatus::Paused).unwrap();
    let failed = scene.run(Scene::order(1)).unwrap();
    assert!(!failed.repeated);
    assert_eq!(failed.coupon.status, CouponStatus::Failed);
    assert_eq!(failed.coupon.failed, Some(FailReason::Over));
    assert_eq!(scene.owed(failed.coupon.id), [IssueResult]);
    scene.set(ActivityStatus::Running).unwrap();
    let again = scene.run(Scene::order(1)).unwrap();
    assert!(again.repeated, "the order stands, though one could be given by now");
    assert_eq!(again.coupon, failed.coupon);
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
    assert_eq!(scene.failed(2), None);
}

#[test]
fn what_finds_its_channel_down_leaves_nothing_behind() {
    let mut scene = Scene::coupons();
    let down = Scene::book(|rule| rule.unavailable_money = vec![Fen(100)]);
    scene.update(|update| update.channel = Some(down)).unwrap();
    assert_eq!(scene.run(Scene::order(1)), Err(IssueRefusal::ChannelUnavailable));
    assert!(scene.stored.coupons.is_empty());
    let refuses = Scene::book(|rule| rule.refuse_money = vec![Fen(100)]);
    scene.update(|update| update.channel = Some(refuses)).unwrap();
    assert_eq!(scene.failed(1), Some(FailReason::Channel), "refused for good");
}

#[test]
fn a_known_key_is_answered_with_its_coupon_as_it_stands_now() {
    let mut scene = Scene::deferred_coupons();
    let first = scene.run(Scene::order(1)).unwrap();
    scene.pass(5);
    scene.settle_coupon(first.coupon.id);
    scene.redeem(first.coupon.id, 300).unwrap();
    scene.end();
    let narrower = UpdateInstitution {
        owners: Some(vec![owner_id(9)]),
        member_prefix: Some("ZZZ".into()),
        ..no_change()
    };
    scene.run(narrower).unwrap();
    let again = scene.run(Scene::order(1)).unwrap();
    assert!(again.repeated, "whatever has changed since");
    assert_eq!((again.coupon.id, again.coupon.status), (first.coupon.id, CouponStatus::Used));
    assert_eq!(scene.stored.coupons.len(), 1);
}

#[test]
fn a_known_key_with_another_field_is_refused_and_the_field_named() {
    type Change = fn(&mut Issue);
    let changes: [(&str, Change); 7] = [
        ("activity_id", |order| order.activity_no = activity_no(9)),
        ("promotion_id", |order| order.promotion_id = PromotionId::from("other")),
        ("owner_id", |order| order.owner_id = owner_id(9)),
        ("member_id", |order| order.member_id = "AAA1".into()),
        ("channel_openid", |order| order.openid = OpenId::from(user(9).as_str())),
        ("postNotify", |order| order.post_notify = None),
        ("writeOffNotify", |order| order.write_off_notify = "https://other.example".into()),
    ];
    let mut scene = Scene::coupons();
    scene.issue(1);
    scene.set(ActivityStatus::Paused).unwrap();
    scene.issue(2);
    for key in [1, 2] {
        for (field, change) in changes {
            let mut order = Scene::order(key);
            change(&mut order);
            assert_eq!(scene.run(order), Err(IssueRefusal::KeyReused(field)), "key {key}");
        }
    }
    assert_eq!(scene.stored.coupons.len(), 2);
}

#[test]
fn two_institutions_may_use_the_same_number() {
    let mut scene = Scene::coupons();
    scene
        .restock(|update| update.issuers = Some(vec![institution_id(0), institution_id(1)]))
        .unwrap();
    let mut other = Scene::order(1);
    other.key.appid = institution_id(1);
    other.owner_id = owner_id(1);
    other.member_id = "BBB1".into();
    let (mine, theirs) = (scene.issue(1), scene.run(other).unwrap());
    assert!(!theirs.repeated);
    assert_ne!(mine.id, theirs.coupon.id);
}

#[test]
fn what_may_not_be_handed_out_is_refused_and_leaves_nothing_behind() {
    type Change = fn(&mut Issue);
    let cases: [(IssueRefusal, Change); 6] = [
        (IssueRefusal::UnknownInstitution, |order| order.key.appid = institution_id(9)),
        (IssueRefusal::UnknownActivity, |order| order.activity_no = activity_no(9)),
        (IssueRefusal::UnknownActivity, |order| order.key.appid = institution_id(1)),
        (IssueRefusal::UnknownPromotion, |order| order.promotion_id = PromotionId::from("x")),
        (IssueRefusal::UnknownOwner, |order| order.owner_id = owner_id(1)),
        (IssueRefusal::MemberPrefix, |order| order.member_id = "BBB1".into()),
    ];
    let mut scene = Scene::coupons();
    for (refusal, change) in cases {
        let mut order = Scene::order(1);
        change(&mut order);
        assert_eq!(scene.run(order), Err(refusal));
    }
    assert!(scene.stored.coupons.is_empty() && scene.stored.callbacks.is_empty());
    assert_eq!(scene.issue(1).status, CouponStatus::Issued, "the key is still free");
}

#[test]
fn a_donation_activity_hands_out_no_coupons_and_a_coupon_activity_takes_no_donations() {
    let mut scene = Scene::coupons();
    scene.enter(1, "project-1");
    assert_eq!(scene.donate(1, 100), Err(DonateRefusal::UnknownActivity));
    scene.run(CreateActivity { activity_no: Some(activity_no(1)), ..Scene::plan() }).unwrap();
    let order = Issue { activity_no: activity_no(1), ..Scene::order(1) };
    assert_eq!(scene.run(order), Err(IssueRefusal::UnknownActivity));
    let renamed = scene.update(|update| update.projects = Some(Vec::new()));
    assert_eq!(renamed, Err(ActivityRefusal::OtherKind(true)));
    let stocked = UpdateOffer {
        activity_no: activity_no(1),
        terms: None,
        issuers: None,
        initiators: None,
        merchants: None,
        add_stock: Some(1),
    };
    assert_eq!(scene.run(stocked), Err(ActivityRefusal::OtherKind(false)));
}

#[test]
fn a_revoked_institution_is_shown_nothing_not_even_its_coupons() {
    let mut scene = Scene::deferred_coupons();
    let coupon = scene.issue(1);
    scene.run(RevokeInstitution { appid: institution_id(0) }).unwrap();
    assert_eq!(scene.run(Scene::order(1)), Err(IssueRefusal::UnknownInstitution));
    scene.pass(5);
    assert!(scene.settle_coupon(coupon.id), "what was ordered before stands");
    assert_eq!(scene.owed(coupon.id), [IssueResult], "and is told");
}

#[test]
fn without_an_address_the_outcome_is_told_to_nobody_but_the_end_is() {
    let mut scene = Scene::coupons();
    let order = Issue { post_notify: None, ..Scene::order(1) };
    let coupon = scene.run(order).unwrap().coupon;
    assert!(scene.owed(coupon.id).is_empty());
    scene.void(coupon.id).unwrap();
    assert_eq!(scene.owed(coupon.id), [WriteOff]);
}

fn no_change() -> UpdateInstitution {
    UpdateInstitution {
        appid: institution_id(0),
        name: None,
        member_prefix: None,
        owners: None,
        rate_per_s: None,
    }
}
