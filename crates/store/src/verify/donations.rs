//! Every donation, with the transfers made for it.

use huodong_campaign::{AccountId, DonationStatus, Id, Transfer, TransferReason};

use super::super::columns::{Coded, coded};
use super::super::index::KeyHasher;
use super::AuditReport;
use super::campaigns::{Campaign, Campaigns};
use super::orders::{self, Later, Orders, placing_transfer};
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Connection, Row};

/// A donation as it lies, with the transfer that placed it beside it.
const DONATIONS: &str = "SELECT d.id, d.bid, d.reward_transcode, d.app, d.activity, d.project, \
    d.money, d.status, d.settle_at, d.flowers, \
    t.id, t.from_account, t.to_account, t.amount, t.reason, t.order_id, t.at \
    FROM donations d LEFT JOIN transfers t ON t.id = d.id + {step} AND t.order_id = d.id ORDER BY d.id";

/// Checks all donations. Adds to what is known of orders.
pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &mut Campaigns,
    orders: &mut Orders,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(&orders::stepped(conn, DONATIONS))?;
    let mut donations = select.query(())?;
    let mut select = conn.prepare(&Later::select(conn, "NOT"))?;
    let mut later = Later::begin(&mut select)?;
    let (mut count, mut to_settle) = (0, 0_i64);
    let mut transfers = Vec::new();
    while let Some(row) = donations.next()? {
        count += 1;
        let id = Id(row.get(0)?);
        transfers.clear();
        transfers.extend(placing_transfer(row, 10)?);
        later.take(id, &mut transfers, report)?;
        orders.transfers += transfers.len();
        let bid = campaigns.bids.get(&row.get(1)?);
        let bid = bid.ok_or_else(|| corrupt(format!("donation {id} was paid by no bid")))?;
        orders.keys.add(keys.donation_parts(bid, row.cell(2)?.as_str()?), id);
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
        if let Some(flowers) = row.get::<Option<i64>>(9)? {
            flowers_agree(conn, id, flowers, report)?;
        }
    }
    later.take(Id(i64::MAX), &mut transfers, report)?;
    report.checked("donations moved the money their status says", count);
    let queued = "donations INDEXED BY donations_to_settle WHERE settle_at IS NOT NULL";
    orders::queue(conn, queued, to_settle, "placed donations are queued to settle", report)?;
    orders::totals(conn, "donation_totals", campaigns, |found| &found.totals, report)
}

fn money(
    row: Row<'_>,
    id: Id,
    status: DonationStatus,
    transfers: &[Transfer],
    campaigns: &mut Campaigns,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let money = row.get::<i64>(6)?;
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
    let mut select = conn.prepare("SELECT donation FROM flowers WHERE id = ?1")?;
    let thanked: Option<Option<i64>> = select.maybe_row([flowers], |row| row.get(0))?;
    report.expect(thanked == Some(Some(id.0)), || {
        format!("donation {id} was thanked by exchange {flowers}, which says otherwise")
    });
    Ok(())
}
