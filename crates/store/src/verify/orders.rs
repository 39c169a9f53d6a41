//! What donations and coupons have in common: the transfers made for them, the queues they wait in
//! and the sums over them.

use std::collections::HashMap;

use huodong_campaign::{AccountId, Fen, Id, Transfer};

use super::super::columns::{coded, time};
use super::super::rows;
use super::AuditReport;
use super::campaigns::{Campaign, Campaigns};
use super::index::KeySum;
use crate::StoreError;
use crate::sql::{Connection, Row, Rows, Statement};

/// What is known of orders once all were read.
#[derive(Default)]
pub(super) struct Orders {
    /// What the hash index must hold for them.
    pub(super) keys: KeySum,
    /// How many transfers were found with their order.
    pub(super) transfers: usize,
}

impl Orders {
    /// Whether every transfer for an order was found with it.
    pub(super) fn check(
        &self,
        conn: &Connection,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let sql = "SELECT count(*) FROM transfers WHERE order_id IS NOT NULL";
        let for_orders: i64 = conn.query_row(sql, (), |row| row.get(0))?;
        report.expect(usize::try_from(for_orders) == Ok(self.transfers), || {
            format!(
                "{for_orders} transfers are for orders; {} were found with theirs",
                self.transfers
            )
        });
        report.checked("transfers for orders have theirs", for_orders.unsigned_abs());
        Ok(())
    }
}

/// A question with the step from one number to the next in it.
pub(super) fn stepped(conn: &Connection, sql: &str) -> String {
    sql.replace("{step}", &conn.id_step().to_string())
}

/// The transfer that placed an order, which lies beside it from this column on.
pub(super) fn placing_transfer(row: Row<'_>, first: usize) -> Result<Option<Transfer>, StoreError> {
    let Some(id) = row.get(first)? else { return Ok(None) };
    Ok(Some(Transfer {
        id: Id(id),
        from: AccountId(row.get(first + 1)?),
        to: AccountId(row.get(first + 2)?),
        amount: Fen(row.get(first + 3)?),
        reason: coded(row, first + 4)?,
        order: Some(Id(row.get(first + 5)?)),
        at: time(row, first + 6)?,
    }))
}

/// Transfers made after their orders were placed, by order.
pub(super) struct Later<'r> {
    rows: Rows<'r>,
    next: Option<(Id, Transfer)>,
}

impl<'r> Later<'r> {
    /// Those of coupons, or with `NOT` of all other orders: all that [`placing_transfer`] did not find.
    /// What was copied into a shared database has the numbers it had, so there the transfer that placed
    /// an order may be among them.
    pub(super) fn select(conn: &Connection, not: &str) -> String {
        let later = conn.either(
            "INDEXED BY transfers_after_order WHERE id - order_id > 1",
            "WHERE id - order_id <> 256",
        );
        format!(
            "{} {later} AND {not} EXISTS (SELECT 1 FROM coupons c WHERE c.id = order_id) \
             ORDER BY order_id, id",
            rows::TRANSFERS,
        )
    }

    pub(super) fn begin(select: &'r mut Statement<'_>) -> Result<Self, StoreError> {
        let mut later = Self { rows: select.query(())?, next: None };
        later.advance()?;
        Ok(later)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = match self.rows.next()? {
            None => None,
            Some(row) => {
                let (_, transfer) = rows::transfer(row)?;
                Some((transfer.order.unwrap_or(Id(0)), transfer))
            }
        };
        Ok(())
    }

    /// Moves those of this order to `to`, in order; those of orders before it belong to none there is.
    pub(super) fn take(
        &mut self,
        order: Id,
        to: &mut Vec<Transfer>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        while let Some((of, transfer)) = self.next.take_if(|(of, _)| *of <= order) {
            if of == order {
                to.push(transfer);
            } else {
                let id = transfer.id;
                report.violation(|| format!("transfer {id} is for order {of}, which is not there"));
            }
            self.advance()?;
        }
        to.sort_by_key(|transfer| transfer.id);
        Ok(())
    }
}

/// Whether an index that timers look at has the rows it should: quick_check does not say.
pub(super) fn queue(
    conn: &Connection,
    queued: &str,
    expected: i64,
    what: &str,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let sql = format!("SELECT count(*) FROM {queued}");
    let queued: i64 = conn.query_row(&sql, (), |row| row.get(0))?;
    report.expect(queued == expected, || format!("{what}: {queued} are, of {expected}"));
    report.checked(what, queued.unsigned_abs());
    Ok(())
}

/// By status code: orders and their money.
pub(super) type Totals = HashMap<i64, (i64, i128)>;

/// Whether the sums that are kept of each activity's orders are those of its orders.
pub(super) fn totals(
    conn: &Connection,
    table: &str,
    campaigns: &Campaigns,
    of: impl Fn(&Campaign) -> &Totals,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select =
        conn.prepare(&format!("SELECT activity, status, orders, money FROM {table}"))?;
    let mut rows = select.query(())?;
    let mut told: HashMap<(i64, i64), (i64, i128)> = HashMap::new();
    while let Some(row) = rows.next()? {
        let total = (row.get(2)?, i128::from(row.get::<i64>(3)?));
        if total != (0, 0) {
            told.insert((row.get(0)?, row.get(1)?), total);
        }
    }
    let count = told.len();
    for (no, campaign) in &campaigns.activities {
        for (status, total) in of(campaign) {
            let told = told.remove(&(*no, *status));
            report.expect(told == Some(*total), || {
                let no = &campaign.activity.activity_no;
                format!("the {table} of activity {no} are {told:?}; its orders make {total:?}")
            });
        }
    }
    report.expect(told.is_empty(), || format!("{table} of orders that are not there"));
    report.checked(&format!("activities' {table} are those of their orders"), count as u64);
    Ok(())
}
