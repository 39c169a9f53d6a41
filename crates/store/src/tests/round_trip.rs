//! What was saved is what is loaded.

use huodong_campaign::*;
use jiff::SignedDuration;

use super::story::{Story, donate, key};
use crate::PageRequest;

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// Loads what is wanted, and lets go of the transaction.
fn load(story: &mut Story, wanted: &Wanted<'_>) -> World {
    let mut world = story.world();
    story.store.load(wanted, &mut world).unwrap();
    story.store.rollback();
    world
}

#[test]
fn every_entity_comes_back_as_it_was_saved() {
    let mut story = Story::begun();
    let token = story.run(CreateToken {
        name: TokenId::from("t"),
        role: Role::Finance,
        digest: [9; 32],
        expires_at: Some(story.now + SignedDuration::from_hours(1)),
    });
    let application = story.run(RotateSecret {
        appid: AppId::from("app"),
        sealed_secret: vec![4, 5],
        previous_valid_until: Some(story.now),
    });
    let donated = story.run(donate("deferred", "code", "user", 100)).donation;
    let thanked = story.run(donate("instant", "thanked", "user", 5)).donation;
    let flower_key = FlowerKey { appid: AppId::from("app"), trans_code: TransCode::from("f1") };
    let grant = story.run(GrantFlowers {
        key: flower_key.clone(),
        open_id: OpenId::from("user"),
        num: 3,
        starts_at: story.now,
        expires_at: story.now,
        donation: Some(thanked.id),
        reward_transcode: None,
    });
    let actor = Actor { name: "t".to_owned(), trace_id: "trace".to_owned() };
    let deposit = Deposit { org_no: OrgNo::from("org"), money: Fen(1) };
    story.run(Operated { actor: actor.clone(), command: deposit });

    let mut story = story.reopen();
    let (org_no, appid, bid) = (OrgNo::from("org"), AppId::from("app"), Bid::from("b"));
    let (name, donation_key) = (TokenId::from("t"), key("code"));
    let user_key = donated.user_key();
    let flowers_key = UserFlowersKey { appid: appid.clone(), open_id: OpenId::from("user") };
    let wanted = Wanted {
        organizations: [&org_no].into(),
        applications: [&appid].into(),
        bids: [&bid].into(),
        donation_keys: vec![&donation_key],
        donations: [donated.id].into(),
        flower_keys: vec![&flower_key],
        user_flowers: vec![flowers_key.clone()],
        tokens: [&name].into(),
        ..Wanted::default()
    };
    let world = load(&mut story, &wanted);
    assert!(!world.is_changed());
    assert_eq!(world.tokens.get(&name), Some(&token));
    assert_eq!(world.applications.get(&appid), Some(&application));
    assert_eq!(world.bids.get(&bid).unwrap().appid, appid);
    assert_eq!(world.donation_keys.get(&donation_key), Some(&donated.id));
    assert_eq!(world.donations.get(&donated.id), Some(&donated));
    assert_eq!(world.flowers.get(&flower_key), Some(&grant.grant));
    assert_eq!(world.user_flowers.get(&flowers_key).unwrap().total, 3);
    let usage = world.usages.get(&user_key).unwrap();
    assert_eq!((usage.count_total, usage.money_total), (1, Fen(100)));
    // What hangs on the donation came with it.
    let activity = world.activities.get(&donated.activity_no).unwrap();
    assert_eq!(world.balance(activity.held), Fen(100));
    assert_eq!(world.balance(activity.frozen), Fen(99_900));
    let project = world.projects.get(&donated.project_no).unwrap();
    assert_eq!(world.balance(project.account), Fen(5));
    let organization = world.organizations.get(&org_no).unwrap();
    assert_eq!(world.balance(organization.account), Fen(800_001));
    assert_eq!(world.balance(OUTSIDE), Fen(-1_000_001));

    let reader = story.store.reader();
    assert_eq!(reader.organization(&org_no).unwrap().as_ref(), Some(organization));
    assert_eq!(reader.application(&appid).unwrap().as_ref(), Some(&application));
    assert_eq!(reader.all_applications().unwrap(), [(application, vec![bid])]);
    assert_eq!(reader.project(&donated.project_no).unwrap().as_ref(), Some(project));
    let found = reader.activity(&donated.activity_no).unwrap().unwrap();
    assert_eq!(found, (activity.clone(), Fen(99_900), Fen(100)));
    assert_eq!(reader.token_by_digest(&[9; 32]).unwrap().as_ref(), Some(&token));
    assert_eq!(reader.tokens().unwrap(), [token]);
    assert_eq!(reader.donation(donated.id).unwrap().as_ref(), Some(&donated));
    assert_eq!(reader.donation_by_key(&donation_key).unwrap(), Some(donated));
    assert_eq!(reader.user_usage(&user_key).unwrap(), *usage);
    assert_eq!(reader.flower(&flower_key).unwrap(), Some(grant.grant));
    let audit = reader.audit_log(&crate::AuditFilter::default(), FIRST).unwrap().rows;
    assert_eq!(audit.len(), 1);
    assert_eq!((&audit[0].actor, &*audit[0].action), (&actor, "organization.deposit"));
}

