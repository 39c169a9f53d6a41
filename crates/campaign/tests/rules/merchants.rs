use huodong_campaign::MerchantKind::{Enterprise, Government, Micro};
use huodong_campaign::*;

use crate::gateway_scene::{alipay_pid, cert_id, merc_id};
use crate::scene::Scene;

fn update(number: u8) -> UpdateMerchant {
    UpdateMerchant {
        merc_id: merc_id(number),
        cert_id: None,
        name: None,
        kind: None,
        intent_confirmed: None,
        alipay_pid: None,
    }
}

fn named(number: u8, pid: u8) -> UpdateMerchant {
    UpdateMerchant { alipay_pid: Some(Some(alipay_pid(pid))), ..update(number) }
}

/// Merchant of initiator 0 as a file gives it.
fn row(number: u8) -> MerchantRow {
    MerchantRow {
        merc_id: merc_id(number),
        cert_id: cert_id(0),
        name: format!("merchant {number}"),
        kind: Enterprise,
        intent_confirmed: true,
        alipay_pid: Some(None),
    }
}

#[test]
fn kinds_bear_the_vendors_numbers() {
    for (number, kind) in (0..).zip(MerchantKind::ALL) {
        assert_eq!(kind.number(), number);
        assert_eq!(MerchantKind::from_number(number), Some(kind));
    }
    assert_eq!(MerchantKind::from_number(6), None);
}

#[test]
fn a_merchant_is_taken_in_once_for_an_initiator_that_is_let_in() {
    let mut scene = Scene::gateway();
    let taken = scene.run(Scene::shop(0, Micro));
    assert_eq!(taken, Err(MerchantRefusal::Taken(merc_id(0))));
    let unknown = CreateMerchant { cert_id: cert_id(7), ..Scene::shop(20, Micro) };
    assert_eq!(scene.run(unknown), Err(MerchantRefusal::UnknownInitiator(cert_id(7))));
    scene.run(RevokeInitiator { cert_id: cert_id(1) }).unwrap();
    let revoked = CreateMerchant { cert_id: cert_id(1), ..Scene::shop(20, Micro) };
    assert_eq!(scene.run(revoked), Err(MerchantRefusal::UnknownInitiator(cert_id(1))));
    let nameless = || CreateMerchant { merc_id: None, ..Scene::shop(0, Micro) };
    let first = scene.run(nameless()).unwrap();
    assert_ne!(scene.run(nameless()).unwrap().merc_id, first.merc_id);
}

#[test]
fn what_is_not_named_stays() {
    let mut scene = Scene::gateway();
    let before = scene.stored.merchants[&merc_id(0)].clone();
    assert_eq!(scene.run(update(0)), Ok(before.clone()));
    let changed = UpdateMerchant {
        name: Some("another".to_owned()),
        kind: Some(Government),
        intent_confirmed: Some(false),
        alipay_pid: Some(None),
        ..update(0)
    };
    let after = Merchant {
        name: "another".to_owned(),
        kind: Government,
        intent_confirmed: false,
        alipay_pid: None,
        ..before
    };
    assert_eq!(scene.run(changed), Ok(after));
    assert_eq!(scene.run(update(99)), Err(MerchantRefusal::Unknown(merc_id(99))));
}

