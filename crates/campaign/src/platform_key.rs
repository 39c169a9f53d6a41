use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Audited, Command, PlatformSerial, Wanted, World};

/// What a platform key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPurpose {
    /// Signs answers to institutions' calls.
    Reply,
    /// Signs callbacks.
    Notify,
    /// Signs answers to initiators of RSA mode, and opens what they seal for the gateway.
    GatewayRsa,
    /// The same for initiators of SM2 mode.
    GatewaySm2,
}

/// How far along a platform key is. It moves `Published → Signing → Retired`, and back from
/// `Signing` to `Published` when another takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Partners may have its certificate; nothing new is signed with it.
    Published,
    /// What is signed is signed with it: one for each purpose.
    Signing,
    /// It is over.
    Retired,
}

/// A key the platform signs with, and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformKey {
    /// Its certificate's serial number.
    pub serial: PlatformSerial,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// The certificate, in PEM.
    pub certificate: String,
    /// The private key, sealed under the master key.
    pub sealed_key: Vec<u8>,
    /// How far along it is.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its certificate ends.
    pub not_after: Timestamp,
}

/// Why a command on a platform key was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlatformKeyRefusal {
    /// There is one with this serial number.
    #[error("serial {0} is taken")]
    Taken(PlatformSerial),
    /// There is none with this serial number.
    #[error("serial {0} is unknown")]
    Unknown(PlatformSerial),
    /// It was retired.
    #[error("key {0} is retired")]
    Retired(PlatformSerial),
    /// Something must sign.
    #[error("key {0} is the one that signs; let another sign first")]
    Signs(PlatformSerial),
}

/// Takes in a platform key. The first of its purpose signs at once, a further one when it is told
/// to.
#[derive(Clone, Debug, Serialize)]
pub struct AddPlatformKey {
    /// Its certificate's serial number.
    pub serial: PlatformSerial,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// The certificate, in PEM.
    pub certificate: String,
    /// The private key, sealed under the master key.
    #[serde(skip)]
    pub sealed_key: Vec<u8>,
    /// When its certificate ends.
    pub not_after: Timestamp,
}

impl Command for AddPlatformKey {
    type Done = PlatformKey;
    type Refusal = PlatformKeyRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.platform_keys = true;
    }

    fn decide(&self, world: &mut World) -> Result<PlatformKey, PlatformKeyRefusal> {
        if world.platform_keys.contains(&self.serial) {
            return Err(PlatformKeyRefusal::Taken(self.serial.clone()));
        }
        let first = signing(world, self.purpose).is_none();
        let key = PlatformKey {
            serial: self.serial.clone(),
            purpose: self.purpose,
            certificate: self.certificate.clone(),
            sealed_key: self.sealed_key.clone(),
            status: if first { KeyStatus::Signing } else { KeyStatus::Published },
            created_at: world.now,
            not_after: self.not_after,
        };
        world.platform_keys.insert(self.serial.clone(), key.clone());
        Ok(key)
    }
}

impl Audited for AddPlatformKey {
    const ACTION: &'static str = "platform_key.add";

    fn subject(&self, done: &PlatformKey) -> String {
        done.serial.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Lets a published key sign from now on, in place of the one that does; that one stays published.
#[derive(Clone, Debug, Serialize)]
pub struct SignWith {
    /// Which.
    pub serial: PlatformSerial,
}

impl Command for SignWith {
    type Done = PlatformKey;
    type Refusal = PlatformKeyRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.platform_keys = true;
    }

    fn decide(&self, world: &mut World) -> Result<PlatformKey, PlatformKeyRefusal> {
        let purpose = living(world, &self.serial)?.purpose;
        if let Some(before) = signing(world, purpose) {
            let before = world.platform_keys.change(&before).expect("found above");
            before.status = KeyStatus::Published;
        }
        let key = world.platform_keys.change(&self.serial).expect("found above");
        key.status = KeyStatus::Signing;
        Ok(key.clone())
    }
}

impl Audited for SignWith {
    const ACTION: &'static str = "platform_key.sign_with";

    fn subject(&self, _done: &PlatformKey) -> String {
        self.serial.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Ends a key that no longer signs.
#[derive(Clone, Debug, Serialize)]
pub struct RetireKey {
    /// Which.
    pub serial: PlatformSerial,
}

impl Command for RetireKey {
    type Done = PlatformKey;
    type Refusal = PlatformKeyRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.platform_keys = true;
    }

    fn decide(&self, world: &mut World) -> Result<PlatformKey, PlatformKeyRefusal> {
        if living(world, &self.serial)?.status == KeyStatus::Signing {
            return Err(PlatformKeyRefusal::Signs(self.serial.clone()));
        }
        let key = world.platform_keys.change(&self.serial).expect("found above");
        key.status = KeyStatus::Retired;
        Ok(key.clone())
    }
}

impl Audited for RetireKey {
    const ACTION: &'static str = "platform_key.retire";

    fn subject(&self, _done: &PlatformKey) -> String {
        self.serial.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

fn living<'w>(
    world: &'w World,
    serial: &PlatformSerial,
) -> Result<&'w PlatformKey, PlatformKeyRefusal> {
    match world.platform_keys.get(serial) {
        None => Err(PlatformKeyRefusal::Unknown(serial.clone())),
        Some(key) if key.status == KeyStatus::Retired => {
            Err(PlatformKeyRefusal::Retired(serial.clone()))
        }
        Some(key) => Ok(key),
    }
}

/// The key that signs for this purpose.
fn signing(world: &World, purpose: KeyPurpose) -> Option<PlatformSerial> {
    let mut keys = world.platform_keys.iter();
    keys.find(|(_, key)| key.purpose == purpose && key.status == KeyStatus::Signing)
        .map(|(serial, _)| serial.clone())
}