#[test]
fn a_repeated_key_finds_the_donation_of_the_first_call() {
    let mut story = Story::begun();
    let first = story.run(donate("instant", "code", "user", 100));
    assert!(!first.repeated);
    let mut story = story.reopen();
    let again = story.run(donate("instant", "code", "user", 100));
    assert!(again.repeated);
    assert_eq!(again.donation, first.donation);
}

#[test]
fn settlements_and_refunds_are_saved() {
    let mut story = Story::begun();
    let paid = story.run(donate("deferred", "pays", "user", 100)).donation;
    let failed = story.run(donate("deferred", "fails", "user", 13)).donation;
    let reader = story.store.reader();
    assert_eq!(reader.next_due().unwrap(), paid.settle_at);
    assert_eq!(reader.due_settlements(story.now, 10).unwrap(), []);
    story.advance(60);
    assert_eq!(reader.due_settlements(story.now, 10).unwrap(), [paid.id, failed.id]);
    assert_eq!(reader.due_settlements(story.now, 1).unwrap(), [paid.id]);
    assert!(story.run(Settle { donation: paid.id }));
    assert!(story.run(Settle { donation: failed.id }));
    assert_eq!(reader.due_settlements(story.now, 10).unwrap(), []);
    let usage = reader.user_usage(&paid.user_key()).unwrap();
    assert_eq!((usage.count_total, usage.money_day), (1, Fen(100)));

    let refunded = story.run(Refund { donation: paid.id, reason: "asked".to_owned() });
    assert_eq!(refunded.status, DonationStatus::Refunded);
    let story = story.reopen();
    let reader = story.store.reader();
    assert_eq!(reader.donation(paid.id).unwrap(), Some(refunded));
    let failed = reader.donation(failed.id).unwrap().unwrap();
    assert_eq!((failed.status, failed.settle_at), (DonationStatus::Failed, None));
    assert_eq!(reader.user_usage(&paid.user_key()).unwrap().count_total, 0);
    let totals = reader.donation_totals(&paid.activity_no).unwrap();
    let expected = [(DonationStatus::Failed, 1, Fen(13)), (DonationStatus::Refunded, 1, Fen(100))];
    assert_eq!(totals.by_status, expected);
}

#[test]
fn an_activity_ends_with_its_window() {
    let mut story = Story::begun();
    let reader = story.store.reader();
    assert_eq!(reader.due_ends(story.now, 10).unwrap(), []);
    story.advance(1000 * 3600);
    assert_eq!(reader.due_ends(story.now, 10).unwrap().len(), 2);
    assert!(reader.next_due().unwrap().unwrap() <= story.now);
    let activity_no = ActivityNo::from("instant");
    story.run(EndActivity { activity_no: activity_no.clone(), only_if_over: true });
    assert_eq!(reader.due_ends(story.now, 10).unwrap(), [ActivityNo::from("deferred")]);
    let (activity, frozen, _) = reader.activity(&activity_no).unwrap().unwrap();
    assert_eq!((activity.status, frozen), (ActivityStatus::Ended, Fen::ZERO));
}

#[test]
fn a_batch_rolled_back_leaves_nothing() {
    let mut story = Story::begun();
    let command = donate("instant", "code", "user", 100);
    let mut world = story.world();
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    story.store.load(&wanted, &mut world).unwrap();
    command.decide(&mut world).unwrap();
    story.store.rollback();
    let reader = story.store.reader();
    assert_eq!(reader.donation_by_key(&command.key).unwrap(), None);
    assert!(!story.run(command).repeated);
}

#[test]
fn a_wiped_store_is_as_new_and_takes_the_same_rows_again() {
    let mut story = Story::begun();
    for i in 0..120 {
        story.run(donate("instant", format!("code{i}"), "user", 1));
    }
    let reader = story.store.reader();
    let deposit = Deposit { org_no: OrgNo::from("org"), money: Fen(1) };
    let deposit = Referenced::new(Some("r".to_owned()), deposit);
    assert!(!story.run(deposit.clone()).repeated);
    let balance = Fen(1_000_001 - 200_000);
    assert_eq!(story.run(deposit.clone()), Posted { balance, repeated: true });
    story.store.wipe().unwrap();
    if story.database.is_none() {
        assert_eq!(story.store.last_id(), 1);
    }
    assert_eq!(reader.organizations(FIRST).unwrap().rows, []);
    assert_eq!(reader.donation_by_key(&key("code7")).unwrap(), None);
    assert_eq!(reader.trial_balance().unwrap().sum, Fen::ZERO);
    let org_no = Some(OrgNo::from("org"));
    let (name, merchant_no) = ("Again".to_owned(), "m".to_owned());
    story.run(CreateOrganization { org_no, name, merchant_no });
    assert_eq!(story.run(deposit), Posted { balance: Fen(1), repeated: false });
}
