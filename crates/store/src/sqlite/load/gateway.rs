//! Initiators, their merchants, photos and enrolments, and the calls that were answered.

use std::collections::BTreeSet;

use huodong_campaign::{
    AlipayPid, CertId, Enrolment, EnrolmentKey, GatewayRequest, Id, MercId, Merchant, Photo,
    RequestKey, Wanted,
};
use rusqlite::Connection;

use super::super::columns::Coded;
use super::super::errors::corrupt;
use super::super::rows;
use super::{Loader, one};
use crate::StoreError;

impl Loader<'_> {
    pub(super) fn gateway(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        // A batch that has to do with none of it does not pay for it.
        if !wanted.gateway_requests.is_empty() {
            self.gateway_requests(&wanted.gateway_requests)?;
        }
        if !wanted.initiators.is_empty() {
            self.initiators(&wanted.initiators)?;
        }
        if !wanted.merchants.is_empty() || !wanted.alipay_pids.is_empty() {
            self.merchants(&wanted.merchants, &wanted.alipay_pids)?;
        }
        for id in &wanted.photos {
            if let Some(photo) = photo(self.conn, *id)? {
                self.world.photos.loaded(*id, photo);
            }
        }
        for id in &wanted.enrolments {
            if let Some(enrolment) = enrolment(self.conn, *id)? {
                self.world.enrolments.loaded(*id, enrolment);
            }
        }
        for key in &wanted.enrolment_keys {
            if let Some(enrolment) = latest_enrolment(self.conn, key)? {
                self.world.latest_enrolments.loaded((*key).clone(), enrolment.id);
                self.world.enrolments.loaded(enrolment.id, enrolment);
            }
        }
        Ok(())
    }

    fn gateway_requests(&mut self, keys: &[&RequestKey]) -> Result<(), StoreError> {
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.gateway_request(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value else { continue };
            let request = request_behind(self.conn, key, value.to_id()?)?;
            self.world.gateway_requests.loaded((*key).clone(), request);
        }
        Ok(())
    }

    fn initiators(&mut self, wanted: &BTreeSet<&CertId>) -> Result<(), StoreError> {
        let select = format!("{} WHERE cert_id = ?1", rows::INITIATORS);
        for cert_id in wanted {
            if let Some(found) = one(self.conn, &select, [cert_id.as_str()], rows::initiator)? {
                self.world.initiators.loaded((*cert_id).clone(), found);
            }
        }
        Ok(())
    }

    fn merchants(
        &mut self,
        wanted: &BTreeSet<&MercId>,
        pids: &BTreeSet<&AlipayPid>,
    ) -> Result<(), StoreError> {
        let select = format!("{} WHERE m.merc_id = ?1", rows::MERCHANTS);
        for merc_id in wanted {
            if let Some(found) = one(self.conn, &select, [merc_id.as_str()], rows::merchant)? {
                self.world.merchants.loaded((*merc_id).clone(), found);
            }
        }
        for pid in pids {
            for found in merchants_by_pid(self.conn, pid)? {
                let key = (found.cert_id.clone(), (*pid).clone());
                self.world.alipay_pids.loaded(key, found.merc_id.clone());
                self.world.merchants.loaded(found.merc_id.clone(), found);
            }
        }
        Ok(())
    }
}

/// One for each initiator at the most.
pub(in crate::sqlite) fn merchants_by_pid(
    conn: &Connection,
    pid: &AlipayPid,
) -> Result<Vec<Merchant>, StoreError> {
    let select = format!("{} WHERE m.alipay_pid = ?1", rows::MERCHANTS);
    let mut select = conn.prepare_cached(&select)?;
    let found = select.query_and_then([pid.as_str()], rows::merchant)?;
    found.map(|found| found.map(|(_, merchant)| merchant)).collect()
}

pub(in crate::sqlite) fn photo(conn: &Connection, id: Id) -> Result<Option<Photo>, StoreError> {
    one(conn, &format!("{} WHERE p.id = ?1", rows::PHOTOS), [id.0], rows::photo)
}

pub(in crate::sqlite) fn enrolment(
    conn: &Connection,
    id: Id,
) -> Result<Option<Enrolment>, StoreError> {
    one(conn, &format!("{} WHERE e.id = ?1", rows::ENROLMENTS), [id.0], rows::enrolment)
}

/// The newest enrolment of a merchant for an activity.
pub(in crate::sqlite) fn latest_enrolment(
    conn: &Connection,
    key: &EnrolmentKey,
) -> Result<Option<Enrolment>, StoreError> {
    let select = format!(
        "{} WHERE e.merchant = (SELECT no FROM merchants WHERE merc_id = ?1) AND e.activity = ?2 \
         ORDER BY e.id DESC LIMIT 1",
        rows::ENROLMENTS
    );
    let named = (key.merc_id.as_str(), key.activity.code());
    one(conn, &select, named, rows::enrolment)
}

/// The call the index gave for a key, compared with that key.
pub(in crate::sqlite) fn request_behind(
    conn: &Connection,
    key: &RequestKey,
    id: Id,
) -> Result<GatewayRequest, StoreError> {
    let select = format!("{} WHERE g.id = ?1", rows::GATEWAY_REQUESTS);
    let found = one(conn, &select, [id.0], rows::gateway_request)?;
    found
        .filter(|request| request.key == *key)
        .ok_or_else(|| corrupt(format!("call {id} is not the one the hash index took it for")))
}
