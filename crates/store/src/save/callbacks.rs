use std::collections::{BTreeMap, BTreeSet};

use huodong_campaign::{Callback, CallbackState, Row, World};

use super::super::columns::{Coded, ms};
use super::{Saver, gone, parted};
use crate::sql::{Cell, Connection, Lock, insert, many, put, update};
use crate::{CallbackStatus, StoreError};

impl Saver<'_> {
    pub(super) fn callbacks(&mut self, world: &World) -> Result<(), StoreError> {
        if !world.callbacks.is_changed() {
            return Ok(());
        }
        let mut moved = Moved::default();
        let (new, changed) = parted(&world.callbacks, |callback| callback.id);
        self.insert_callbacks(&new, &mut moved)?;
        self.update_callbacks(&changed, &mut moved)?;
        moved.save(self.conn)
    }

    fn insert_callbacks(
        &mut self,
        rows: &[&Row<Callback>],
        moved: &mut Moved,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, event, coupon, receiver, created_at, began_at, tries, \
            attempts, state, due_at, leased_until, finished_at";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "callbacks", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let receiver = numbers.receiver(conn, it.appid.as_str(), &it.receiver)?;
            let state = State::of(it);
            bind.next(it.id.0)?;
            bind.next(it.event.code())?;
            bind.next(it.coupon.0)?;
            bind.next(receiver)?;
            bind.next(ms(it.created_at))?;
            bind.next(ms(it.began_at))?;
            bind.next(it.tries)?;
            bind.next(it.attempts)?;
            bind.next(state.code)?;
            bind.next(state.due_at)?;
            bind.next(state.leased_until)?;
            bind.next(it.finished_at.map(ms))?;
            moved.add(receiver, state.code, 1);
            Ok(())
        })
    }

    /// Only what can change after a callback came to be owed; how many of its attempts are archived
    /// is changed by whoever archives them.
    fn update_callbacks(
        &mut self,
        rows: &[&Row<Callback>],
        moved: &mut Moved,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str =
            "id, began_at, tries, attempts, state, due_at, leased_until, finished_at";
        let before = self.stood("callbacks", "receiver", rows.iter().map(|row| row.value.id.0))?;
        for row in rows {
            let it = &row.value;
            let (receiver, state) = *before.get(&it.id.0).ok_or_else(|| gone("a callback"))?;
            moved.add(receiver, state, -1);
            moved.add(receiver, State::of(it).code, 1);
        }
        update(self.conn, "a callback", "callbacks", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let state = State::of(it);
            bind.next(it.id.0)?;
            bind.next(ms(it.began_at))?;
            bind.next(it.tries)?;
            bind.next(it.attempts)?;
            bind.next(state.code)?;
            bind.next(state.due_at)?;
            bind.next(state.leased_until)?;
            bind.next(it.finished_at.map(ms))
        })
    }

    pub(super) fn attempts(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str =
            "id, callback, number, due_at, at, took_ms, outcome, status, answer, reason";
        insert(self.conn, "attempts", COLUMNS, &world.attempts, |bind, it| {
            bind.next(it.id.0)?;
            bind.next(it.callback.0)?;
            bind.next(it.number)?;
            bind.next(ms(it.due_at))?;
            bind.next(ms(it.at))?;
            bind.next(it.took_ms)?;
            bind.next(it.outcome.code())?;
            bind.next(it.status)?;
            bind.next(&*it.answer)?;
            bind.next(&*it.reason)?;
            Ok(())
        })
    }
}

/// A callback's state as it lies in columns.
struct State {
    code: i64,
    due_at: Option<i64>,
    leased_until: Option<i64>,
}

impl State {
    fn of(callback: &Callback) -> Self {
        let (due_at, leased_until) = match callback.state {
            CallbackState::Waiting { due_at } => (Some(ms(due_at)), None),
            CallbackState::Leased { until, due_at } => (Some(ms(due_at)), Some(ms(until))),
            CallbackState::Delivered | CallbackState::Exhausted => (None, None),
        };
        Self { code: CallbackStatus::from(callback.state).code(), due_at, leased_until }
    }
}

/// What a batch did to callbacks in all.
#[derive(Default)]
struct Moved {
    /// How many more stand in each state.
    counts: BTreeMap<i64, i64>,
    /// Whose waiting callbacks may be others now.
    receivers: BTreeSet<i64>,
}

impl Moved {
    fn add(&mut self, receiver: i64, state: i64, callbacks: i64) {
        *self.counts.entry(state).or_default() += callbacks;
        self.receivers.insert(receiver);
    }

    fn save(self, conn: &Connection) -> Result<(), StoreError> {
        let receivers: Vec<_> = self.receivers.into_iter().map(Cell::from).collect();
        // Whose callbacks other nodes change too must wait for them here, or each would miss the
        // other's: what is asked next sees what they have committed.
        many(conn, "SELECT no FROM receivers", "no", &receivers, Lock::Own, |_| Ok(()))?;
        let due = many(
            conn,
            "SELECT r.no, r.next_due, (SELECT due_at FROM callbacks WHERE state = 1 \
             AND receiver = r.no ORDER BY due_at LIMIT 1) FROM receivers r",
            "r.no",
            &receivers,
            Lock::No,
            |row| Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?, row.get(2)?)),
        )?;
        let due: Vec<(i64, Option<i64>)> = due
            .into_iter()
            .filter(|(_, told, first)| told != first)
            .map(|(no, _, first)| (no, first))
            .collect();
        update(conn, "a receiver", "receivers", "no, next_due", &due, |bind, (no, first)| {
            bind.next(*no)?;
            bind.next(*first)
        })?;
        let counts: Vec<_> = self.counts.into_iter().filter(|(_, moved)| *moved != 0).collect();
        let otherwise = "ON CONFLICT (state) DO UPDATE SET callbacks = \
            callback_counts.callbacks + excluded.callbacks";
        put(conn, "callback_counts", "state, callbacks", otherwise, &counts, |bind, moved| {
            bind.next(moved.0)?;
            bind.next(moved.1)
        })
    }
}
