//! What only a database that several nodes share can meet.

use huodong_campaign::*;

use super::coupon_story::issue;
use super::story::{Story, donate};
use crate::{Store, StoreError};

#[test]
fn a_row_whose_key_is_lost_is_not_tried_for_ever() {
    let mut story = Story::shared().begin();
    story.run(donate("instant", "first", "user", 1));
    // The next number of this slot is taken by a row that nothing leads to.
    let taken = "INSERT INTO transfers SELECT (SELECT max(last_id) FROM nodes) + 256 * step, \
        from_account, to_account, amount, reason, order_id, at FROM transfers, \
        generate_series(1, 4000000, 1) step WHERE id = (SELECT min(id) FROM transfers) LIMIT 2000";
    story.tamper(taken);
    let command = donate("instant", "second", "user", 1);
    let mut refused = Vec::new();
    loop {
        let mut world =
            World::new(story.now, story.store.first_id(0)).number_by(story.store.id_step());
        let mut wanted = Wanted::default();
        command.wants(&mut wanted);
        story.store.load(&wanted, &mut world).unwrap();
        command.decide(&mut world).unwrap();
        match story.store.save(&world) {
            Err(StoreError::Again(_)) => refused.push("again"),
            Err(StoreError::Corrupt(why)) => {
                assert!(why.contains("23505"), "{why}");
                break;
            }
            other => panic!("{other:?}"),
        }
        assert!(refused.len() < 100, "it is tried for ever");
    }
    assert!(refused.len() >= 5, "{}", refused.len());
}

#[test]
fn a_pause_saved_beside_a_coupon_is_heard_of_at_every_node() {
    let mut story = Story::shared().begin_coupons();
    let (mut other, _) = Store::open(&story.options).unwrap();
    let donates = |store: &mut Store, now, code: &str| {
        let command = donate("instant", code, "user", 1);
        let mut world = World::new(now, store.first_id(0)).number_by(store.id_step());
        let mut wanted = Wanted::default();
        command.wants(&mut wanted);
        store.load(&wanted, &mut world).unwrap();
        let decided = command.decide(&mut world);
        store.save(&world).unwrap();
        decided
    };
    // Both keep the activity in memory from here on.
    donates(&mut other, story.now, "at the other").unwrap();
    donates(&mut story.store, story.now, "here").unwrap();

    let activity_no = ActivityNo::from("instant");
    let pause = SetStatus { activity_no, status: ActivityStatus::Paused };
    let coupon = issue("gifts", "order", "user");
    let mut saved = Err(StoreError::Again(String::new()));
    for _ in 0..2 {
        let mut world = story.world();
        let mut wanted = Wanted::default();
        pause.wants(&mut wanted);
        coupon.wants(&mut wanted);
        story.store.load(&wanted, &mut world).unwrap();
        pause.decide(&mut world).unwrap();
        coupon.decide(&mut world).unwrap();
        saved = story.store.save(&world);
        if saved.is_ok() {
            break;
        }
    }
    saved.unwrap();
    for store in [&mut other, &mut story.store] {
        let refused = donates(store, story.now, "late").unwrap_err();
        assert_eq!(refused, DonateRefusal::NotRunning(ActivityStatus::Paused));
    }
}
