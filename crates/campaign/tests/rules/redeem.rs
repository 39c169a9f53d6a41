use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{HOUR, START, at, owner_id};

use CallbackEvent::{IssueResult, WriteOff};

fn percent(off: u8, at_most: i64) -> Scene {
    Scene::offering(|plan| {
        plan.offer.terms.discount = Discount::Percent { off, at_most: Fen(at_most) };
        plan.offer.terms.minimum_spend = Fen::ZERO;
    })
}

#[test]
fn a_used_coupon_spends_its_money_and_is_told_of() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    let used = scene.redeem(coupon.id, 1_000).unwrap();
    assert_eq!((used.status, used.closed_at), (CouponStatus::Used, Some(scene.now)));
    let redeemed = used.redeemed.unwrap();
    assert_eq!((redeemed.org_amount, redeemed.promo_amount), (Fen(1_000), Fen(100)));
    assert_eq!(redeemed.total_amount(), Fen(900));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 900, 0, 100], 4));
    assert_eq!(scene.owed(coupon.id), [IssueResult, WriteOff]);
}

#[test]
fn the_same_use_again_is_told_that_it_was_done() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    assert!(!scene.run(Scene::redemption(coupon.id, 300)).unwrap().repeated);
    let purse = scene.purse();
    scene.pass(1_000 * HOUR);
    scene.end();
    let again = scene.run(Scene::redemption(coupon.id, 300)).unwrap();
    assert!(again.repeated, "even when it would be over by now");
    assert_eq!(scene.owed(coupon.id), [IssueResult, WriteOff], "and is told of once");
    assert_eq!(scene.purse()[2..], purse[2..]);
}

#[test]
fn another_use_of_a_used_coupon_is_refused() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    scene.redeem(coupon.id, 300).unwrap();
    let other_till = Redeem { reference: "till-2".into(), ..Scene::redemption(coupon.id, 300) };
    assert_eq!(scene.run(other_till), Err(RedeemRefusal::Used));
    assert_eq!(scene.redeem(coupon.id, 301), Err(RedeemRefusal::Used), "nor for another amount");
    assert_eq!(scene.purse(), [9_000, 900, 0, 100]);
}

#[test]
fn an_owners_till_takes_only_that_owners_coupons() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    let foreign = Redeem { owner_id: owner_id(1), ..Scene::redemption(coupon.id, 300) };
    assert_eq!(scene.run(foreign.clone()), Err(RedeemRefusal::Foreign));
    scene.redeem(coupon.id, 300).unwrap();
    assert_eq!(scene.run(foreign), Err(RedeemRefusal::Foreign), "nor are its repeats told");
    assert_eq!(scene.redeem(Id(7), 300), Err(RedeemRefusal::Unknown));
}

#[test]
fn a_coupon_is_good_until_just_before_its_end_whether_or_not_the_timer_came() {
    let mut scene = Scene::coupons();
    let (early, late) = (scene.issue(1), scene.issue(2));
    scene.pass(48 * HOUR - 1);
    assert_eq!(scene.expire(early.id), 0, "not yet");
    scene.redeem(early.id, 300).unwrap();
    scene.pass(1);
    assert_eq!(scene.redeem(late.id, 300), Err(RedeemRefusal::Expired));
    assert_eq!(scene.coupon(late.id).status, CouponStatus::Issued);
    assert_eq!(scene.expire(late.id), 1);
    assert_eq!(scene.redeem(late.id, 300), Err(RedeemRefusal::Expired));
}

#[test]
fn a_fixed_end_is_the_same_for_all_coupons() {
    let end = at(START + 20 * HOUR);
    let mut scene = Scene::offering(|plan| plan.offer.terms.validity = Validity::Until(end));
    let first = scene.issue(1);
    scene.pass(10 * HOUR - 1);
    let second = scene.issue(2);
    assert_eq!((first.expires_at, second.expires_at), (Some(end), Some(end)));
    scene.redeem(second.id, 300).unwrap();
    scene.pass(1);
    assert_eq!(scene.expire(first.id), 1);
    assert_eq!(scene.failed(3), Some(FailReason::Over), "none is given that could not be used");
}

#[test]
fn only_what_was_issued_can_be_used() {
    let mut scene = Scene::deferred_coupons();
    let waiting = scene.issue(1);
    let refusal = RedeemRefusal::NotIssued(CouponStatus::Process);
    assert_eq!(scene.redeem(waiting.id, 300), Err(refusal));
    scene.set(ActivityStatus::Paused).unwrap();
    let failed = scene.issue(2);
    let refusal = RedeemRefusal::NotIssued(CouponStatus::Failed);
    assert_eq!(scene.redeem(failed.id, 300), Err(refusal));
}

#[test]
fn the_minimum_spend_is_enough_and_a_fen_less_is_not() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    assert_eq!(scene.redeem(coupon.id, 0), Err(RedeemRefusal::NoMoney));
    assert_eq!(scene.redeem(coupon.id, -1), Err(RedeemRefusal::NoMoney));
    assert_eq!(scene.redeem(coupon.id, 299), Err(RedeemRefusal::BelowMinimum(Fen(300))));
    assert_eq!(scene.purse(), [9_000, 900, 100, 0]);
    scene.redeem(coupon.id, 300).unwrap();
}

