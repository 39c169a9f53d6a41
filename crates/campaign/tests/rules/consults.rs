//! What a user could be given, asked before anything is issued.

use huodong_campaign::ConsultResult::{
    NotPermitted, NotStarted, Other, OutOfBudget, OverLimit, Success,
};
use huodong_campaign::*;

use crate::gateway_scene::{alipay_pid, cert_id};
use crate::scene::Scene;
use crate::script::{HOUR, START, activity_no, at, user};

/// Initiator 0 asks, for its merchant known as 0 and the user that [`Scene::order`] is for.
fn ask(activities: &[u8]) -> Consult {
    Consult {
        cert_id: cert_id(0),
        merchant: Some(alipay_pid(0)),
        user: AlipayUser::OpenId(user(0).as_str().into()),
        activities: activities.iter().copied().map(activity_no).collect(),
    }
}

/// The gateway's scene, in which initiator 0 may hand the coupons out, after `change`.
fn shop(change: impl FnOnce(&mut CreateCouponActivity)) -> Scene {
    let mut scene = Scene::gateway();
    scene.end();
    let mut plan =
        CreateCouponActivity { activity_no: Some(activity_no(1)), ..Scene::coupon_plan() };
    plan.offer.initiators = vec![cert_id(0)];
    change(&mut plan);
    scene.run(plan).unwrap();
    let money = Fen(1_000);
    scene.run(FundActivity { activity_no: activity_no(1), money }).unwrap();
    scene
}

fn running(change: impl FnOnce(&mut CreateCouponActivity)) -> Scene {
    let mut scene = shop(change);
    set(&mut scene, ActivityStatus::Running);
    scene
}

fn set(scene: &mut Scene, status: ActivityStatus) {
    scene.run(SetStatus { activity_no: activity_no(1), status }).unwrap();
}

fn order(key: u32) -> Issue {
    Issue { activity_no: activity_no(1), ..Scene::order(key) }
}

fn told(scene: &mut Scene) -> ConsultResult {
    scene.run(ask(&[1])).unwrap()[0]
}

#[test]
fn what_could_be_given_is_success_and_a_consult_changes_nothing() {
    let mut scene = running(|_| {});
    let (command, mut wanted) = (ask(&[1]), Wanted::default());
    command.wants(&mut wanted);
    let mut world = scene.stored.load(&wanted, scene.now);
    assert_eq!(command.decide(&mut world), Ok(vec![Success]));
    assert!(!world.is_changed());
    assert!(scene.run(order(1)).unwrap().coupon.failed.is_none());
}

#[test]
fn the_unknown_the_paused_the_ended_and_what_hands_no_coupons_out_are_other() {
    let mut scene = running(|_| {});
    assert_eq!(scene.run(ask(&[9])), Ok(vec![Other]));
    // Activity 0 has ended.
    assert_eq!(scene.run(ask(&[0])), Ok(vec![Other]));
    set(&mut scene, ActivityStatus::Paused);
    assert_eq!(told(&mut scene), Other);
    set(&mut scene, ActivityStatus::Running);
    scene.now = at(START + 48 * HOUR);
    assert_eq!(told(&mut scene), Other);
    scene.pass(-1);
    assert_eq!(told(&mut scene), Success);
    let donations = CreateActivity { activity_no: Some(activity_no(2)), ..Scene::plan() };
    scene.run(donations).unwrap();
    assert_eq!(scene.run(ask(&[2])), Ok(vec![Other]));
}

#[test]
fn coupons_that_could_not_be_used_any_more_are_other() {
    let mut scene = running(|plan| {
        plan.offer.terms.validity = Validity::Until(at(START + 12 * HOUR));
    });
    assert_eq!(told(&mut scene), Success);
    scene.now = at(START + 12 * HOUR);
    assert_eq!(told(&mut scene), Other);
}

#[test]
fn who_may_not_hand_it_out_is_not_permitted() {
    let mut scene = running(|plan| plan.offer.initiators = Vec::new());
    assert_eq!(told(&mut scene), NotPermitted);
    let mut scene = running(|plan| plan.offer.initiators = vec![cert_id(1)]);
    assert_eq!(told(&mut scene), NotPermitted);
    let other = Consult { cert_id: cert_id(1), merchant: None, ..ask(&[1]) };
    assert_eq!(scene.run(other), Ok(vec![Success]));
}

#[test]
fn where_merchants_are_named_it_must_be_one_of_them() {
    let mut scene = running(|plan| plan.offer.merchants = vec![alipay_pid(0)]);
    assert_eq!(told(&mut scene), Success);
    let nobody = Consult { merchant: None, ..ask(&[1]) };
    assert_eq!(scene.run(nobody.clone()), Ok(vec![NotPermitted]));
    let mut scene = running(|plan| plan.offer.merchants = vec![alipay_pid(3)]);
    assert_eq!(told(&mut scene), NotPermitted);
    let mut scene = running(|_| {});
    assert_eq!(scene.run(nobody), Ok(vec![Success]));
}

