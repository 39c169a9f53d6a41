use huodong_campaign::*;

use crate::gateway_scene::{alipay_pid, cert_id};
use crate::memory::same;
use crate::scene::Scene;
use crate::script::{START, activity_no, at};

const REQ: &str = "xy1415220315145602";

fn key(cert: u8) -> RequestKey {
    RequestKey { cert_id: cert_id(cert), req_id: REQ.into() }
}

fn once<C: Command>(command: C, fingerprint: u8, render: Render<C>) -> AnswerOnce<C> {
    AnswerOnce {
        key: key(0),
        api: GatewayApi::AddData,
        fingerprint: [fingerprint; 32],
        command,
        render,
    }
}

/// An enrolment's outcome, kept whatever it is.
fn told(_: &Enrol, outcome: Result<&Enrolment, &EnrolRefusal>) -> Rendered {
    let answer = match outcome {
        Ok(enrolment) => format!("enrolled as {}", enrolment.id),
        Err(refusal) => format!("{refusal}"),
    };
    Rendered { answer: answer.into(), keep: true }
}

/// A consult's outcome; not kept where the channel fails for now.
fn consulted(_: &Consult, outcome: Result<&Vec<ConsultResult>, &ConsultRefusal>) -> Rendered {
    let keep = !matches!(outcome, Err(ConsultRefusal::ChannelUnavailable(_)));
    Rendered { answer: format!("{outcome:?}").into(), keep }
}

#[test]
fn the_same_call_again_is_given_the_same_answer_and_does_nothing() {
    let mut scene = Scene::gateway();
    let call = once(scene.centre(), 1, told);
    let first = scene.run(call.clone()).unwrap();
    let (id, enrolment) = scene.stored.enrolments.first_key_value().unwrap();
    assert_eq!(*first.answer, format!("enrolled as {id}"));
    assert!(!first.repeated);
    let row = &scene.stored.gateway_requests[&key(0)];
    let expected = GatewayRequest {
        id: row.id,
        key: key(0),
        api: GatewayApi::AddData,
        fingerprint: [1; 32],
        answer: first.answer.clone(),
        at: scene.now,
    };
    assert_eq!((row, row.id > *id), (&expected, true));
    let enrolment = enrolment.clone();
    scene.pass(60);
    assert_eq!(scene.run(call), Ok(Answered { answer: first.answer, repeated: true }));
    assert_eq!(scene.stored.enrolments.len(), 1);
    assert_eq!(scene.stored.enrolments[&enrolment.id], enrolment);
    assert_eq!(scene.stored.gateway_requests[&key(0)], expected);
}

#[test]
fn the_same_key_with_another_content_or_for_something_else_is_refused() {
    let mut scene = Scene::gateway();
    let call = once(scene.centre(), 1, told);
    scene.run(call.clone()).unwrap();
    let other = AnswerOnce { fingerprint: [2; 32], ..call.clone() };
    assert_eq!(scene.run(other), Err(AnswerRefusal::ReqIdReused));
    let other = AnswerOnce { api: GatewayApi::Consult, ..call.clone() };
    assert_eq!(scene.run(other), Err(AnswerRefusal::ReqIdReused));
    // Another initiator's key is another key.
    let other = AnswerOnce { key: key(1), ..call };
    assert!(!scene.run(other).unwrap().repeated);
    assert_eq!(scene.stored.gateway_requests.len(), 2);
}

#[test]
fn a_refusal_is_an_answer_and_stands_though_the_reason_has_gone() {
    let mut scene = Scene::gateway();
    let mut paper = scene.centre();
    paper.third_merc_id_cups = None;
    let call = once(paper, 1, told);
    let refused = scene.run(call.clone()).unwrap();
    assert_eq!(*refused.answer, EnrolRefusal::NoThirdMercId.to_string());
    assert!(scene.stored.enrolments.is_empty());
    // What would be enrolled now under this key is told the first answer all the same.
    let right = AnswerOnce { command: scene.centre(), ..call };
    let again = Answered { repeated: true, ..refused };
    assert_eq!(scene.run(right), Ok(again));
    assert!(scene.stored.enrolments.is_empty());
}

#[test]
fn where_the_command_refuses_nothing_but_the_answer_is_new() {
    let mut scene = Scene::gateway();
    let mut paper = scene.centre();
    paper.photos.get_mut(&PhotoField::Front).unwrap().push(Id(7));
    let call = once(paper, 1, told);
    let mut wanted = Wanted::default();
    call.wants(&mut wanted);
    let mut world = scene.stored.load(&wanted, scene.now);
    let before = world.clone();
    assert!(!call.decide(&mut world).unwrap().repeated);
    assert!(world.is_changed());
    assert_eq!(world.next_id(), before.next_id() + 1);
    assert_eq!(world.gateway_requests.unsaved().count(), 1);
    world.gateway_requests = before.gateway_requests.clone();
    world.number_from(before.next_id());
    assert!(same(&before, &world));
}

