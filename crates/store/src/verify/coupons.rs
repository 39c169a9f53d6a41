//! Every coupon, with the transfers made for it and the callbacks it owes.

use huodong_campaign::{CallbackEvent, CouponStatus, FailReason, Id, Transfer, TransferReason};

use super::super::columns::{Coded, coded, maybe_coded};
use super::super::index::KeyHasher;
use super::AuditReport;
use super::campaigns::{Campaign, Campaigns};
use super::orders::{self, Later, Orders, placing_transfer};
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Connection, Row, Rows, Statement};

/// A coupon as it lies, with the transfer that placed it beside it.
const COUPONS: &str = "SELECT c.id, c.app, c.mer_order_id, c.activity, c.value, c.status, \
    c.failed, c.settle_at, c.decided_at, c.expires_at, c.closed_at, c.reference IS NOT NULL, \
    c.org_amount, c.promo_amount, c.post_notify IS NOT NULL, \
    t.id, t.from_account, t.to_account, t.amount, t.reason, t.order_id, t.at \
    FROM coupons c LEFT JOIN transfers t ON t.id = c.id + {step} AND t.order_id = c.id ORDER BY c.id";

/// Checks all coupons. Adds to what is known of orders.
pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &mut Campaigns,
    orders: &mut Orders,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(&orders::stepped(conn, COUPONS))?;
    let mut coupons = select.query(())?;
    let mut select = conn.prepare(&Later::select(conn, ""))?;
    let mut later = Later::begin(&mut select)?;
    let mut select = conn.prepare(Owed::SELECT)?;
    let mut owed = Owed::begin(&mut select)?;
    let (mut count, mut to_settle, mut to_expire) = (0, 0_i64, 0_i64);
    let mut transfers = Vec::new();
    while let Some(row) = coupons.next()? {
        count += 1;
        let coupon = Coupon::read(row)?;
        let id = coupon.id;
        transfers.clear();
        transfers.extend(placing_transfer(row, 15)?);
        later.take(id, &mut transfers, report)?;
        orders.transfers += transfers.len();
        let appid = campaigns.institutions.get(&coupon.app);
        let appid = appid.ok_or_else(|| corrupt(format!("coupon {id} is of no institution")))?;
        orders.keys.add(keys.coupon_parts(appid, row.cell(2)?.as_str()?), id);
        to_settle += i64::from(coupon.marks.to_settle);
        to_expire += i64::from(coupon.status == CouponStatus::Issued);
        report.expect(coupon.marks == Marks::of(coupon.status), || {
            format!("coupon {id}, {:?}, has other marks: {:?}", coupon.status, coupon.marks)
        });
        coupon.check_money(&transfers, campaigns, report);
        owed.check(&coupon, report)?;
    }
    later.take(Id(i64::MAX), &mut transfers, report)?;
    owed.check_rest(report)?;
    report.checked("coupons moved the money their status says", count);
    report.checked("coupons owe the callbacks their status says", owed.count);
    let queued = "coupons INDEXED BY coupons_to_settle WHERE settle_at IS NOT NULL";
    orders::queue(conn, queued, to_settle, "coupons in process are queued to settle", report)?;
    let queued = "coupons INDEXED BY coupons_to_expire WHERE status = 2";
    orders::queue(conn, queued, to_expire, "issued coupons are queued to expire", report)?;
    orders::totals(conn, "coupon_totals", campaigns, |found| &found.coupon_totals, report)
}

/// What only coupons of some statuses have.
#[derive(Debug, PartialEq, Eq)]
struct Marks {
    to_settle: bool,
    decided: bool,
    failed: bool,
    expires: bool,
    redeemed: bool,
    closed: bool,
}

impl Marks {
    fn of(status: CouponStatus) -> Self {
        use CouponStatus::{Expired, Failed, Issued, Process, Used};
        Self {
            to_settle: status == Process,
            decided: status != Process,
            failed: status == Failed,
            expires: matches!(status, Issued | Used | Expired),
            redeemed: status == Used,
            closed: matches!(status, Used | Expired),
        }
    }
}

struct Coupon {
    id: Id,
    app: i64,
    activity: i64,
    value: i64,
    status: CouponStatus,
    marks: Marks,
    /// What was to pay, and what was taken off.
    redeemed: Option<(i64, i64)>,
    tells_outcome: bool,
}

impl Coupon {
    fn read(row: Row<'_>) -> Result<Self, StoreError> {
        let id = Id(row.get(0)?);
        let is_there = |column| Ok::<_, StoreError>(row.get::<Option<i64>>(column)?.is_some());
        let redeemed = match (row.get(11)?, row.get(12)?, row.get(13)?) {
            (true, Some(org_amount), Some(promo_amount)) => Some((org_amount, promo_amount)),
            (false, None, None) => None,
            _ => return Err(corrupt(format!("coupon {id} has half a redemption"))),
        };
        Ok(Self {
            id,
            app: row.get(1)?,
            activity: row.get(3)?,
            value: row.get(4)?,
            status: coded(row, 5)?,
            marks: Marks {
                to_settle: is_there(7)?,
                decided: is_there(8)?,
                failed: maybe_coded::<FailReason>(row, 6)?.is_some(),
                expires: is_there(9)?,
                redeemed: redeemed.is_some(),
                closed: is_there(10)?,
            },
            redeemed,
            tells_outcome: row.get(14)?,
        })
    }

