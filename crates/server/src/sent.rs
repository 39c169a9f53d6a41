//! What a sandbox remembers of the callbacks it sent, for whoever wants to look at them.

use std::collections::VecDeque;

use huodong_campaign::{AttemptOutcome, CallbackEvent, Id, InstitutionId};
use jiff::Timestamp;
use parking_lot::Mutex;

/// As many requests are remembered; an older one makes room.
const SENT_MAX: usize = 1_000;

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Which callback.
    pub callback: Id,
    /// Which attempt at it, from 1 on.
    pub attempt: u32,
    /// What it told.
    pub event: CallbackEvent,
    /// Of which coupon.
    pub coupon: Id,
    /// Whom.
    pub appid: InstitutionId,
    /// Where it went.
    pub address: String,
    /// Its headers, by name, without what every HTTP client adds.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// When its outcome was recorded, by the business clock.
    pub at: Timestamp,
}

/// The requests sent last. Nothing is remembered outside a sandbox.
#[derive(Debug, Default)]
pub struct SentLog(Mutex<VecDeque<Sent>>);

impl SentLog {
    pub(crate) fn push(&self, sent: Sent) {
        let mut log = self.0.lock();
        if log.len() >= SENT_MAX {
            log.pop_front();
        }
        log.push_back(sent);
    }

    /// The attempts at one callback that are remembered, oldest first.
    pub fn of(&self, callback: Id) -> Vec<Sent> {
        self.0.lock().iter().filter(|sent| sent.callback == callback).cloned().collect()
    }

    /// All that are remembered, newest first.
    pub fn newest_first(&self) -> Vec<Sent> {
        self.0.lock().iter().rev().cloned().collect()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}
