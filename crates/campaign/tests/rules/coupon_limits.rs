use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{HOUR, START, activity_no, at, institution_id, user};

fn limited(limits: UserLimits) -> Scene {
    Scene::offering(|plan| plan.limits = limits)
}

fn reached(limit: LimitReached) -> Option<FailReason> {
    Some(FailReason::Limit(limit))
}

#[test]
fn the_last_coupon_goes_to_one_of_sixty_four_and_to_nobody_else_ever() {
    let mut scene = Scene::offering(|plan| plan.offer.stock = 1);
    let orders: Vec<Issue> = (0..64).map(Scene::order).collect();
    let mut wanted = Wanted::default();
    orders.iter().for_each(|order| order.wants(&mut wanted));
    let mut world = scene.stored.load(&wanted, scene.now);
    let all: Vec<Issued> = orders.iter().map(|order| order.decide(&mut world).unwrap()).collect();
    scene.stored.save(&world);
    let issued = all.iter().filter(|one| one.coupon.status == CouponStatus::Issued);
    assert_eq!(issued.count(), 1);
    let none_left = all.iter().filter(|one| one.coupon.failed == Some(FailReason::OutOfStock));
    assert_eq!(none_left.count(), 63);
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 900, 100, 0], 0));

    scene.restock(|update| update.add_stock = Some(64)).unwrap();
    for (order, first) in orders.into_iter().zip(all) {
        let again = scene.run(order).unwrap();
        assert!(again.repeated, "there are coupons by now, but not for this order");
        assert_eq!(again.coupon, first.coupon);
    }
    assert_eq!(scene.stock(), 64);
    assert_eq!(scene.stored.callbacks.len(), 64);
}

#[test]
fn stock_comes_back_when_a_coupon_ends_unused_and_not_when_it_is_used() {
    let mut scene = Scene::offering(|plan| plan.offer.stock = 2);
    let (used, voided) = (scene.issue(1), scene.issue(2));
    assert_eq!(scene.failed(3), Some(FailReason::OutOfStock));
    scene.redeem(used.id, 300).unwrap();
    assert_eq!(scene.failed(4), Some(FailReason::OutOfStock));
    scene.void(voided.id).unwrap();
    assert_eq!(scene.failed(5), None);
    assert_eq!(scene.failed(6), Some(FailReason::OutOfStock));
}

#[test]
fn the_last_fen_can_be_given_and_not_one_more() {
    let mut scene = Scene::offering(|plan| {
        plan.offer.terms.discount = Discount::Fixed { money: Fen(500) };
    });
    assert_eq!((scene.failed(1), scene.failed(2)), (None, None));
    assert_eq!(scene.failed(3), Some(FailReason::OutOfMoney));
    assert_eq!((scene.purse(), scene.stock()), ([9_000, 0, 1_000, 0], 3));
    let off_by_one = Scene::offering(|plan| {
        plan.offer.terms.discount = Discount::Percent { off: 50, at_most: Fen(1_001) };
    })
    .failed(1);
    assert_eq!(off_by_one, Some(FailReason::OutOfMoney), "the cap is what must be covered");
}

#[test]
fn coupons_are_given_from_the_windows_first_instant_until_before_its_last() {
    let mut scene = Scene::coupons();
    for (key, (second, outcome)) in (0..).zip([
        (START - 1, Some(FailReason::NotStarted)),
        (START, None),
        (START + 48 * HOUR - 1, None),
        (START + 48 * HOUR, Some(FailReason::Over)),
    ]) {
        scene.now = at(second);
        assert_eq!(scene.failed(key), outcome, "at {}", scene.now);
    }
}

#[test]
fn a_draft_has_not_started_and_a_paused_or_ended_activity_is_over() {
    let mut scene = Scene::coupons();
    let draft = CreateCouponActivity { activity_no: Some(activity_no(1)), ..Scene::coupon_plan() };
    scene.run(draft).unwrap();
    let order = Issue { activity_no: activity_no(1), ..Scene::order(1) };
    assert_eq!(scene.run(order).unwrap().coupon.failed, Some(FailReason::NotStarted));
    scene.set(ActivityStatus::Paused).unwrap();
    assert_eq!(scene.failed(2), Some(FailReason::Over));
    scene.end();
    assert_eq!(scene.failed(3), Some(FailReason::Over));
}

#[test]
fn each_openid_has_a_limit_of_its_own_whoever_the_member_is() {
    let mut scene = limited(UserLimits { count_total: Some(1), ..UserLimits::default() });
    assert_eq!(scene.failed(1), None);
    assert_eq!(scene.failed(1), None, "a repeated order counts once");
    let member = Issue { member_id: "AAA2".into(), ..Scene::order(2) };
    assert_eq!(scene.run(member).unwrap().coupon.failed, reached(LimitReached::CountTotal));
    let openid = Issue { openid: OpenId::from(user(1).as_str()), ..Scene::order(3) };
    assert_eq!(scene.run(openid).unwrap().coupon.failed, None);
}

#[test]
fn the_second_coupon_of_a_day_waits_for_midnight_in_shanghai() {
    let mut scene = limited(UserLimits { count_day: Some(1), ..UserLimits::default() });
    assert_eq!(scene.failed(1), None);
    scene.pass(14 * HOUR - 1);
    assert_eq!(scene.failed(2), reached(LimitReached::CountDay));
    scene.pass(1);
    assert_eq!(scene.failed(3), None);
}

