use std::collections::{BTreeMap, BTreeSet};

use huodong_campaign::{Callback, CallbackState, Row, RowState, World};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::columns::{Coded, ms};
use super::{Saver, bulk, expect_one, sorted};
use crate::{CallbackStatus, StoreError};

impl Saver<'_> {
    pub(super) fn callbacks(&mut self, world: &World) -> Result<(), StoreError> {
        let rows = sorted(&world.callbacks, |callback| callback.id);
        if rows.is_empty() {
            return Ok(());
        }
        let mut moved = Moved::default();
        let (new, changed): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == RowState::New);
        self.insert_callbacks(&new, &mut moved)?;
        for row in changed {
            self.update_callback(&row.value, &mut moved)?;
        }
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
        bulk::insert(conn, "callbacks", COLUMNS, rows, |bind, row| {
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

    /// Only what can change after a callback came to be owed.
    fn update_callback(&mut self, it: &Callback, moved: &mut Moved) -> Result<(), StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT receiver, state FROM callbacks WHERE id = ?1")?;
        let (receiver, before): (i64, i64) =
            select.query_row([it.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let state = State::of(it);
        moved.add(receiver, before, -1);
        moved.add(receiver, state.code, 1);
        let mut update = self.conn.prepare_cached(
            "UPDATE callbacks SET began_at = ?2, tries = ?3, attempts = ?4, state = ?5, \
             due_at = ?6, leased_until = ?7, finished_at = ?8 WHERE id = ?1",
        )?;
        let changed = update.execute(params![
            it.id.0,
            ms(it.began_at),
            it.tries,
            it.attempts,
            state.code,
            state.due_at,
            state.leased_until,
            it.finished_at.map(ms),
        ])?;
        expect_one(changed, "callback", it.id)
    }

    pub(super) fn attempts(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str =
            "id, callback, number, due_at, at, took_ms, outcome, status, answer, reason";
        bulk::insert(self.conn, "attempts", COLUMNS, &world.attempts, |bind, it| {
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
        let mut put = conn.prepare_cached(
            "INSERT INTO callback_counts (state, callbacks) VALUES (?1, ?2) \
             ON CONFLICT (state) DO UPDATE SET callbacks = callbacks + ?2",
        )?;
        for (state, callbacks) in self.counts {
            if callbacks != 0 {
                put.execute((state, callbacks))?;
            }
        }
        let mut select = conn.prepare_cached(
            "SELECT due_at FROM callbacks WHERE state = 1 AND receiver = ?1 \
             ORDER BY due_at LIMIT 1",
        )?;
        let mut update = conn.prepare_cached(
            "UPDATE receivers SET next_due = ?2 WHERE no = ?1 AND next_due IS NOT ?2",
        )?;
        for receiver in self.receivers {
            let next: Option<i64> = select.query_row([receiver], |row| row.get(0)).optional()?;
            update.execute((receiver, next))?;
        }
        Ok(())
    }
}