    fn check_money(
        &self,
        transfers: &[Transfer],
        campaigns: &mut Campaigns,
        report: &mut AuditReport,
    ) {
        let Self { id, value, status, .. } = self;
        let campaign = campaigns.activities.get_mut(&self.activity);
        let Some(campaign) = campaign.filter(|found| found.activity.coupon.is_some()) else {
            report.violation(|| format!("coupon {id} is of no coupon activity"));
            return;
        };
        let total = campaign.coupon_totals.entry(status.code()).or_default();
        total.0 += 1;
        total.1 += i128::from(*value);
        report.expect(*value > 0, || format!("coupon {id} is worth {value}"));
        let (org_amount, promo_amount) = self.redeemed.unwrap_or((1, 0));
        let sane = org_amount > 0 && (0..=org_amount.min(*value)).contains(&promo_amount);
        report.expect(sane, || {
            format!("coupon {id}, worth {value}, took {promo_amount} off {org_amount}")
        });
        report.expect(self.path_is_right(promo_amount, transfers, campaign), || {
            let moved: Vec<_> = transfers.iter().map(|it| (it.reason, it.amount.0)).collect();
            format!("coupon {id} of {value} is {status:?}, but its transfers are {moved:?}")
        });
        if status.holds() {
            campaign.holding += i128::from(*value);
        }
        campaign.redeemed += i128::from(promo_amount);
        let beyond = transfers.iter().filter(|transfer| transfer.to == campaign.organization);
        campaign.beyond += beyond.map(|transfer| i128::from(transfer.amount.0)).sum::<i128>();
    }

    /// Whether the money went where a coupon of this status sends it, step by step.
    fn path_is_right(&self, promo: i64, transfers: &[Transfer], campaign: &Campaign) -> bool {
        use TransferReason::{Hold, Return, Spend};
        let value = self.value;
        let moved: Vec<_> = transfers.iter().map(|it| (it.reason, it.amount.0)).collect();
        let steps = match self.status {
            CouponStatus::Process | CouponStatus::Issued => moved == [(Hold, value)],
            // One that a rule refused never held anything.
            CouponStatus::Failed => moved.is_empty() || moved == [(Hold, value), (Return, value)],
            CouponStatus::Expired => moved == [(Hold, value), (Return, value)],
            CouponStatus::Used => {
                let mut steps = vec![(Hold, value), (Spend, promo), (Return, value - promo)];
                steps.retain(|(_, amount)| *amount != 0);
                moved == steps
            }
        };
        let (frozen, held) = (campaign.activity.frozen, campaign.activity.held);
        let spent = campaign.activity.coupon.as_ref().map(|offer| offer.spent);
        steps
            && transfers.iter().all(|it| match it.reason {
                Hold => (it.from, it.to) == (frozen, held),
                Spend => it.from == held && Some(it.to) == spent,
                Return => it.from == held && campaign.takes_back(it.to),
                _ => false,
            })
    }
}

/// Callbacks, by coupon.
struct Owed<'r> {
    rows: Rows<'r>,
    next: Option<Callback>,
    count: u64,
}

struct Callback {
    id: Id,
    coupon: Id,
    event: CallbackEvent,
    app: Option<i64>,
}

impl<'r> Owed<'r> {
    const SELECT: &'static str = "SELECT b.id, b.coupon, b.event, r.app \
        FROM callbacks b INDEXED BY callbacks_by_coupon \
        LEFT JOIN receivers r ON r.no = b.receiver ORDER BY b.coupon, b.id";

    fn begin(select: &'r mut Statement<'_>) -> Result<Self, StoreError> {
        let mut owed = Self { rows: select.query(())?, next: None, count: 0 };
        owed.advance()?;
        Ok(owed)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = match self.rows.next()? {
            None => None,
            Some(row) => Some(Callback {
                id: Id(row.get(0)?),
                coupon: Id(row.get(1)?),
                event: coded(row, 2)?,
                app: row.get(3)?,
            }),
        };
        Ok(())
    }

    /// Takes the callbacks up to this coupon's: each that it owes must be there once, no other, and
    /// none of a coupon before it, which would have taken it.
    fn check(&mut self, coupon: &Coupon, report: &mut AuditReport) -> Result<(), StoreError> {
        let id = coupon.id;
        let mut owes = Vec::new();
        while let Some(callback) = self.next.take_if(|next| next.coupon <= id) {
            self.count += 1;
            if callback.coupon == id {
                owes.push(callback.event);
                report.expect(callback.app == Some(coupon.app), || {
                    format!("callback {} of coupon {id} is owed to another", callback.id)
                });
            } else {
                callback.lost(report);
            }
            self.advance()?;
        }
        let outcome = coupon.tells_outcome && coupon.status != CouponStatus::Process;
        let write_off = matches!(coupon.status, CouponStatus::Used | CouponStatus::Expired);
        let mut expected = vec![CallbackEvent::IssueResult; usize::from(outcome)];
        expected.extend(write_off.then_some(CallbackEvent::WriteOff));
        report.expect(owes == expected, || {
            format!("coupon {id}, {:?}, owes {owes:?} instead of {expected:?}", coupon.status)
        });
        Ok(())
    }

    fn check_rest(&mut self, report: &mut AuditReport) -> Result<(), StoreError> {
        while let Some(callback) = self.next.take() {
            self.count += 1;
            callback.lost(report);
            self.advance()?;
        }
        Ok(())
    }
}

impl Callback {
    fn lost(&self, report: &mut AuditReport) {
        let Self { id, coupon, .. } = self;
        report.violation(|| format!("callback {id} is of coupon {coupon}, which is not there"));
    }
}
