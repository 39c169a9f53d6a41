use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Audited, Command, InstitutionId, OwnerId, Wanted, World};

/// How many owners one institution may act for.
const OWNERS_MAX: usize = 1_000;

/// Whether an institution's calls are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstitutionStatus {
    /// They are.
    Active,
    /// Never again.
    Revoked,
}

/// A certificate that was rotated away and is still accepted for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousCertificate {
    /// The certificate, in PEM.
    pub pem: String,
    /// Until when, by the real clock.
    pub valid_until: Timestamp,
}

/// A lakala institution: who hands coupons out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// What it signs as.
    pub appid: InstitutionId,
    /// Its number in callbacks (the vendor's orgId).
    pub org_id: Box<str>,
    /// Its name.
    pub name: String,
    /// The certificate its requests are verified with, in PEM.
    pub certificate: String,
    /// The one before that.
    pub previous_certificate: Option<PreviousCertificate>,
    /// What its members' ids begin with.
    pub member_prefix: Box<str>,
    /// On whose behalf it may hand coupons out.
    pub owners: Vec<OwnerId>,
    /// Whether it is let in.
    pub status: InstitutionStatus,
    /// Calls a second; `None` is the server's default.
    pub rate_per_s: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a command on an institution was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InstitutionRefusal {
    /// There is one with this appid.
    #[error("appid {0} is taken")]
    Taken(InstitutionId),
    /// There is none with this appid.
    #[error("appid {0} is unknown")]
    Unknown(InstitutionId),
    /// It was revoked.
    #[error("institution {0} is revoked")]
    Revoked(InstitutionId),
    /// It acts for nobody, or for too many.
    #[error("owners must name 1 to {OWNERS_MAX} owners")]
    Owners,
}

/// Takes in an institution.
#[derive(Clone, Debug, Serialize)]
pub struct CreateInstitution {
    /// What it signs as; made from the sequence where none is given.
    pub appid: Option<InstitutionId>,
    /// Its number in callbacks.
    pub org_id: Box<str>,
    /// Its name.
    pub name: String,
    /// Its certificate, in PEM. The caller has seen that it is one.
    pub certificate: String,
    /// What its members' ids begin with.
    pub member_prefix: Box<str>,
    /// On whose behalf it may hand coupons out.
    pub owners: Vec<OwnerId>,
    /// Calls a second.
    pub rate_per_s: Option<u32>,
}

impl Command for CreateInstitution {
    type Done = Institution;
    type Refusal = InstitutionRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.institutions.extend(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Institution, InstitutionRefusal> {
        if let Some(appid) = &self.appid
            && world.institutions.contains(appid)
        {
            return Err(InstitutionRefusal::Taken(appid.clone()));
        }
        check_owners(&self.owners)?;
        let appid =
            self.appid.clone().unwrap_or_else(|| InstitutionId::from(world.take_id().to_string()));
        let institution = Institution {
            appid: appid.clone(),
            org_id: self.org_id.clone(),
            name: self.name.clone(),
            certificate: self.certificate.clone(),
            previous_certificate: None,
            member_prefix: self.member_prefix.clone(),
            owners: self.owners.clone(),
            status: InstitutionStatus::Active,
            rate_per_s: self.rate_per_s,
            created_at: world.now,
        };
        world.institutions.insert(appid, institution.clone());
        Ok(institution)
    }
}

impl Audited for CreateInstitution {
    const ACTION: &'static str = "institution.create";