#[test]
fn before_its_window_and_before_it_is_online_it_has_not_started() {
    let mut scene = shop(|_| {});
    assert_eq!(told(&mut scene), NotStarted);
    let mut scene = running(|plan| plan.starts_at = at(START + 11 * HOUR));
    assert_eq!(told(&mut scene), NotStarted);
    scene.now = at(START + 11 * HOUR);
    assert_eq!(told(&mut scene), Success);
}

#[test]
fn without_stock_or_money_there_is_no_budget() {
    let mut scene = running(|plan| plan.offer.stock = 1);
    scene.run(order(1)).unwrap();
    assert_eq!(told(&mut scene), OutOfBudget);
    let mut scene = running(|plan| {
        plan.offer.terms.discount = Discount::Fixed { money: Fen(501) };
    });
    assert_eq!(told(&mut scene), Success);
    scene.run(order(1)).unwrap();
    assert_eq!(told(&mut scene), OutOfBudget);
}

#[test]
fn a_user_at_a_limit_is_over_it_whichever_id_names_them() {
    let one = UserLimits { count_day: Some(1), ..UserLimits::default() };
    let mut scene = running(|plan| plan.limits = one);
    scene.run(order(1)).unwrap();
    assert_eq!(told(&mut scene), OverLimit);
    let as_user_id = AlipayUser::UserId(user(0).as_str().into());
    assert_eq!(scene.run(Consult { user: as_user_id, ..ask(&[1]) }), Ok(vec![OverLimit]));
    let other = AlipayUser::OpenId(user(1).as_str().into());
    assert_eq!(scene.run(Consult { user: other, ..ask(&[1]) }), Ok(vec![Success]));
    scene.pass(14 * HOUR);
    assert_eq!(told(&mut scene), Success, "another day");
    for limits in [
        UserLimits { count_total: Some(1), ..UserLimits::default() },
        UserLimits { money_total: Some(Fen(199)), ..UserLimits::default() },
        UserLimits { money_day: Some(Fen(199)), ..UserLimits::default() },
    ] {
        let mut scene = running(|plan| plan.limits = limits);
        assert_eq!(told(&mut scene), Success);
        scene.run(order(1)).unwrap();
        assert_eq!(told(&mut scene), OverLimit, "{limits:?}");
    }
}

#[test]
fn the_first_that_stands_against_it_is_told() {
    // One after the other is put right, in the order of the vendor's table.
    let limits = UserLimits { count_total: Some(0), ..UserLimits::default() };
    let mut scene = shop(|plan| {
        plan.starts_at = at(START + 11 * HOUR);
        plan.offer.initiators = Vec::new();
        plan.offer.stock = 0;
        plan.limits = limits;
        plan.channel = Scene::book(|rule| rule.refuse_money = vec![Fen(100)]);
    });
    set(&mut scene, ActivityStatus::Running);
    set(&mut scene, ActivityStatus::Paused);
    let change = |scene: &mut Scene, change: &dyn Fn(&mut UpdateOffer)| {
        let mut update = UpdateOffer {
            activity_no: activity_no(1),
            terms: None,
            issuers: None,
            initiators: None,
            merchants: None,
            add_stock: None,
        };
        change(&mut update);
        scene.run(update).unwrap();
    };
    assert_eq!(told(&mut scene), Other);
    set(&mut scene, ActivityStatus::Running);
    assert_eq!(told(&mut scene), NotPermitted);
    change(&mut scene, &|offer| offer.initiators = Some(vec![cert_id(0)]));
    assert_eq!(told(&mut scene), NotStarted);
    scene.now = at(START + 11 * HOUR);
    assert_eq!(told(&mut scene), OutOfBudget);
    change(&mut scene, &|offer| offer.add_stock = Some(1));
    assert_eq!(told(&mut scene), OverLimit);
    let update = |limits, channel| UpdateActivity {
        activity_no: activity_no(1),
        name: None,
        starts_at: None,
        ends_at: None,
        projects: None,
        rules: None,
        limits,
        channel,
    };
    let limits = UserLimits { count_total: Some(1), ..UserLimits::default() };
    scene.run(update(Some(limits), None)).unwrap();
    let refuses = ConsultRefusal::ChannelRefuses(activity_no(1));
    assert_eq!(scene.run(ask(&[1])), Err(refuses));
    scene.run(update(None, Some(Scene::book(|_| {})))).unwrap();
    assert_eq!(told(&mut scene), Success);
}

