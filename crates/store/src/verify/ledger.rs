//! Every transfer, from the first: balances are their sums, at no moment overdrawn (as far as that can
//! be told: several nodes' numbers are in the order of their clocks, and not of their commits).

use huodong_campaign::{AccountId, AccountKind, Transfer, TransferReason};

use super::super::rows;
use super::AuditReport;
use super::campaigns::Campaigns;
use crate::StoreError;
use crate::sql::Connection;

pub(super) fn check(
    conn: &Connection,
    campaigns: &mut Campaigns,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(&format!("{} ORDER BY id", rows::TRANSFERS))?;
    let mut transfers = select.query(())?;
    let mut count = 0;
    while let Some(row) = transfers.next()? {
        let (_, transfer) = rows::transfer(row)?;
        count += 1;
        apply(&transfer, !conn.is_postgres(), campaigns, report);
    }
    report.checked("transfers move money between the right accounts, overdrawing none", count);

    postings(conn, report)?;

    let mut sum: i128 = 0;
    for found in campaigns.accounts.values() {
        let (id, balance) = (found.account.id, i128::from(found.account.balance.0));
        sum += balance;
        report.expect(balance == found.moved, || {
            format!("account {id} has {balance}; its transfers sum up to {}", found.moved)
        });
        report.expect(found.moved >= 0 || found.account.kind == AccountKind::Outside, || {
            format!("all transfers overdraw account {id}: {}", found.moved)
        });
        report.expect(balance >= 0 || found.account.kind == AccountKind::Outside, || {
            format!("account {id} is overdrawn: {balance}")
        });
    }
    report.checked("balances are the sums of transfers", campaigns.accounts.len() as u64);
    report.expect(sum == 0, || format!("the sum over all accounts is {sum}, not zero"));
    report.checked("the sum over all accounts is zero", campaigns.accounts.len() as u64);
    Ok(())
}

/// What callers named moved as it says.
fn postings(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(
        "SELECT p.owner, p.reference, t.id IS NOT NULL AND t.amount = p.money \
         AND t.reason = p.reason FROM postings p LEFT JOIN transfers t ON t.id = p.transfer",
    )?;
    let mut rows = select.query(())?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (owner, reference): (String, String) = (row.get(0)?, row.get(1)?);
        count += 1;
        report.expect(row.get(2)?, || {
            format!("reference {reference} of {owner} is not of a transfer as it says")
        });
    }
    report.checked("references are of transfers as they say", count);
    Ok(())
}

/// `in_order` where all transfers come in the order in which they happened.
fn apply(transfer: &Transfer, in_order: bool, campaigns: &mut Campaigns, report: &mut AuditReport) {
    let Transfer { id, from, to, amount, reason, order, .. } = transfer;
    report.expect(amount.is_positive(), || format!("transfer {id} moves {amount}"));
    report.expect(order.is_some() == is_for_order(*reason), || {
        format!("transfer {id}, a {reason:?}, has order {order:?}")
    });
    let kind = |id: &AccountId| campaigns.accounts.get(id).map(|found| found.account.kind);
    let (from_kind, to_kind) = (kind(from), kind(to));
    let right = matches!((from_kind, to_kind), (Some(a), Some(b)) if goes(*reason, a, b));
    report.expect(right, || {
        format!("transfer {id}, a {reason:?}, goes from {from_kind:?} to {to_kind:?}")
    });
    let amount = i128::from(amount.0);
    if let Some(source) = campaigns.accounts.get_mut(from) {
        source.moved -= amount;
        let overdrawn = source.moved < 0 && source.account.kind != AccountKind::Outside;
        report
            .expect(!overdrawn || !in_order, || format!("transfer {id} overdraws account {from}"));
        if *reason == TransferReason::Release {
            source.funded -= amount;
        }
    }
    if let Some(target) = campaigns.accounts.get_mut(to) {
        target.moved += amount;
        if *reason == TransferReason::Fund {
            target.funded += amount;
        }
    }
}

fn is_for_order(reason: TransferReason) -> bool {
    use TransferReason::{Hold, Pay, Refund, Return, Spend};
    matches!(reason, Hold | Pay | Return | Refund | Spend)
}

fn goes(reason: TransferReason, from: AccountKind, to: AccountKind) -> bool {
    use AccountKind::{Frozen, Held, Organization, Outside, Project, Spent};
    use TransferReason as Reason;
    match reason {
        Reason::Deposit => (from, to) == (Outside, Organization),
        Reason::Withdraw => (from, to) == (Organization, Outside),
        Reason::Fund => (from, to) == (Organization, Frozen),
        Reason::Hold => (from, to) == (Frozen, Held),
        Reason::Pay => matches!((from, to), (Frozen | Held, Project)),
        Reason::Return => matches!((from, to), (Held, Frozen | Organization)),
        Reason::Refund => matches!((from, to), (Project, Frozen | Organization)),
        Reason::Release => (from, to) == (Frozen, Organization),
        Reason::Spend => (from, to) == (Held, Spent),
    }
}