#[test]
fn money_limits_count_what_coupons_are_worth_at_most() {
    let mut scene = limited(UserLimits {
        money_total: Some(Fen(300)),
        money_day: Some(Fen(200)),
        ..UserLimits::default()
    });
    assert_eq!((scene.failed(1), scene.failed(2)), (None, None));
    assert_eq!(scene.failed(3), reached(LimitReached::MoneyDay));
    scene.pass(24 * HOUR);
    assert_eq!(scene.failed(4), None);
    assert_eq!(scene.failed(5), reached(LimitReached::MoneyTotal));
}

#[test]
fn a_used_and_an_expired_coupon_count_for_ever() {
    let mut scene = limited(UserLimits { count_total: Some(2), ..UserLimits::default() });
    let (used, voided) = (scene.issue(1), scene.issue(2));
    scene.redeem(used.id, 300).unwrap();
    scene.void(voided.id).unwrap();
    assert_eq!(scene.failed(3), reached(LimitReached::CountTotal));
}

#[test]
fn a_failed_coupon_gives_the_limit_back() {
    let mut scene = Scene::offering(|plan| {
        plan.limits = UserLimits { count_total: Some(1), ..UserLimits::default() };
        plan.channel = Scene::book(|rule| {
            rule.settlement = Settlement::Deferred { delay_s: 5 };
            rule.fail_money = vec![Fen(100)];
        });
    });
    let coupon = scene.issue(1);
    assert_eq!(scene.failed(2), reached(LimitReached::CountTotal), "one in process counts");
    scene.pass(5);
    assert!(scene.settle_coupon(coupon.id));
    assert_eq!(scene.failed(3), None);
}

#[test]
fn limits_can_neither_begin_nor_end_once_coupons_are_out() {
    let mut scene = Scene::coupons();
    let once = UserLimits { count_total: Some(1), ..UserLimits::default() };
    let refusal = scene.update(|update| update.limits = Some(once));
    assert_eq!(refusal, Err(ActivityRefusal::LimitsTooLate));
}

#[test]
fn an_offer_that_makes_no_sense_is_refused() {
    type Change = fn(&mut NewOffer);
    let cases: [(OfferRefusal, Change); 9] = [
        (OfferRefusal::NoDiscount, |it| it.terms.discount = Discount::Fixed { money: Fen(0) }),
        (OfferRefusal::NoDiscount, |it| it.terms.discount = percent(10, 0)),
        (OfferRefusal::OffShare, |it| it.terms.discount = percent(0, 1)),
        (OfferRefusal::OffShare, |it| it.terms.discount = percent(101, 1)),
        (OfferRefusal::MinimumSpend, |it| it.terms.minimum_spend = Fen(-1)),
        (OfferRefusal::Validity, |it| it.terms.validity = Validity::Days(0)),
        (OfferRefusal::Validity, |it| it.terms.validity = Validity::Days(3_651)),
        (OfferRefusal::Validity, |it| it.terms.validity = Validity::Until(at(START))),
        (OfferRefusal::Issuers, |it| it.issuers.clear()),
    ];
    let mut scene = Scene::coupons();
    let plan =
        || CreateCouponActivity { activity_no: Some(activity_no(1)), ..Scene::coupon_plan() };
    for (refusal, change) in cases {
        let mut wrong = plan();
        change(&mut wrong.offer);
        assert_eq!(scene.run(wrong), Err(refusal.into()));
    }
    let mut unknown = plan();
    unknown.offer.issuers.push(institution_id(9));
    assert_eq!(scene.run(unknown), Err(ActivityRefusal::UnknownIssuer(institution_id(9))));
}

fn percent(off: u8, at_most: i64) -> Discount {
    Discount::Percent { off, at_most: Fen(at_most) }
}

#[test]
fn terms_are_fixed_once_the_activity_has_started() {
    let mut scene = Scene::coupons();
    let terms = scene.offer().terms;
    let late = scene.restock(|update| update.terms = Some(terms));
    assert_eq!(late, Err(OfferRefusal::TermsTooLate.into()));
    let draft = CreateCouponActivity { activity_no: Some(activity_no(1)), ..Scene::coupon_plan() };
    scene.run(draft).unwrap();
    let early = scene.restock(|update| {
        update.activity_no = activity_no(1);
        update.terms = Some(CouponTerms { minimum_spend: Fen(1), ..terms });
    });
    assert_eq!(early, Ok(()));
}

#[test]
fn an_issuer_that_is_taken_off_hands_out_no_more() {
    let mut scene = Scene::coupons();
    scene.issue(1);
    scene.restock(|update| update.issuers = Some(vec![institution_id(1)])).unwrap();
    assert_eq!(scene.run(Scene::order(2)), Err(IssueRefusal::UnknownActivity));
    assert!(scene.run(Scene::order(1)).unwrap().repeated, "but sees what it handed out");
}

#[test]
fn stock_is_added_to_as_long_as_it_can_be_counted() {
    let mut scene = Scene::coupons();
    let mut add = |more| scene.restock(|update| update.add_stock = Some(more));
    let mut times = 0_u64;
    while add(u32::MAX).is_ok() {
        times += 1;
        assert!(times < 1_000, "there is an end to it");
    }
    assert_eq!(add(u32::MAX), Err(OfferRefusal::TooMuchStock.into()));
    assert_eq!(scene.stock(), 5 + times * u64::from(u32::MAX));
}
