//! What should become of callbacks.

use huodong_campaign::*;

use super::{Model, Verdict, refuse_if};
use crate::commands::Done;
use crate::script::*;

/// As they are printed: 1s/5s/5s/10s/3m/10m/20m/30m/1h/2h.
const INTERVALS_S: [i64; 10] = [1, 5, 5, 10, 180, 600, 1_200, 1_800, 3_600, 7_200];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Delivered,
    Exhausted,
}

/// A callback.
#[derive(Debug)]
pub(super) struct Message {
    /// Known once it is stored.
    pub id: Option<Id>,
    pub coupon: Id,
    pub event: CallbackEvent,
    pub created: i64,
    /// What its schedule counts from.
    pub began: i64,
    /// Attempts of this schedule that failed.
    pub failed: usize,
    /// Lines in its log.
    pub lines: u32,
    /// Until when it is taken.
    pub lease: Option<i64>,
    /// When it is due where that is not by the schedule: an operator wants it sent, or it was not.
    forward: Option<i64>,
    pub end: Option<End>,
}

impl Message {
    pub fn new(coupon: Id, event: CallbackEvent, now: i64) -> Self {
        Self {
            id: None,
            coupon,
            event,
            created: now,
            began: now,
            failed: 0,
            lines: 0,
            lease: None,
            forward: None,
            end: None,
        }
    }

    /// When the next attempt is due.
    pub fn due(&self) -> i64 {
        self.forward.unwrap_or(self.printed())
    }

    /// When it is due by the schedule.
    fn printed(&self) -> i64 {
        self.began + INTERVALS_S.iter().take(self.failed + 1).sum::<i64>()
    }

    fn fail(&mut self) {
        self.failed += 1;
        (self.lease, self.forward) = (None, None);
        if self.failed == INTERVALS_S.len() {
            self.end = Some(End::Exhausted);
        }
    }

    fn resend(&mut self, now: i64) {
        let due = if self.end.take().is_some() { now } else { self.due().min(now) };
        (self.began, self.failed) = (now, 0);
        self.forward = Some(due);
    }

    /// Nothing was sent: the same attempt waits as long as it is late, within bounds.
    fn pause(&mut self, now: i64) {
        let late = now - self.printed();
        (self.lease, self.forward) = (None, Some(now + late.clamp(1, 60)));
    }
}

impl Model {
    pub(super) fn expect_callback(&self, op: &CallbackOp, known: &Known) -> Verdict {
        let CallbackOp::Resend { nths } = op else { return Ok(()) };
        let [nth] = nths.as_slice() else { return Ok(()) };
        let message = self.message(*nth, known).ok_or("Unknown")?;
        refuse_if(&[(message.lease.is_some(), "UnderWay")])
    }

    pub(super) fn take_in_callback(&mut self, op: &CallbackOp, known: &Known, done: &Done) {
        let now = self.now;
        match (op, done) {
            (CallbackOp::Claim { nth }, Done::Claimed(claimed)) => {
                let asked: Vec<usize> =
                    nth.map_or_else(|| (0..known.callbacks.len()).collect(), |nth| vec![nth]);
                let mut free = Vec::new();
                for nth in asked {
                    let Some(message) = self.message_mut(nth, known) else { continue };
                    if message.lease.is_none() && message.end.is_none() && message.due() <= now {
                        message.lease = Some(now + LEASE_S);
                        free.push((message.id.unwrap(), message.coupon));
                    }
                }
                let told = claimed.iter().map(|one| (one.callback.id, one.coupon.id));
                assert_eq!(told.collect::<Vec<_>>(), free, "who is due and free is taken, once");
            }
            (CallbackOp::Record { nth, lease, outcome }, Done::Recorded(recorded)) => {
                let until = lease.until(*nth, now, known);
                let message = self.message_mut(*nth, known);
                assert_eq!(recorded.is_some(), message.is_some(), "{op:?}");
                let Some(message) = message else { return };
                message.lines += 1;
                match outcome {
                    AttemptOutcome::Acknowledged => {
                        (message.end, message.lease) = (Some(End::Delivered), None);
                    }
                    _ if message.lease != Some(until) => {}
                    AttemptOutcome::NotSent => message.pause(now),
                    _ => message.fail(),
                }
            }
            (CallbackOp::Free, Done::Counted(freed)) => {
                let mut over = 0;
                for nth in 0..known.callbacks.len() {
                    let message = self.message_mut(nth, known).unwrap();
                    if message.lease.is_some_and(|until| until <= now) {
                        message.lease = None;
                        message.lines += 1;
                        over += 1;
                    }
                }
                assert_eq!(*freed, over);
            }
            (CallbackOp::Resend { nths }, Done::Resent(resent)) => {
                let mut free = Vec::new();
                for nth in nths {
                    let message = self.message_mut(*nth, known);
                    if let Some(message) = message.filter(|message| message.lease.is_none()) {
                        message.resend(now);
                        free.push(message.id.unwrap());
                    }
                }
                assert_eq!(*resent, free);
            }
            _ => panic!("{op:?} was answered with {done:?}"),
        }
    }

    fn message(&self, nth: usize, known: &Known) -> Option<&Message> {
        let (id, _) = known.callbacks.get(nth)?;
        self.messages.iter().find(|message| message.id == Some(*id))
    }

    fn message_mut(&mut self, nth: usize, known: &Known) -> Option<&mut Message> {
        let (id, _) = known.callbacks.get(nth)?;
        self.messages.iter_mut().find(|message| message.id == Some(*id))
    }
}
