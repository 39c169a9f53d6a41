use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{HOUR, user};

fn limited(limits: UserLimits) -> Scene {
    Scene::new(Settlement::Instant, limits)
}

fn once() -> UserLimits {
    UserLimits { count_total: Some(1), ..UserLimits::default() }
}

fn reached(limit: LimitReached) -> DonateRefusal {
    DonateRefusal::LimitReached(limit)
}

#[test]
fn each_user_has_a_limit_of_their_own() {
    let mut scene = limited(once());
    scene.donate(1, 10).unwrap();
    assert_eq!(scene.donate(2, 10), Err(reached(LimitReached::CountTotal)));
    let other = Donate { third_uid: user(1), ..Scene::gift(3, 10) };
    scene.run(other).unwrap();
}

#[test]
fn a_repeated_donation_counts_once() {
    let mut scene = limited(once());
    scene.donate(1, 10).unwrap();
    scene.donate(1, 10).unwrap();
}

#[test]
fn the_second_donation_of_a_day_waits_for_midnight_in_shanghai() {
    let mut scene = limited(UserLimits { count_day: Some(1), ..UserLimits::default() });
    scene.donate(1, 10).unwrap();
    scene.pass(14 * HOUR - 1);
    assert_eq!(scene.donate(2, 10), Err(reached(LimitReached::CountDay)));
    scene.pass(1);
    scene.donate(2, 10).unwrap();
}

#[test]
fn money_limits_count_money() {
    let mut scene = limited(UserLimits {
        money_total: Some(Fen(100)),
        money_day: Some(Fen(60)),
        ..UserLimits::default()
    });
    scene.donate(1, 60).unwrap();
    assert_eq!(scene.donate(2, 1), Err(reached(LimitReached::MoneyDay)));
    scene.pass(24 * HOUR);
    assert_eq!(scene.donate(2, 41), Err(reached(LimitReached::MoneyTotal)));
    scene.donate(2, 40).unwrap();
}

#[test]
fn a_refund_gives_the_limit_back() {
    let mut scene = limited(once());
    let donation = scene.donate(1, 10).unwrap();
    scene.refund(donation.id).unwrap();
    scene.donate(2, 10).unwrap();
}

#[test]
fn a_refund_of_yesterdays_donation_frees_nothing_today() {
    let mut scene = limited(UserLimits { count_day: Some(1), ..UserLimits::default() });
    let yesterday = scene.donate(1, 10).unwrap();
    scene.pass(24 * HOUR);
    scene.donate(2, 10).unwrap();
    scene.refund(yesterday.id).unwrap();
    assert_eq!(scene.donate(3, 10), Err(reached(LimitReached::CountDay)));
}

#[test]
fn a_failed_donation_gives_the_limit_back() {
    let mut scene = Scene::new(Settlement::Deferred { delay_s: 5 }, once());
    let mut rule = BookRule::all_succeed(Settlement::Deferred { delay_s: 5 });
    rule.fail_money = vec![Fen(13)];
    scene.update(|update| update.channel = Some(Channel::Book(rule))).unwrap();
    let donation = scene.donate(1, 13).unwrap();
    assert_eq!(scene.donate(2, 10), Err(reached(LimitReached::CountTotal)), "placed orders count");
    scene.pass(5);
    assert!(scene.settle(donation.id));
    scene.donate(2, 10).unwrap();
}

#[test]
fn a_limit_cannot_begin_once_donations_are_taken() {
    let mut scene = limited(UserLimits::default());
    let refusal = scene.update(|update| update.limits = Some(once()));
    assert_eq!(refusal, Err(ActivityRefusal::LimitsTooLate));
}

#[test]
fn the_last_limit_cannot_be_taken_away_once_donations_are_taken_but_it_can_be_changed() {
    let mut scene = limited(once());
    let refusal = scene.update(|update| update.limits = Some(UserLimits::default()));
    assert_eq!(refusal, Err(ActivityRefusal::LimitsTooLate));
    scene.donate(1, 10).unwrap();
    let two = UserLimits { count_total: Some(2), ..UserLimits::default() };
    scene.update(|update| update.limits = Some(two)).unwrap();
    scene.donate(2, 10).unwrap();
    assert_eq!(scene.donate(3, 10), Err(reached(LimitReached::CountTotal)));
}