#[test]
fn a_merchant_that_passes_to_another_initiator_leaves_its_pid_behind() {
    let mut scene = Scene::gateway();
    let to = |number, cert| UpdateMerchant { cert_id: Some(cert_id(cert)), ..update(number) };
    let before = scene.stored.merchants[&merc_id(0)].clone();
    assert_eq!(scene.run(to(0, 0)), Ok(before.clone()), "it is its own");
    let unknown = MerchantRefusal::UnknownInitiator(cert_id(7));
    assert_eq!(scene.run(to(0, 7)), Err(unknown));
    let moved = Merchant { cert_id: cert_id(1), alipay_pid: None, ..before.clone() };
    assert_eq!(scene.run(to(0, 1)), Ok(moved));
    assert!(scene.run(named(1, 0)).is_ok(), "its PID was let go");
    let back = UpdateMerchant { alipay_pid: Some(Some(alipay_pid(0))), ..to(0, 0) };
    assert_eq!(scene.run(back), Err(MerchantRefusal::PidTaken(alipay_pid(0))));
    let back = UpdateMerchant { alipay_pid: Some(Some(alipay_pid(3))), ..to(0, 0) };
    let after = Merchant { alipay_pid: Some(alipay_pid(3)), ..before };
    assert_eq!(scene.run(back), Ok(after));
    // Initiator 1's merchant 9 is known as 9; who comes with that is not let in.
    let with = UpdateMerchant { alipay_pid: Some(Some(alipay_pid(9))), ..to(0, 1) };
    assert_eq!(scene.run(with), Err(MerchantRefusal::PidTaken(alipay_pid(9))));
    scene.run(RevokeInitiator { cert_id: cert_id(1) }).unwrap();
    let revoked = MerchantRefusal::UnknownInitiator(cert_id(1));
    assert_eq!(scene.run(to(0, 1)), Err(revoked));
    // Whose initiator is shut out can be given to another.
    assert_eq!(scene.run(to(9, 0)).unwrap().cert_id, cert_id(0));
}

#[test]
fn no_two_merchants_of_one_initiator_are_known_to_alipay_as_the_same() {
    let mut scene = Scene::gateway();
    let taken = MerchantRefusal::PidTaken(alipay_pid(0));
    let second = || CreateMerchant { alipay_pid: Some(alipay_pid(0)), ..Scene::shop(20, Micro) };
    assert_eq!(scene.run(second()), Err(taken.clone()));
    assert_eq!(scene.run(named(1, 0)), Err(taken.clone()));
    let imported = ImportMerchants {
        rows: vec![MerchantRow { alipay_pid: Some(Some(alipay_pid(0))), ..row(21) }],
    };
    assert_eq!(scene.run(imported), Ok(vec![Imported::Refused(taken)]));
    // One business may be a merchant of several initiators.
    let elsewhere = CreateMerchant { cert_id: cert_id(1), ..second() };
    assert!(scene.run(elsewhere).is_ok());
    assert!(scene.run(named(9, 5)).is_ok());
    assert!(scene.run(named(0, 0)).is_ok(), "it is its own");
    assert!(scene.run(named(0, 5)).is_ok());
    assert!(scene.run(named(1, 0)).is_ok(), "it was let go");
}

#[test]
fn a_pid_that_was_let_go_is_free_in_the_same_batch() {
    let scene = Scene::gateway();
    let (moves, takes, asks) = (named(0, 5), named(1, 0), named(2, 5));
    let mut wanted = Wanted::default();
    for command in [&moves, &takes, &asks] {
        command.wants(&mut wanted);
    }
    let mut world = scene.stored.load(&wanted, scene.now);
    assert!(moves.decide(&mut world).is_ok());
    assert!(takes.decide(&mut world).is_ok());
    assert_eq!(asks.decide(&mut world), Err(MerchantRefusal::PidTaken(alipay_pid(5))));
}

