use huodong_campaign::*;

use crate::gateway_scene::{alipay_pid, cert_id, merc_id};
use crate::scene::Scene;

fn unconfirmed(scene: &mut Scene) {
    scene
        .run(UpdateMerchant {
            merc_id: merc_id(0),
            cert_id: None,
            name: None,
            kind: None,
            intent_confirmed: Some(false),
            alipay_pid: None,
        })
        .unwrap();
}

/// How an enrolment is made to break a rule.
type Spoil = fn(&mut Scene, &mut Enrol);

/// Every refusal, in the order of the rules.
const RULES: &[(Spoil, EnrolRefusal)] = &[
    (
        |scene, _| drop(scene.run(RevokeInitiator { cert_id: cert_id(0) }).unwrap()),
        EnrolRefusal::UnknownInitiator,
    ),
    (
        |_, paper| paper.photos.get_mut(&PhotoField::Rental).unwrap().extend([Id(1); 5]),
        EnrolRefusal::TooManyPhotos(PhotoField::Rental),
    ),
    (|_, paper| paper.key.merc_id = merc_id(9), EnrolRefusal::UnknownMerchant),
    (|scene, _| unconfirmed(scene), EnrolRefusal::IntentNotConfirmed),
    (
        |_, paper| paper.photos.insert(PhotoField::School, vec![Id(1)]).map_or((), drop),
        EnrolRefusal::PhotoOutOfPlace(PhotoField::School),
    ),
    (
        |_, paper| paper.photos.remove(&PhotoField::Front).map_or((), drop),
        EnrolRefusal::PhotoMissing(PhotoField::Front),
    ),
    (
        |_, paper| paper.supplementary_remark = Some("a remark".into()),
        EnrolRefusal::SupplementaryMissing,
    ),
    (|_, paper| paper.third_merc_id_cups = None, EnrolRefusal::NoThirdMercId),
    (
        |_, paper| paper.photos.get_mut(&PhotoField::Organization).unwrap().push(Id(7)),
        EnrolRefusal::UnknownPhoto(Id(7)),
    ),
];

#[test]
fn each_rule_refuses_by_name_and_the_first_that_is_broken_is_told() {
    for (first, (spoil, refusal)) in RULES.iter().enumerate() {
        let mut scene = Scene::gateway();
        let mut paper = scene.centre();
        // Last of all it matters whether the merchant is enrolled.
        let living = scene.run(paper.clone()).unwrap();
        let enrolled = EnrolRefusal::Enrolled(living.id, EnrolmentStatus::Pending);
        assert_eq!(scene.run(paper.clone()), Err(enrolled));
        spoil(&mut scene, &mut paper);
        assert_eq!(scene.run(paper.clone()), Err(refusal.clone()));
        for (spoil_more, _) in &RULES[first + 1..] {
            spoil_more(&mut scene, &mut paper);
        }
        assert_eq!(scene.run(paper), Err(refusal.clone()), "the first is told");
        assert_eq!(scene.stored.enrolments.len(), 1);
    }
}

#[test]
fn a_merchant_of_another_initiator_is_as_unknown_as_one_that_is_not_there() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    for number in [9, 99] {
        let mut paper = paper.clone();
        paper.key.merc_id = merc_id(number);
        assert_eq!(scene.run(paper), Err(EnrolRefusal::UnknownMerchant));
    }
    let paper = Enrol { cert_id: cert_id(1), ..paper };
    assert_eq!(scene.run(paper.clone()), Err(EnrolRefusal::UnknownMerchant));
    let paper = Enrol { cert_id: cert_id(7), ..paper };
    assert_eq!(scene.run(paper), Err(EnrolRefusal::UnknownInitiator));
}

#[test]
fn five_photos_are_enough_and_one_may_be_named_twice() {
    let mut scene = Scene::gateway();
    let mut paper = scene.centre();
    let ids = [scene.photo(), scene.photo()];
    let five = vec![ids[0], ids[1], ids[1], ids[1], ids[1]];
    paper.photos.insert(PhotoField::Front, five.clone());
    let mut six = paper.clone();
    six.photos.get_mut(&PhotoField::Front).unwrap().push(ids[0]);
    assert_eq!(scene.run(six), Err(EnrolRefusal::TooManyPhotos(PhotoField::Front)));
    assert_eq!(scene.run(paper).unwrap().photos[&PhotoField::Front], five);
}

