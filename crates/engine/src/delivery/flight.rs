//! Which attempts are under way. Bounded: each has a place.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use huodong_campaign::Id;
use huodong_store::{DueCallback, InstitutionNo, ReceiverNo, Room};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// Of the places that are free, a receiver may have one in so many: the more receivers do not
/// answer, the fewer places each has, and some stay free for another.
const SHARE: usize = 4;
/// The same for an institution, whose receivers are as many as it likes to name: alone it comes to
/// hold a third of all places, and however many do all they can, some stay free.
const INSTITUTIONS_SHARE: usize = 2;

/// All places. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at_once_max: usize,
    at_once_per_receiver_max: usize,
    state: Mutex<State>,
    /// Counts places given back.
    landed: watch::Sender<u64>,
    /// Wakes the dispatcher.
    wake: Notify,
    /// Whether it is to be woken by a place that is given back.
    wake_when_freed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Places taken, those of forgotten attempts included.
    taken: usize,
    under_way: HashMap<Id, DueCallback>,
    per_receiver: HashMap<ReceiverNo, usize>,
    per_institution: HashMap<InstitutionNo, usize>,
    /// Counts how often the attempts under way were forgotten.
    era: u64,
    /// Counts places ever taken.
    takes: u64,
    /// Counts attempts ever begun.
    begun: u64,
}

impl Flight {
    pub(super) fn new(at_once_max: usize, at_once_per_receiver_max: usize) -> Self {
        Self(Arc::new(Inner {
            at_once_max: at_once_max.max(1),
            at_once_per_receiver_max: at_once_per_receiver_max.max(1),
            state: Mutex::default(),
            landed: watch::Sender::new(0),
            wake: Notify::new(),
            wake_when_freed: AtomicBool::new(false),
        }))
    }

    /// Has the dispatcher look now, or as soon as it has done looking.
    pub(super) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Returns when somebody wants the dispatcher to look.
    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Whether a place that is given back is worth a look: only where something waits for one.
    pub(super) fn wake_when_freed(&self, worth: bool) {
        self.0.wake_when_freed.store(worth, Ordering::Release);
    }

    /// What there is room for.
    pub(super) fn room(&self) -> Room {
        let state = self.0.state.lock();
        let free = self.0.at_once_max.saturating_sub(state.taken);
        Room {
            limit: free,
            per_institution: state.per_institution.clone(),
            per_institution_max: (free / INSTITUTIONS_SHARE).max(1),
            per_receiver: state.per_receiver.clone(),
            per_receiver_max: (free / SHARE).clamp(1, self.0.at_once_per_receiver_max),
            part: None,
        }
    }

    fn freed(&self) {
        if self.0.wake_when_freed.load(Ordering::Acquire) {
            self.wake();
        }
    }

    /// A place for an attempt at this callback; `None` where one is under way, or no place is free.
    pub(super) fn take(&self, due: DueCallback) -> Option<Place> {
        let mut state = self.0.state.lock();
        if state.taken >= self.0.at_once_max || state.under_way.contains_key(&due.id) {
            return None;
        }
        state.taken += 1;
        state.takes += 1;
        state.under_way.insert(due.id, due);
        *state.per_receiver.entry(due.receiver).or_default() += 1;
        *state.per_institution.entry(due.institution).or_default() += 1;
        Some(Place { flight: self.clone(), due, era: state.era, at_receiver: true })
    }

    /// After the database was emptied: numbers may be given out anew, so attempts under way are no
    /// longer known by theirs. They keep their places until they end.
    pub(super) fn forget(&self) {
        let mut state = self.0.state.lock();
        state.era += 1;
        state.under_way.clear();
        state.per_receiver.clear();
        state.per_institution.clear();
    }

    pub(super) fn era(&self) -> u64 {
        self.0.state.lock().era
    }

    pub(super) fn begin(&self) {
        self.0.state.lock().begun += 1;
    }

    /// How many attempts were ever begun.
    pub(super) fn begun(&self) -> u64 {
        self.0.state.lock().begun
    }

    pub(super) fn taken(&self) -> usize {
        self.0.state.lock().taken
    }

    /// The callbacks of these that nobody attempts.
    pub(super) fn without_those_under_way(&self, callbacks: Vec<Id>) -> Vec<Id> {
        let state = self.0.state.lock();
        let under_way: HashSet<_> = state.under_way.keys().copied().collect();
        drop(state);
        callbacks.into_iter().filter(|id| !under_way.contains(id)).collect()
    }

    /// Where no attempt that was due by `now` is under way: how many places were ever taken, by
    /// which the caller sees later whether that is still so.
    pub(super) fn quiet(&self, now: Timestamp) -> Option<u64> {
        let state = self.0.state.lock();
        let quiet = state.under_way.values().all(|due| due.due_at > now);
        quiet.then_some(state.takes)
    }

    /// Tells whenever a place was given back.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.0.landed.subscribe()
    }
}

/// A place for one attempt; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    flight: Flight,
    due: DueCallback,
    era: u64,
    /// Whether it counts as one of its receiver's.
    at_receiver: bool,
}

