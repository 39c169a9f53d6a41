use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Audited, CertId, Command, Wanted, World};

/// How an initiator's calls and the answers to them are signed and sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeMode {
    /// RSA with SHA-256.
    Rsa,
    /// 国密: SM2 with SM3.
    Sm2,
}

/// Whether an initiator's calls are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitiatorStatus {
    /// They are.
    Active,
    /// Never again.
    Revoked,
}

/// A public key that was rotated away and is still accepted for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousKey {
    /// The key, in PEM.
    pub pem: String,
    /// Until when, by the real clock.
    pub valid_until: Timestamp,
}

/// A ysepay initiator (发起方): who enrols merchants and asks what they may hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiator {
    /// What it calls as.
    pub cert_id: CertId,
    /// Its name.
    pub name: String,
    /// How its calls are signed and sealed.
    pub mode: EnvelopeMode,
    /// What its calls are verified with, in PEM: a public key or a certificate.
    pub public_key: String,
    /// The one before that, of the same mode.
    pub previous_public_key: Option<PreviousKey>,
    /// Whether answers are plain JSON instead of its base64.
    pub plain_replies: bool,
    /// Whether a reqId must end in the time it was made at.
    pub strict_req_id: bool,
    /// Whether it is let in.
    pub status: InitiatorStatus,
    /// Calls a second; `None` is the server's default.
    pub rate_per_s: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a command on an initiator was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InitiatorRefusal {
    /// There is one with this certId.
    #[error("cert_id {0} is taken")]
    Taken(CertId),
    /// There is none with this certId.
    #[error("cert_id {0} is unknown")]
    Unknown(CertId),
    /// It was revoked.
    #[error("initiator {0} is revoked")]
    Revoked(CertId),
    /// A key cannot go on being accepted beside one of the other mode.
    #[error("previous_until must be left out where the mode changes")]
    PreviousOfOtherMode,
}

/// Takes in an initiator.
#[derive(Clone, Debug, Serialize)]
pub struct CreateInitiator {
    /// What it calls as; made from the sequence where none is given.
    pub cert_id: Option<CertId>,
    /// Its name.
    pub name: String,
    /// How its calls are signed and sealed.
    pub mode: EnvelopeMode,
    /// Its public key, in PEM. The caller has seen that it is one of this mode.
    pub public_key: String,
    /// Whether answers are plain JSON instead of its base64.
    pub plain_replies: bool,
    /// Whether a reqId must end in the time it was made at.
    pub strict_req_id: bool,
    /// Calls a second.
    pub rate_per_s: Option<u32>,
}

impl Command for CreateInitiator {
    type Done = Initiator;
    type Refusal = InitiatorRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.extend(&self.cert_id);
    }

    fn decide(&self, world: &mut World) -> Result<Initiator, InitiatorRefusal> {
        if let Some(cert_id) = &self.cert_id
            && world.initiators.contains(cert_id)
        {
            return Err(InitiatorRefusal::Taken(cert_id.clone()));
        }
        let cert_id =
            self.cert_id.clone().unwrap_or_else(|| CertId::from(world.take_id().to_string()));
        let initiator = Initiator {
            cert_id: cert_id.clone(),
            name: self.name.clone(),
            mode: self.mode,
            public_key: self.public_key.clone(),
            previous_public_key: None,
            plain_replies: self.plain_replies,
            strict_req_id: self.strict_req_id,
            status: InitiatorStatus::Active,
            rate_per_s: self.rate_per_s,
            created_at: world.now,
        };
        world.initiators.insert(cert_id, initiator.clone());
        Ok(initiator)
    }
}

impl Audited for CreateInitiator {
    const ACTION: &'static str = "initiator.create";

    fn subject(&self, done: &Initiator) -> String {
        done.cert_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes an initiator's settings; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateInitiator {
    /// Which.
    pub cert_id: CertId,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether answers are plain JSON instead of its base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_replies: Option<bool>,
    /// Whether a reqId must end in the time it was made at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_req_id: Option<bool>,
    /// Calls a second; `Some(None)` is the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<Option<u32>>,
}

impl Command for UpdateInitiator {
    type Done = Initiator;
    type Refusal = InitiatorRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
    }

