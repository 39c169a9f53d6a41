use jiff::Timestamp;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{Audited, CampaignNo, Command, InstitutionId, Wanted, World};

/// How many return addresses one page may have.
const RETURN_TO_MAX: usize = 20;

/// A page that asks WeChat for a user's openid and hands it to an institution's own page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenidPage {
    /// What its address ends with.
    pub campaign: CampaignNo,
    /// Whose it is.
    pub appid: InstitutionId,
    /// The WeChat official account that asks.
    pub wechat_appid: Box<str>,
    /// That account's secret, sealed under the master key.
    pub sealed_secret: Vec<u8>,
    /// Where users may be sent back to: addresses whose scheme and host must be the same and whose
    /// path must begin so.
    pub return_to: Vec<Box<str>>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a command on such a page was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenidPageRefusal {
    /// There is one with this number.
    #[error("campaign {0} is taken")]
    Taken(CampaignNo),
    /// There is none with this number.
    #[error("campaign {0} is unknown")]
    Unknown(CampaignNo),
    /// Its institution does not exist.
    #[error("institution {0} is unknown")]
    UnknownInstitution(InstitutionId),
    /// It leads nowhere, or to too many places.
    #[error("return_to must name 1 to {RETURN_TO_MAX} addresses")]
    ReturnTo,
}

/// Makes an openid page.
#[derive(Clone, Debug, Serialize)]
pub struct CreateOpenidPage {
    /// What its address ends with; made from the sequence where none is given.
    pub campaign: Option<CampaignNo>,
    /// Whose it is.
    pub appid: InstitutionId,
    /// The WeChat official account that asks.
    pub wechat_appid: Box<str>,
    /// That account's secret, sealed under the master key.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
    /// Where users may be sent back to. The caller has seen that they are addresses.
    pub return_to: Vec<Box<str>>,
}

impl Command for CreateOpenidPage {
    type Done = OpenidPage;
    type Refusal = OpenidPageRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.openid_pages.extend(&self.campaign);
        wanted.institutions.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<OpenidPage, OpenidPageRefusal> {
        if let Some(campaign) = &self.campaign
            && world.openid_pages.contains(campaign)
        {
            return Err(OpenidPageRefusal::Taken(campaign.clone()));
        }
        if !world.institutions.contains(&self.appid) {
            return Err(OpenidPageRefusal::UnknownInstitution(self.appid.clone()));
        }
        check_return_to(&self.return_to)?;
        let campaign =
            self.campaign.clone().unwrap_or_else(|| CampaignNo::from(world.take_id().to_string()));
        let page = OpenidPage {
            campaign: campaign.clone(),
            appid: self.appid.clone(),
            wechat_appid: self.wechat_appid.clone(),
            sealed_secret: self.sealed_secret.clone(),
            return_to: self.return_to.clone(),
            created_at: world.now,
        };
        world.openid_pages.insert(campaign, page.clone());
        Ok(page)
    }
}

impl Audited for CreateOpenidPage {
    const ACTION: &'static str = "openid_page.create";

    fn subject(&self, done: &OpenidPage) -> String {
        done.campaign.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes an openid page; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateOpenidPage {
    /// Which.
    pub campaign: CampaignNo,
    /// The WeChat official account that asks, and its sealed secret.
    #[serde(
        rename = "wechat_appid",
        serialize_with = "without_secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub wechat: Option<(Box<str>, Vec<u8>)>,
    /// Where users may be sent back to; replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to: Option<Vec<Box<str>>>,
}

impl Command for UpdateOpenidPage {
    type Done = OpenidPage;
    type Refusal = OpenidPageRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.openid_pages.insert(&self.campaign);
    }

    fn decide(&self, world: &mut World) -> Result<OpenidPage, OpenidPageRefusal> {
        if !world.openid_pages.contains(&self.campaign) {
            return Err(OpenidPageRefusal::Unknown(self.campaign.clone()));
        }
        self.return_to.as_deref().map_or(Ok(()), check_return_to)?;
        let page = world.openid_pages.change(&self.campaign).expect("found above");
        if let Some((wechat_appid, sealed_secret)) = &self.wechat {
            page.wechat_appid.clone_from(wechat_appid);
            page.sealed_secret.clone_from(sealed_secret);
        }
        if let Some(return_to) = &self.return_to {
            page.return_to.clone_from(return_to);
        }
        Ok(page.clone())
    }
}

impl Audited for UpdateOpenidPage {
    const ACTION: &'static str = "openid_page.update";

    fn subject(&self, _done: &OpenidPage) -> String {
        self.campaign.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Only the account is for the audit log.
#[expect(clippy::ref_option, reason = "serde hands fields over like this")]
fn without_secret<S: Serializer>(
    wechat: &Option<(Box<str>, Vec<u8>)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    wechat.as_ref().map(|(wechat_appid, _)| wechat_appid).serialize(serializer)
}

fn check_return_to(return_to: &[Box<str>]) -> Result<(), OpenidPageRefusal> {
    if (1..=RETURN_TO_MAX).contains(&return_to.len()) {
        Ok(())
    } else {
        Err(OpenidPageRefusal::ReturnTo)
    }
}
