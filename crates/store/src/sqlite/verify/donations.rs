//! Every donation, with the transfers made for it.

use huodong_campaign::{AccountId, DonationStatus, Fen, Id, Transfer, TransferReason};
use rusqlite::{Connection, OptionalExtension, Row, Rows};

use super::super::columns::{Coded, coded};
use super::super::errors::corrupt;
use super::super::hash_index::KeyHasher;
use super::super::rows;
use super::AuditReport;
use super::campaigns::{Campaign, Campaigns};
use super::index::KeySum;
use crate::StoreError;

/// A donation as it lies, with the transfer that placed it beside it.
const DONATIONS: &str = "SELECT d.id, d.bid, d.reward_transcode, d.app, d.activity, d.project, \
    d.money, d.status, d.settle_at, d.flowers, \
    t.id, t.from_account, t.to_account, t.amount, t.reason, t.order_id, t.at \
    FROM donations d LEFT JOIN transfers t ON t.id = d.id + 1 AND t.order_id = d.id ORDER BY d.id";

/// Checks all donations. Gives what the hash index must hold for them.
pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &mut Campaigns,
    report: &mut AuditReport,
) -> Result<KeySum, StoreError> {
    let mut known = KeySum::default();
    let mut select = conn.prepare(DONATIONS)?;
    let mut donations = select.query(())?;
    let mut select = conn.prepare(&format!(
        "{} INDEXED BY transfers_after_order WHERE id - order_id > 1 ORDER BY order_id, id",
        rows::TRANSFERS
    ))?;
    let mut later = Later { rows: select.query(())?, next: None };
    later.advance()?;
    let (mut count, mut matched, mut to_settle) = (0, 0, 0_i64);
    let mut transfers = Vec::new();
    while let Some(row) = donations.next()? {
        count += 1;
        let id = Id(row.get(0)?);
        transfers.clear();
        if row.get::<_, Option<i64>>(10)?.is_some() {
            transfers.push(placing_transfer(row)?);
        }
        later.take(id, &mut transfers, report)?;
        matched += transfers.len();
        let bid = campaigns.bids.get(&row.get(1)?);
        let bid = bid.ok_or_else(|| corrupt(format!("donation {id} was paid by no bid")))?;
        known.add(keys.donation_parts(bid, row.get_ref(2)?.as_str()?), id);
        let settle_at: Option<i64> = row.get(8)?;
        to_settle += i64::from(settle_at.is_some());
        let status = coded::<DonationStatus>(row, 7)?;
        report.expect(settle_at.is_some() == (status == DonationStatus::Placed), || {
            format!("donation {id}, {status:?}, is to settle at {settle_at:?}")
        });
        report.expect(campaigns.applications.contains_key(&row.get(3)?), || {
            format!("donation {id} was called by no application")
        });
        money(row, id, status, &transfers, campaigns, report)?;
        if let Some(flowers) = row.get::<_, Option<i64>>(9)? {
            flowers_agree(conn, id, flowers, report)?;
        }
    }
    later.take(Id(i64::MAX), &mut transfers, report)?;
    report.checked("donations moved the money their status says", count);
    counts(conn, matched, to_settle, report)?;
    totals(conn, campaigns, report)?;
    Ok(known)
}

fn placing_transfer(row: &Row<'_>) -> Result<Transfer, StoreError> {
    Ok(Transfer {
        id: Id(row.get(10)?),
        from: AccountId(row.get(11)?),
        to: AccountId(row.get(12)?),
        amount: Fen(row.get(13)?),
        reason: coded(row, 14)?,
        order: Some(Id(row.get(15)?)),
        at: super::super::columns::time(row, 16)?,
    })
}

/// Transfers made after their orders were placed, by order.
struct Later<'r> {
    rows: Rows<'r>,
    next: Option<(Id, Transfer)>,
}

impl Later<'_> {
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

    /// Moves those of this order to `to`; those of orders before it belong to none there is.
    fn take(
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
        Ok(())
    }
}

