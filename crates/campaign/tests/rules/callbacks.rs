use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};

use crate::scene::Scene;
use crate::script::{HOUR, institution_id};

use AttemptOutcome::{Acknowledged, Interrupted, NotAcknowledged, NotSent, TimedOut};

/// The printed intervals: 1s/5s/5s/10s/3m/10m/20m/30m/1h/2h.
const INTERVALS_S: [i64; 10] = [1, 5, 5, 10, 180, 600, 1_200, 1_800, 3_600, 7_200];

/// A scene with one callback, and its number.
fn owing() -> (Scene, Id) {
    let mut scene = Scene::coupons();
    scene.issue(1);
    let id = *scene.stored.callbacks.keys().next().unwrap();
    (scene, id)
}

impl Scene {
    fn callback(&self, id: Id) -> &Callback {
        &self.stored.callbacks[&id]
    }

    /// A lease of ten seconds, to the nanosecond; the scene's clock is the real one too.
    fn lease(&self) -> Timestamp {
        self.now.checked_add(SignedDuration::new(10, 123_456_789)).unwrap()
    }

    /// Whether it could be taken.
    fn claim(&mut self, id: Id) -> bool {
        let until = self.lease();
        let claimed = self.run(Claim { callbacks: vec![id], until }).unwrap();
        !claimed.is_empty()
    }

    fn record(&mut self, id: Id, until: Timestamp, outcome: AttemptOutcome) -> Callback {
        let outcome = Outcome {
            at: self.now,
            took_ms: 12,
            outcome,
            status: Some(200),
            answer: b"{}".to_vec(),
            reason: String::new(),
        };
        let record = RecordAttempt { callback: id, until, due_at: self.now, outcome };
        self.run(record).unwrap().unwrap()
    }

    fn attempt(&mut self, id: Id, outcome: AttemptOutcome) -> Callback {
        assert!(self.claim(id), "it is due at {}: {:?}", self.now, self.callback(id));
        self.record(id, self.lease(), outcome)
    }

    fn free(&mut self, id: Id) -> u64 {
        self.run(FreeLeases { callbacks: vec![id], real_now: self.now }).unwrap()
    }

    fn resend(&mut self, id: Id) -> Result<Vec<Id>, ResendRefusal> {
        self.run(Resend { callbacks: vec![id] })
    }

    fn outcomes(&self) -> Vec<AttemptOutcome> {
        self.stored.attempts.iter().map(|attempt| attempt.outcome).collect()
    }

    /// Fails every attempt that is left, each when it is due.
    fn exhaust(&mut self, id: Id) {
        while let CallbackState::Waiting { due_at } = self.callback(id).state {
            self.now = due_at.max(self.now);
            self.attempt(id, NotAcknowledged);
        }
    }
}

#[test]
fn ten_attempts_are_made_after_the_printed_intervals_and_no_more() {
    let (mut scene, id) = owing();
    for (number, interval) in (1..).zip(INTERVALS_S) {
        scene.pass(interval - 1);
        assert!(!scene.claim(id), "attempt {number} comes a second too early");
        scene.pass(1);
        let after = scene.attempt(id, NotAcknowledged);
        assert_eq!((after.attempts, u32::from(after.tries)), (number, number));
    }
    let callback = scene.callback(id);
    assert_eq!(callback.state, CallbackState::Exhausted);
    assert_eq!(callback.finished_at, Some(scene.now));
    scene.pass(1_000 * HOUR);
    assert!(!scene.claim(id));
    assert_eq!(SCHEDULE_S[9], 4 * HOUR + 3 * 60 + 21, "the printed total");
}

#[test]
fn the_schedule_counts_from_the_event_however_late_an_attempt_is() {
    let (mut scene, id) = owing();
    let began = scene.now;
    scene.pass(150);
    for due in [6, 11, 21, 201] {
        let after = scene.attempt(id, TimedOut);
        let due_at = began.checked_add(SignedDuration::from_secs(due)).unwrap();
        assert_eq!(after.state, CallbackState::Waiting { due_at });
    }
    assert!(!scene.claim(id), "those that were late ran at once; the fifth is not due");
}

#[test]
fn an_acknowledgement_ends_the_schedule() {
    let (mut scene, id) = owing();
    scene.pass(1);
    scene.attempt(id, TimedOut);
    scene.pass(5);
    let after = scene.attempt(id, Acknowledged);
    assert_eq!((after.state, after.attempts), (CallbackState::Delivered, 2));
    assert_eq!(after.finished_at, Some(scene.now));
    scene.pass(HOUR);
    assert!(!scene.claim(id));
}

#[test]
fn what_is_under_way_is_not_taken_again() {
    let (mut scene, id) = owing();
    scene.pass(1);
    let twice = Claim { callbacks: vec![id, id, Id(7)], until: scene.lease() };
    let claimed = scene.run(twice).unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].coupon.id, claimed[0].callback.coupon);
    scene.pass(9);
    assert!(!scene.claim(id));
    assert_eq!(scene.free(id), 0, "its lease is not over");
}

