//! The partners, kept in memory: what every call is checked against before anything is loaded.

mod initiators;
mod institutions;
mod openid_pages;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use huodong_campaign::{
    AppId, Application, ApplicationStatus, Bid, CampaignNo, CertId, Initiator, Institution,
    InstitutionId, OpenidPage,
};
use jiff::Timestamp;

pub use initiators::KnownInitiator;
pub(crate) use initiators::mode_of;
pub use institutions::KnownInstitution;
pub(crate) use openid_pages::KnownPage;

use crate::app::RefreshError;
use crate::lakala::LakalaSettings;
use crate::rate::Rate;
use crate::secrets::{MasterKey, SecretError};
use crate::ysepay::YsepaySettings;

/// An application that may call.
#[derive(Debug)]
pub struct Caller {
    /// As it is stored.
    pub application: Application,
    /// The bids it may pay by.
    pub bids: HashSet<Bid>,
    /// Its secret, ready to verify with, and as text (the signed string ends with it).
    pub secret: Secret,
    /// The secret before that, while it still signs.
    pub previous: Option<(Secret, Timestamp)>,
    /// How often it may call.
    pub rate: Arc<Rate>,
}

/// An opened secret.
pub struct Secret {
    /// As text.
    pub text: Box<str>,
    /// As an HMAC-SHA256 key.
    pub key: hmac::Key,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// All partners as of the last refresh.
#[derive(Debug, Default)]
pub struct Directory {
    callers: ArcSwap<HashMap<AppId, Arc<Caller>>>,
    institutions: ArcSwap<HashMap<InstitutionId, Arc<KnownInstitution>>>,
    initiators: ArcSwap<HashMap<CertId, Arc<KnownInitiator>>>,
    openid_pages: ArcSwap<HashMap<CampaignNo, Arc<KnownPage>>>,
}

impl Directory {
    /// The application that may call as `appid`; a revoked one is as unknown as one that never was.
    pub fn caller(&self, appid: &str) -> Option<Arc<Caller>> {
        self.callers.load().get(appid).cloned()
    }

    /// The institution of this appid; a revoked one too, which may not call but is told what it is
    /// owed.
    pub fn institution(&self, appid: &str) -> Option<Arc<KnownInstitution>> {
        self.institutions.load().get(appid).cloned()
    }

    /// Takes in the institutions as the store has them now. What one has used of its rate is kept
    /// where the rate is the same.
    pub fn replace_institutions(
        &self,
        settings: &LakalaSettings,
        institutions: Vec<Institution>,
    ) -> Result<(), RefreshError> {
        let before = self.institutions.load();
        let known = institutions::known(&before, settings, institutions)?;
        self.institutions.store(Arc::new(known));
        Ok(())
    }

    /// The initiator that may call as `cert_id`; a revoked one is as unknown as one that never was.
    pub fn initiator(&self, cert_id: &str) -> Option<Arc<KnownInitiator>> {
        self.initiators.load().get(cert_id).cloned()
    }

    /// Takes in the initiators as the store has them now. What one has used of its rate is kept
    /// where the rate is the same.
    pub fn replace_initiators(
        &self,
        settings: &YsepaySettings,
        initiators: Vec<Initiator>,
    ) -> Result<(), RefreshError> {
        let known = initiators::known(&self.initiators.load(), settings, initiators)?;
        self.initiators.store(Arc::new(known));
        Ok(())
    }

    /// The openid page of this campaign.
    pub fn openid_page(&self, campaign: &str) -> Option<Arc<KnownPage>> {
        self.openid_pages.load().get(campaign).cloned()
    }

    /// The openid pages that ask as this WeChat official account.
    pub fn openid_pages_of(&self, wechat_appid: &str) -> Vec<Arc<KnownPage>> {
        let pages = self.openid_pages.load();
        pages.values().filter(|known| &*known.page.wechat_appid == wechat_appid).cloned().collect()
    }

