use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{AppId, Audited, Bid, Command, OrgNo, Wanted, World};

/// Whether an application's calls are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationStatus {
    /// They are.
    Active,
    /// Never again.
    Revoked,
}

/// A secret that was rotated away and still signs for a while, so that a caller can change over
/// without a failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
    /// Until when it signs, by the real clock.
    pub valid_until: Timestamp,
}

/// A gongyi application: a program that calls the donation API for one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// What it signs as.
    pub appid: AppId,
    /// For whom it calls.
    pub org_no: OrgNo,
    /// Its name.
    pub name: String,
    /// What it signs with, sealed under the master key.
    pub sealed_secret: Vec<u8>,
    /// What it signed with before.
    pub previous_secret: Option<PreviousSecret>,
    /// Whether it is let in.
    pub status: ApplicationStatus,
    /// Calls a second; `None` is the server's default.
    pub rate_per_s: Option<u32>,
    /// Flowers one user may receive on one Shanghai day.
    pub flowers_per_day: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A bid and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidGrant {
    /// The bid.
    pub bid: Bid,
    /// The application that may pay by it.
    pub appid: AppId,
    /// When it was assigned.
    pub created_at: Timestamp,
}

/// Why a command on an application was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplicationRefusal {
    /// There is one with this appid.
    #[error("appid {0} is taken")]
    Taken(AppId),
    /// There is none with this appid.
    #[error("appid {0} is unknown")]
    Unknown(AppId),
    /// It was revoked.
    #[error("application {0} is revoked")]
    Revoked(AppId),
    /// Its organization does not exist.
    #[error("org_no {0} is unknown")]
    UnknownOrganization(OrgNo),
    /// The bid is somebody's.
    #[error("bid {0} is taken")]
    BidTaken(Bid),
}

/// Makes an application whose secret the caller has shown.
#[derive(Clone, Debug, Serialize)]
pub struct CreateApplication {
    /// What it signs as; made from the sequence where none is given.
    pub appid: Option<AppId>,
    /// For whom it calls.
    pub org_no: OrgNo,
    /// Its name.
    pub name: String,
    /// Its secret, sealed.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
    /// Calls a second; `None` is the server's default.
    pub rate_per_s: Option<u32>,
    /// Flowers one user may receive on one Shanghai day.
    pub flowers_per_day: u32,
}

impl Command for CreateApplication {
    type Done = Application;
    type Refusal = ApplicationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.applications.extend(&self.appid);
        wanted.organizations.insert(&self.org_no);
    }

    fn decide(&self, world: &mut World) -> Result<Application, ApplicationRefusal> {
        if let Some(appid) = &self.appid
            && world.applications.contains(appid)
        {
            return Err(ApplicationRefusal::Taken(appid.clone()));
        }
        if !world.organizations.contains(&self.org_no) {
            return Err(ApplicationRefusal::UnknownOrganization(self.org_no.clone()));
        }
        let appid = self.appid.clone().unwrap_or_else(|| AppId::from(world.take_id().to_string()));
        let application = Application {
            appid: appid.clone(),
            org_no: self.org_no.clone(),
            name: self.name.clone(),
            sealed_secret: self.sealed_secret.clone(),
            previous_secret: None,
            status: ApplicationStatus::Active,
            rate_per_s: self.rate_per_s,
            flowers_per_day: self.flowers_per_day,
            created_at: world.now,
        };
        world.applications.insert(appid, application.clone());
        Ok(application)
    }
}

impl Audited for CreateApplication {
    const ACTION: &'static str = "application.create";

