use huodong_campaign::World;

use super::super::columns::{Coded, ms, to_json};
use super::{Saver, sorted};
use crate::StoreError;
use crate::sql::put;

impl Saver<'_> {
    /// Institutions, platform keys and openid pages.
    pub(super) fn partners(&self, world: &World) -> Result<(), StoreError> {
        self.institutions(world)?;
        self.platform_keys(world)?;
        self.openid_pages(world)
    }

    fn institutions(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "appid, org_id, name, certificate, previous_certificate, \
            previous_until, member_prefix, owners, status, rate_per_s, created_at";
        const OTHERWISE: &str = "ON CONFLICT (appid) DO UPDATE SET org_id = excluded.org_id, \
            name = excluded.name, certificate = excluded.certificate, \
            previous_certificate = excluded.previous_certificate, \
            previous_until = excluded.previous_until, member_prefix = excluded.member_prefix, \
            owners = excluded.owners, status = excluded.status, rate_per_s = excluded.rate_per_s";
        let rows = sorted(&world.institutions, |it| (it.created_at, it.appid.clone()));
        put(self.conn, "institutions", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            let previous = it.previous_certificate.as_ref();
            bind.next(it.appid.as_str())?;
            bind.next(&it.org_id)?;
            bind.next(&it.name)?;
            bind.next(&it.certificate)?;
            bind.next(previous.map(|previous| &previous.pem))?;
            bind.next(previous.map(|previous| ms(previous.valid_until)))?;
            bind.next(&it.member_prefix)?;
            bind.next(to_json(&it.owners)?)?;
            bind.next(it.status.code())?;
            bind.next(it.rate_per_s)?;
            bind.next(ms(it.created_at))
        })
    }

    fn platform_keys(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str =
            "serial, purpose, certificate, sealed_key, status, created_at, not_after";
        const OTHERWISE: &str = "ON CONFLICT (serial) DO UPDATE SET status = excluded.status";
        let rows = sorted(&world.platform_keys, |it| (it.created_at, it.serial.clone()));
        put(self.conn, "platform_keys", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.serial.as_str())?;
            bind.next(it.purpose.code())?;
            bind.next(&it.certificate)?;
            bind.next(&it.sealed_key)?;
            bind.next(it.status.code())?;
            bind.next(ms(it.created_at))?;
            bind.next(ms(it.not_after))
        })
    }

    fn openid_pages(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "campaign, appid, wechat_appid, sealed_secret, return_to, created_at";
        const OTHERWISE: &str = "ON CONFLICT (campaign) DO UPDATE SET \
            wechat_appid = excluded.wechat_appid, sealed_secret = excluded.sealed_secret, \
            return_to = excluded.return_to";
        let rows = sorted(&world.openid_pages, |it| (it.created_at, it.campaign.clone()));
        put(self.conn, "openid_pages", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.campaign.as_str())?;
            bind.next(it.appid.as_str())?;
            bind.next(&it.wechat_appid)?;
            bind.next(&it.sealed_secret)?;
            bind.next(to_json(&it.return_to)?)?;
            bind.next(ms(it.created_at))
        })
    }
}