#[test]
fn an_interrupted_attempt_is_written_down_and_made_again() {
    let (mut scene, id) = owing();
    scene.pass(1);
    assert!(scene.claim(id));
    scene.pass(11);
    assert_eq!(scene.free(id), 1);
    assert_eq!(scene.free(id), 0);
    let callback = scene.callback(id);
    assert_eq!((callback.tries, callback.attempts), (0, 1), "it uses up none of the ten");
    assert!(scene.claim(id), "it is due at once");
    let after = scene.record(id, scene.lease(), NotAcknowledged);
    assert_eq!((after.tries, after.attempts), (1, 2));
    assert_eq!(scene.outcomes(), [Interrupted, NotAcknowledged]);
    let numbers: Vec<u32> = scene.stored.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_lease_ends_with_its_last_millisecond() {
    let (mut scene, id) = owing();
    scene.pass(1);
    assert!(scene.claim(id));
    let CallbackState::Leased { until, .. } = scene.callback(id).state else { panic!("leased") };
    scene.now = until.checked_sub(SignedDuration::from_millis(1)).unwrap();
    assert_eq!(scene.free(id), 0);
    scene.now = until;
    assert_eq!(scene.free(id), 1);
}

#[test]
fn what_is_over_its_lease_but_not_taken_back_still_counts() {
    let (mut scene, id) = owing();
    scene.pass(1);
    let lease = scene.lease();
    assert!(scene.claim(id));
    scene.pass(60);
    let after = scene.record(id, lease, NotAcknowledged);
    assert_eq!(after.tries, 1);
    assert!(matches!(after.state, CallbackState::Waiting { .. }));
}

#[test]
fn a_late_failure_is_written_down_and_moves_nothing() {
    let (mut scene, id) = owing();
    scene.pass(1);
    let lost = scene.lease();
    assert!(scene.claim(id));
    scene.pass(11);
    scene.free(id);
    assert!(scene.claim(id));
    let before = scene.callback(id).clone();
    let after = scene.record(id, lost, TimedOut);
    assert_eq!((after.state, after.tries), (before.state, 0), "another holds it by now");
    assert_eq!(scene.outcomes(), [Interrupted, TimedOut]);
}

#[test]
fn a_late_acknowledgement_delivers_whoever_holds_it_by_now() {
    let (mut scene, id) = owing();
    scene.pass(1);
    let lost = scene.lease();
    assert!(scene.claim(id));
    scene.pass(11);
    scene.free(id);
    let held = scene.lease();
    assert!(scene.claim(id));
    assert_eq!(scene.record(id, lost, Acknowledged).state, CallbackState::Delivered);
    let finished_at = Some(scene.now);
    scene.pass(1);
    let after = scene.record(id, held, NotAcknowledged);
    assert_eq!(after.state, CallbackState::Delivered, "it has the callback all the same");
    let after = scene.record(id, held, Acknowledged);
    assert_eq!((after.finished_at, after.tries), (finished_at, 0));
}

#[test]
fn a_late_acknowledgement_delivers_an_exhausted_callback() {
    let (mut scene, id) = owing();
    scene.pass(1);
    let lost = scene.lease();
    assert!(scene.claim(id));
    scene.pass(11);
    scene.free(id);
    scene.exhaust(id);
    assert_eq!(scene.callback(id).state, CallbackState::Exhausted);
    assert_eq!(scene.record(id, lost, Acknowledged).state, CallbackState::Delivered);
}

#[test]
fn an_attempt_at_an_unknown_callback_is_nothing() {
    let (mut scene, _) = owing();
    let record = RecordAttempt {
        callback: Id(7),
        until: scene.lease(),
        due_at: scene.now,
        outcome: Outcome {
            at: scene.now,
            took_ms: 0,
            outcome: Acknowledged,
            status: None,
            answer: Vec::new(),
            reason: String::new(),
        },
    };
    assert_eq!(scene.run(record), Ok(None));
    assert!(scene.stored.attempts.is_empty());
}

#[test]
fn one_that_waits_is_brought_forward_and_starts_its_schedule_anew() {
    let (mut scene, id) = owing();
    scene.pass(1);
    scene.attempt(id, TimedOut);
    scene.pass(2);
    assert_eq!(scene.resend(id), Ok(vec![id]));
    let began = scene.now;
    let after = scene.attempt(id, TimedOut);
    let due_at = began.checked_add(SignedDuration::from_secs(6)).unwrap();
    assert_eq!((after.state, after.tries), (CallbackState::Waiting { due_at }, 1));
    scene.exhaust(id);
    assert_eq!(scene.callback(id).attempts, 11);
}

#[test]
fn however_often_one_is_sent_again_that_exhausts_nothing() {
    let (mut scene, id) = owing();
    for _ in 0..25 {
        assert_eq!(scene.resend(id), Ok(vec![id]));
        let after = scene.attempt(id, NotAcknowledged);
        assert!(matches!(after.state, CallbackState::Waiting { .. }), "{after:?}");
    }
}

#[test]
fn what_was_not_sent_uses_up_no_attempt_and_is_made_again_after_a_pause() {
    let (mut scene, id) = owing();
    let began = scene.now;
    scene.pass(1);
    for (again, pause) in [1, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60].into_iter().enumerate() {
        let after = scene.attempt(id, NotSent);
        assert_eq!((after.tries, after.finished_at), (0, None), "{again}");
        scene.pass(pause - 1);
        assert!(!scene.claim(id), "{again}: {:?}", scene.callback(id));
        scene.pass(1);
    }
    let after = scene.attempt(id, TimedOut);
    assert_eq!((after.tries, after.attempts), (1, 13));
    let due_at = began.checked_add(SignedDuration::from_secs(6)).unwrap();
    assert_eq!(after.state, CallbackState::Waiting { due_at }, "the schedule is what it was");
    assert_eq!(scene.outcomes()[..12], [NotSent; 12]);
    scene.exhaust(id);
    assert_eq!(scene.callback(id).attempts, 12 + 10);
}

#[test]
fn one_that_is_late_keeps_its_place() {
    let (mut scene, id) = owing();
    let due_at = scene.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    scene.pass(HOUR);
    assert_eq!(scene.resend(id), Ok(vec![id]));
    assert_eq!(scene.callback(id).state, CallbackState::Waiting { due_at });
    assert_eq!(scene.callback(id).began_at, scene.now, "its schedule starts anew all the same");
}

#[test]
fn one_at_its_end_starts_its_schedule_anew() {
    for outcome in [Acknowledged, NotAcknowledged] {
        let (mut scene, id) = owing();
        scene.pass(1);
        scene.attempt(id, outcome);
        scene.exhaust(id);
        let before = scene.callback(id).attempts;
        scene.pass(HOUR);
        assert_eq!(scene.resend(id), Ok(vec![id]));
        let began = scene.now;
        let callback = scene.callback(id);
        assert_eq!((callback.tries, callback.finished_at), (0, None));
        assert_eq!(callback.began_at, began);
        let after = scene.attempt(id, NotAcknowledged);
        let due_at = began.checked_add(SignedDuration::from_secs(6)).unwrap();
        assert_eq!(after.state, CallbackState::Waiting { due_at });
        scene.exhaust(id);
        assert_eq!(scene.callback(id).attempts, before + 10);
    }
}

#[test]
fn one_under_way_is_not_sent_again_meanwhile() {
    let (mut scene, id) = owing();
    scene.pass(1);
    assert!(scene.claim(id));
    assert_eq!(scene.resend(id), Err(ResendRefusal::UnderWay));
    assert_eq!(scene.resend(Id(7)), Err(ResendRefusal::Unknown));
    let second = scene.issue(2);
    let other = scene.stored.callbacks.values().find(|it| it.coupon == second.id).unwrap().id;
    let several = Resend { callbacks: vec![id, other, Id(7)] };
    assert_eq!(scene.run(several), Ok(vec![other]), "of several, those that can be are");
}

#[test]
fn a_callback_knows_whom_it_is_owed_to() {
    let (scene, id) = owing();
    let callback = scene.callback(id);
    assert_eq!(callback.appid, institution_id(0));
    assert_eq!((callback.event, &*callback.receiver), (CallbackEvent::IssueResult, "shop.example"));
    assert_eq!((callback.created_at, callback.began_at), (scene.now, scene.now));
}

#[test]
fn spellings_of_one_address_are_one_receiver() {
    for (address, receiver) in [
        ("https://Shop.Example/a?b#c", "shop.example"),
        ("HTTPS://shop.example:443/a", "shop.example"),
        ("http://shop.example:80", "shop.example"),
        ("https://shop.example:80/", "shop.example:80"),
        ("https://shop.example:8443?a=/b", "shop.example:8443"),
        ("https://user:word@shop.example/@x", "shop.example"),
        ("https://shop.example\\@x", "shop.example"),
        ("https://[::1]:443/", "[::1]"),
        ("https://[::1]/", "[::1]"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("https://shop.example./a", "shop.example"),
        ("https://shop.example.:443/a", "shop.example"),
        ("https://shop.example:0443/a", "shop.example"),
        ("https://shop.example:/a", "shop.example"),
        ("https://shop.example:08443/a", "shop.example:8443"),
        ("http://shop.example:0080/a", "shop.example"),
        ("shop.example/a", "shop.example"),
    ] {
        assert_eq!(&*receiver_of(address), receiver, "of {address}");
    }
}