    fn subject(&self, done: &Application) -> String {
        done.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes an application's settings; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateApplication {
    /// Which.
    pub appid: AppId,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Calls a second; the inner `None` is the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<Option<u32>>,
    /// Flowers one user may receive on one Shanghai day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flowers_per_day: Option<u32>,
}

impl Command for UpdateApplication {
    type Done = Application;
    type Refusal = ApplicationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.applications.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Application, ApplicationRefusal> {
        let application = living(world, &self.appid)?;
        if let Some(name) = &self.name {
            application.name.clone_from(name);
        }
        if let Some(rate) = self.rate_per_s {
            application.rate_per_s = rate;
        }
        if let Some(most) = self.flowers_per_day {
            application.flowers_per_day = most;
        }
        Ok(application.clone())
    }
}

impl Audited for UpdateApplication {
    const ACTION: &'static str = "application.update";

    fn subject(&self, _done: &Application) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Gives an application a new secret; the old one signs until `previous_valid_until`.
#[derive(Clone, Debug, Serialize)]
pub struct RotateSecret {
    /// Which.
    pub appid: AppId,
    /// The new secret, sealed.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
    /// Until when the old one still signs, by the real clock; `None` ends it at once.
    pub previous_valid_until: Option<Timestamp>,
}

impl Command for RotateSecret {
    type Done = Application;
    type Refusal = ApplicationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.applications.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Application, ApplicationRefusal> {
        let application = living(world, &self.appid)?;
        let old = std::mem::replace(&mut application.sealed_secret, self.sealed_secret.clone());
        application.previous_secret = self
            .previous_valid_until
            .map(|valid_until| PreviousSecret { sealed: old, valid_until });
        Ok(application.clone())
    }
}

impl Audited for RotateSecret {
    const ACTION: &'static str = "application.rotate_secret";

    fn subject(&self, _done: &Application) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Shuts an application out, for good. Its orders stay.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeApplication {
    /// Which.
    pub appid: AppId,
}

impl Command for RevokeApplication {
    type Done = Application;
    type Refusal = ApplicationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.applications.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Application, ApplicationRefusal> {
        let application = living(world, &self.appid)?;
        application.status = ApplicationStatus::Revoked;
        application.previous_secret = None;
        Ok(application.clone())
    }
}

impl Audited for RevokeApplication {
    const ACTION: &'static str = "application.revoke";

    fn subject(&self, _done: &Application) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Gives an application a bid to pay by.
#[derive(Clone, Debug, Serialize)]
pub struct AssignBid {
    /// The bid; made from the sequence where none is given.
    pub bid: Option<Bid>,
    /// To whom.
    pub appid: AppId,
}

impl Command for AssignBid {
    type Done = BidGrant;
    type Refusal = ApplicationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.bids.extend(&self.bid);
        wanted.applications.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<BidGrant, ApplicationRefusal> {
        match world.applications.get(&self.appid) {
            None => return Err(ApplicationRefusal::Unknown(self.appid.clone())),
            Some(found) if found.status == ApplicationStatus::Revoked => {
                return Err(ApplicationRefusal::Revoked(self.appid.clone()));
            }
            Some(_) => {}
        }
        if let Some(bid) = &self.bid
            && world.bids.contains(bid)
        {
            return Err(ApplicationRefusal::BidTaken(bid.clone()));
        }
        let bid = self.bid.clone().unwrap_or_else(|| Bid::from(world.take_id().to_string()));
        let grant = BidGrant { bid: bid.clone(), appid: self.appid.clone(), created_at: world.now };
        world.bids.insert(bid, grant.clone());
        Ok(grant)
    }
}

impl Audited for AssignBid {
    const ACTION: &'static str = "bid.assign";

    fn subject(&self, done: &BidGrant) -> String {
        done.bid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

fn living<'w>(
    world: &'w mut World,
    appid: &AppId,
) -> Result<&'w mut Application, ApplicationRefusal> {
    match world.applications.get(appid) {
        None => Err(ApplicationRefusal::Unknown(appid.clone())),
        Some(found) if found.status == ApplicationStatus::Revoked => {
            Err(ApplicationRefusal::Revoked(appid.clone()))
        }
        Some(_) => Ok(world.applications.change(appid).expect("found above")),
    }
}
