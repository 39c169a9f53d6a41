use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{HOUR, START, activity_no, at, project_no};

#[test]
fn an_activity_moves_only_along_its_arrows() {
    use ActivityStatus::{Draft, Ended, Paused, Running};
    let mut scene = Scene::instant();
    let no_step = |from, to| Err(ActivityRefusal::NoSuchStep { from, to });
    assert_eq!(scene.set(Running), no_step(Running, Running));
    assert_eq!(scene.set(Draft), no_step(Running, Draft));
    assert_eq!(scene.set(Paused).unwrap().status, Paused);
    assert_eq!(scene.set(Ended), no_step(Paused, Ended), "ending is a command of its own");
    assert_eq!(scene.set(Running).unwrap().status, Running);
    scene.end();
    assert_eq!(scene.set(Running), Err(ActivityRefusal::Ended));
}

#[test]
fn a_paused_activity_takes_no_donations_but_settles_what_it_took() {
    let mut scene = Scene::deferred();
    let donation = scene.donate(1, 300).unwrap();
    scene.set(ActivityStatus::Paused).unwrap();
    let refusal = scene.donate(2, 300).unwrap_err();
    assert_eq!(refusal, DonateRefusal::NotRunning(ActivityStatus::Paused));
    scene.pass(5);
    assert!(scene.settle(donation.id));
}

#[test]
fn the_window_begins_with_its_first_instant_and_ends_before_its_last() {
    let mut scene = Scene::instant();
    scene.now = at(START - 1);
    assert_eq!(scene.donate(1, 1), Err(DonateRefusal::NotBegun(at(START))));
    scene.now = at(START);
    scene.donate(1, 1).unwrap();
    scene.now = at(START + 48 * HOUR - 1);
    scene.donate(2, 1).unwrap();
    scene.now = at(START + 48 * HOUR);
    assert_eq!(scene.donate(3, 1), Err(DonateRefusal::Over(at(START + 48 * HOUR))));
}

#[test]
fn what_is_left_when_an_activity_ends_is_the_organizations_again() {
    let mut scene = Scene::instant();
    scene.donate(1, 300).unwrap();
    assert_eq!(scene.end(), Fen(700));
    assert_eq!(scene.money(), [9_700, 0, 0, 300]);
}

#[test]
fn orders_settle_after_the_end_and_what_fails_goes_to_the_organization() {
    let mut scene = Scene::deferred();
    let paid = scene.donate(1, 300).unwrap();
    let failed = scene.donate(2, 13).unwrap();
    let mut rule = BookRule::all_succeed(Settlement::Deferred { delay_s: 5 });
    rule.fail_money = vec![Fen(13)];
    scene.update(|update| update.channel = Some(Channel::Book(rule))).unwrap();
    assert_eq!(scene.end(), Fen(687), "placed orders keep what they hold");
    assert_eq!(scene.money(), [9_687, 0, 313, 0]);
    scene.pass(5);
    assert!(scene.settle(paid.id) && scene.settle(failed.id));
    assert_eq!(scene.money(), [9_700, 0, 0, 300]);
}

#[test]
fn a_refund_after_the_end_goes_to_the_organization() {
    let mut scene = Scene::instant();
    let donation = scene.donate(1, 300).unwrap();
    scene.end();
    scene.refund(donation.id).unwrap();
    assert_eq!(scene.money(), [10_000, 0, 0, 0]);
}

#[test]
fn a_timer_ends_an_activity_only_when_its_window_is_over() {
    let mut scene = Scene::instant();
    let timer = || EndActivity { activity_no: activity_no(0), only_if_over: true };
    scene.now = at(START + 48 * HOUR - 1);
    assert!(matches!(scene.run(timer()), Err(ActivityRefusal::NoSuchStep { .. })));
    scene.now = at(START + 48 * HOUR);
    assert_eq!(scene.run(timer()), Ok(Fen(1_000)));
    assert_eq!(scene.run(timer()), Err(ActivityRefusal::Ended));
}

#[test]
fn an_ended_activity_takes_neither_money_nor_changes() {
    let mut scene = Scene::instant();
    scene.end();
    let fund = FundActivity { activity_no: activity_no(0), money: Fen(1) };
    assert_eq!(scene.run(fund), Err(ActivityRefusal::Ended));
    let renamed = scene.update(|update| update.name = Some("two".to_owned()));
    assert_eq!(renamed, Err(ActivityRefusal::Ended));
}

#[test]
fn an_activity_names_projects_that_exist() {
    let mut scene = Scene::instant();
    let two = || CreateActivity { activity_no: Some(activity_no(2)), ..Scene::plan() };
    let none = CreateActivity { projects: Vec::new(), ..two() };
    assert_eq!(scene.run(none), Err(ActivityRefusal::Projects(100)));
    let unknown = CreateActivity { projects: vec![project_no(0), project_no(9)], ..two() };
    assert_eq!(scene.run(unknown), Err(ActivityRefusal::UnknownProject(project_no(9))));
}

#[test]
fn funding_freezes_no_more_than_the_organization_has() {
    let mut scene = Scene::instant();
    let fund = |money| FundActivity { activity_no: activity_no(0), money: Fen(money) };
    let short = ActivityRefusal::NotEnough { asked: Fen(9_001), balance: Fen(9_000) };
    assert_eq!(scene.run(fund(9_001)), Err(short));
    assert_eq!(scene.run(fund(0)), Err(ActivityRefusal::NoMoney));
    assert_eq!(scene.run(fund(-1)), Err(ActivityRefusal::NoMoney));
    assert_eq!(scene.run(fund(9_000)), Ok(Fen(10_000)));
}
