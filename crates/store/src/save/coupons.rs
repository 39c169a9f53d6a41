use huodong_campaign::{Coupon, Row, World};

use super::super::columns::{Coded, ms};
use super::totals::Totals;
use super::{Saver, gone, parted};
use crate::StoreError;
use crate::sql::{insert, update};

impl Saver<'_> {
    pub(super) fn coupons(&mut self, world: &World) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        if world.coupons.is_changed() {
            let (new, changed) = parted(&world.coupons, |coupon| coupon.id);
            self.insert_coupons(&new, &mut totals)?;
            self.update_coupons(&changed, &mut totals)?;
        }
        Ok(totals)
    }

    fn insert_coupons(
        &mut self,
        rows: &[&Row<Coupon>],
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, app, mer_order_id, activity, owner_id, member_id, openid, \
            value, status, failed, post_notify, write_off_notify, placed_at, settle_at, \
            decided_at, expires_at, reference, org_amount, promo_amount, closed_at";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "coupons", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let activity = numbers.activity(conn, it.activity_no.as_str())?;
            let redeemed = it.redeemed.as_ref();
            bind.next(it.id.0)?;
            bind.next(numbers.institution(conn, it.key.appid.as_str())?)?;
            bind.next(&*it.key.mer_order_id)?;
            bind.next(activity)?;
            bind.next(it.owner_id.as_str())?;
            bind.next(&*it.member_id)?;
            bind.next(it.openid.as_str())?;
            bind.next(it.value.0)?;
            bind.next(it.status.code())?;
            bind.next(it.failed.map(Coded::code))?;
            bind.next(it.post_notify.as_deref())?;
            bind.next(&*it.write_off_notify)?;
            bind.next(ms(it.placed_at))?;
            bind.next(it.settle_at.map(ms))?;
            bind.next(it.decided_at.map(ms))?;
            bind.next(it.expires_at.map(ms))?;
            bind.next(redeemed.map(|redeemed| &*redeemed.reference))?;
            bind.next(redeemed.map(|redeemed| redeemed.org_amount.0))?;
            bind.next(redeemed.map(|redeemed| redeemed.promo_amount.0))?;
            bind.next(it.closed_at.map(ms))?;
            totals.add(activity, it.status.code(), 1, it.value.0);
            Ok(())
        })
    }

    /// Only what can change after a coupon was asked for.
    fn update_coupons(
        &mut self,
        rows: &[&Row<Coupon>],
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, status, failed, settle_at, decided_at, expires_at, reference, \
            org_amount, promo_amount, closed_at";
        let before = self.stood("coupons", "activity", rows.iter().map(|row| row.value.id.0))?;
        for row in rows {
            let it = &row.value;
            let (activity, status) = *before.get(&it.id.0).ok_or_else(|| gone("a coupon"))?;
            totals.add(activity, status, -1, -it.value.0);
            totals.add(activity, it.status.code(), 1, it.value.0);
        }
        update(self.conn, "a coupon", "coupons", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let redeemed = it.redeemed.as_ref();
            bind.next(it.id.0)?;
            bind.next(it.status.code())?;
            bind.next(it.failed.map(Coded::code))?;
            bind.next(it.settle_at.map(ms))?;
            bind.next(it.decided_at.map(ms))?;
            bind.next(it.expires_at.map(ms))?;
            bind.next(redeemed.map(|redeemed| &*redeemed.reference))?;
            bind.next(redeemed.map(|redeemed| redeemed.org_amount.0))?;
            bind.next(redeemed.map(|redeemed| redeemed.promo_amount.0))?;
            bind.next(it.closed_at.map(ms))
        })
    }
}
