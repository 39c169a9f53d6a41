use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::org_no;

#[test]
fn no_more_is_paid_out_than_is_free() {
    let mut scene = Scene::instant();
    let withdraw = |money| Withdraw { org_no: org_no(0), money: Fen(money) };
    let short = OrganizationRefusal::NotEnough { asked: Fen(9_001), balance: Fen(9_000) };
    assert_eq!(scene.run(withdraw(9_001)), Err(short));
    assert_eq!(scene.run(withdraw(-1)), Err(OrganizationRefusal::NoMoney));
    assert_eq!(scene.run(withdraw(9_000)), Ok(Fen::ZERO));
}

#[test]
fn the_ledger_takes_in_no_more_than_it_can_sum_up() {
    let mut scene = Scene::instant();
    scene.enter(1, "project-1");
    let deposit = |org, money| Deposit { org_no: org_no(org), money: Fen(money) };
    let room = i64::MAX - 20_000;
    assert_eq!(scene.run(deposit(1, room + 1)), Err(OrganizationRefusal::TooMuch));
    scene.run(deposit(1, room)).unwrap();
    assert_eq!(scene.run(deposit(0, 1)), Err(OrganizationRefusal::TooMuch));
}

#[test]
fn a_donations_transfers_tell_its_story() {
    let mut scene = Scene::deferred();
    let donation = scene.donate(1, 300).unwrap();
    scene.pass(5);
    scene.settle(donation.id);
    scene.refund(donation.id).unwrap();
    let story = scene.stored.transfers.iter().filter(|one| one.order == Some(donation.id));
    let story: Vec<_> = story.map(|one| (one.reason, one.amount)).collect();
    let reasons = [TransferReason::Hold, TransferReason::Pay, TransferReason::Refund];
    assert_eq!(story, reasons.map(|reason| (reason, Fen(300))));
}

#[test]
fn an_operators_command_leaves_one_audit_line_and_a_refused_one_none() {
    let mut scene = Scene::instant();
    let by = |money| Operated {
        actor: Actor { name: "li".to_owned(), trace_id: "t".to_owned() },
        command: Deposit { org_no: org_no(0), money: Fen(money) },
    };
    assert!(scene.run(by(0)).is_err());
    assert!(scene.stored.audit.is_empty());
    scene.run(by(5)).unwrap();
    let line = &scene.stored.audit[0];
    assert_eq!((line.action.as_str(), line.subject.as_str()), ("organization.deposit", "org-0"));
    assert_eq!(line.detail, r#"{"org_no":"org-0","money":5}"#);
}

#[test]
fn the_audit_log_holds_no_secrets() {
    let rotate = RotateSecret {
        appid: AppId::from("app-0"),
        sealed_secret: b"sealed".to_vec(),
        previous_valid_until: None,
    };
    assert_eq!(rotate.detail(), r#"{"appid":"app-0","previous_valid_until":null}"#);
}