    /// Takes in the openid pages as the store has them now. What one has used of its rate is kept
    /// where the rate is the same.
    pub fn replace_openid_pages(&self, rate_per_s: u32, pages: Vec<OpenidPage>) {
        let known = openid_pages::known(&self.openid_pages.load(), rate_per_s, pages);
        self.openid_pages.store(Arc::new(known));
    }

    /// Takes in the applications as the store has them now. What a caller has used of its rate is
    /// kept where the rate is the same. One whose secret does not open stays as it was known, and is
    /// told of once the others are in: it must not keep alive what was revoked.
    pub fn replace(
        &self,
        key: &MasterKey,
        default_rate_per_s: u32,
        applications: Vec<(Application, Vec<Bid>)>,
    ) -> Result<(), SecretError> {
        let before = self.callers.load();
        let mut callers = HashMap::with_capacity(applications.len());
        let mut told = Ok(());
        for (application, bids) in applications {
            if application.status == ApplicationStatus::Revoked {
                continue;
            }
            let appid = application.appid.clone();
            let secret = open(key, &appid, &application.sealed_secret);
            let previous = application.previous_secret.as_ref();
            let previous = previous
                .map(|old| Ok((open(key, &appid, &old.sealed)?, old.valid_until)))
                .transpose();
            let (secret, previous) = match (secret, previous) {
                (Ok(secret), Ok(previous)) => (secret, previous),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(%appid, %error, "an application cannot be read in");
                    told = Err(error);
                    if let Some(known) = before.get(&appid) {
                        callers.insert(appid, Arc::clone(known));
                    }
                    continue;
                }
            };
            let per_s = application.rate_per_s.unwrap_or(default_rate_per_s);
            let rate = match before.get(&appid) {
                Some(known) if known.rate.per_s() == per_s => Arc::clone(&known.rate),
                _ => Arc::new(Rate::new(per_s)),
            };
            let bids = bids.into_iter().collect();
            callers.insert(appid, Arc::new(Caller { application, bids, secret, previous, rate }));
        }
        self.callers.store(Arc::new(callers));
        told
    }
}

/// What the WeChat secret of an openid page is sealed for.
pub(crate) fn wechat_purpose(campaign: &CampaignNo) -> String {
    format!("wechat/{campaign}")
}

/// What an application's secret is sealed for.
pub fn purpose(appid: &AppId) -> String {
    format!("gongyi/{appid}")
}

fn open(key: &MasterKey, appid: &AppId, sealed: &[u8]) -> Result<Secret, SecretError> {
    let bytes = key.open(&purpose(appid), sealed)?;
    let text = String::from_utf8(bytes).map_err(|_| SecretError::DoesNotOpen)?;
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
    Ok(Secret { text: text.into_boxed_str(), key: hmac_key })
}

#[cfg(test)]
mod tests {
    use huodong_engine::Chance;

    use super::*;

    #[test]
    fn a_refresh_forgets_what_was_used_of_a_rate_only_where_the_rate_changed() {
        let key = MasterKey::new(&[7; 32]);
        let appid = AppId::from("app");
        let directory = Directory::default();
        let refreshed = |rate_per_s| {
            let application = Application {
                appid: appid.clone(),
                org_no: "org".into(),
                name: String::new(),
                sealed_secret: key.seal(Chance, &purpose(&appid), b"secret"),
                previous_secret: None,
                status: ApplicationStatus::Active,
                rate_per_s,
                flowers_per_day: 0,
                created_at: Timestamp::UNIX_EPOCH,
            };
            directory.replace(&key, 5, vec![(application, Vec::new())]).expect("it opens");
            Arc::clone(&directory.caller("app").expect("it is known").rate)
        };
        let first = refreshed(None);
        assert_eq!(first.per_s(), 5);
        assert!(Arc::ptr_eq(&first, &refreshed(Some(5))));
        let changed = refreshed(Some(6));
        assert_eq!(changed.per_s(), 6);
    }
}