#[test]
fn an_import_tells_what_became_of_each_row_and_goes_on_after_a_refusal() {
    let mut scene = Scene::gateway();
    let created_at = scene.stored.merchants[&merc_id(1)].created_at;
    scene.pass(60);
    let before = scene.stored.merchants[&merc_id(0)].clone();
    let same = MerchantRow { alipay_pid: Some(before.alipay_pid.clone()), ..row(0) };
    let rows = vec![
        row(30),
        same,
        row(1),
        MerchantRow { cert_id: cert_id(1), ..row(2) },
        MerchantRow { cert_id: cert_id(7), ..row(31) },
        MerchantRow { alipay_pid: Some(Some(alipay_pid(0))), ..row(32) },
        row(30),
        MerchantRow { kind: Micro, ..row(30) },
    ];
    let became = scene.run(ImportMerchants { rows }).unwrap();
    let expected = [
        Imported::Created,
        Imported::Unchanged,
        Imported::Updated,
        Imported::Refused(MerchantRefusal::OtherInitiator(merc_id(2))),
        Imported::Refused(MerchantRefusal::UnknownInitiator(cert_id(7))),
        Imported::Refused(MerchantRefusal::PidTaken(alipay_pid(0))),
        Imported::Unchanged,
        Imported::Updated,
    ];
    assert_eq!(became, expected);
    let merchants = &scene.stored.merchants;
    assert_eq!(merchants[&merc_id(0)], before);
    assert_eq!(
        (merchants[&merc_id(1)].kind, merchants[&merc_id(1)].created_at),
        (Enterprise, created_at)
    );
    assert_eq!(merchants[&merc_id(2)].cert_id, cert_id(0));
    assert_eq!(merchants[&merc_id(30)].kind, Micro);
    assert!(!merchants.contains_key(&merc_id(31)) && !merchants.contains_key(&merc_id(32)));
}

#[test]
fn an_import_that_does_not_tell_of_a_pid_leaves_it() {
    let mut scene = Scene::gateway();
    let silent = MerchantRow { alipay_pid: None, name: "another".to_owned(), ..row(0) };
    let rows = vec![silent.clone(), MerchantRow { alipay_pid: None, ..row(30) }];
    let became = scene.run(ImportMerchants { rows }).unwrap();
    assert_eq!(became, [Imported::Updated, Imported::Created]);
    let pid_of = |scene: &Scene, merc| scene.stored.merchants[&merc_id(merc)].alipay_pid.clone();
    assert_eq!((pid_of(&scene, 0), pid_of(&scene, 30)), (Some(alipay_pid(0)), None));
    let became = scene.run(ImportMerchants { rows: vec![silent.clone()] }).unwrap();
    assert_eq!(became, [Imported::Unchanged]);
    let bare = MerchantRow { alipay_pid: Some(None), ..silent };
    assert_eq!(scene.run(ImportMerchants { rows: vec![bare] }).unwrap(), [Imported::Updated]);
    assert_eq!(pid_of(&scene, 0), None);
}

#[test]
fn merchants_of_a_revoked_initiator_are_still_corrected_by_an_import() {
    let mut scene = Scene::gateway();
    scene.run(RevokeInitiator { cert_id: cert_id(0) }).unwrap();
    let became = scene.run(ImportMerchants { rows: vec![row(1), row(30)] }).unwrap();
    let unknown = MerchantRefusal::UnknownInitiator(cert_id(0));
    assert_eq!(became, [Imported::Updated, Imported::Refused(unknown)]);
}

#[test]
fn an_import_has_rows_but_not_too_many() {
    let mut scene = Scene::gateway();
    assert_eq!(scene.run(ImportMerchants { rows: Vec::new() }), Err(ImportRefusal::Rows));
    let rows = vec![row(30); IMPORT_ROWS_MAX + 1];
    assert_eq!(scene.run(ImportMerchants { rows: rows.clone() }), Err(ImportRefusal::Rows));
    let all = ImportMerchants { rows: rows[1..].to_vec() };
    assert_eq!(scene.run(all).unwrap().len(), IMPORT_ROWS_MAX);
}

#[test]
fn an_import_that_changed_something_leaves_a_line_in_the_audit_log() {
    let mut scene = Scene::gateway();
    let actor = Actor { name: "admin".to_owned(), trace_id: String::new() };
    let foreign = MerchantRow { cert_id: cert_id(1), ..row(2) };
    let command = ImportMerchants { rows: vec![foreign, row(30)] };
    let lines = scene.stored.audit.len();
    for _ in 0..2 {
        scene.run(Operated { actor: actor.clone(), command: command.clone() }).unwrap();
    }
    assert_eq!(scene.stored.audit.len(), lines + 1, "the second found nothing to do");
    let line = scene.stored.audit.last().unwrap();
    assert_eq!((&*line.action, &*line.subject), ("merchant.import", "merc-30"));
}
