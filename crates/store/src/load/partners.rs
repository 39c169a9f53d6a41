//! Institutions, platform keys and openid pages.

use huodong_campaign::Wanted;

use super::super::rows;
use super::{Kept, Loader, texts};
use crate::StoreError;

impl Loader<'_> {
    pub(super) fn partners(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let kept = Kept {
            part: |cache| &mut cache.institutions,
            select: rows::INSTITUTIONS,
            column: "appid",
            map: rows::institution,
            name: |found| Some(&found.appid),
        };
        for found in self.known(wanted.institutions.iter().copied(), |it| it.as_str(), &kept)? {
            self.world.institutions.loaded(found.appid.clone(), found);
        }
        let keys = texts(&wanted.openid_pages, |campaign| campaign.as_str());
        for (_, found) in
            self.reference(rows::OPENID_PAGES, "campaign", &keys, rows::openid_page)?
        {
            self.world.openid_pages.loaded(found.campaign.clone(), found);
        }
        if wanted.platform_keys {
            let mut select = self.conn.prepare(rows::PLATFORM_KEYS)?;
            for found in select.query_and_then((), rows::platform_key)? {
                let (_, key) = found?;
                self.world.platform_keys.loaded(key.serial.clone(), key);
            }
        }
        Ok(())
    }
}
