//! What is due by the business clock. Callbacks are in callbacks.rs.

use huodong_campaign::{ActivityNo, Id};
use jiff::Timestamp;

use super::super::columns::{maybe_time, ms, text};
use super::Reader;
use crate::StoreError;

impl Reader {
    /// Placed donations whose `settle_at` is at or before `now`, oldest first.
    pub fn due_settlements(&self, now: Timestamp, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.due(
            "SELECT id FROM donations WHERE settle_at IS NOT NULL AND settle_at <= ?1 \
             ORDER BY settle_at, id LIMIT ?2",
            ms(now),
            limit,
        )
    }

    /// Coupons in process whose `settle_at` is at or before `now`, oldest first.
    pub fn due_coupon_settlements(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Id>, StoreError> {
        self.due(
            "SELECT id FROM coupons WHERE settle_at IS NOT NULL AND settle_at <= ?1 \
             ORDER BY settle_at, id LIMIT ?2",
            ms(now),
            limit,
        )
    }

    /// Issued coupons whose `expires_at` is at or before `now`, oldest first.
    pub fn due_expiries(&self, now: Timestamp, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.due(
            "SELECT id FROM coupons WHERE status = 2 AND expires_at <= ?1 \
             ORDER BY expires_at, id LIMIT ?2",
            ms(now),
            limit,
        )
    }

    /// Activities not ended whose `ends_at` is at or before `now`.
    pub fn due_ends(&self, now: Timestamp, limit: usize) -> Result<Vec<ActivityNo>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(
            "SELECT activity_no FROM activities WHERE status <> 4 AND ends_at <= ?1 \
             ORDER BY ends_at, no LIMIT ?2",
        )?;
        select.query_and_then((ms(now), bound(limit)), |row| text(row, 0))?.collect()
    }

    /// The next moment any of those above has something.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(
            "SELECT min(at) FROM ( \
             SELECT min(settle_at) AS at FROM donations WHERE settle_at IS NOT NULL \
             UNION ALL SELECT min(settle_at) FROM coupons WHERE settle_at IS NOT NULL \
             UNION ALL SELECT min(expires_at) FROM coupons WHERE status = 2 \
             UNION ALL SELECT min(ends_at) FROM activities WHERE status <> 4) AS next",
        )?;
        select.query_row((), |row| maybe_time(row, 0))
    }

    /// Numbers that a query gives for a time, at most so many.
    pub(super) fn due(&self, select: &str, now: i64, limit: usize) -> Result<Vec<Id>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(select)?;
        let due = select.query_and_then((now, bound(limit)), |row| row.get(0).map(Id))?;
        due.collect()
    }
}

/// A limit as SQL takes it.
pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