fn unavailable(value: bool) -> UpdateActivity {
    let channel = Scene::book(|rule| {
        if value {
            rule.unavailable_money = vec![Fen(100)];
        }
    });
    UpdateActivity {
        activity_no: activity_no(0),
        name: None,
        starts_at: None,
        ends_at: None,
        projects: None,
        rules: None,
        limits: None,
        channel: Some(channel),
    }
}

#[test]
fn an_answer_that_says_come_again_is_not_kept() {
    let mut scene = Scene::gateway();
    scene.restock(|offer| offer.initiators = Some(vec![cert_id(0)])).unwrap();
    scene.run(unavailable(true)).unwrap();
    let ask = Consult {
        cert_id: cert_id(0),
        merchant: Some(alipay_pid(0)),
        user: AlipayUser::UserId("2088".into()),
        activities: vec![activity_no(0)],
    };
    let call = AnswerOnce { api: GatewayApi::Consult, ..once(ask, 1, consulted) };
    for _ in 0..2 {
        let mut wanted = Wanted::default();
        call.wants(&mut wanted);
        let mut world = scene.stored.load(&wanted, scene.now);
        let told = call.decide(&mut world).unwrap();
        assert!(told.answer.contains("ChannelUnavailable") && !told.repeated);
        assert!(!world.is_changed(), "nothing is to be saved");
    }
    scene.run(unavailable(false)).unwrap();
    let told = scene.run(call.clone()).unwrap();
    assert_eq!((&*told.answer, told.repeated), ("Ok([Success])", false));
    scene.run(unavailable(true)).unwrap();
    assert_eq!(scene.run(call), Ok(Answered { repeated: true, ..told }));
}

/// Says of everything that it need not be kept.
fn careless(_: &Enrol, outcome: Result<&Enrolment, &EnrolRefusal>) -> Rendered {
    Rendered { answer: format!("{}", outcome.is_ok()).into(), keep: false }
}

#[test]
fn what_was_done_is_kept_whatever_it_is_called() {
    let mut scene = Scene::gateway();
    let call = once(scene.centre(), 1, careless);
    scene.run(call.clone()).unwrap();
    assert!(scene.run(call).unwrap().repeated);
    assert_eq!(scene.stored.enrolments.len(), 1);
}

#[test]
fn who_is_not_let_in_is_shown_nothing() {
    let mut scene = Scene::gateway();
    let call = once(scene.centre(), 1, told);
    let stranger = AnswerOnce { key: key(7), ..call.clone() };
    assert_eq!(scene.run(stranger), Err(AnswerRefusal::UnknownInitiator));
    scene.run(call.clone()).unwrap();
    scene.run(RevokeInitiator { cert_id: cert_id(0) }).unwrap();
    assert_eq!(scene.run(call.clone()), Err(AnswerRefusal::UnknownInitiator));
    let other = AnswerOnce { fingerprint: [2; 32], ..call };
    assert_eq!(scene.run(other), Err(AnswerRefusal::UnknownInitiator));
    assert_eq!(scene.stored.gateway_requests.len(), 1);
}

#[test]
fn an_answer_that_needs_no_rule_is_kept_like_any_other() {
    let mut scene = Scene::gateway();
    let just = |answer: &str| {
        let command = JustAnswer { answer: answer.into() };
        once(command, 1, JustAnswer::render)
    };
    let first = scene.run(just("A029998")).unwrap();
    assert_eq!((&*first.answer, first.repeated), ("A029998", false));
    let again = scene.run(just("something else")).unwrap();
    assert_eq!((&*again.answer, again.repeated), ("A029998", true));
}

#[test]
fn a_photo_is_uploaded_once() {
    fn picture(_: &StorePhoto, outcome: Result<&Photo, &PhotoRefusal>) -> Rendered {
        Rendered { answer: format!("{:?}", outcome.map(|photo| photo.id)).into(), keep: true }
    }
    let mut scene = Scene::gateway();
    let call = AnswerOnce { api: GatewayApi::Upload, ..once(Scene::upload(0, 7), 1, picture) };
    assert_eq!(call.bytes(), 3);
    let first = scene.run(call.clone()).unwrap();
    assert_eq!(scene.run(call).unwrap().answer, first.answer);
    assert_eq!(scene.stored.photos.len(), 1);
    assert!(scene.now > at(START));
}
