//! Institutions, platform keys and openid pages.

use huodong_campaign::Wanted;

use super::super::rows;
use super::{Loader, one};
use crate::StoreError;

impl Loader<'_> {
    pub(super) fn partners(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let select = format!("{} WHERE appid = ?1", rows::INSTITUTIONS);
        for appid in &wanted.institutions {
            if let Some(found) = one(self.conn, &select, [appid.as_str()], rows::institution)? {
                self.world.institutions.loaded((*appid).clone(), found);
            }
        }
        let select = format!("{} WHERE campaign = ?1", rows::OPENID_PAGES);
        for campaign in &wanted.openid_pages {
            if let Some(found) = one(self.conn, &select, [campaign.as_str()], rows::openid_page)? {
                self.world.openid_pages.loaded((*campaign).clone(), found);
            }
        }
        if wanted.platform_keys {
            let mut select = self.conn.prepare_cached(rows::PLATFORM_KEYS)?;
            for found in select.query_and_then((), rows::platform_key)? {
                let (_, key) = found?;
                self.world.platform_keys.loaded(key.serial.clone(), key);
            }
        }
        Ok(())
    }
}