#[test]
fn a_remark_and_supplementary_photos_come_together() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let mut photos_only = paper.clone();
    photos_only.photos.insert(PhotoField::Supplementary, vec![scene.photo()]);
    assert_eq!(scene.run(photos_only.clone()), Err(EnrolRefusal::RemarkMissing));
    let remark = Some("a remark".into());
    let mut remark_only = Enrol { supplementary_remark: remark.clone(), ..paper };
    assert_eq!(scene.run(remark_only.clone()), Err(EnrolRefusal::SupplementaryMissing));
    remark_only.photos.insert(PhotoField::Supplementary, Vec::new());
    assert_eq!(scene.run(remark_only), Err(EnrolRefusal::SupplementaryMissing));
    scene.run(Enrol { supplementary_remark: remark, ..photos_only }).unwrap();
}

#[test]
fn either_third_party_number_will_do() {
    for (cups, nucc) in [(Some("a"), None), (None, Some("b")), (Some("a"), Some("b"))] {
        let mut scene = Scene::gateway();
        let paper = Enrol {
            third_merc_id_cups: cups.map(Into::into),
            third_merc_id_nucc: nucc.map(Into::into),
            ..scene.centre()
        };
        let enrolment = scene.run(paper).unwrap();
        assert_eq!(enrolment.third_merc_id_cups.as_deref(), cups);
        assert_eq!(enrolment.third_merc_id_nucc.as_deref(), nucc);
    }
}

#[test]
fn anothers_photo_is_unknown() {
    let mut scene = Scene::gateway();
    let foreign = scene.run(Scene::upload(1, 7)).unwrap().id;
    let mut paper = scene.centre();
    paper.photos.insert(PhotoField::Front, vec![foreign]);
    assert_eq!(scene.run(paper), Err(EnrolRefusal::UnknownPhoto(foreign)));
}

#[test]
fn an_enrolment_says_what_was_true_when_it_was_made() {
    let mut scene = Scene::gateway();
    let mut paper = scene.centre();
    paper.photos.insert(PhotoField::School, Vec::new());
    let enrolment = scene.run(paper.clone()).unwrap();
    let mut photos = paper.photos.clone();
    photos.remove(&PhotoField::School);
    let expected = Enrolment {
        id: enrolment.id,
        key: paper.key,
        cert_id: cert_id(0),
        merchant_kind: MerchantKind::Enterprise,
        creator: "clerk".into(),
        third_merc_id_cups: Some("cups".into()),
        third_merc_id_nucc: None,
        photos,
        supplementary_remark: None,
        status: EnrolmentStatus::Pending,
        reason: None,
        decided_by: None,
        decided_at: None,
        placed_at: scene.now,
        req_id: "xy1415220315145602".into(),
    };
    assert_eq!(enrolment, expected);
    assert_eq!(scene.stored.enrolments[&enrolment.id], expected);
    let ids: Vec<Id> = enrolment.photos.values().flatten().copied().collect();
    assert!(ids.iter().all(|id| scene.stored.photos[id].used));
    scene
        .run(UpdateMerchant {
            merc_id: merc_id(0),
            cert_id: Some(cert_id(1)),
            name: None,
            kind: Some(MerchantKind::Micro),
            intent_confirmed: None,
            alipay_pid: Some(Some(alipay_pid(5))),
        })
        .unwrap();
    assert_eq!(scene.stored.enrolments[&enrolment.id], expected);
}

fn decide(enrolment: Id, decision: Decision, by: &str) -> DecideEnrolment {
    DecideEnrolment { enrolment, decision, by: TokenId::from(by) }
}

fn reject(reason: &str) -> Decision {
    Decision::Reject { reason: reason.into() }
}

#[test]
fn a_second_living_enrolment_is_refused_until_the_first_was_rejected() {
    let mut scene = Scene::gateway();
    let first = scene.centre();
    let id = scene.run(first.clone()).unwrap().id;
    let again = |status| Err(EnrolRefusal::Enrolled(id, status));
    assert_eq!(scene.run(first.clone()), again(EnrolmentStatus::Pending));
    // For another activity, and of another merchant, it stands in nobody's way.
    let canteen = scene.paper(RateActivity::SchoolCanteen, MerchantKind::Enterprise);
    scene.run(canteen).unwrap();
    let other = scene.paper(RateActivity::Education, MerchantKind::Micro);
    scene.run(other).unwrap();
    scene.run(decide(id, reject("blurred"), "one")).unwrap();
    let second = scene.run(first.clone()).unwrap();
    assert_ne!(second.id, id);
    scene.run(decide(second.id, Decision::Approve, "one")).unwrap();
    let refused = EnrolRefusal::Enrolled(second.id, EnrolmentStatus::Approved);
    assert_eq!(scene.run(first), Err(refused));
}

