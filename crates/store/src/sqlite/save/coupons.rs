use huodong_campaign::{Coupon, Row, RowState, World};
use rusqlite::params;

use super::super::columns::{Coded, ms};
use super::totals::Totals;
use super::{Saver, bulk, expect_one, sorted};
use crate::StoreError;

impl Saver<'_> {
    pub(super) fn coupons(&mut self, world: &World) -> Result<(), StoreError> {
        let rows = sorted(&world.coupons, |coupon| coupon.id);
        if rows.is_empty() {
            return Ok(());
        }
        let mut totals = Totals::default();
        let (new, changed): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == RowState::New);
        self.insert_coupons(&new, &mut totals)?;
        for row in changed {
            self.update_coupon(&row.value, &mut totals)?;
        }
        totals.save(self.conn, "coupon_totals")
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
        bulk::insert(conn, "coupons", COLUMNS, rows, |bind, row| {
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
    fn update_coupon(&mut self, it: &Coupon, totals: &mut Totals) -> Result<(), StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT activity, status FROM coupons WHERE id = ?1")?;
        let (activity, before): (i64, i64) =
            select.query_row([it.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        totals.add(activity, before, -1, -it.value.0);
        totals.add(activity, it.status.code(), 1, it.value.0);
        let mut update = self.conn.prepare_cached(
            "UPDATE coupons SET status = ?2, failed = ?3, settle_at = ?4, decided_at = ?5, \
             expires_at = ?6, reference = ?7, org_amount = ?8, promo_amount = ?9, closed_at = ?10 \
             WHERE id = ?1",
        )?;
        let redeemed = it.redeemed.as_ref();
        let changed = update.execute(params![
            it.id.0,
            it.status.code(),
            it.failed.map(Coded::code),
            it.settle_at.map(ms),
            it.decided_at.map(ms),
            it.expires_at.map(ms),
            redeemed.map(|redeemed| &*redeemed.reference),
            redeemed.map(|redeemed| redeemed.org_amount.0),
            redeemed.map(|redeemed| redeemed.promo_amount.0),
            it.closed_at.map(ms),
        ])?;
        expect_one(changed, "coupon", it.id)
    }
}
