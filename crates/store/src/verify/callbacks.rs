//! Every callback, with the attempts at it.

use std::collections::BTreeMap;

use huodong_campaign::{Callback, CallbackState, Id, SCHEDULE_S};

use super::super::columns::coded;
use super::super::rows;
use super::AuditReport;
use super::orders;
use crate::sql::{Connection, Rows, Statement};
use crate::{CallbackStatus, StoreError};

pub(super) fn check(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(&format!("{} ORDER BY c.id", rows::CALLBACKS))?;
    let mut callbacks = select.query(())?;
    let mut select = conn.prepare(Tried::SELECT)?;
    let mut tried = Tried::begin(&mut select)?;
    let mut counts: BTreeMap<CallbackStatus, i64> = BTreeMap::new();
    while let Some(row) = callbacks.next()? {
        let (_, callback) = rows::callback(row)?;
        *counts.entry(callback.state.into()).or_default() += 1;
        check_state(&callback, report);
        tried.check(&callback, report)?;
    }
    tried.take(Id(i64::MAX), report)?;
    report.checked(
        "callbacks stand where their times say",
        counts.values().sum::<i64>().unsigned_abs(),
    );
    report.checked("attempts are numbered and counted with their callbacks", tried.count);
    check_counts(conn, &counts, report)?;
    let of = |status| counts.get(&status).copied().unwrap_or(0);
    for (status, queued, what) in [
        (
            CallbackStatus::Waiting,
            "callbacks INDEXED BY callbacks_waiting WHERE state = 1",
            "waiting callbacks are queued",
        ),
        (
            CallbackStatus::Leased,
            "callbacks INDEXED BY callbacks_leased WHERE state = 2",
            "leased callbacks are found by their lease",
        ),
        (
            CallbackStatus::Exhausted,
            "callbacks INDEXED BY callbacks_exhausted WHERE state = 4",
            "exhausted callbacks are listed",
        ),
    ] {
        orders::queue(conn, queued, of(status), what, report)?;
    }
    check_receivers(conn, report)
}

fn check_state(callback: &Callback, report: &mut AuditReport) {
    let Callback { id, state, tries, finished_at, .. } = callback;
    let tries = usize::from(*tries);
    let (right_tries, finished) = match state {
        CallbackState::Waiting { .. } | CallbackState::Leased { .. } => {
            (tries < SCHEDULE_S.len(), false)
        }
        CallbackState::Delivered => (tries <= SCHEDULE_S.len(), true),
        CallbackState::Exhausted => (tries == SCHEDULE_S.len(), true),
    };
    report.expect(right_tries, || format!("callback {id}, {state:?}, was tried {tries} times"));
    report.expect(finished_at.is_some() == finished, || {
        format!("callback {id}, {state:?}, was finished at {finished_at:?}")
    });
}

fn check_counts(
    conn: &Connection,
    counts: &BTreeMap<CallbackStatus, i64>,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(
        "SELECT state, callbacks FROM callback_counts WHERE callbacks <> 0 ORDER BY state",
    )?;
    let told = select.query_and_then((), |row| Ok((coded(row, 0)?, row.get(1)?)))?;
    let told = told.collect::<Result<BTreeMap<CallbackStatus, i64>, StoreError>>()?;
    report.expect(told == *counts, || {
        format!("the counts of callbacks are {told:?}; counted anew, {counts:?}")
    });
    report.checked("callbacks are counted by where they stand", told.len() as u64);
    Ok(())
}

fn check_receivers(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(
        "SELECT r.no, r.next_due, (SELECT due_at FROM callbacks WHERE state = 1 \
         AND receiver = r.no ORDER BY due_at LIMIT 1) FROM receivers r",
    )?;
    let mut rows = select.query(())?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (no, told, first): (i64, Option<i64>, Option<i64>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        count += 1;
        report.expect(told == first, || {
            format!("receiver {no} is next due at {told:?}; its callbacks say {first:?}")
        });
    }
    report.checked("receivers are due with their first callback", count);
    Ok(())
}

/// Attempts, by callback.
struct Tried<'r> {
    rows: Rows<'r>,
    next: Option<Attempts>,
    count: u64,
}

/// How many attempts at a callback there are, and their numbers from the first to the last.
#[derive(Clone, Copy)]
struct Attempts {
    callback: Id,
    count: u32,
    first: u32,
    last: u32,
}

impl<'r> Tried<'r> {
    const SELECT: &'static str = "SELECT callback, count(*), min(number), max(number) \
        FROM attempts INDEXED BY attempts_by_callback GROUP BY callback ORDER BY callback";

    fn begin(select: &'r mut Statement<'_>) -> Result<Self, StoreError> {
        let mut tried = Self { rows: select.query(())?, next: None, count: 0 };
        tried.advance()?;
        Ok(tried)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = match self.rows.next()? {
            None => None,
            Some(row) => Some(Attempts {
                callback: Id(row.get(0)?),
                count: row.get(1)?,
                first: row.get(2)?,
                last: row.get(3)?,
            }),
        };
        Ok(())
    }

    /// The attempts at this callback; those at callbacks before it are at none there is.
    fn take(&mut self, at: Id, report: &mut AuditReport) -> Result<Option<Attempts>, StoreError> {
        while let Some(found) = self.next.take_if(|next| next.callback <= at) {
            self.count += u64::from(found.count);
            self.advance()?;
            if found.callback == at {
                return Ok(Some(found));
            }
            report.violation(|| {
                format!("attempts at callback {}, which is not there", found.callback)
            });
        }
        Ok(None)
    }

    /// All that are not archived must be there, and no other.
    fn check(&mut self, callback: &Callback, report: &mut AuditReport) -> Result<(), StoreError> {
        let Callback { id, attempts, archived, .. } = callback;
        let left = attempts.checked_sub(*archived);
        let right = match (self.take(*id, report)?, left) {
            (None, left) => left == Some(0),
            (Some(_), None) => false,
            (Some(found), Some(left)) => {
                (found.count, found.first, found.last) == (left, archived + 1, *attempts)
            }
        };
        report.expect(right, || {
            format!(
                "callback {id} says {attempts} attempts, {archived} of them archived; the others are \
                 not all there, or more are"
            )
        });
        Ok(())
    }
}