#[test]
fn a_fixed_discount_takes_off_no_more_than_there_is_to_pay() {
    let mut scene = Scene::offering(|plan| plan.offer.terms.minimum_spend = Fen::ZERO);
    let coupon = scene.issue(1);
    let redeemed = scene.redeem(coupon.id, 40).unwrap().redeemed.unwrap();
    assert_eq!((redeemed.promo_amount, redeemed.total_amount()), (Fen(40), Fen::ZERO));
    assert_eq!(scene.purse(), [9_000, 960, 0, 40], "the rest is frozen again");
}

#[test]
fn a_percent_discount_is_rounded_down_and_capped_and_its_rest_goes_back() {
    let cases = [(15, 3), (19, 3), (4, 0), (500, 100), (504, 100), (505, 100), (i64::MAX, 100)];
    for (org_amount, promo_amount) in cases {
        let mut scene = percent(20, 100);
        let coupon = scene.issue(1);
        let redeemed = scene.redeem(coupon.id, org_amount).unwrap().redeemed.unwrap();
        assert_eq!(redeemed.promo_amount, Fen(promo_amount), "of {org_amount}");
        assert_eq!(scene.purse(), [9_000, 1_000 - promo_amount, 0, promo_amount]);
        assert_eq!(scene.stock(), 4, "one that was used for nothing was used too");
    }
}

#[test]
fn a_whole_discount_leaves_nothing_to_pay() {
    let mut scene = percent(100, 100);
    let coupon = scene.issue(1);
    let redeemed = scene.redeem(coupon.id, 99).unwrap().redeemed.unwrap();
    assert_eq!(redeemed.total_amount(), Fen::ZERO);
    let most = Discount::Percent { off: 100, at_most: Fen(i64::MAX) };
    assert_eq!(most.on(Fen(i64::MAX)), Fen(i64::MAX));
}

#[test]
fn an_expired_coupon_gives_money_and_stock_back_once() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    scene.pass(48 * HOUR);
    let twice = Expire { coupons: vec![coupon.id, Id(7), coupon.id] };
    assert_eq!(scene.run(twice), Ok(1));
    assert_eq!(scene.expire(coupon.id), 0);
    let ended = scene.coupon(coupon.id);
    assert_eq!((ended.status, ended.closed_at), (CouponStatus::Expired, Some(scene.now)));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
    assert_eq!(scene.owed(coupon.id), [IssueResult, WriteOff]);
}

#[test]
fn a_voided_coupon_ends_as_if_it_had_expired() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    assert_eq!(scene.void(coupon.id).unwrap().status, CouponStatus::Expired);
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 1_000, 0, 0], 5));
    assert_eq!(scene.owed(coupon.id), [IssueResult, WriteOff]);
    assert_eq!(scene.redeem(coupon.id, 300), Err(RedeemRefusal::Expired));
    let again = VoidRefusal::NotIssued(CouponStatus::Expired);
    assert_eq!(scene.void(coupon.id), Err(again));
    assert_eq!(scene.void(Id(7)), Err(VoidRefusal::Unknown));
}

#[test]
fn neither_a_used_coupon_nor_one_in_process_is_voided() {
    let mut scene = Scene::deferred_coupons();
    let coupon = scene.issue(1);
    let refusal = VoidRefusal::NotIssued(CouponStatus::Process);
    assert_eq!(scene.void(coupon.id), Err(refusal));
    scene.pass(5);
    scene.settle_coupon(coupon.id);
    scene.redeem(coupon.id, 300).unwrap();
    assert_eq!(scene.void(coupon.id), Err(VoidRefusal::NotIssued(CouponStatus::Used)));
}

#[test]
fn a_coupons_transfers_tell_its_story() {
    let mut scene = percent(20, 100);
    let coupon = scene.issue(1);
    scene.redeem(coupon.id, 200).unwrap();
    let story = scene.stored.transfers.iter().filter(|one| one.order == Some(coupon.id));
    let story: Vec<_> = story.map(|one| (one.reason, one.amount.0)).collect();
    let told =
        [(TransferReason::Hold, 100), (TransferReason::Spend, 40), (TransferReason::Return, 60)];
    assert_eq!(story, told);
}

#[test]
fn a_use_leaves_one_audit_line_and_its_repetition_none() {
    let mut scene = Scene::coupons();
    let coupon = scene.issue(1);
    let by = |command| Operated {
        actor: Actor { name: "till".to_owned(), trace_id: "t".to_owned() },
        command,
    };
    scene.run(by(Scene::redemption(coupon.id, 300))).unwrap();
    assert!(scene.run(by(Scene::redemption(coupon.id, 300))).unwrap().repeated);
    let [line] = scene.stored.audit.as_slice() else { panic!("one line") };
    let subject = coupon.id.to_string();
    assert_eq!((line.action.as_str(), &line.subject), ("coupon.redeem", &subject));
}