    fn decide(&self, world: &mut World) -> Result<Initiator, InitiatorRefusal> {
        let initiator = living(world, &self.cert_id)?;
        if let Some(name) = &self.name {
            initiator.name.clone_from(name);
        }
        initiator.plain_replies = self.plain_replies.unwrap_or(initiator.plain_replies);
        initiator.strict_req_id = self.strict_req_id.unwrap_or(initiator.strict_req_id);
        initiator.rate_per_s = self.rate_per_s.unwrap_or(initiator.rate_per_s);
        Ok(initiator.clone())
    }
}

impl Audited for UpdateInitiator {
    const ACTION: &'static str = "initiator.update";

    fn subject(&self, _done: &Initiator) -> String {
        self.cert_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Gives an initiator another public key; the present one is accepted for a while yet. Safe to
/// repeat: the same key again does not put itself in the place of the one before it.
#[derive(Clone, Debug, Serialize)]
pub struct ReplaceInitiatorKey {
    /// Whose.
    pub cert_id: CertId,
    /// The new key's mode; from then on the initiator's.
    pub mode: EnvelopeMode,
    /// The new one, in PEM. The caller has seen that it is one of this mode.
    pub public_key: String,
    /// Until when the present one is accepted, by the real clock; `None`: no longer.
    pub previous_until: Option<Timestamp>,
}

impl Command for ReplaceInitiatorKey {
    type Done = Initiator;
    type Refusal = InitiatorRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
    }

    fn decide(&self, world: &mut World) -> Result<Initiator, InitiatorRefusal> {
        let present = check_living(world, &self.cert_id)?;
        if present.mode != self.mode && self.previous_until.is_some() {
            return Err(InitiatorRefusal::PreviousOfOtherMode);
        }
        let initiator = living(world, &self.cert_id)?;
        if (initiator.mode, &initiator.public_key) == (self.mode, &self.public_key) {
            // Said twice, as after a lost answer: the one before it keeps the time it was given.
            let kept = initiator.previous_public_key.take();
            initiator.previous_public_key = kept.and_then(|kept| {
                let valid_until = self.previous_until?.min(kept.valid_until);
                Some(PreviousKey { pem: kept.pem, valid_until })
            });
            return Ok(initiator.clone());
        }
        let before = std::mem::replace(&mut initiator.public_key, self.public_key.clone());
        initiator.mode = self.mode;
        initiator.previous_public_key =
            self.previous_until.map(|valid_until| PreviousKey { pem: before, valid_until });
        Ok(initiator.clone())
    }
}

impl Audited for ReplaceInitiatorKey {
    const ACTION: &'static str = "initiator.replace_key";

    fn subject(&self, _done: &Initiator) -> String {
        self.cert_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Lets an initiator in no more.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeInitiator {
    /// Which.
    pub cert_id: CertId,
}

impl Command for RevokeInitiator {
    type Done = Initiator;
    type Refusal = InitiatorRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
    }

    fn decide(&self, world: &mut World) -> Result<Initiator, InitiatorRefusal> {
        let initiator = living(world, &self.cert_id)?;
        initiator.status = InitiatorStatus::Revoked;
        Ok(initiator.clone())
    }
}

impl Audited for RevokeInitiator {
    const ACTION: &'static str = "initiator.revoke";

    fn subject(&self, _done: &Initiator) -> String {
        self.cert_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// True when calls of this initiator are let in.
pub(crate) fn is_active(world: &World, cert_id: &CertId) -> bool {
    check_living(world, cert_id).is_ok()
}

fn check_living<'w>(world: &'w World, cert_id: &CertId) -> Result<&'w Initiator, InitiatorRefusal> {
    match world.initiators.get(cert_id) {
        None => Err(InitiatorRefusal::Unknown(cert_id.clone())),
        Some(found) if found.status == InitiatorStatus::Revoked => {
            Err(InitiatorRefusal::Revoked(cert_id.clone()))
        }
        Some(found) => Ok(found),
    }
}

/// The initiator, to be changed: what comes after this is not refused.
fn living<'w>(
    world: &'w mut World,
    cert_id: &CertId,
) -> Result<&'w mut Initiator, InitiatorRefusal> {
    check_living(world, cert_id)?;
    Ok(world.initiators.change(cert_id).expect("it was checked"))
}