    fn subject(&self, done: &Institution) -> String {
        done.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes an institution's settings; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateInstitution {
    /// Which.
    pub appid: InstitutionId,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What its members' ids begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_prefix: Option<Box<str>>,
    /// On whose behalf it may hand coupons out; replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<Vec<OwnerId>>,
    /// Calls a second; `Some(None)` is the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<Option<u32>>,
}

impl Command for UpdateInstitution {
    type Done = Institution;
    type Refusal = InstitutionRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.institutions.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Institution, InstitutionRefusal> {
        check_living(world, &self.appid)?;
        self.owners.as_deref().map_or(Ok(()), check_owners)?;
        let institution = living(world, &self.appid)?;
        if let Some(name) = &self.name {
            institution.name.clone_from(name);
        }
        if let Some(prefix) = &self.member_prefix {
            institution.member_prefix.clone_from(prefix);
        }
        if let Some(owners) = &self.owners {
            institution.owners.clone_from(owners);
        }
        if let Some(rate) = self.rate_per_s {
            institution.rate_per_s = rate;
        }
        Ok(institution.clone())
    }
}

impl Audited for UpdateInstitution {
    const ACTION: &'static str = "institution.update";

    fn subject(&self, _done: &Institution) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Gives an institution another certificate; the present one is accepted for a while yet. Safe to
/// repeat: the same certificate again does not put itself in the place of the one before it.
#[derive(Clone, Debug, Serialize)]
pub struct ReplaceCertificate {
    /// Whose.
    pub appid: InstitutionId,
    /// The new one, in PEM. The caller has seen that it is one.
    pub certificate: String,
    /// Until when the present one is accepted, by the real clock; `None`: no longer.
    pub previous_until: Option<Timestamp>,
}

impl Command for ReplaceCertificate {
    type Done = Institution;
    type Refusal = InstitutionRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.institutions.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Institution, InstitutionRefusal> {
        let institution = living(world, &self.appid)?;
        if institution.certificate == self.certificate {
            // Said twice, as after a lost answer: the one before it keeps the time it was given.
            let kept = institution.previous_certificate.take();
            institution.previous_certificate = kept.and_then(|kept| {
                let valid_until = self.previous_until?.min(kept.valid_until);
                Some(PreviousCertificate { pem: kept.pem, valid_until })
            });
            return Ok(institution.clone());
        }
        let before = std::mem::replace(&mut institution.certificate, self.certificate.clone());
        institution.previous_certificate =
            self.previous_until.map(|valid_until| PreviousCertificate { pem: before, valid_until });
        Ok(institution.clone())
    }
}

impl Audited for ReplaceCertificate {
    const ACTION: &'static str = "institution.replace_certificate";

    fn subject(&self, _done: &Institution) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Lets an institution in no more. What it is owed is still sent to it.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeInstitution {
    /// Which.
    pub appid: InstitutionId,
}

impl Command for RevokeInstitution {
    type Done = Institution;
    type Refusal = InstitutionRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.institutions.insert(&self.appid);
    }

    fn decide(&self, world: &mut World) -> Result<Institution, InstitutionRefusal> {
        let institution = living(world, &self.appid)?;
        institution.status = InstitutionStatus::Revoked;
        Ok(institution.clone())
    }
}

impl Audited for RevokeInstitution {
    const ACTION: &'static str = "institution.revoke";

    fn subject(&self, _done: &Institution) -> String {
        self.appid.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

fn check_owners(owners: &[OwnerId]) -> Result<(), InstitutionRefusal> {
    if (1..=OWNERS_MAX).contains(&owners.len()) { Ok(()) } else { Err(InstitutionRefusal::Owners) }
}

fn check_living(world: &World, appid: &InstitutionId) -> Result<(), InstitutionRefusal> {
    match world.institutions.get(appid).map(|found| found.status) {
        None => Err(InstitutionRefusal::Unknown(appid.clone())),
        Some(InstitutionStatus::Revoked) => Err(InstitutionRefusal::Revoked(appid.clone())),
        Some(InstitutionStatus::Active) => Ok(()),
    }
}

/// The institution, to be changed: what comes after this is not refused.
fn living<'w>(
    world: &'w mut World,
    appid: &InstitutionId,
) -> Result<&'w mut Institution, InstitutionRefusal> {
    check_living(world, appid)?;
    Ok(world.institutions.change(appid).expect("it was checked"))
}
