//! Coupons and callbacks.

use std::collections::BTreeSet;

use huodong_campaign::{ActivityNo, Callback, Coupon, CouponKey, Id, UserKey};
use rusqlite::Connection;

use super::super::errors::corrupt;
use super::super::rows;
use super::{Loader, one};
use crate::StoreError;

impl Loader<'_> {
    pub(super) fn coupon_keys(&mut self, keys: &[&CouponKey]) -> Result<(), StoreError> {
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.coupon(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value else { continue };
            let coupon = coupon_behind(self.conn, key, value.to_id()?)?;
            self.world.coupon_keys.loaded((*key).clone(), coupon.id);
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
        for id in wanted {
            let Some(coupon) = coupon(self.conn, *id)? else { continue };
            activities.insert(coupon.activity_no.clone());
            usages.push(coupon.user_key());
            self.world.coupons.loaded(*id, coupon);
        }
        Ok(())
    }

    pub(super) fn callbacks(&mut self, wanted: &BTreeSet<Id>) -> Result<(), StoreError> {
        for id in wanted {
            let Some(callback) = callback(self.conn, *id)? else { continue };
            let of = callback.coupon;
            if !self.world.coupons.contains(&of) {
                let found = coupon(self.conn, of)?;
                let found = found.ok_or_else(|| {
                    corrupt(format!("callback {id} is of coupon {of}, which is not there"))
                })?;
                self.world.coupons.loaded(of, found);
            }
            self.world.callbacks.loaded(*id, callback);
        }
        Ok(())
    }
}

pub(in crate::sqlite) fn coupon(conn: &Connection, id: Id) -> Result<Option<Coupon>, StoreError> {
    one(conn, &format!("{} WHERE c.id = ?1", rows::COUPONS), [id.0], rows::coupon)
}

/// The coupon the index gave for a key, compared with that key.
pub(in crate::sqlite) fn coupon_behind(
    conn: &Connection,
    key: &CouponKey,
    id: Id,
) -> Result<Coupon, StoreError> {
    let found = coupon(conn, id)?;
    found
        .filter(|coupon| coupon.key == *key)
        .ok_or_else(|| corrupt(format!("coupon {id} is not the one the hash index took it for")))
}

pub(in crate::sqlite) fn callback(
    conn: &Connection,
    id: Id,
) -> Result<Option<Callback>, StoreError> {
    one(conn, &format!("{} WHERE c.id = ?1", rows::CALLBACKS), [id.0], rows::callback)
}
