//! Initiators, their merchants, photos and enrolments, and the calls that were answered.

use std::collections::BTreeSet;

use huodong_campaign::{
    AlipayPid, CertId, Enrolment, EnrolmentKey, GatewayRequest, Id, MercId, Merchant, Photo,
    RequestKey, Wanted,
};

use super::super::columns::Coded;
use super::super::rows;
use super::{Kept, Loader, ids, one, texts};
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Connection, Lock, many};

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
        let photos = ids(&wanted.photos);
        for (_, photo) in many(self.conn, rows::PHOTOS, "p.id", &photos, Lock::Own, rows::photo)? {
            self.world.photos.loaded(photo.id, photo);
        }
        let enrolments = ids(&wanted.enrolments);
        for (_, enrolment) in
            many(self.conn, rows::ENROLMENTS, "e.id", &enrolments, Lock::Own, rows::enrolment)?
        {
            self.world.enrolments.loaded(enrolment.id, enrolment);
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
        let hash = |key: &RequestKey| self.keys.gateway_request(key);
        let select = (rows::GATEWAY_REQUESTS, "g.id");
        for found in self.keyed(keys, hash, select, rows::gateway_request, |found| &found.key)? {
            self.world.gateway_requests.loaded(found.key.clone(), found);
        }
        Ok(())
    }

    fn initiators(&mut self, wanted: &BTreeSet<&CertId>) -> Result<(), StoreError> {
        let kept = Kept {
            part: |cache| &mut cache.initiators,
            select: rows::INITIATORS,
            column: "cert_id",
            map: rows::initiator,
            name: |found| Some(&found.cert_id),
        };
        for found in self.known(wanted.iter().copied(), |it| it.as_str(), &kept)? {
            self.world.initiators.loaded(found.cert_id.clone(), found);
        }
        Ok(())
    }

    fn merchants(
        &mut self,
        wanted: &BTreeSet<&MercId>,
        pids: &BTreeSet<&AlipayPid>,
    ) -> Result<(), StoreError> {
        let keys = texts(wanted, |merc_id| merc_id.as_str());
        for (_, found) in self.reference(rows::MERCHANTS, "m.merc_id", &keys, rows::merchant)? {
            self.world.merchants.loaded(found.merc_id.clone(), found);
        }
        let keys = texts(pids, |pid| pid.as_str());
        // One for each initiator at the most.
        for (_, found) in self.reference(rows::MERCHANTS, "m.alipay_pid", &keys, rows::merchant)? {
            let pid = found.alipay_pid.clone();
            let pid = pid.ok_or_else(|| corrupt("a merchant found by what it has not"))?;
            let key = (found.cert_id.clone(), pid);
            self.world.alipay_pids.loaded(key, found.merc_id.clone());
            self.world.merchants.loaded(found.merc_id.clone(), found);
        }
        Ok(())
    }
}

/// One for each initiator at the most.
pub(crate) fn merchants_by_pid(
    conn: &Connection,
    pid: &AlipayPid,
) -> Result<Vec<Merchant>, StoreError> {
    let select = format!("{} WHERE m.alipay_pid = ?1", rows::MERCHANTS);
    let mut select = conn.prepare(&select)?;
    let found = select.query_and_then([pid.as_str()], rows::merchant)?;
    found.map(|found| found.map(|(_, merchant)| merchant)).collect()
}

pub(crate) fn photo(conn: &Connection, id: Id) -> Result<Option<Photo>, StoreError> {
    one(conn, &format!("{} WHERE p.id = ?1", rows::PHOTOS), [id.0], rows::photo)
}

pub(crate) fn enrolment(conn: &Connection, id: Id) -> Result<Option<Enrolment>, StoreError> {
    one(conn, &format!("{} WHERE e.id = ?1", rows::ENROLMENTS), [id.0], rows::enrolment)
}

/// The enrolment of a merchant for an activity that lives, else the newest. Several nodes number by
/// clocks of their own, so a rejected one may have a higher number than the one after it.
pub(crate) fn latest_enrolment(
    conn: &Connection,
    key: &EnrolmentKey,
) -> Result<Option<Enrolment>, StoreError> {
    let select = format!(
        "{} WHERE e.merchant = (SELECT no FROM merchants WHERE merc_id = ?1) AND e.activity = ?2 \
         ORDER BY e.status = 3, e.id DESC LIMIT 1",
        rows::ENROLMENTS
    );
    let named = (key.merc_id.as_str(), key.activity.code());
    one(conn, &select, named, rows::enrolment)
}

/// The call the index gave for a key, compared with that key.
pub(crate) fn request_behind(
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
