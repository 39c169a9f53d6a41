//! Institutions, platform keys and openid pages.

use huodong_campaign::{CampaignNo, Institution, InstitutionId, OpenidPage, PlatformKey};

use super::super::rows;
use super::Reader;
use super::paging::List;
use crate::{Page, PageRequest, StoreError};

impl Reader {
    /// An institution by its appid.
    pub fn institution(&self, appid: &InstitutionId) -> Result<Option<Institution>, StoreError> {
        let select = format!("{} WHERE appid = ?1", rows::INSTITUTIONS);
        self.one(&select, [appid.as_str()], rows::institution)
    }

    /// Institutions.
    pub fn institutions(&self, page: PageRequest) -> Result<Page<Institution>, StoreError> {
        List::new(rows::INSTITUTIONS, "no").page(&*self.conn()?, page, rows::institution)
    }

    /// Every institution: what the server keeps in memory to let callers in.
    pub fn all_institutions(&self) -> Result<Vec<Institution>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(&format!("{} ORDER BY no", rows::INSTITUTIONS))?;
        let institutions = select.query_and_then((), rows::institution)?;
        institutions.map(|found| found.map(|(_, institution)| institution)).collect()
    }

    /// Every platform key, oldest first.
    pub fn platform_keys(&self) -> Result<Vec<PlatformKey>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(&format!("{} ORDER BY no", rows::PLATFORM_KEYS))?;
        let keys = select.query_and_then((), rows::platform_key)?;
        keys.map(|found| found.map(|(_, key)| key)).collect()
    }

    /// An openid page by its number.
    pub fn openid_page(&self, campaign: &CampaignNo) -> Result<Option<OpenidPage>, StoreError> {
        let select = format!("{} WHERE campaign = ?1", rows::OPENID_PAGES);
        self.one(&select, [campaign.as_str()], rows::openid_page)
    }

    /// Openid pages.
    pub fn openid_pages(&self, page: PageRequest) -> Result<Page<OpenidPage>, StoreError> {
        List::new(rows::OPENID_PAGES, "no").page(&*self.conn()?, page, rows::openid_page)
    }
}