#[test]
fn a_channel_that_refuses_or_fails_is_told_for_the_whole_call() {
    let no = activity_no(1);
    let (refuses, unavailable) = (
        ConsultRefusal::ChannelRefuses(no.clone()),
        ConsultRefusal::ChannelUnavailable(no.clone()),
    );
    let never: [(fn(&mut BookRule), _); 4] = [
        (|rule| rule.refuse_money = vec![Fen(100)], refuses.clone()),
        (|rule| rule.fail_money = vec![Fen(100)], refuses.clone()),
        (|rule| rule.fail_per_10000 = 10_000, refuses),
        (|rule| rule.unavailable_money = vec![Fen(100)], unavailable),
    ];
    for (rule, refusal) in never {
        let mut scene = running(|plan| plan.channel = Scene::book(rule));
        assert_eq!(scene.run(ask(&[9, 1, 0])), Err(refusal));
    }
    let mut scene = running(|plan| {
        plan.channel = Scene::book(|rule| {
            rule.refuse_money = vec![Fen(99)];
            rule.fail_per_10000 = 9_999;
        });
    });
    assert_eq!(told(&mut scene), Success, "it may well succeed");
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let mut scene = running(|_| {});
    let asked = scene.run(ask(&[9, 1, 0, 1]));
    assert_eq!(asked, Ok(vec![Other, Success, Other, Success]));
    let hundred: Vec<u8> = (0..100).collect();
    let told = scene.run(ask(&hundred)).unwrap();
    assert_eq!(told.len(), 100);
    assert_eq!(told.iter().position(|it| *it == Success), Some(1));
    let more: Vec<u8> = (0..101).collect();
    assert_eq!(scene.run(ask(&more)), Err(ConsultRefusal::Activities));
    assert_eq!(scene.run(ask(&[])), Err(ConsultRefusal::Activities));
}

#[test]
fn the_merchant_must_be_one_of_the_initiators() {
    let mut scene = running(|_| {});
    for pid in [9, 77] {
        let foreign = Consult { merchant: Some(alipay_pid(pid)), ..ask(&[1]) };
        assert_eq!(scene.run(foreign), Err(ConsultRefusal::UnknownMerchant));
    }
    let stranger = Consult { cert_id: cert_id(7), ..ask(&[1]) };
    assert_eq!(scene.run(stranger), Err(ConsultRefusal::UnknownInitiator));
    scene.run(RevokeInitiator { cert_id: cert_id(0) }).unwrap();
    assert_eq!(scene.run(ask(&[1])), Err(ConsultRefusal::UnknownInitiator));
}

#[test]
fn offers_name_initiators_that_are_there_and_not_too_many() {
    let mut scene = running(|_| {});
    let unknown = scene.restock(|offer| offer.initiators = Some(vec![cert_id(0), cert_id(7)]));
    assert_eq!(unknown, Err(ActivityRefusal::Ended), "activity 0 has ended");
    let mut scene = Scene::gateway();
    let unknown = scene.restock(|offer| offer.initiators = Some(vec![cert_id(0), cert_id(7)]));
    assert_eq!(unknown, Err(ActivityRefusal::UnknownInitiator(cert_id(7))));
    let many = scene.restock(|offer| offer.initiators = Some(vec![cert_id(0); 101]));
    assert_eq!(many, Err(OfferRefusal::Initiators.into()));
    let many = scene.restock(|offer| offer.merchants = Some(vec![alipay_pid(0); 101]));
    assert_eq!(many, Err(OfferRefusal::Merchants.into()));
    assert_eq!(scene.offer().initiators, []);
    scene.restock(|offer| offer.initiators = Some(vec![cert_id(0); 100])).unwrap();
    scene.restock(|offer| offer.merchants = Some(vec![alipay_pid(0); 100])).unwrap();
    let before = scene.offer().clone();
    assert_eq!((before.initiators.len(), before.merchants.len()), (100, 100));
    scene.restock(|offer| offer.add_stock = Some(1)).unwrap();
    let after = CouponOffer { stock_left: before.stock_left + 1, ..before };
    assert_eq!(*scene.offer(), after, "what is not named stays");
    let mut plan = Scene::coupon_plan();
    plan.activity_no = None;
    plan.offer.initiators = vec![cert_id(7)];
    assert_eq!(scene.run(plan.clone()), Err(ActivityRefusal::UnknownInitiator(cert_id(7))));
    plan.offer.initiators = vec![cert_id(1)];
    plan.offer.merchants = vec![alipay_pid(0); 101];
    assert_eq!(scene.run(plan), Err(OfferRefusal::Merchants.into()));
}
