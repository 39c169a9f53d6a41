use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::{at, institution_id, owner_id};

fn update(appid: InstitutionId) -> UpdateInstitution {
    UpdateInstitution { appid, name: None, member_prefix: None, owners: None, rate_per_s: None }
}

fn replace(certificate: &str, previous_until: Option<jiff::Timestamp>) -> ReplaceCertificate {
    let certificate = certificate.to_owned();
    ReplaceCertificate { appid: institution_id(0), certificate, previous_until }
}

#[test]
fn an_appid_is_given_once() {
    let mut scene = Scene::coupons();
    let taken = scene.run(Scene::institution(0, "CCC"));
    assert_eq!(taken, Err(InstitutionRefusal::Taken(institution_id(0))));
    let first = CreateInstitution { appid: None, ..Scene::institution(0, "CCC") };
    let first = scene.run(first).unwrap();
    let second = CreateInstitution { appid: None, ..Scene::institution(0, "CCC") };
    assert_ne!(scene.run(second).unwrap().appid, first.appid, "numbers of our own differ");
}

#[test]
fn an_institution_acts_for_somebody() {
    let mut scene = Scene::coupons();
    let nobody = CreateInstitution { owners: Vec::new(), ..Scene::institution(2, "CCC") };
    assert_eq!(scene.run(nobody), Err(InstitutionRefusal::Owners));
    let many = vec![owner_id(0); 1_001];
    let many = UpdateInstitution { owners: Some(many), ..update(institution_id(0)) };
    assert_eq!(scene.run(many.clone()), Err(InstitutionRefusal::Owners));
    let unknown = UpdateInstitution { appid: institution_id(9), ..many };
    assert_eq!(scene.run(unknown), Err(InstitutionRefusal::Unknown(institution_id(9))));
}

#[test]
fn what_is_not_named_stays() {
    let mut scene = Scene::coupons();
    let before = scene.stored.institutions[&institution_id(0)].clone();
    assert_eq!(scene.run(update(institution_id(0))), Ok(before.clone()));
    let rate = UpdateInstitution { rate_per_s: Some(Some(3)), ..update(institution_id(0)) };
    let after = Institution { rate_per_s: Some(3), ..before.clone() };
    assert_eq!(scene.run(rate), Ok(after));
    let default = UpdateInstitution { rate_per_s: Some(None), ..update(institution_id(0)) };
    assert_eq!(scene.run(default), Ok(before));
}

#[test]
fn other_owners_and_prefixes_hold_for_what_comes_next() {
    let mut scene = Scene::coupons();
    let change = UpdateInstitution {
        owners: Some(vec![owner_id(1)]),
        member_prefix: Some("BBB".into()),
        ..update(institution_id(0))
    };
    scene.run(change).unwrap();
    assert_eq!(scene.run(Scene::order(1)), Err(IssueRefusal::UnknownOwner));
    let order = Issue { owner_id: owner_id(1), ..Scene::order(1) };
    assert_eq!(scene.run(order.clone()), Err(IssueRefusal::MemberPrefix));
    scene.run(Issue { member_id: "BBB1".into(), ..order }).unwrap();
}

#[test]
fn the_same_certificate_again_leaves_the_one_before_it_its_time() {
    let mut scene = Scene::coupons();
    let (first, later, sooner) = (at(2_000_000_000), at(2_000_000_010), at(1_999_999_999));
    let replaced = scene.run(replace("second", Some(first))).unwrap();
    assert_eq!(scene.run(replace("second", Some(later))), Ok(replaced));
    let previous = scene.run(replace("second", Some(sooner))).unwrap().previous_certificate;
    let previous = previous.unwrap();
    assert_eq!((previous.pem.as_str(), previous.valid_until), ("certificate", sooner));
    let ended = scene.run(replace("second", None)).unwrap();
    assert_eq!((ended.certificate.as_str(), ended.previous_certificate), ("second", None));
}

#[test]
fn the_certificate_before_is_accepted_for_a_while_and_the_one_before_that_no_more() {
    let mut scene = Scene::coupons();
    let until = at(2_000_000_000);
    let replaced = scene.run(replace("second", Some(until))).unwrap();
    let previous = replaced.previous_certificate.unwrap();
    assert_eq!((replaced.certificate.as_str(), previous.pem.as_str()), ("second", "certificate"));
    assert_eq!(previous.valid_until, until);
    let replaced = scene.run(replace("third", Some(until))).unwrap();
    assert_eq!(replaced.previous_certificate.unwrap().pem, "second");
    let replaced = scene.run(replace("fourth", None)).unwrap();
    assert_eq!(replaced.previous_certificate, None);
}

#[test]
fn a_revoked_institution_stays_so() {
    let mut scene = Scene::coupons();
    let revoke = || RevokeInstitution { appid: institution_id(0) };
    assert_eq!(scene.run(revoke()).unwrap().status, InstitutionStatus::Revoked);
    let revoked = InstitutionRefusal::Revoked(institution_id(0));
    assert_eq!(scene.run(revoke()), Err(revoked.clone()));
    assert_eq!(scene.run(update(institution_id(0))), Err(revoked.clone()));
    assert_eq!(scene.run(replace("second", None)), Err(revoked));
    let unknown = RevokeInstitution { appid: institution_id(9) };
    assert_eq!(scene.run(unknown), Err(InstitutionRefusal::Unknown(institution_id(9))));
}
