use huodong_campaign::World;
use rusqlite::params;

use super::super::columns::{Coded, ms, to_json};
use super::{Saver, sorted};
use crate::StoreError;

impl Saver<'_> {
    /// Institutions, platform keys and openid pages.
    pub(super) fn partners(&self, world: &World) -> Result<(), StoreError> {
        self.institutions(world)?;
        self.platform_keys(world)?;
        self.openid_pages(world)
    }

    fn institutions(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO institutions (appid, org_id, name, certificate, previous_certificate, \
             previous_until, member_prefix, owners, status, rate_per_s, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (appid) DO UPDATE SET org_id = ?2, name = ?3, certificate = ?4, \
             previous_certificate = ?5, previous_until = ?6, member_prefix = ?7, owners = ?8, \
             status = ?9, rate_per_s = ?10",
        )?;
        for row in sorted(&world.institutions, |it| (it.created_at, it.appid.clone())) {
            let it = &row.value;
            let previous = it.previous_certificate.as_ref();
            put.execute(params![
                it.appid.as_str(),
                it.org_id,
                it.name,
                it.certificate,
                previous.map(|previous| &previous.pem),
                previous.map(|previous| ms(previous.valid_until)),
                it.member_prefix,
                to_json(&it.owners)?,
                it.status.code(),
                it.rate_per_s,
                ms(it.created_at),
            ])?;
        }
        Ok(())
    }

    fn platform_keys(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO platform_keys (serial, purpose, certificate, sealed_key, status, \
             created_at, not_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (serial) DO UPDATE SET status = ?5",
        )?;
        for row in sorted(&world.platform_keys, |it| (it.created_at, it.serial.clone())) {
            let it = &row.value;
            put.execute(params![
                it.serial.as_str(),
                it.purpose.code(),
                it.certificate,
                it.sealed_key,
                it.status.code(),
                ms(it.created_at),
                ms(it.not_after),
            ])?;
        }
        Ok(())
    }

    fn openid_pages(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO openid_pages (campaign, appid, wechat_appid, sealed_secret, return_to, \
             created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (campaign) DO UPDATE SET wechat_appid = ?3, sealed_secret = ?4, \
             return_to = ?5",
        )?;
        for row in sorted(&world.openid_pages, |it| (it.created_at, it.campaign.clone())) {
            let it = &row.value;
            put.execute(params![
                it.campaign.as_str(),
                it.appid.as_str(),
                it.wechat_appid,
                it.sealed_secret,
                to_json(&it.return_to)?,
                ms(it.created_at),
            ])?;
        }
        Ok(())
    }
}
