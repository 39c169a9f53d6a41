use std::collections::HashMap;
use std::sync::Arc;

use huodong_campaign::{CampaignNo, OpenidPage};

use crate::rate::Rate;

/// An openid page, and how often users may be sent on from it.
#[derive(Debug)]
pub struct KnownPage {
    /// As it is stored.
    pub page: OpenidPage,
    /// How many users a second it sends to WeChat.
    pub rate: Arc<Rate>,
}

pub(super) fn known(
    before: &HashMap<CampaignNo, Arc<KnownPage>>,
    rate_per_s: u32,
    pages: Vec<OpenidPage>,
) -> HashMap<CampaignNo, Arc<KnownPage>> {
    let entry = |page: OpenidPage| {
        let rate = match before.get(&page.campaign) {
            Some(known) if known.rate.per_s() == rate_per_s => Arc::clone(&known.rate),
            _ => Arc::new(Rate::new(rate_per_s)),
        };
        (page.campaign.clone(), Arc::new(KnownPage { page, rate }))
    };
    pages.into_iter().map(entry).collect()
}
