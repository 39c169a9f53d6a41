//! Callbacks across stops, crashes, downtime and resets.

use std::time::Duration;

use huodong_campaign::{AttemptOutcome, CallbackState, Claim, SCHEDULE_S, Settlement};
use huodong_engine::{DeliveryOptions, Engine, EngineOptions};
use huodong_store::{Store, StoreError};
use jiff::SignedDuration;
use tokio::runtime::Runtime;

use crate::receiver::{Receiver, Reply};
use crate::scene::{
    SOON, Scene, done, furnish, kept_in, open, seconds, start, tamper, to_this_machine,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fell_due_while_nobody_delivered_is_made_up_at_once_and_in_order() {
    let scene = Scene::new(Settlement::Instant).await;
    let receiver = Receiver::that(&scene.clock, Reply::Say(500, "")).await;
    let mut coupons = Vec::new();
    for n in 0..3 {
        coupons.push(scene.issue(n, &receiver.url()).await);
        scene.clock.advance(seconds(2));
    }
    let scene = scene.reopened().await;
    let back = start() + SignedDuration::from_hours(5);
    scene.clock.set(back);
    let options = DeliveryOptions { at_once_per_receiver_max: 1, ..to_this_machine() };
    scene.engine.deliver_with(scene.scribe.clone(), options).unwrap();
    scene.scribe.has_heard(30).await;

    let mut attempts = Vec::new();
    for (coupon, issued) in coupons.into_iter().zip([0, 2, 4]) {
        let (state, made) = scene.story(coupon).await;
        assert_eq!(state, CallbackState::Exhausted);
        let due: Vec<_> = made.iter().map(|attempt| attempt.due_at).collect();
        assert_eq!(due, SCHEDULE_S.map(|after| start() + seconds(issued + after)));
        attempts.extend(made);
    }
    attempts.sort_unstable_by_key(|attempt| attempt.id);
    assert!(attempts.iter().all(|attempt| attempt.at == back));
    assert!(attempts.is_sorted_by_key(|attempt| attempt.due_at), "the longest due goes first");
    assert_eq!(scene.scribe.heard()[0].late, Duration::from_secs(5 * 3_600 - 1));
    scene.engine.stop().await;
}

#[test]
fn an_attempt_whose_process_ended_is_made_again() {
    let outside = Runtime::new().unwrap();
    let inside = Runtime::new().unwrap();
    let scene = inside.block_on(Scene::delivering(to_this_machine()));
    let receiver = outside.block_on(Receiver::that(&scene.clock, Reply::WhenLetGo));
    let coupon = inside.block_on(scene.issue(1, &receiver.url()));
    scene.clock.advance(seconds(1));
    outside.block_on(receiver.has_received(1));

    // All that ran is dropped where it stands, as when the process is killed.
    let Scene { directory, clock, engine, .. } = scene;
    drop(engine);
    inside.shutdown_background();
    let store = loop {
        match Store::open(&kept_in(&directory)) {
            Ok((store, _)) => break store,
            Err(StoreError::InUse(_)) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    receiver.answer(|_| Reply::Ack);
    outside.block_on(async move {
        if store.reader().is_shared() {
            // Another process cannot know that it has ended before its lease is over.
            tamper(&directory, "UPDATE callbacks SET leased_until = 1 WHERE state = 2");
        }
        let engine = Engine::start(store, clock.clone(), EngineOptions::default()).unwrap();
        let scene = Scene { directory, clock, engine, scribe: Default::default() };
        scene.engine.deliver_with(scene.scribe.clone(), to_this_machine()).unwrap();
        scene.scribe.has_heard(1).await;

        let (state, attempts) = scene.story(coupon).await;
        assert_eq!(state, CallbackState::Delivered);
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [AttemptOutcome::Interrupted, AttemptOutcome::Acknowledged]);
        assert!(attempts.iter().all(|attempt| attempt.due_at == start() + seconds(1)));
        assert_eq!(receiver.count(), 2);
        scene.engine.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_nobody_came_back_with_is_taken_back() {
    let scene = Scene::new(Settlement::Instant).await;
    let receiver = Receiver::that(&scene.clock, Reply::Ack).await;
    let (lost, taken) =
        (scene.issue(1, &receiver.url()).await, scene.issue(2, &receiver.url()).await);
    let (lost, taken) = (scene.callback(lost).await, scene.callback(taken).await);
    scene.clock.advance(seconds(1));
    let real = scene.clock.real();
    for (callback, until) in [(lost.id, real), (taken.id, real + SignedDuration::from_hours(1))] {
        let claimed = done(&scene.engine, Claim { callbacks: vec![callback], until }).await;
        assert_eq!(claimed.len(), 1);
    }
    scene.engine.deliver_with(scene.scribe.clone(), to_this_machine()).unwrap();
    scene.scribe.has_heard(1).await;

    let attempts = scene.attempts(lost.id).await;
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Interrupted, AttemptOutcome::Acknowledged]);
    // Somebody else holds the other.
    assert!(scene.attempts(taken.id).await.is_empty());
    assert_eq!(receiver.count(), 1);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_what_is_under_way_and_begins_nothing() {
    let options = DeliveryOptions { at_once_per_receiver_max: 2, ..to_this_machine() };
    let scene = Scene::delivering(options).await;
    let receiver = Receiver::that(&scene.clock, Reply::WhenLetGo).await;
    let coupon = scene.issue(0, &receiver.url()).await;
    scene.issue_many(1..10, &receiver.url()).await;
    scene.clock.advance(seconds(1));
    receiver.has_received(2).await;

    let (engine, url) = (scene.engine.clone(), receiver.url());
    let mut stopping = Box::pin(engine.stop_delivery());
    tokio::select! {
        biased;
        () = &mut stopping => panic!("it did not wait"),
        // The engine itself still serves.
        _ = scene.issue(10, &url) => {}
    }
    receiver.let_go();
    stopping.await;
    assert_eq!(scene.scribe.outcomes(), [AttemptOutcome::Acknowledged; 2]);
    assert_eq!(scene.advance(seconds(60)).await, 0);
    assert_eq!(receiver.count(), 2);

    let scene = scene.reopened().await;
    let (state, attempts) = scene.story(coupon).await;
    assert_eq!((state, attempts.len()), (CallbackState::Delivered, 1));
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_emptied_under_attempts_knows_nothing_of_them() {
    let scene = Scene::delivering(to_this_machine()).await;
    let receiver = Receiver::that(&scene.clock, Reply::WhenLetGo).await;
    scene.issue_many(0..5, &receiver.url()).await;
    scene.clock.advance(seconds(1));
    receiver.has_received(5).await;

    // The same numbers are given out again, as the clock stands where it stood.
    {
        let _alone = scene.engine.hold_timers().await;
        scene.engine.wipe().await.unwrap();
        scene.clock.set(start());
        furnish(&scene.engine, Settlement::Instant).await;
    }
    let other = Receiver::that(&scene.clock, Reply::Say(500, "")).await;
    let coupon = scene.issue(1, &other.url()).await;
    receiver.let_go();
    assert_eq!(scene.advance(seconds(1)).await, 1);
    let (state, attempts) = scene.story(coupon).await;
    assert_eq!(state, CallbackState::Waiting { due_at: start() + seconds(6) });
    assert_eq!(attempts.len(), 1);
    assert_eq!(scene.scribe.outcomes(), [AttemptOutcome::BadStatus]);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_timers_are_held_nothing_is_claimed() {
    let scene = Scene::delivering(to_this_machine()).await;
    let receiver = Receiver::that(&scene.clock, Reply::Ack).await;
    let coupon = scene.issue(1, &receiver.url()).await;
    let held = scene.engine.hold_timers().await;
    scene.clock.advance(seconds(1));
    // Longer than between two looks.
    let waited = tokio::time::timeout(Duration::from_millis(300), receiver.has_received(1)).await;
    assert!(waited.is_err());
    drop(held);
    tokio::time::timeout(SOON, receiver.has_received(1)).await.unwrap();
    scene.scribe.has_heard(1).await;
    assert_eq!(scene.callback(coupon).await.state, CallbackState::Delivered);
    scene.engine.stop().await;
    // Nobody delivers after a stop, but the database opens again.
    open(&scene.directory, &scene.clock, EngineOptions::default()).stop().await;
}
