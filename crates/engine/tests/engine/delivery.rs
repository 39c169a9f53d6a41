//! One callback: when it is attempted, how each attempt ends, and when there are no more.

use std::time::Duration;

use huodong_campaign::{AttemptOutcome, CallbackState, Resend, ResendRefusal, SCHEDULE_S};
use huodong_engine::DeliveryOptions;
use jiff::SignedDuration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Reply, nowhere};
use crate::scene::{SOON, Scene, done, frozen, seconds, start, to_this_machine};

const MS: SignedDuration = SignedDuration::from_millis(1);

/// When the attempts are due, in seconds after the event: 1s/5s/5s/10s/3m/10m/20m/30m/1h/2h one
/// after the other, 4h3m21s in all.
const PRINTED_S: [i64; 10] = [1, 6, 11, 21, 201, 801, 2_001, 3_801, 7_401, 14_601];

/// Tells receivers that do not acknowledge ten times, and sees that each attempt ends as it must.
/// Unless it is `heard`, its time may be over before it comes to the receiver.
async fn is_attempted_ten_times(
    timeout: Duration,
    kinds: Vec<(Reply, AttemptOutcome)>,
    heard: bool,
) {
    let options = DeliveryOptions { timeout, answer_bytes_max: 2_000, ..to_this_machine() };
    let scene = Scene::delivering(options).await;
    let mut told = Vec::new();
    for (n, (reply, outcome)) in kinds.into_iter().enumerate() {
        let receiver = Receiver::that(&scene.clock, reply).await;
        told.push((scene.issue(n, &receiver.url()).await, outcome, Some(receiver)));
    }
    let (_closed, nobody) = nowhere();
    if heard {
        let unreachable = scene.issue(told.len(), &format!("http://{nobody}/")).await;
        told.push((unreachable, AttemptOutcome::Unreachable, None));
    }

    for (made, after) in PRINTED_S.into_iter().enumerate() {
        let due_at = start() + seconds(after);
        let just_before = due_at.duration_since(scene.clock.now()) - MS;
        assert_eq!(scene.advance(just_before).await, 0, "before the attempts after {after} s");
        assert_eq!(scene.advance(MS).await, told.len() as u64, "the attempts after {after} s");
        for receiver in told.iter().filter_map(|(_, _, receiver)| receiver.as_ref()) {
            assert!(receiver.count() <= made + 1);
            if heard {
                assert_eq!(receiver.count(), made + 1);
                assert_eq!(receiver.requests()[made].at, due_at);
            }
        }
    }
    for (coupon, outcome, _) in &told {
        let (state, attempts) = scene.story(*coupon).await;
        assert_eq!(state, CallbackState::Exhausted, "{outcome:?}");
        assert_eq!(attempts.len(), PRINTED_S.len(), "{outcome:?}");
        for (attempt, after) in attempts.iter().zip(PRINTED_S) {
            let due_at = start() + seconds(after);
            assert_eq!((attempt.due_at, attempt.at), (due_at, due_at), "{attempt:?}");
            assert_eq!(attempt.outcome, *outcome, "{attempt:?}");
        }
    }
    assert_eq!(scene.advance(SignedDuration::from_hours(10)).await, 0);
    assert!(scene.scribe.heard().iter().all(|heard| heard.late.is_zero()));
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_attempts_at_the_printed_times_and_not_before_however_they_fail() {
    let elsewhere = Receiver::that(&frozen(), Reply::Ack).await;
    let kinds = vec![
        (Reply::Say(500, "SUCCESS"), AttemptOutcome::BadStatus),
        (Reply::Redirect(302, elsewhere.url()), AttemptOutcome::BadStatus),
        (Reply::Say(200, "FAIL"), AttemptOutcome::NotAcknowledged),
        (Reply::Say(200, "{junk"), AttemptOutcome::NotAcknowledged),
        (Reply::Bytes(2_001), AttemptOutcome::TooLarge),
        (Reply::Close, AttemptOutcome::Broken),
    ];
    is_attempted_ten_times(SOON, kinds, true).await;
    assert_eq!(elsewhere.count(), 0, "no redirect was followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_attempts_at_the_printed_times_when_no_answer_comes_in_time() {
    let kinds =
        vec![(Reply::Drip, AttemptOutcome::TimedOut), (Reply::WhenLetGo, AttemptOutcome::TimedOut)];
    is_attempted_ten_times(Duration::from_millis(300), kinds, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_not_sent_again() {
    let scene = Scene::delivering(to_this_machine()).await;
    let receiver = Receiver::that(&scene.clock, Reply::Say(200, "FAIL")).await;
    let coupon = scene.issue(1, &receiver.url()).await;
    assert_eq!(scene.advance(seconds(1)).await, 1);
    receiver.answer(|_| Reply::Ack);
    assert_eq!(scene.advance(seconds(5)).await, 1);
    assert_eq!(scene.advance(SignedDuration::from_hours(5)).await, 0);

    let (state, attempts) = scene.story(coupon).await;
    assert_eq!(state, CallbackState::Delivered);
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::NotAcknowledged, AttemptOutcome::Acknowledged]);
    assert_eq!(attempts[1].reason, "");
    let callback = scene.callback(coupon).await;
    assert_eq!(callback.finished_at, Some(start() + seconds(6)));

    let request = &receiver.requests()[0];
    assert!(request.head.starts_with("POST /notify?of=test HTTP/1.1\r\n"), "{}", request.head);
    assert!(request.head.contains("content-type: text/plain\r\n"), "{}", request.head);
    assert_eq!(request.body, callback.id.to_string());
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_is_told_apart() {
    let options =
        DeliveryOptions { answer_bytes_max: 2_000, answer_bytes_kept: 10, ..to_this_machine() };
    let scene = Scene::delivering(options).await;
    let elsewhere = Receiver::that(&scene.clock, Reply::Ack).await;
    let table = [
        (Reply::Ack, AttemptOutcome::Acknowledged, Some(200), "SUCCESS", ""),
        (Reply::Say(204, ""), AttemptOutcome::NotAcknowledged, Some(204), "", "acknowledge"),
        (Reply::Say(200, "FAIL"), AttemptOutcome::NotAcknowledged, Some(200), "FAIL", "body"),
        (Reply::Say(200, "{junk"), AttemptOutcome::NotAcknowledged, Some(200), "{junk", "body"),
        (Reply::Say(500, "SUCCESS"), AttemptOutcome::BadStatus, Some(500), "SUCCESS", "500"),
        (Reply::Say(404, ""), AttemptOutcome::BadStatus, Some(404), "", "404"),
        (
            Reply::Redirect(302, elsewhere.url()),
            AttemptOutcome::BadStatus,
            Some(302),
            "SUCCESS",
            "redirects are not followed",
        ),
        (
            Reply::Redirect(307, elsewhere.url()),
            AttemptOutcome::BadStatus,
            Some(307),
            "SUCCESS",
            "redirects are not followed",
        ),
        (Reply::Bytes(2_000), AttemptOutcome::NotAcknowledged, Some(200), "xxxxxxxxxx", "body"),
        (Reply::Bytes(2_001), AttemptOutcome::TooLarge, Some(200), "xxxxxxxxxx", "2000 bytes"),
        (Reply::Bytes(9_000_000), AttemptOutcome::TooLarge, Some(200), "xxxxxxxxxx", "2000 bytes"),
        (Reply::Close, AttemptOutcome::Broken, None, "", "the exchange broke"),
        (Reply::Noise, AttemptOutcome::Broken, None, "", "the exchange broke"),
    ];
    let mut told = Vec::new();
    for (n, (reply, ..)) in table.iter().enumerate() {
        let receiver = Receiver::that(&scene.clock, reply.clone()).await;
        told.push((scene.issue(n, &receiver.url()).await, receiver));
    }
    assert_eq!(scene.advance(seconds(1)).await, told.len() as u64);
    for ((coupon, receiver), (reply, outcome, status, answer, reason)) in told.iter().zip(&table) {
        let (_, attempts) = scene.story(*coupon).await;
        let [attempt] = &attempts[..] else { panic!("{reply:?}: {attempts:?}") };
        assert_eq!(attempt.outcome, *outcome, "{reply:?}: {attempt:?}");
        assert_eq!(attempt.status, *status, "{reply:?}: {attempt:?}");
        assert_eq!(attempt.answer, answer.as_bytes(), "{reply:?}: {attempt:?}");
        assert!(attempt.reason.contains(reason), "{reply:?}: {attempt:?}");
        assert_eq!(receiver.count(), 1, "{reply:?}");
    }
    assert_eq!(elsewhere.count(), 0, "no redirect was followed");
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_come_of_an_answer_is_kept_when_its_time_is_over() {
    let options = DeliveryOptions {
        timeout: Duration::from_millis(700),
        answer_bytes_kept: 10,
        ..to_this_machine()
    };
    let scene = Scene::delivering(options).await;
    let (drips, says_nothing) = (
        Receiver::that(&scene.clock, Reply::Drip).await,
        Receiver::that(&scene.clock, Reply::WhenLetGo).await,
    );
    let (some, none) =
        (scene.issue(1, &drips.url()).await, scene.issue(2, &says_nothing.url()).await);
    // On a slow machine nothing may have come by then. One attempt of ten will do.
    for after in PRINTED_S {
        let due_at = start() + seconds(after);
        assert_eq!(scene.advance(due_at.duration_since(scene.clock.now())).await, 2);
        let (_, of_some) = scene.story(some).await;
        let (_, of_none) = scene.story(none).await;
        for attempt in of_some.iter().chain(&of_none) {
            assert_eq!(attempt.outcome, AttemptOutcome::TimedOut, "{attempt:?}");
            assert!(attempt.reason.contains("700ms"), "{attempt:?}");
            assert!(attempt.took_ms >= 500, "{attempt:?}");
        }
        let nothing = of_none.last().unwrap();
        assert_eq!((nothing.status, nothing.answer.len()), (None, 0), "{nothing:?}");
        let kept = of_some.last().unwrap();
        if kept.status.is_some() && !kept.answer.is_empty() {
            assert_eq!((kept.status, &kept.answer[..]), (Some(200), &b"xxxxxxxxxx"[..]));
            return scene.engine.stop().await;
        }
    }
    panic!("nothing was kept: {:?}", scene.story(some).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_not_there_is_unreachable() {
    let scene = Scene::delivering(to_this_machine()).await;
    let (_closed, nobody) = nowhere();
    let refused = scene.issue(1, &format!("http://{nobody}/secret-path?token=secret")).await;
    // What answers there speaks no TLS, so no connection comes about.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = scene.issue(2, &format!("https://{}/", plain.local_addr().unwrap())).await;
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    assert_eq!(scene.advance(seconds(1)).await, 2);
    for coupon in [refused, no_tls] {
        let (_, attempts) = scene.story(coupon).await;
        assert_eq!(attempts[0].outcome, AttemptOutcome::Unreachable, "{attempts:?}");
        assert!(attempts[0].reason.starts_with("no connection: "), "{attempts:?}");
        assert!(!attempts[0].reason.contains("secret"), "{attempts:?}");
    }
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_callbacks_may_not_go_none_goes() {
    let scene = Scene::new(huodong_campaign::Settlement::Instant).await;
    let options = DeliveryOptions { allow_private: false, ..to_this_machine() };
    scene.engine.deliver_with(scene.scribe.clone(), options).unwrap();
    let again = scene.engine.deliver_with(scene.scribe.clone(), DeliveryOptions::default());
    assert!(again.is_err(), "deliveries begin once");

    let receiver = Receiver::that(&scene.clock, Reply::Ack).await;
    let port = receiver.address.port();
    let addresses = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        // Told by the resolver, where the connection is made.
        format!("http://localhost:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("http://user:secret@localhost:{port}/"),
    ];
    let mut coupons = Vec::new();
    for (n, address) in addresses.iter().enumerate() {
        coupons.push(scene.issue(n, address).await);
    }
    assert_eq!(scene.advance(seconds(1)).await, addresses.len() as u64);
    for (coupon, address) in coupons.into_iter().zip(addresses) {
        let (state, attempts) = scene.story(coupon).await;
        assert_eq!(attempts[0].outcome, AttemptOutcome::Forbidden, "{address}: {attempts:?}");
        assert!(!attempts[0].reason.contains("secret"), "{address}: {attempts:?}");
        // Tried again like any other: a name may lead elsewhere by then.
        assert_eq!(state, CallbackState::Waiting { due_at: start() + seconds(6) });
    }
    assert_eq!(receiver.count(), 0);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_is_written_again_and_uses_up_no_attempt() {
    let scene = Scene::delivering(to_this_machine()).await;
    let receiver = Receiver::that(&scene.clock, Reply::Ack).await;
    let coupon = scene.issue(1, &receiver.url()).await;
    *scene.scribe.refuses.lock().unwrap() = Some("there is no key to sign with");
    for n in 0..15 {
        assert_eq!(scene.advance(seconds(if n < 2 { 1 } else { 60 })).await, 1);
    }
    *scene.scribe.refuses.lock().unwrap() = None;
    *scene.scribe.panics.lock().unwrap() = true;
    assert_eq!(scene.advance(seconds(60)).await, 1);
    *scene.scribe.panics.lock().unwrap() = false;
    assert_eq!(receiver.count(), 0);
    let callback = scene.callback(coupon).await;
    assert_eq!((callback.tries, callback.attempts), (0, 16));
    assert_eq!(scene.advance(seconds(60)).await, 1);

    let (state, attempts) = scene.story(coupon).await;
    assert_eq!(state, CallbackState::Delivered);
    assert!(attempts[..16].iter().all(|attempt| attempt.outcome == AttemptOutcome::NotSent));
    assert_eq!(attempts[0].reason, "not sent: there is no key to sign with");
    assert!(attempts[15].reason.starts_with("not sent: the server failed"), "{attempts:?}");
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exhausted_is_sent_again_when_an_operator_says_so() {
    let scene = Scene::delivering(to_this_machine()).await;
    let receiver = Receiver::that(&scene.clock, Reply::Close).await;
    let coupon = scene.issue(1, &receiver.url()).await;
    // Overdue attempts follow each other at once.
    assert_eq!(scene.advance(SignedDuration::from_hours(5)).await, 10);
    let callback = scene.callback(coupon).await;
    assert_eq!(callback.state, CallbackState::Exhausted);

    let again = Resend { callbacks: vec![callback.id] };
    assert_eq!(done(&scene.engine, again.clone()).await, [callback.id]);
    let ran = scene.engine.run_due().await.unwrap();
    let due_at = scene.clock.now() + seconds(SCHEDULE_S[1]);
    assert_eq!(scene.callback(coupon).await.state, CallbackState::Waiting { due_at });
    // It may have been made before it was asked for.
    assert!(ran.callbacks <= 1);
    assert_eq!(scene.attempts(callback.id).await.len(), 11);

    receiver.answer(|_| Reply::WhenLetGo);
    scene.clock.advance(seconds(SCHEDULE_S[1]));
    receiver.has_received(12).await;
    let refused = scene.engine.submit(again, SOON).await.unwrap();
    assert_eq!(refused, Err(ResendRefusal::UnderWay));
    receiver.let_go();
    scene.scribe.has_heard(12).await;
    assert_eq!(scene.callback(coupon).await.state, CallbackState::Delivered);
    scene.engine.stop().await;
}
