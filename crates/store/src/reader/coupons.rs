//! Coupons.

use huodong_campaign::{ActivityNo, Coupon, CouponKey, Fen, Id, InstitutionId, OpenId, OwnerId};

use super::super::columns::coded;
use super::super::{load, rows};
use super::Reader;
use super::donations::activity;
use super::paging::{List, Scan};
use crate::errors::corrupt;
use crate::sql::Connection;
use crate::{CouponFilter, CouponTotals, Page, PageRequest, StoreError};

impl Reader {
    /// A coupon by its number.
    pub fn coupon(&self, id: Id) -> Result<Option<Coupon>, StoreError> {
        load::coupon(&*self.conn()?, id)
    }

    /// A coupon by its caller's key.
    pub fn coupon_by_key(&self, key: &CouponKey) -> Result<Option<Coupon>, StoreError> {
        self.keyed(self.0.keys.coupon(key), |conn, value| {
            load::coupon_behind(conn, key, value.to_id()?)
        })
    }

    /// Coupons.
    pub fn coupons(
        &self,
        filter: &CouponFilter,
        page: PageRequest,
    ) -> Result<Page<Coupon>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::COUPONS, "c.id");
        let nothing = Page { rows: Vec::new(), next: None };
        let mut scan = Scan::all("coupons");
        if let Some(activity_no) = &filter.activity_no {
            let Some(no) = activity(&conn, activity_no)? else { return Ok(nothing) };
            list.filter("c.activity = ?", Some(no));
            scan = Scan::with("coupons", "activity", no);
        }
        if let Some(appid) = &filter.appid {
            let Some(no) = institution(&conn, appid)? else { return Ok(nothing) };
            list.filter("c.app = ?", Some(no));
        }
        list.text("c.owner_id = ?", filter.owner_id.as_ref().map(OwnerId::as_str))
            .text("c.openid = ?", filter.openid.as_ref().map(OpenId::as_str))
            .text("c.member_id = ?", filter.member_id.as_deref())
            .code("c.status = ?", filter.status)
            .span("c.placed_at", filter.from, filter.until);
        list.scan(&conn, page, scan, rows::coupon)
    }

    /// An activity's coupons summed up.
    pub fn coupon_totals(&self, activity_no: &ActivityNo) -> Result<CouponTotals, StoreError> {
        let conn = self.conn()?;
        let Some(activity) = activity(&conn, activity_no)? else {
            return Ok(CouponTotals { by_status: Vec::new() });
        };
        let mut select = conn.prepare(
            "SELECT status, orders, money FROM coupon_totals \
             WHERE activity = ?1 AND orders > 0 ORDER BY status",
        )?;
        let totals = select.query_and_then([activity], |row| {
            let orders = u64::try_from(row.get::<i64>(1)?);
            let orders = orders.map_err(|_| corrupt("a negative number of coupons"))?;
            Ok((coded(row, 0)?, orders, Fen(row.get(2)?)))
        })?;
        Ok(CouponTotals { by_status: totals.collect::<Result<_, StoreError>>()? })
    }
}

/// An institution's small number.
pub(super) fn institution(
    conn: &Connection,
    appid: &InstitutionId,
) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare("SELECT no FROM institutions WHERE appid = ?1")?;
    select.maybe_row([appid.as_str()], |row| row.get(0))
}
