//! Callbacks: lists for operators, and what delivery asks for.

use std::collections::HashMap;

use huodong_campaign::{Attempt, Callback, Id};
use jiff::Timestamp;

use super::super::columns::{coded, maybe_time, ms, time};
use super::super::{load, rows};
use super::Reader;
use super::coupons::institution;
use super::due::bound;
use super::paging::{List, Scan};
use crate::errors::corrupt;
use crate::sql::Connection;
use crate::{
    CallbackFilter, CallbackStatus, DueCallback, InstitutionNo, Page, PageRequest, ReceiverNo,
    Room, StoreError,
};

/// So many receivers of an institution take turns; of more that have something due, those due
/// longest.
const RECEIVERS_MAX: i64 = 1_000;

impl Reader {
    /// A callback by its number.
    pub fn callback(&self, id: Id) -> Result<Option<Callback>, StoreError> {
        load::callback(&*self.conn()?, id)
    }

    /// Callbacks. Those of one coupon, and those that are exhausted, are found at once; others by
    /// looking.
    pub fn callbacks(
        &self,
        filter: &CallbackFilter,
        page: PageRequest,
    ) -> Result<Page<Callback>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::CALLBACKS, "c.id");
        if let Some(appid) = &filter.appid {
            let Some(no) = institution(&conn, appid)? else {
                return Ok(Page { rows: Vec::new(), next: None });
            };
            list.filter("r.app = ?", Some(no));
        }
        list.code("c.event = ?", filter.event).text("r.host = ?", filter.receiver.as_deref()).span(
            "c.created_at",
            filter.from,
            filter.until,
        );
        let mut scan = Scan::all("callbacks");
        if filter.status == Some(CallbackStatus::Exhausted) {
            // Written out, as an index of these rows alone serves only a question that is.
            list.always("c.state = 4");
            scan = Scan::only("callbacks", "state = 4");
        } else {
            list.code("c.state = ?", filter.status);
        }
        match filter.coupon {
            Some(Id(coupon)) => {
                list.filter("c.coupon = ?", Some(coupon));
                list.page(&conn, page, rows::callback)
            }
            None => list.scan(&conn, page, scan, rows::callback),
        }
    }

    /// The attempts at a callback, in the order they were written down.
    pub fn attempts(&self, callback: Id) -> Result<Vec<Attempt>, StoreError> {
        let conn = self.conn()?;
        let select = format!("{} WHERE callback = ?1 ORDER BY number", rows::ATTEMPTS);
        let mut select = conn.prepare(&select)?;
        let attempts = select.query_and_then([callback.0], rows::attempt)?;
        attempts.map(|found| found.map(|(_, attempt)| attempt)).collect()
    }

    /// How many callbacks stand where; only where there are any.
    pub fn callback_counts(&self) -> Result<Vec<(CallbackStatus, u64)>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(
            "SELECT state, callbacks FROM callback_counts WHERE callbacks <> 0 ORDER BY state",
        )?;
        let counts = select.query_and_then((), |row| {
            let count = u64::try_from(row.get::<i64>(1)?);
            Ok((coded(row, 0)?, count.map_err(|_| corrupt("a negative number of callbacks"))?))
        })?;
        counts.collect()
    }

    /// Callbacks whose attempt is due at `now`, as many as there is room for. Institutions take
    /// turns, and within each its receivers: each gives its oldest, then each its next, and the next
    /// look goes on after the last one served, so that none starves.
    ///
    /// The cost grows with the receivers that have something due, up to a bound for each
    /// institution, and with what is given out; not with how many callbacks wait.
    pub fn due_callbacks(
        &self,
        now: Timestamp,
        room: &Room,
    ) -> Result<Vec<DueCallback>, StoreError> {
        let conn = self.conn()?;
        let mut turns = self.0.turns.lock();
        let mut lines = Vec::new();
        for institution in turns.institutions(&conn)? {
            let under_way = room.per_institution.get(&institution).copied().unwrap_or(0);
            let free = room.per_institution_max.saturating_sub(under_way).min(room.limit);
            if free > 0 && lines.len() < room.limit {
                let last = turns.receivers.get(&institution).copied().unwrap_or(0);
                let line = Line::open(&conn, now, institution, last, free, room)?;
                lines.extend((!line.queues.is_empty()).then_some(line));
            }
        }
        // Most often the first round is enough: an equal share for each.
        let mut given = Vec::with_capacity(lines.len());
        for share in [room.limit.div_ceil(lines.len().max(1)), room.limit] {
            given.clear();
            for line in &mut lines {
                given.push(line.give(&conn, now, share)?);
            }
            if given.iter().map(Vec::len).sum::<usize>() >= room.limit {
                break;
            }
        }
        let due = in_turn(&given, room.limit);
        turns.served(&due);
        Ok(due)
    }

    /// When the next attempt is due, now or later; `None` while no callback waits.
    pub fn next_callback_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let conn = self.conn()?;
        let mut select =
            conn.prepare("SELECT min(next_due) FROM receivers WHERE next_due IS NOT NULL")?;
        select.query_row((), |row| maybe_time(row, 0))
    }

    /// Callbacks whose lease was over by `real_now`, a time of the real clock.
    pub fn lapsed_leases(&self, real_now: Timestamp, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.due(
            "SELECT id FROM callbacks WHERE state = 2 AND leased_until <= ?1 \
             ORDER BY leased_until, id LIMIT ?2",
            ms(real_now),
            limit,
        )
    }
}