fn money(
    row: &Row<'_>,
    id: Id,
    status: DonationStatus,
    transfers: &[Transfer],
    campaigns: &mut Campaigns,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let money = row.get::<_, i64>(6)?;
    let Some(campaign) = campaigns.activities.get_mut(&row.get(4)?) else {
        report.violation(|| format!("donation {id} is of no activity"));
        return Ok(());
    };
    let Some((project, paid)) = campaigns.projects.get_mut(&row.get(5)?) else {
        report.violation(|| format!("donation {id} is for no project"));
        return Ok(());
    };
    let total = campaign.totals.entry(status.code()).or_default();
    total.0 += 1;
    total.1 += i128::from(money);
    report.expect(money > 0, || format!("donation {id} is of {money}"));
    report.expect(transfers.iter().all(|transfer| transfer.amount.0 == money), || {
        format!("donation {id} of {money} moved another amount")
    });
    report.expect(path_is_right(status, transfers, campaign, *project), || {
        let reasons: Vec<_> = transfers.iter().map(|transfer| transfer.reason).collect();
        format!("donation {id} is {status:?}, but its transfers are {reasons:?}")
    });
    let money = i128::from(money);
    match status {
        DonationStatus::Placed => campaign.placed += money,
        DonationStatus::Paid => {
            campaign.paid += money;
            *paid += money;
        }
        DonationStatus::Failed | DonationStatus::Refunded => {
            if transfers.last().is_some_and(|last| last.to == campaign.organization) {
                campaign.beyond += money;
            }
        }
    }
    Ok(())
}

/// Whether the money went where an order of this status sends it, step by step.
fn path_is_right(
    status: DonationStatus,
    transfers: &[Transfer],
    campaign: &Campaign,
    project: AccountId,
) -> bool {
    use TransferReason::{Hold, Pay, Refund, Return};
    let reasons: Vec<TransferReason> = transfers.iter().map(|transfer| transfer.reason).collect();
    let steps = match status {
        DonationStatus::Placed => reasons == [Hold],
        DonationStatus::Paid => reasons == [Pay] || reasons == [Hold, Pay],
        DonationStatus::Failed => reasons.is_empty() || reasons == [Hold, Return],
        DonationStatus::Refunded => reasons == [Pay, Refund] || reasons == [Hold, Pay, Refund],
    };
    let (frozen, held) = (campaign.activity.frozen, campaign.activity.held);
    let mut at = frozen;
    steps
        && transfers.iter().all(|transfer| {
            let from_here = transfer.from == std::mem::replace(&mut at, transfer.to);
            let to_there = match transfer.reason {
                Hold => transfer.to == held,
                Pay => transfer.to == project,
                Return | Refund => campaign.takes_back(transfer.to),
                _ => false,
            };
            from_here && to_there
        })
}

fn flowers_agree(
    conn: &Connection,
    id: Id,
    flowers: i64,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare_cached("SELECT donation FROM flowers WHERE id = ?1")?;
    let thanked: Option<Option<i64>> = select.query_row([flowers], |row| row.get(0)).optional()?;
    report.expect(thanked == Some(Some(id.0)), || {
        format!("donation {id} was thanked by exchange {flowers}, which says otherwise")
    });
    Ok(())
}

fn counts(
    conn: &Connection,
    matched: usize,
    to_settle: i64,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let count = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0));
    let for_orders = count("SELECT count(*) FROM transfers WHERE order_id IS NOT NULL")?;
    report.expect(usize::try_from(for_orders) == Ok(matched), || {
        format!("{for_orders} transfers are for orders; {matched} were found with theirs")
    });
    report.checked("transfers for orders have theirs", for_orders.unsigned_abs());
    let queued = count(
        "SELECT count(*) FROM donations INDEXED BY donations_to_settle \
         WHERE settle_at IS NOT NULL",
    )?;
    report.expect(queued == to_settle, || {
        format!("{queued} donations are queued to settle; {to_settle} are placed")
    });
    report.checked("placed donations are queued to settle", queued.unsigned_abs());
    Ok(())
}

fn totals(
    conn: &Connection,
    campaigns: &Campaigns,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT activity, status, orders, money FROM donation_totals")?;
    let mut rows = select.query(())?;
    let mut told: std::collections::HashMap<(i64, i64), (i64, i128)> = Default::default();
    while let Some(row) = rows.next()? {
        let total = (row.get(2)?, i128::from(row.get::<_, i64>(3)?));
        if total != (0, 0) {
            told.insert((row.get(0)?, row.get(1)?), total);
        }
    }
    let count = told.len();
    for (no, campaign) in &campaigns.activities {
        for (status, total) in &campaign.totals {
            let told = told.remove(&(*no, *status));
            report.expect(told == Some(*total), || {
                let no = &campaign.activity.activity_no;
                format!("the totals of activity {no} say {told:?}, its donations {total:?}")
            });
        }
    }
    report.expect(told.is_empty(), || "totals of donations that are not there".to_owned());
    report.checked("activities' totals are those of their donations", count as u64);
    Ok(())
}
