use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{activity_no, appid, org_no, project_no, user};

fn book(change: impl FnOnce(&mut BookRule), settlement: Settlement) -> Option<Channel> {
    let mut rule = BookRule::all_succeed(settlement);
    change(&mut rule);
    Some(Channel::Book(rule))
}

#[test]
fn an_instant_donation_is_paid_at_once() {
    let mut scene = Scene::instant();
    let donation = scene.donate(1, 300).unwrap();
    assert_eq!((donation.status, donation.settle_at), (DonationStatus::Paid, None));
    assert_eq!(scene.money(), [9_000, 700, 0, 300]);
}

#[test]
fn a_deferred_donation_is_held_until_it_is_due() {
    let mut scene = Scene::deferred();
    let donation = scene.donate(1, 300).unwrap();
    assert_eq!(donation.status, DonationStatus::Placed);
    assert_eq!(scene.money(), [9_000, 700, 300, 0]);
    scene.pass(4);
    assert!(!scene.settle(donation.id), "it is not due yet");
    scene.pass(1);
    assert!(scene.settle(donation.id));
    assert_eq!(scene.money(), [9_000, 700, 0, 300]);
    assert!(!scene.settle(donation.id), "it has settled");
}

#[test]
fn a_failed_settlement_returns_the_money_to_the_activity() {
    let mut scene = Scene::deferred();
    let settlement = Settlement::Deferred { delay_s: 5 };
    scene
        .update(|update| update.channel = book(|rule| rule.fail_money = vec![Fen(13)], settlement))
        .unwrap();
    let donation = scene.donate(1, 13).unwrap();
    scene.pass(5);
    assert!(scene.settle(donation.id));
    assert_eq!(scene.stored.donations[&donation.id].status, DonationStatus::Failed);
    assert_eq!(scene.money(), [9_000, 1_000, 0, 0]);
}

#[test]
fn an_instant_donation_that_fails_moves_no_money() {
    let mut scene = Scene::instant();
    scene
        .update(|update| {
            update.channel = book(|rule| rule.fail_per_10000 = 10_000, Settlement::Instant)
        })
        .unwrap();
    assert_eq!(scene.donate(1, 13).unwrap().status, DonationStatus::Failed);
    assert_eq!(scene.money(), [9_000, 1_000, 0, 0]);
    assert_eq!(scene.donate(1, 13).unwrap().status, DonationStatus::Failed, "and stays so");
}

#[test]
fn a_share_of_the_orders_fails() {
    let mut scene = Scene::instant();
    scene
        .update(|update| {
            update.channel = book(|rule| rule.fail_per_10000 = 2_500, Settlement::Instant)
        })
        .unwrap();
    let failed =
        (0..200).filter(|key| scene.donate(*key, 1).unwrap().status == DonationStatus::Failed);
    let failed = failed.count();
    assert!((25..=75).contains(&failed), "{failed} of 200 failed, about 50 should");
}

#[test]
fn what_the_channel_refuses_leaves_nothing_behind_so_the_key_stays_free() {
    let mut scene = Scene::instant();
    let channel = book(
        |rule| {
            rule.refuse_money = vec![Fen(4)];
            rule.unavailable_money = vec![Fen(5)];
        },
        Settlement::Instant,
    );
    scene.update(|update| update.channel = channel).unwrap();
    assert_eq!(scene.donate(1, 4), Err(DonateRefusal::ChannelRefused));
    assert_eq!(scene.donate(1, 5), Err(DonateRefusal::ChannelUnavailable));
    assert_eq!(scene.donate(1, 6).unwrap().status, DonationStatus::Paid);
}

#[test]
fn a_known_key_is_answered_with_its_order_as_it_stands_now() {
    let mut scene = Scene::deferred();
    let first = scene.run(Scene::gift(1, 300)).unwrap();
    assert!(!first.repeated);
    scene.pass(5);
    scene.settle(first.donation.id);
    scene.end();
    let again = scene.run(Scene::gift(1, 300)).unwrap();
    assert!(again.repeated, "even when the activity has ended");
    assert_eq!(
        (again.donation.id, again.donation.status),
        (first.donation.id, DonationStatus::Paid)
    );
    assert_eq!(scene.stored.donations.len(), 1);
}

#[test]
fn a_known_key_with_another_field_is_refused_and_the_field_named() {
    let mut scene = Scene::instant();
    scene.donate(1, 300).unwrap();
    type Change = fn(&mut Donate);
    let changes: [(&str, Change); 6] = [
        ("activity_no", |gift| gift.activity_no = activity_no(9)),
        ("project_no", |gift| gift.project_no = project_no(9)),
        ("third_uid", |gift| gift.third_uid = user(9)),
        ("reward", |gift| gift.reward += 1),
        ("reward_time", |gift| gift.reward_time = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0)),
        ("money", |gift| gift.money = Fen(301)),
    ];
    for (field, change) in changes {
        let mut gift = Scene::gift(1, 300);
        change(&mut gift);
        assert_eq!(scene.run(gift).unwrap_err(), DonateRefusal::KeyReused(field));
    }
    assert_eq!(scene.money(), [9_000, 700, 0, 300]);
}

#[test]
fn another_applications_bid_shows_nothing_not_even_its_orders() {
    let mut scene = Scene::instant();
    scene.enter(1, "project-1");
    scene.donate(1, 300).unwrap();
    let mut spying = Scene::gift(1, 300);
    (spying.appid, spying.org_no) = (appid(1), org_no(1));
    assert_eq!(scene.run(spying).unwrap_err(), DonateRefusal::UnknownBid);
}

#[test]
fn another_organizations_activity_is_unknown() {
    let mut scene = Scene::instant();
    let mut foreign = Scene::gift(1, 300);
    foreign.org_no = org_no(1);
    assert_eq!(scene.run(foreign).unwrap_err(), DonateRefusal::UnknownActivity);
}

#[test]
fn the_last_fen_can_be_given_and_not_one_more() {
    let mut scene = Scene::instant();
    assert_eq!(scene.donate(1, 1_001), Err(DonateRefusal::NotEnough));
    scene.donate(1, 1_000).unwrap();
    assert_eq!(scene.donate(2, 1), Err(DonateRefusal::NotEnough));
}

#[test]
fn a_refund_takes_the_money_from_the_project_back_to_the_activity_once() {
    let mut scene = Scene::instant();
    let donation = scene.donate(1, 300).unwrap();
    assert_eq!(scene.refund(donation.id).unwrap().status, DonationStatus::Refunded);
    assert_eq!(scene.money(), [9_000, 1_000, 0, 0]);
    let again = scene.refund(donation.id);
    assert_eq!(again, Err(RefundRefusal::NotPaid(DonationStatus::Refunded)));
}

#[test]
fn only_a_paid_donation_is_refunded() {
    let mut scene = Scene::deferred();
    let placed = scene.donate(1, 300).unwrap();
    assert_eq!(scene.refund(placed.id), Err(RefundRefusal::NotPaid(DonationStatus::Placed)));
    assert_eq!(scene.refund(Id(7)), Err(RefundRefusal::Unknown));
}