/// Who was served last.
#[derive(Default)]
pub(super) struct Turns {
    institution: i64,
    /// The receiver of each institution.
    receivers: HashMap<InstitutionNo, i64>,
}

impl Turns {
    /// The institutions that anything waits for, from the one after the last served on.
    fn institutions(&self, conn: &Connection) -> Result<Vec<InstitutionNo>, StoreError> {
        // From one to the next by the index, however many receivers each has.
        let mut select = conn.prepare(
            "WITH RECURSIVE apps(app) AS ( \
             SELECT min(app) FROM receivers WHERE next_due IS NOT NULL \
             UNION ALL \
             SELECT (SELECT min(app) FROM receivers \
             WHERE next_due IS NOT NULL AND app > apps.app) FROM apps WHERE app IS NOT NULL) \
             SELECT app FROM apps WHERE app IS NOT NULL ORDER BY app <= ?1, app",
        )?;
        let found =
            select.query_and_then([self.institution], |row| Ok(InstitutionNo(row.get(0)?)))?;
        found.collect()
    }

    fn served(&mut self, due: &[DueCallback]) {
        for one in due {
            self.institution = one.institution.0;
            self.receivers.insert(one.institution, one.receiver.0);
        }
    }
}

/// What one institution has due.
struct Line {
    /// How many it may be sent now.
    free: usize,
    queues: Vec<Queue>,
}

impl Line {
    /// Its receivers that have something due and room for it, from the one after the last served on.
    fn open(
        conn: &Connection,
        now: Timestamp,
        institution: InstitutionNo,
        last: i64,
        free: usize,
        room: &Room,
    ) -> Result<Self, StoreError> {
        let mut queues = Vec::new();
        let mut select = conn.prepare(
            "SELECT no FROM (SELECT no FROM receivers INDEXED BY receivers_due_by_app \
             WHERE app = ?1 AND next_due IS NOT NULL AND next_due <= ?2 ORDER BY next_due \
             LIMIT ?3) AS due ORDER BY no <= ?4, no",
        )?;
        let mut receivers = select.query((institution.0, ms(now), RECEIVERS_MAX, last))?;
        while queues.len() < free
            && let Some(row) = receivers.next()?
        {
            let receiver = ReceiverNo(row.get(0)?);
            let under_way = room.per_receiver.get(&receiver).copied().unwrap_or(0);
            let part = room.part;
            let room = room.per_receiver_max.saturating_sub(under_way).min(free);
            if room > 0 {
                let (due, may_have_more) = (Vec::new(), true);
                queues.push(Queue { institution, receiver, room, part, due, may_have_more });
            }
        }
        Ok(Self { free, queues })
    }

    /// So many of them at the most, its receivers in turn.
    fn give(
        &mut self,
        conn: &Connection,
        now: Timestamp,
        share: usize,
    ) -> Result<Vec<DueCallback>, StoreError> {
        let limit = share.min(self.free);
        let each = limit.div_ceil(self.queues.len().max(1));
        self.queues.iter_mut().try_for_each(|queue| queue.fill(conn, now, each))?;
        if self.queues.iter().map(|queue| queue.due.len()).sum::<usize>() < limit {
            self.queues.iter_mut().try_for_each(|queue| queue.fill(conn, now, limit))?;
        }
        let due: Vec<_> = self.queues.iter().map(|queue| queue.due.as_slice()).collect();
        Ok(in_turn(&due, limit))
    }
}

/// What one receiver has due.
struct Queue {
    institution: InstitutionNo,
    receiver: ReceiverNo,
    /// How many it may be sent now.
    room: usize,
    part: Option<(i64, i64)>,
    due: Vec<DueCallback>,
    may_have_more: bool,
}

impl Queue {
    /// Reads its oldest, up to `share` of them.
    fn fill(&mut self, conn: &Connection, now: Timestamp, share: usize) -> Result<(), StoreError> {
        let wanted = share.min(self.room);
        if wanted <= self.due.len() || !self.may_have_more {
            return Ok(());
        }
        // A number's lowest eight bits are its node's, the same for all that one node has made.
        let part =
            self.part.map_or(String::new(), |(of, nth)| format!("AND id / 256 % {of} = {nth}"));
        let mut select = conn.prepare(&format!(
            "SELECT id, due_at FROM callbacks WHERE state = 1 AND receiver = ?1 AND due_at <= ?2 \
             {part} ORDER BY due_at, id LIMIT ?3",
        ))?;
        let due = select.query_and_then((self.receiver.0, ms(now), bound(wanted)), |row| {
            let Self { institution, receiver, .. } = *self;
            Ok(DueCallback { id: Id(row.get(0)?), institution, receiver, due_at: time(row, 1)? })
        })?;
        self.due = due.collect::<Result<_, StoreError>>()?;
        self.may_have_more = self.due.len() == wanted;
        Ok(())
    }
}

/// One of each, then the second of each, and so on.
fn in_turn(queues: &[impl AsRef<[DueCallback]>], limit: usize) -> Vec<DueCallback> {
    let longest = queues.iter().map(|queue| queue.as_ref().len()).max().unwrap_or(0);
    let of_round = |n| queues.iter().filter_map(move |queue| queue.as_ref().get(n));
    (0..longest).flat_map(of_round).take(limit).copied().collect()
}