#[test]
fn the_second_reviewer_is_told_what_the_first_decided() {
    for decision in [Decision::Approve, reject("blurred")] {
        let mut scene = Scene::gateway();
        let paper = scene.centre();
        let id = scene.run(paper).unwrap().id;
        scene.pass(60);
        let decided = scene.run(decide(id, decision.clone(), "first")).unwrap();
        assert!(!decided.repeated);
        let status = match decision {
            Decision::Approve => EnrolmentStatus::Approved,
            Decision::Reject { .. } => EnrolmentStatus::Rejected,
        };
        let Enrolment { reason, decided_by, decided_at, .. } = &decided.enrolment;
        assert_eq!(decided.enrolment.status, status);
        assert_eq!(reason.as_deref(), (status == EnrolmentStatus::Rejected).then_some("blurred"));
        assert_eq!(decided_by.as_ref().map(TokenId::as_str), Some("first"));
        assert_eq!(*decided_at, Some(scene.now));
        scene.pass(60);
        let by = TokenId::from("first");
        let already = Err(DecideRefusal::AlreadyDecided { status, by });
        for second in [Decision::Approve, reject("blurred"), reject("another reason")] {
            assert_eq!(scene.run(decide(id, second.clone(), "second")), already);
            let own = scene.run(decide(id, second.clone(), "first"));
            if second == decision {
                // The same again, as after a lost answer.
                let again = DecidedEnrolment { repeated: true, ..decided.clone() };
                assert_eq!(own, Ok(again));
            } else {
                assert_eq!(own, already);
            }
        }
        assert_eq!(scene.stored.enrolments[&id], decided.enrolment);
    }
}

#[test]
fn two_reviewers_in_one_batch_do_not_both_decide() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let id = scene.run(paper).unwrap().id;
    let (first, second) =
        (decide(id, reject("blurred"), "first"), decide(id, Decision::Approve, "second"));
    let mut wanted = Wanted::default();
    first.wants(&mut wanted);
    second.wants(&mut wanted);
    let mut world = scene.stored.load(&wanted, scene.now);
    assert!(first.decide(&mut world).is_ok());
    let already = DecideRefusal::AlreadyDecided {
        status: EnrolmentStatus::Rejected,
        by: TokenId::from("first"),
    };
    assert_eq!(already.to_string(), "the enrolment was rejected by first");
    assert_eq!(second.decide(&mut world), Err(already));
    scene.stored.save(&world);
    assert_eq!(scene.stored.enrolments[&id].status, EnrolmentStatus::Rejected);
}

#[test]
fn a_rejection_says_why_and_an_unknown_enrolment_is_not_decided() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let id = scene.run(paper).unwrap().id;
    for reason in [String::new(), "长".repeat(REASON_CHARS_MAX + 1)] {
        assert_eq!(scene.run(decide(id, reject(&reason), "one")), Err(DecideRefusal::Reason));
    }
    let unknown = scene.run(decide(Id(7), Decision::Approve, "one"));
    assert_eq!(unknown, Err(DecideRefusal::Unknown));
    scene.run(decide(id, reject(&"长".repeat(REASON_CHARS_MAX)), "one")).unwrap();
}

#[test]
fn a_decision_leaves_one_line_in_the_audit_log() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let id = scene.run(paper).unwrap().id;
    let lines = scene.stored.audit.len();
    let actor = Actor { name: "first".to_owned(), trace_id: String::new() };
    let command = decide(id, reject("blurred"), "first");
    for _ in 0..2 {
        scene.run(Operated { actor: actor.clone(), command: command.clone() }).unwrap();
    }
    assert_eq!(scene.stored.audit.len(), lines + 1);
    let line = scene.stored.audit.last().unwrap();
    assert_eq!((&*line.action, &*line.subject), ("enrolment.decide", &*id.to_string()));
    assert!(line.detail.contains("blurred"), "{}", line.detail);
}
