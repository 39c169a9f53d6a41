//! Many callbacks, and receivers of every kind beside each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use huodong_campaign::{AttemptOutcome, Id, Resend, Settlement};
use huodong_engine::{Chance, DeliveryOptions, EngineOptions};
use huodong_store::CallbackStatus;
use jiff::SignedDuration;

use crate::receiver::{Receiver, Reply};
use crate::scene::{SOON, Scene, done, seconds, to_this_machine};

/// Longer than any test lasts.
const NEVER: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_and_a_slow_receiver_delay_nobody_else() {
    let options = DeliveryOptions {
        // They are one institution's, which may have a third of all places.
        at_once_max: 64,
        at_once_per_receiver_max: 4,
        timeout: NEVER,
        ..to_this_machine()
    };
    let scene = Scene::delivering(options).await;
    let dead = Receiver::that(&scene.clock, Reply::WhenLetGo).await;
    // However long the others take, it is not done before them: it answers some, and no more.
    let asked = AtomicUsize::new(0);
    let slow =
        Receiver::scripted(&scene.clock, move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0..20 => Reply::After(Duration::from_millis(10)),
            _ => Reply::WhenLetGo,
        });
    let slow = slow.await;
    let healthy = Receiver::that(&scene.clock, Reply::Ack).await;
    scene.issue_many(0..500, &dead.url()).await;
    scene.issue_many(500..1_000, &slow.url()).await;
    scene.issue_many(1_000..1_050, &healthy.url()).await;
    scene.clock.advance(seconds(1));

    healthy.has_received(50).await;
    // The first attempts at the dead one are all still under way, and few; and of the slow one's
    // most have not had their turn.
    dead.has_received(1).await;
    slow.has_received(20).await;
    assert!((1..=4).contains(&dead.count()), "{}", dead.count());
    assert!((20..=24).contains(&slow.count()), "{}", slow.count());
    assert!(dead.most_at_once() <= 4 && slow.most_at_once() <= 4);
    dead.let_go();
    slow.let_go();
    dead.has_received(500).await;
    scene.scribe.has_heard(1_050).await;
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_two_attempts_at_once_whatever_the_receiver_does() {
    let options = DeliveryOptions { at_once_max: 64, ..to_this_machine() };
    let scene = Scene::delivering(options).await;
    // A fixed sequence: which request gets which answer is chance enough.
    let next = AtomicUsize::new(usize::from(Chance.bytes::<1>()[0]));
    let first = next.load(Ordering::Relaxed);
    let receiver = Receiver::scripted(&scene.clock, move |_| {
        match next.fetch_add(1, Ordering::Relaxed) * 7 % 11 {
            0..2 => Reply::Ack,
            2..5 => Reply::Say(500, "FAIL"),
            5..7 => Reply::Close,
            7..9 => Reply::After(Duration::from_millis(15)),
            9 => Reply::Noise,
            _ => Reply::Say(200, "FAIL"),
        }
    });
    let receiver = receiver.await;
    scene.issue_many(0..300, &receiver.url()).await;
    let callbacks = all_callbacks(&scene).await;
    assert_eq!(callbacks.len(), 300);

    let mut made = 0;
    for by in [1, 5, 5, 10, 180, 600, 1_200, 1_800, 3_600, 7_200] {
        let resend = Resend { callbacks: callbacks[..20].to_vec() };
        let (ran, _) = tokio::join!(scene.advance(seconds(by)), done(&scene.engine, resend));
        made += ran;
    }
    while scene.advance(SignedDuration::from_hours(5)).await > 0 {}
    assert_eq!(receiver.doubled(), Vec::<String>::new(), "the sequence began at {first}");
    assert!(made >= 300);

    // Each request that came is an attempt that was written down, in order and without a gap.
    let mut numbers = HashMap::new();
    for request in receiver.requests() {
        *numbers.entry(Id(request.body.parse().unwrap())).or_insert(0) += 1;
    }
    for callback in callbacks {
        let attempts = scene.attempts(callback).await;
        assert_eq!(attempts.len(), numbers[&callback], "the sequence began at {first}");
        assert!(attempts.iter().zip(1..).all(|(attempt, number)| attempt.number == number));
        let acknowledged = |outcome| outcome == AttemptOutcome::Acknowledged;
        assert!(attempts.iter().all(|it| it.outcome != AttemptOutcome::Interrupted));
        assert!(attempts.iter().any(|it| acknowledged(it.outcome)) || attempts.len() >= 10);
    }
    let counts = scene.engine.read(|reader| reader.callback_counts()).await.unwrap();
    assert!(
        counts.iter().all(|(status, count)| *count == 0
            || matches!(status, CallbackStatus::Delivered | CallbackStatus::Exhausted)),
        "{counts:?}"
    );
    scene.engine.stop().await;
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "never: {what}");
        tokio::task::yield_now().await;
    }
}

async fn all_callbacks(scene: &Scene) -> Vec<Id> {
    let page = huodong_store::PageRequest { before: None, limit: 1_000 };
    let filter = huodong_store::CallbackFilter::default();
    let read = scene.engine.read(move |reader| reader.callbacks(&filter, page));
    read.await.unwrap().rows.into_iter().map(|callback| callback.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_wait_for_room_in_a_full_queue() {
    let options = EngineOptions { queue_max: 1, batch_max: 1, ..EngineOptions::default() };
    let scene = Scene::with(Settlement::Instant, options).await;
    let receiver = Receiver::that(&scene.clock, Reply::Ack).await;
    scene.issue_many(0..60, &receiver.url()).await;
    scene.engine.deliver_with(scene.scribe.clone(), to_this_machine()).unwrap();
    assert_eq!(scene.advance(seconds(1)).await, 60);
    assert_eq!(scene.scribe.outcomes(), [AttemptOutcome::Acknowledged; 60]);
    let counts = scene.engine.read(|reader| reader.callback_counts()).await.unwrap();
    assert_eq!(counts, [(CallbackStatus::Delivered, 60)]);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_owed_are_held_by_the_database_alone() {
    let options = DeliveryOptions {
        at_once_max: 32,
        at_once_per_receiver_max: 8,
        timeout: NEVER,
        ..to_this_machine()
    };
    let scene = Scene::delivering(options).await;
    let dead = Receiver::that(&scene.clock, Reply::WhenLetGo).await;
    let healthy = Receiver::that(&scene.clock, Reply::Ack).await;
    scene.issue_many(0..100_000, &dead.url()).await;
    scene.clock.advance(seconds(1));
    dead.has_received(8).await;

    // However many wait for the dead one, who comes late to another is served at once.
    for n in 100_000..100_100 {
        scene.issue(n, &healthy.url()).await;
    }
    scene.clock.advance(seconds(1));
    scene.scribe.has_heard(100).await;
    assert_eq!((healthy.count(), dead.count()), (100, 8));
    // Nothing is kept for what has no place: no task, no command.
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert!(tasks < 200, "{tasks} tasks");
    until("the queue is empty", || scene.engine.queue_depth() == 0).await;
    assert_eq!(scene.scribe.heard().len(), 100);
    dead.let_go();
    dead.has_received(500).await;
    scene.engine.stop().await;
}
