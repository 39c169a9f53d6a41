use huodong_campaign::*;
use jiff::SignedDuration;

use crate::scene::Scene;
use crate::script::{HOUR, appid, flower_key};

fn thanks(scene: &Scene, code: u8, num: u32) -> GrantFlowers {
    GrantFlowers {
        key: flower_key(0, code),
        open_id: OpenId::from("user-0"),
        num,
        starts_at: scene.now,
        expires_at: scene.now.checked_add(SignedDuration::from_secs(600)).unwrap(),
        donation: None,
        reward_transcode: None,
    }
}

#[test]
fn the_same_exchange_asked_for_again_gives_nothing_more() {
    let mut scene = Scene::instant();
    let first = scene.run(thanks(&scene, 1, 3)).unwrap();
    let again = scene.run(thanks(&scene, 1, 3)).unwrap();
    assert_eq!((again.grant.id, again.repeated), (first.grant.id, true));
    assert_eq!(scene.run(thanks(&scene, 1, 2)), Err(FlowerRefusal::KeyReused("xhh_num")));
}

#[test]
fn a_user_receives_no_more_than_the_days_flowers() {
    let mut scene = Scene::instant();
    scene.run(thanks(&scene, 1, 3)).unwrap();
    let refusal = scene.run(thanks(&scene, 2, 3)).unwrap_err();
    assert_eq!(refusal, FlowerRefusal::DailyLimit { had: 3, most: 5 });
    scene.run(thanks(&scene, 3, 2)).unwrap();
    scene.pass(14 * HOUR);
    scene.run(thanks(&scene, 4, 5)).unwrap();
}

#[test]
fn an_exchange_happens_only_within_the_callers_window() {
    let mut scene = Scene::instant();
    let late = thanks(&scene, 1, 1);
    scene.pass(600);
    scene.run(late.clone()).unwrap();
    scene.pass(1);
    assert!(scene.run(late).unwrap().repeated, "what was given stays given");
    let expired = GrantFlowers { key: flower_key(0, 2), ..thanks(&scene, 2, 1) };
    scene.pass(-1);
    assert_eq!(scene.run(expired), Err(FlowerRefusal::OutsideWindow), "it has not begun");
}

#[test]
fn flowers_thank_a_paid_donation_of_the_same_user_once() {
    let mut scene = Scene::deferred();
    let donation = scene.donate(1, 10).unwrap().id;
    let named = |scene: &Scene, code| GrantFlowers {
        donation: Some(donation),
        reward_transcode: Some("trans-1".into()),
        ..thanks(scene, code, 1)
    };
    assert_eq!(scene.run(named(&scene, 1)), Err(FlowerRefusal::NotPaid));
    scene.pass(5);
    scene.settle(donation);
    let stranger = GrantFlowers { open_id: OpenId::from("user-1"), ..named(&scene, 1) };
    assert_eq!(scene.run(stranger), Err(FlowerRefusal::OtherDonation("third_uid")));
    let crossed = GrantFlowers { reward_transcode: Some("trans-2".into()), ..named(&scene, 1) };
    assert_eq!(scene.run(crossed), Err(FlowerRefusal::OtherDonation("reward_transcode")));
    let granted = scene.run(named(&scene, 1)).unwrap().grant.id;
    assert_eq!(scene.stored.donations[&donation].flowers, Some(granted));
    assert_eq!(scene.run(named(&scene, 2)), Err(FlowerRefusal::AlreadyThanked));
}

#[test]
fn another_applications_donation_is_unknown() {
    let mut scene = Scene::instant();
    scene.enter(1, "project-1");
    let donation = scene.donate(1, 10).unwrap().id;
    let mut foreign = GrantFlowers { donation: Some(donation), ..thanks(&scene, 1, 1) };
    foreign.key.appid = appid(1);
    assert_eq!(scene.run(foreign), Err(FlowerRefusal::UnknownDonation));
}

#[test]
fn a_reward_transcode_alone_names_no_donation() {
    let mut scene = Scene::instant();
    scene.donate(1, 10).unwrap();
    let half = GrantFlowers { reward_transcode: Some("trans-1".into()), ..thanks(&scene, 1, 1) };
    assert_eq!(scene.run(half), Err(FlowerRefusal::UnknownDonation));
}
