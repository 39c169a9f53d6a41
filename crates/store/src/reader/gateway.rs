//! Initiators, their merchants, photos and enrolments, and the calls that were answered.

use huodong_campaign::{
    AlipayPid, CertId, Enrolment, EnrolmentKey, EnrolmentStatus, GatewayRequest, Id, Initiator,
    MercId, Merchant, Photo, RequestKey,
};
use jiff::Timestamp;

use super::super::columns::ms;
use super::super::{load, rows};
use super::Reader;
use super::paging::{List, Scan};
use crate::sql::Connection;
use crate::{EnrolmentFilter, MerchantFilter, Page, PageRequest, PhotoFilter, StoreError};

impl Reader {
    /// An initiator by its certId.
    pub fn initiator(&self, cert_id: &CertId) -> Result<Option<Initiator>, StoreError> {
        let select = format!("{} WHERE cert_id = ?1", rows::INITIATORS);
        self.one(&select, [cert_id.as_str()], rows::initiator)
    }

    /// Initiators.
    pub fn initiators(&self, page: PageRequest) -> Result<Page<Initiator>, StoreError> {
        List::new(rows::INITIATORS, "no").page(&*self.conn()?, page, rows::initiator)
    }

    /// Every initiator: what the server keeps in memory to let callers in.
    pub fn all_initiators(&self) -> Result<Vec<Initiator>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(&format!("{} ORDER BY no", rows::INITIATORS))?;
        let initiators = select.query_and_then((), rows::initiator)?;
        initiators.map(|found| found.map(|(_, initiator)| initiator)).collect()
    }

    /// A merchant by its number.
    pub fn merchant(&self, merc_id: &MercId) -> Result<Option<Merchant>, StoreError> {
        let select = format!("{} WHERE m.merc_id = ?1", rows::MERCHANTS);
        self.one(&select, [merc_id.as_str()], rows::merchant)
    }

    /// An initiator's merchant by what Alipay knows it as.
    pub fn merchant_by_pid(
        &self,
        cert_id: &CertId,
        pid: &AlipayPid,
    ) -> Result<Option<Merchant>, StoreError> {
        let found = load::merchants_by_pid(&*self.conn()?, pid)?;
        Ok(found.into_iter().find(|merchant| merchant.cert_id == *cert_id))
    }

    /// Merchants.
    pub fn merchants(
        &self,
        filter: &MerchantFilter,
        page: PageRequest,
    ) -> Result<Page<Merchant>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::MERCHANTS, "m.no");
        let mut scan = Scan::all("merchants");
        if let Some(cert_id) = &filter.cert_id {
            let Some(no) = initiator(&conn, cert_id)? else { return Ok(nothing()) };
            list.filter("m.initiator = ?", Some(no));
            scan = Scan::with("merchants", "initiator", no);
        }
        list.code("m.kind = ?", filter.kind)
            .filter("m.intent_confirmed = ?", filter.intent_confirmed);
        list.scan(&conn, page, scan, rows::merchant)
    }

    /// A photo by its number.
    pub fn photo(&self, id: Id) -> Result<Option<Photo>, StoreError> {
        load::photo(&*self.conn()?, id)
    }

    /// A photo by its number, and its content.
    pub fn photo_and_content(&self, id: Id) -> Result<Option<(Photo, Vec<u8>)>, StoreError> {
        let select = format!("{} WHERE p.id = ?1", rows::PHOTOS_AND_CONTENTS);
        self.one(&select, [id.0], rows::photo_and_content)
    }

    /// Photos, without their contents.
    pub fn photos(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Page<Photo>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::PHOTOS, "p.id");
        let mut scan = Scan::all("photos");
        if let Some(cert_id) = &filter.cert_id {
            let Some(no) = initiator(&conn, cert_id)? else { return Ok(nothing()) };
            list.filter("p.initiator = ?", Some(no));
            scan = Scan::with("photos", "initiator", no);
        }
        list.filter("p.used = ?", filter.used);
        list.scan(&conn, page, scan, rows::photo)
    }

    /// Photos in no enrolment that were uploaded at or before `until`, oldest first.
    pub fn orphan_photos(&self, until: Timestamp, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.due(
            "SELECT id FROM photos WHERE used = 0 AND uploaded_at <= ?1 \
             ORDER BY uploaded_at, id LIMIT ?2",
            ms(until),
            limit,
        )
    }

    /// An enrolment by its number.
    pub fn enrolment(&self, id: Id) -> Result<Option<Enrolment>, StoreError> {
        load::enrolment(&*self.conn()?, id)
    }

    /// The newest enrolment of a merchant for an activity.
    pub fn latest_enrolment(&self, key: &EnrolmentKey) -> Result<Option<Enrolment>, StoreError> {
        load::latest_enrolment(&*self.conn()?, key)
    }

    /// Enrolments.
    pub fn enrolments(
        &self,
        filter: &EnrolmentFilter,
        page: PageRequest,
    ) -> Result<Page<Enrolment>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::ENROLMENTS, "e.id");
        let mut scan = Scan::all("enrolments");
        if filter.status == Some(EnrolmentStatus::Pending) {
            // Written out, as an index of these rows alone serves only a question that is.
            list.always("e.status = 1");
            scan = Scan::only("enrolments", "status = 1");
        } else {
            list.code("e.status = ?", filter.status);
        }
        if let Some(cert_id) = &filter.cert_id {
            let Some(no) = initiator(&conn, cert_id)? else { return Ok(nothing()) };
            list.filter("e.initiator = ?", Some(no));
            scan = Scan::with("enrolments", "initiator", no);
        }
        if let Some(merc_id) = &filter.merc_id {
            let Some(no) = merchant(&conn, merc_id)? else { return Ok(nothing()) };
            list.filter("e.merchant = ?", Some(no));
            scan = Scan::with("enrolments", "merchant", no);
        }
        list.code("e.activity = ?", filter.activity).span("e.placed_at", filter.from, filter.until);
        list.scan(&conn, page, scan, rows::enrolment)
    }

    /// A call that was answered for good, by its caller's key.
    pub fn gateway_request(&self, key: &RequestKey) -> Result<Option<GatewayRequest>, StoreError> {
        self.keyed(self.0.keys.gateway_request(key), |conn, value| {
            load::request_behind(conn, key, value.to_id()?)
        })
    }
}

fn nothing<T>() -> Page<T> {
    Page { rows: Vec::new(), next: None }
}

/// An initiator's small number.
fn initiator(conn: &Connection, cert_id: &CertId) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare("SELECT no FROM initiators WHERE cert_id = ?1")?;
    select.maybe_row([cert_id.as_str()], |row| row.get(0))
}

/// A merchant's small number.
fn merchant(conn: &Connection, merc_id: &MercId) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare("SELECT no FROM merchants WHERE merc_id = ?1")?;
    select.maybe_row([merc_id.as_str()], |row| row.get(0))
}
