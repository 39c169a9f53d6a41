//! Donations, users' usage and flowers.

use huodong_campaign::{
    ActivityNo, AppId, Bid, Donation, DonationKey, Fen, FlowerGrant, FlowerKey, Id, OpenId,
    ProjectNo, ThirdUid, UserFlowers, UserFlowersKey, UserKey, UserUsage,
};

use super::super::columns::coded;
use super::super::{load, rows};
use super::Reader;
use super::paging::{List, Scan};
use crate::errors::corrupt;
use crate::sql::Connection;
use crate::{DonationFilter, DonationTotals, FlowerFilter, Page, PageRequest, StoreError};

impl Reader {
    /// A donation by its number.
    pub fn donation(&self, id: Id) -> Result<Option<Donation>, StoreError> {
        load::donation(&*self.conn()?, id)
    }

    /// A donation by its caller's key.
    pub fn donation_by_key(&self, key: &DonationKey) -> Result<Option<Donation>, StoreError> {
        self.keyed(self.0.keys.donation(key), |conn, value| {
            load::donation_behind(conn, key, value.to_id()?)
        })
    }

    /// Donations.
    pub fn donations(
        &self,
        filter: &DonationFilter,
        page: PageRequest,
    ) -> Result<Page<Donation>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::DONATIONS, "d.id");
        let scan = match &filter.activity_no {
            None => Scan::all("donations"),
            Some(activity_no) => {
                let Some(no) = activity(&conn, activity_no)? else {
                    return Ok(Page { rows: Vec::new(), next: None });
                };
                list.filter("d.activity = ?", Some(no));
                Scan::with("donations", "activity", no)
            }
        };
        list.text("j.project_no = ?", filter.project_no.as_ref().map(ProjectNo::as_str))
            .text("p.appid = ?", filter.appid.as_ref().map(AppId::as_str))
            .text("b.bid = ?", filter.bid.as_ref().map(Bid::as_str))
            .text("d.third_uid = ?", filter.third_uid.as_ref().map(ThirdUid::as_str))
            .code("d.status = ?", filter.status)
            .span("d.placed_at", filter.from, filter.until);
        list.scan(&conn, page, scan, rows::donation)
    }

    /// An activity's donations summed up.
    pub fn donation_totals(&self, activity_no: &ActivityNo) -> Result<DonationTotals, StoreError> {
        let conn = self.conn()?;
        let Some(activity) = activity(&conn, activity_no)? else {
            return Ok(DonationTotals { by_status: Vec::new() });
        };
        let mut select = conn.prepare(
            "SELECT status, orders, money FROM donation_totals \
             WHERE activity = ?1 AND orders > 0 ORDER BY status",
        )?;
        let totals = select.query_and_then([activity], |row| {
            let orders = u64::try_from(row.get::<i64>(1)?);
            let orders = orders.map_err(|_| corrupt("a negative number of donations"))?;
            Ok((coded(row, 0)?, orders, Fen(row.get(2)?)))
        })?;
        Ok(DonationTotals { by_status: totals.collect::<Result<_, StoreError>>()? })
    }

    /// What a user's living orders hold of an activity with limits.
    pub fn user_usage(&self, key: &UserKey) -> Result<UserUsage, StoreError> {
        let found = self.keyed(self.0.keys.usage(key), |_, value| value.to_usage())?;
        Ok(found.unwrap_or_default())
    }

    /// A flowers exchange by its caller's key.
    pub fn flower(&self, key: &FlowerKey) -> Result<Option<FlowerGrant>, StoreError> {
        self.keyed(self.0.keys.flower(key), |conn, value| {
            load::flower_behind(conn, key, value.to_id()?)
        })
    }

    /// Flowers exchanges.
    pub fn flowers(
        &self,
        filter: &FlowerFilter,
        page: PageRequest,
    ) -> Result<Page<FlowerGrant>, StoreError> {
        let mut list = List::new(rows::FLOWERS, "f.id");
        list.text("p.appid = ?", filter.appid.as_ref().map(AppId::as_str))
            .text("f.open_id = ?", filter.open_id.as_ref().map(OpenId::as_str));
        list.scan(&*self.conn()?, page, Scan::all("flowers"), rows::flower)
    }

    /// What a user has received from an application.
    pub fn user_flowers(&self, key: &UserFlowersKey) -> Result<UserFlowers, StoreError> {
        let found = self.keyed(self.0.keys.user_flowers(key), |_, value| value.to_flowers())?;
        Ok(found.unwrap_or_default())
    }
}

/// An activity's small number.
pub(super) fn activity(
    conn: &Connection,
    activity_no: &ActivityNo,
) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare("SELECT no FROM activities WHERE activity_no = ?1")?;
    select.maybe_row([activity_no.as_str()], |row| row.get(0))
}
