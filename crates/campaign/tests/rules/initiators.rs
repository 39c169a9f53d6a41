use huodong_campaign::*;

use crate::gateway_scene::cert_id;
use crate::scene::Scene;
use crate::script::at;

fn update(cert_id: CertId) -> UpdateInitiator {
    UpdateInitiator {
        cert_id,
        name: None,
        plain_replies: None,
        strict_req_id: None,
        rate_per_s: None,
    }
}

fn replace(key: &str, previous_until: Option<jiff::Timestamp>) -> ReplaceInitiatorKey {
    ReplaceInitiatorKey {
        cert_id: cert_id(0),
        mode: EnvelopeMode::Sm2,
        public_key: key.to_owned(),
        previous_until,
    }
}

#[test]
fn a_cert_id_is_given_once() {
    let mut scene = Scene::gateway();
    let taken = scene.run(Scene::initiator(0));
    assert_eq!(taken, Err(InitiatorRefusal::Taken(cert_id(0))));
    let nameless = || CreateInitiator { cert_id: None, ..Scene::initiator(0) };
    let first = scene.run(nameless()).unwrap();
    assert_ne!(scene.run(nameless()).unwrap().cert_id, first.cert_id);
}

#[test]
fn what_is_not_named_stays() {
    let mut scene = Scene::gateway();
    let before = scene.stored.initiators[&cert_id(0)].clone();
    assert_eq!(scene.run(update(cert_id(0))), Ok(before.clone()));
    let changed = UpdateInitiator {
        name: Some("another".to_owned()),
        plain_replies: Some(true),
        strict_req_id: Some(true),
        rate_per_s: Some(Some(3)),
        ..update(cert_id(0))
    };
    let after = Initiator {
        name: "another".to_owned(),
        plain_replies: true,
        strict_req_id: true,
        rate_per_s: Some(3),
        ..before
    };
    assert_eq!(scene.run(changed), Ok(after.clone()));
    let default = UpdateInitiator { rate_per_s: Some(None), ..update(cert_id(0)) };
    assert_eq!(scene.run(default), Ok(Initiator { rate_per_s: None, ..after }));
}

#[test]
fn the_key_before_is_accepted_for_a_while_and_the_one_before_that_no_more() {
    let mut scene = Scene::gateway();
    let until = at(2_000_000_000);
    let replaced = scene.run(replace("second", Some(until))).unwrap();
    let previous = replaced.previous_public_key.unwrap();
    assert_eq!((&*replaced.public_key, &*previous.pem), ("second", "first"));
    assert_eq!(previous.valid_until, until);
    let replaced = scene.run(replace("third", Some(until))).unwrap();
    assert_eq!(replaced.previous_public_key.unwrap().pem, "second");
    let replaced = scene.run(replace("fourth", None)).unwrap();
    assert_eq!(replaced.previous_public_key, None);
}

#[test]
fn the_same_key_again_leaves_the_one_before_it_its_time() {
    let mut scene = Scene::gateway();
    let (first, later, sooner) = (at(2_000_000_000), at(2_000_000_010), at(1_999_999_999));
    let replaced = scene.run(replace("second", Some(first))).unwrap();
    assert_eq!(scene.run(replace("second", Some(later))), Ok(replaced));
    let previous = scene.run(replace("second", Some(sooner))).unwrap().previous_public_key;
    let previous = previous.unwrap();
    assert_eq!((&*previous.pem, previous.valid_until), ("first", sooner));
    let ended = scene.run(replace("second", None)).unwrap();
    assert_eq!((&*ended.public_key, ended.previous_public_key), ("second", None));
}

#[test]
fn a_key_of_the_other_mode_leaves_none_before_it() {
    let mut scene = Scene::gateway();
    scene.run(replace("second", Some(at(2_000_000_000)))).unwrap();
    let rsa = |previous_until| ReplaceInitiatorKey {
        mode: EnvelopeMode::Rsa,
        ..replace("rsa", previous_until)
    };
    let refused = scene.run(rsa(Some(at(2_000_000_000))));
    assert_eq!(refused, Err(InitiatorRefusal::PreviousOfOtherMode));
    assert_eq!(scene.stored.initiators[&cert_id(0)].mode, EnvelopeMode::Sm2);
    let replaced = scene.run(rsa(None)).unwrap();
    assert_eq!((replaced.mode, replaced.previous_public_key), (EnvelopeMode::Rsa, None));
}

#[test]
fn a_revoked_initiator_stays_so() {
    let mut scene = Scene::gateway();
    let revoke = || RevokeInitiator { cert_id: cert_id(0) };
    assert_eq!(scene.run(revoke()).unwrap().status, InitiatorStatus::Revoked);
    let revoked = InitiatorRefusal::Revoked(cert_id(0));
    assert_eq!(scene.run(revoke()), Err(revoked.clone()));
    assert_eq!(scene.run(update(cert_id(0))), Err(revoked.clone()));
    assert_eq!(scene.run(replace("second", None)), Err(revoked));
    let unknown = RevokeInitiator { cert_id: cert_id(9) };
    assert_eq!(scene.run(unknown), Err(InitiatorRefusal::Unknown(cert_id(9))));
    let unknown = ReplaceInitiatorKey { cert_id: cert_id(9), ..replace("second", None) };
    assert_eq!(scene.run(unknown), Err(InitiatorRefusal::Unknown(cert_id(9))));
}