impl Place {
    pub(super) fn due(&self) -> DueCallback {
        self.due
    }

    /// The attempt begins.
    pub(super) fn begin(&self) {
        self.flight.begin();
    }

    /// The receiver has been heard, or will not be: another can be sent to it while this outcome is
    /// written down.
    pub(super) fn answered(&mut self) {
        let flight = self.flight.clone();
        self.leave_receiver(&mut flight.0.state.lock());
        flight.freed();
    }

    fn leave_receiver(&mut self, state: &mut State) {
        let counted = std::mem::replace(&mut self.at_receiver, false);
        if !counted || state.era != self.era {
            return;
        }
        one_less(&mut state.per_receiver, self.due.receiver);
        one_less(&mut state.per_institution, self.due.institution);
    }

    /// True while the database is the one its callback was found in.
    pub(super) fn is_of_this_era(&self) -> bool {
        self.flight.era() == self.era
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let flight = self.flight.clone();
        let mut state = flight.0.state.lock();
        state.taken -= 1;
        if state.era == self.era {
            state.under_way.remove(&self.due.id);
        }
        self.leave_receiver(&mut state);
        drop(state);
        flight.0.landed.send_modify(|count| *count += 1);
        flight.freed();
    }
}

/// Keeps only those that have any.
fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut slot) = counts.entry(key) {
        *slot.get_mut() -= 1;
        if *slot.get() == 0 {
            slot.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn due(id: i64, receiver: i64) -> DueCallback {
        owed(1, id, receiver)
    }

    fn owed(institution: i64, id: i64, receiver: i64) -> DueCallback {
        DueCallback {
            id: Id(id),
            institution: InstitutionNo(institution),
            receiver: ReceiverNo(receiver),
            due_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// As a look does: each receiver in turn takes what it may have.
    fn look(flight: &Flight, receivers: i64, next_id: &mut i64, places: &mut VecDeque<Place>) {
        let room = flight.room();
        for receiver in 0..receivers {
            let has = room.per_receiver.get(&ReceiverNo(receiver)).copied().unwrap_or(0);
            for _ in has..room.per_receiver_max {
                *next_id += 1;
                places.extend(flight.take(owed(receiver, *next_id, receiver)));
            }
        }
    }

    #[test]
    fn however_many_receivers_are_dead_there_comes_to_be_room_for_one_more() {
        let flight = Flight::new(256, 32);
        let (mut places, mut next_id) = (VecDeque::new(), 0);
        look(&flight, 1, &mut next_id, &mut places);
        assert_eq!(flight.room().limit, 256 - 32, "one takes no more than it may");
        // All die at one moment; from then on an attempt ends now and then, for want of an answer.
        for _ in 0..1_000 {
            look(&flight, 100, &mut next_id, &mut places);
            places.pop_front();
        }
        look(&flight, 100, &mut next_id, &mut places);
        let room = flight.room();
        assert!(room.limit > 0, "{} places are taken", places.len());
        assert_eq!(room.per_receiver.len(), 100, "each is still tried");
        assert!(room.per_receiver.values().all(|count| *count <= 3));
        drop(places);
        assert_eq!((flight.room().limit, flight.room().per_receiver.len()), (256, 0));
    }

    #[test]
    fn one_callback_has_one_place_and_what_was_forgotten_keeps_its_own() {
        let flight = Flight::new(3, 3);
        let first = flight.take(due(1, 1)).expect("a place");
        assert!(flight.take(due(1, 1)).is_none());
        flight.forget();
        assert!(!first.is_of_this_era());
        let mut again = flight.take(due(1, 1)).expect("another callback by the same number");
        assert_eq!(flight.room().limit, 1);
        drop(first);
        assert_eq!(flight.room().limit, 2);
        assert!(flight.take(due(1, 1)).is_none(), "the new one is still under way");
        assert_eq!(flight.room().per_receiver[&ReceiverNo(1)], 1);
        again.answered();
        assert!(flight.room().per_receiver.is_empty(), "its receiver is free");
        assert!(flight.take(due(1, 1)).is_none(), "its outcome is still being written");
        drop(again);
        assert_eq!(flight.room().limit, 3);
    }

    #[test]
    fn an_institution_with_any_number_of_dead_receivers_leaves_places_for_others() {
        let flight = Flight::new(256, 32);
        let (mut places, mut next_id) = (Vec::new(), 0);
        let mut fill = |institution: i64| loop {
            let room = flight.room();
            let has = room.per_institution.get(&InstitutionNo(institution)).copied().unwrap_or(0);
            if has >= room.per_institution_max {
                return has;
            }
            next_id += 1;
            places.extend(flight.take(owed(institution, next_id, next_id)));
        };
        assert_eq!(fill(1), 85, "a third, each to a receiver of its own");
        for institution in 2..8 {
            assert!(fill(institution) > 0, "{institution}");
        }
        assert!(flight.room().limit > 0);
        drop(places);
        assert!(flight.room().per_institution.is_empty());
    }
}
