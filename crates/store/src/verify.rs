//! Checking every invariant of a whole database, from one view of it and in bounded memory: what
//! is kept per row is sorted by the database; what is kept here grows with accounts, activities and callers only.

mod callbacks;
mod campaigns;
mod coupons;
mod donations;
mod gateway;
mod index;
mod ledger;
mod orders;
mod users;

use huodong_campaign::OUTSIDE;

use super::index::{KeyHasher, Merged};
use crate::StoreError;
use crate::sql::Connection;
use orders::Orders;

/// What [`Reader::verify`](crate::Reader::verify) checked and what it found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// (what was checked, how many rows).
    pub checked: Vec<(String, u64)>,
    /// What is wrong; empty when all holds.
    pub violations: Vec<String>,
}

/// Violations that are told; of more, only that there are more.
const VIOLATIONS_MAX: usize = 200;

impl AuditReport {
    fn checked(&mut self, what: &str, rows: u64) {
        self.checked.push((what.to_owned(), rows));
    }

    pub(super) fn violation(&mut self, what: impl FnOnce() -> String) {
        match self.violations.len() {
            VIOLATIONS_MAX => self.violations.push("… and more".to_owned()),
            told if told < VIOLATIONS_MAX => self.violations.push(what()),
            _ => {}
        }
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(what);
        }
    }

    /// A row that cannot be read ends the check it was met in; the others go on.
    fn absorb<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(StoreError::Corrupt(what)) => {
                self.violation(|| what);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn verify(conn: &Connection, keys: &KeyHasher) -> Result<AuditReport, StoreError> {
    let _view = conn.snapshot()?;
    let mut report = AuditReport::default();
    if !conn.is_postgres() {
        pages(conn, &mut report)?;
    }
    let checked = campaigns::Campaigns::check(conn, &mut report);
    let Some(mut campaigns) = report.absorb(checked)? else { return Ok(report) };
    let checked = ledger::check(conn, &mut campaigns, &mut report);
    report.absorb(checked)?;
    let mut orders = Orders::default();
    let checked = donations::check(conn, keys, &mut campaigns, &mut orders, &mut report);
    let donations = report.absorb(checked)?;
    let checked = coupons::check(conn, keys, &mut campaigns, &mut orders, &mut report);
    let coupons = report.absorb(checked)?;
    let calls = gateway::check(conn, keys, &campaigns, &mut orders.keys, &mut report)?;
    let known = donations.and(coupons).filter(|()| calls).map(|()| orders.keys);
    orders.check(conn, &mut report)?;
    campaigns.check_balances(&mut report);
    let checked = callbacks::check(conn, &mut report);
    report.absorb(checked)?;
    let checked = last_id(conn, &mut report);
    report.absorb(checked)?;
    // What cannot be read of the index is told once.
    let opened = Merged::open(conn);
    if let (Some(known), Some(mut merged)) = (known, report.absorb(opened)?) {
        let checked = users::check(conn, keys, &campaigns, &merged, &mut report);
        let users = report.absorb(checked)?;
        let checked = index::check(conn, keys, &campaigns, &mut merged, known, users, &mut report);
        report.absorb(checked)?;
    }
    Ok(report)
}

fn pages(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare("PRAGMA quick_check(20)")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let found: String = row.get(0)?;
        report.expect(found == "ok", || format!("the database file: {found}"));
    }
    let pages: i64 = conn.query_row("PRAGMA page_count", (), |row| row.get(0))?;
    report.checked("pages of the database file are sound", pages.unsigned_abs());
    Ok(())
}

fn last_id(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let sql = conn.either("SELECT last_id FROM writer", "SELECT max(last_id) FROM nodes");
    let last: Option<i64> = conn.query_row(sql, (), |row| row.get(0))?;
    // A node that has written nothing yet has given out none; the world outside is there all the same.
    let last = last.unwrap_or_default().max(OUTSIDE.0);
    const TABLES: [&str; 11] = [
        "accounts",
        "donations",
        "coupons",
        "transfers",
        "callbacks",
        "attempts",
        "flowers",
        "photos",
        "enrolments",
        "gateway_requests",
        "audit",
    ];
    for table in TABLES {
        let sql = format!("SELECT max(id) FROM {table}");
        let highest: Option<i64> = conn.query_row(&sql, (), |row| row.get(0))?;
        report.expect(highest.is_none_or(|highest| highest <= last), || {
            format!("{table} has a number above the last one given out, {last}")
        });
    }
    report.checked("tables hold no number above the last given out", TABLES.len() as u64);
    Ok(())
}
