//! What only a database that several nodes share can meet.

use huodong_campaign::*;

use super::story::{Story, donate};
use crate::StoreError;

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
