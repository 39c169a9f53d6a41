//! Coupons and callbacks.

use std::collections::BTreeSet;

use huodong_campaign::{ActivityNo, Callback, Coupon, CouponKey, Id, UserKey};

use super::super::rows;
use super::{Loader, ids, one};
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Connection, Lock, many};

impl Loader<'_> {
    pub(super) fn coupon_keys(&mut self, keys: &[&CouponKey]) -> Result<(), StoreError> {
        let hash = |key: &CouponKey| self.keys.coupon(key);
        let select = (rows::COUPONS, "c.id");
        for coupon in self.keyed(keys, hash, select, rows::coupon, |found| &found.key)? {
            self.world.coupon_keys.loaded(coupon.key.clone(), coupon.id);
            self.world.coupons.loaded(coupon.id, coupon);
        }
        Ok(())
    }

    /// Coupons by number; adds what they hang on.
    pub(super) fn coupons(
        &mut self,
        wanted: &BTreeSet<Id>,
        activities: &mut BTreeSet<ActivityNo>,
        usages: &mut Vec<UserKey>,
    ) -> Result<(), StoreError> {
        let found = many(self.conn, rows::COUPONS, "c.id", &ids(wanted), Lock::Own, rows::coupon)?;
        for (_, coupon) in found {
            activities.insert(coupon.activity_no.clone());
            usages.push(coupon.user_key());
            self.world.coupons.loaded(coupon.id, coupon);
        }
        Ok(())
    }

    pub(super) fn callbacks(&mut self, wanted: &BTreeSet<Id>) -> Result<(), StoreError> {
        let found =
            many(self.conn, rows::CALLBACKS, "c.id", &ids(wanted), Lock::Own, rows::callback)?;
        let of = found.iter().map(|(_, callback)| callback.coupon);
        let of: BTreeSet<Id> = of.filter(|id| !self.world.coupons.contains(id)).collect();
        // They are told of, not changed.
        for (_, coupon) in
            many(self.conn, rows::COUPONS, "c.id", &ids(&of), Lock::No, rows::coupon)?
        {
            self.world.coupons.loaded(coupon.id, coupon);
        }
        for (_, callback) in found {
            let (id, of) = (callback.id, callback.coupon);
            if !self.world.coupons.contains(&of) {
                return Err(corrupt(format!(
                    "callback {id} is of coupon {of}, which is not there"
                )));
            }
            self.world.callbacks.loaded(id, callback);
        }
        Ok(())
    }
}

pub(crate) fn coupon(conn: &Connection, id: Id) -> Result<Option<Coupon>, StoreError> {
    one(conn, &format!("{} WHERE c.id = ?1", rows::COUPONS), [id.0], rows::coupon)
}

/// The coupon the index gave for a key, compared with that key.
pub(crate) fn coupon_behind(
    conn: &Connection,
    key: &CouponKey,
    id: Id,
) -> Result<Coupon, StoreError> {
    let found = coupon(conn, id)?;
    found
        .filter(|coupon| coupon.key == *key)
        .ok_or_else(|| corrupt(format!("coupon {id} is not the one the hash index took it for")))
}

pub(crate) fn callback(conn: &Connection, id: Id) -> Result<Option<Callback>, StoreError> {
    one(conn, &format!("{} WHERE c.id = ?1", rows::CALLBACKS), [id.0], rows::callback)
}
