//! The platform's own keys, ready for use, and how they come to be.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use huodong_campaign::{
    Actor, AddPlatformKey, KeyPurpose, KeyStatus, Operated, PlatformKey, PlatformKeyRefusal,
    PlatformSerial,
};
use huodong_engine::{Chance, EngineError};
use huodong_store::Reader;
use huodong_wire::lakala::{Certificate, SigningKey};
use huodong_wire::ysepay::{Mode, PrivateKey};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::app::{App, RefreshError};
use crate::keys::{self, GatewayCertificate, KeyPair, MakeKeyError, PairError};
use crate::secrets::MasterKey;

/// How long a certificate is valid that the server makes for itself.
const YEARS: u16 = 10;
/// From when on a certificate's end is worth a warning.
const WARNED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A key that signs, and its certificate.
#[derive(Clone, Debug)]
pub struct PlatformSigner {
    /// What it signs with.
    pub key: SigningKey,
    /// What partners verify with.
    pub certificate: Certificate,
}

/// What the ysepay gateway does with its keys of one mode.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// What answers are signed with.
    pub key: PrivateKey,
    /// What partners verify with and seal for.
    pub certificate: GatewayCertificate,
    /// What opens what partners have sealed: the key that signs, and those that did or will. A
    /// partner that has another certificate than the present one loses no call by that.
    pub opening: Vec<PrivateKey>,
}

/// The keys that are in use, as of the last refresh.
#[derive(Debug, Default)]
pub struct Platform(ArcSwap<InUse>);

#[derive(Clone, Debug, Default)]
struct InUse {
    reply: Option<Arc<PlatformSigner>>,
    notify: Option<Arc<PlatformSigner>>,
    gateway_rsa: Option<Arc<Gateway>>,
    gateway_sm2: Option<Arc<Gateway>>,
}

impl Platform {
    /// What signs for this purpose; `None` while the installation has no such key, and for the
    /// gateway, see [`Platform::gateway`].
    pub fn signer(&self, purpose: KeyPurpose) -> Option<Arc<PlatformSigner>> {
        let in_use = self.0.load();
        match purpose {
            KeyPurpose::Reply => in_use.reply.clone(),
            KeyPurpose::Notify => in_use.notify.clone(),
            KeyPurpose::GatewayRsa | KeyPurpose::GatewaySm2 => None,
        }
    }

    /// The gateway's keys of this mode; `None` while the installation has none that signs.
    pub fn gateway(&self, mode: Mode) -> Option<Arc<Gateway>> {
        let in_use = self.0.load();
        match mode {
            Mode::Rsa => in_use.gateway_rsa.clone(),
            Mode::Sm2 => in_use.gateway_sm2.clone(),
        }
    }

    /// When the certificate of the key ends that is in use for this purpose.
    pub(crate) fn ends(&self, purpose: KeyPurpose) -> Option<Timestamp> {
        match gateway_mode(purpose) {
            Some(mode) => Some(self.gateway(mode)?.certificate.not_after()),
            None => Some(self.signer(purpose)?.certificate.not_after()),
        }
    }

    /// Takes in what the store says now.
    pub(crate) fn replace(
        &self,
        key: &MasterKey,
        stored: &[PlatformKey],
        real_now: Timestamp,
    ) -> Result<(), RefreshError> {
        let mut in_use = InUse {
            gateway_rsa: gateway(key, KeyPurpose::GatewayRsa, stored)?,
            gateway_sm2: gateway(key, KeyPurpose::GatewaySm2, stored)?,
            ..InUse::default()
        };
        for stored in stored.iter().filter(|stored| stored.status == KeyStatus::Signing) {
            if stored.not_after < real_now.checked_add(WARNED).unwrap_or(Timestamp::MAX) {
                let (serial, not_after) = (&stored.serial, stored.not_after);
                tracing::warn!(%serial, %not_after, "a platform certificate ends; rotate its key");
            }
            let slot = match stored.purpose {
                KeyPurpose::Reply => &mut in_use.reply,
                KeyPurpose::Notify => &mut in_use.notify,
                KeyPurpose::GatewayRsa | KeyPurpose::GatewaySm2 => continue,
            };
            *slot = Some(Arc::new(open(key, stored)?));
        }
        self.0.store(Arc::new(in_use));
        Ok(())
    }
}

/// Which of the gateway's modes a key of this purpose is of.
fn gateway_mode(purpose: KeyPurpose) -> Option<Mode> {
    match purpose {
        KeyPurpose::GatewayRsa => Some(Mode::Rsa),
        KeyPurpose::GatewaySm2 => Some(Mode::Sm2),
        KeyPurpose::Reply | KeyPurpose::Notify => None,
    }
}

fn gateway(
    master: &MasterKey,
    purpose: KeyPurpose,
    stored: &[PlatformKey],
) -> Result<Option<Arc<Gateway>>, RefreshError> {
    let mode = gateway_mode(purpose).expect("it is one of the gateway's");
    let usable =
        |stored: &&PlatformKey| stored.purpose == purpose && stored.status != KeyStatus::Retired;
    let mut opening = Vec::new();
    let mut signing = None;
    for stored in stored.iter().filter(usable) {
        let pem = unsealed(master, stored)?;
        let pair = keys::gateway_pair(mode, &pem, &stored.certificate);
        let pair = pair.map_err(|error| unreadable(stored, error.to_string()))?;
        if stored.status == KeyStatus::Signing {
            opening.insert(0, pair.0.clone());
            signing = Some(pair);
        } else {
            opening.push(pair.0);
        }
    }
    Ok(signing.map(|(key, certificate)| Arc::new(Gateway { key, certificate, opening })))
}

fn unreadable(stored: &PlatformKey, reason: String) -> RefreshError {
    RefreshError::PlatformKey(stored.serial.clone(), reason)
}

fn unsealed(master: &MasterKey, stored: &PlatformKey) -> Result<Zeroizing<String>, RefreshError> {
    let bytes = master.open(&sealed_for(&stored.serial), &stored.sealed_key)?;
    let pem = String::from_utf8(bytes).map_err(|error| unreadable(stored, error.to_string()))?;
    Ok(Zeroizing::new(pem))
}

fn open(master: &MasterKey, stored: &PlatformKey) -> Result<PlatformSigner, RefreshError> {
    let pem = unsealed(master, stored)?;
    let pair = keys::pair(&pem, &stored.certificate);
    let (key, certificate) = pair.map_err(|error| unreadable(stored, error.to_string()))?;
    Ok(PlatformSigner { key, certificate })
}

/// What a platform key is sealed for.
fn sealed_for(serial: &PlatformSerial) -> String {
    format!("platform/{serial}")
}

impl App {
    /// The command that takes in a platform key, if these two are one. After it was carried out,
    /// [`App::refresh`].
    pub fn add_platform_key(
        &self,
        purpose: KeyPurpose,
        private_key_pem: &str,
        certificate_pem: &str,
    ) -> Result<AddPlatformKey, PairError> {
        let (serial, certificate, not_after) = match gateway_mode(purpose) {
            Some(mode) => {
                let (_, it) = keys::gateway_pair(mode, private_key_pem, certificate_pem)?;
                (it.serial_hex().to_owned(), it.pem().to_owned(), it.not_after())
            }
            None => {
                let (_, it) = keys::pair(private_key_pem, certificate_pem)?;
                (it.serial_hex().to_owned(), it.pem().to_owned(), it.not_after())
            }
        };
        let serial = PlatformSerial::from(serial);
        let sealed_key =
            self.master_key.seal(self.chance, &sealed_for(&serial), private_key_pem.as_bytes());
        Ok(AddPlatformKey { serial, purpose, certificate, sealed_key, not_after })
    }
}

/// Why an installation could not be given the keys it lacks.
#[derive(Debug, Error)]
pub enum EnsureKeysError {
    /// None could be made.
    #[error(transparent)]
    Make(#[from] MakeKeyError),
    /// What was made is of no use.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The store did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The rules refused it.
    #[error(transparent)]
    Refused(#[from] PlatformKeyRefusal),
    /// It could not be read back.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
}

/// Everything a platform key can be for.
pub(crate) const PURPOSES: [KeyPurpose; 4] =
    [KeyPurpose::Reply, KeyPurpose::Notify, KeyPurpose::GatewayRsa, KeyPurpose::GatewaySm2];

/// Makes a key for this purpose, and its certificate. May take a core for a while: of an RSA key the
/// primes are to be found.
pub(crate) fn make(
    purpose: KeyPurpose,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    match purpose {
        KeyPurpose::Reply => keys::make("Huodong replies", years, now, chance),
        KeyPurpose::Notify => keys::make("Huodong callbacks", years, now, chance),
        KeyPurpose::GatewayRsa => {
            keys::make_gateway(Mode::Rsa, "Huodong gateway (RSA)", years, now, chance)
        }
        KeyPurpose::GatewaySm2 => {
            keys::make_gateway(Mode::Sm2, "Huodong gateway (SM2)", years, now, chance)
        }
    }
}

/// What one node at a time may do: make the platform's first keys.
const LEASE: &str = "platform keys";
/// How long it may take.
const LASTS: Duration = Duration::from_secs(60);
/// How often others look whether it is done.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes a key for each purpose that has none which signs, and reads them in. Call it after
/// [`App::refresh`], once at start.
pub async fn ensure_platform_keys(app: &App) -> Result<(), EnsureKeysError> {
    // Of nodes that start together one makes them, and the others wait for it.
    let token: [u8; 16] = app.chance.bytes();
    while PURPOSES.iter().any(|purpose| app.platform.ends(*purpose).is_none()) {
        let held = app.engine.read_waiting(move |reader| reader.hold_lease(LEASE, &token, LASTS));
        if held.await? {
            app.refresh().await?;
            let made = make_lacking(app).await;
            let given_back = move |reader: &Reader| reader.release_lease(LEASE, &token);
            app.engine.read_waiting(given_back).await?;
            return made;
        }
        tokio::time::sleep(PAUSE).await;
        app.refresh().await?;
    }
    Ok(())
}

async fn make_lacking(app: &App) -> Result<(), EnsureKeysError> {
    for purpose in PURPOSES {
        if app.platform.ends(purpose).is_some() {
            continue;
        }
        let (now, chance) = (app.engine.clock().real(), app.chance);
        let made = tokio::task::spawn_blocking(move || make(purpose, YEARS, now, chance));
        let made = made.await.map_err(|error| EngineError::Unavailable(error.to_string()))??;
        let add = app.add_platform_key(purpose, &made.private_key_pem, &made.certificate_pem)?;
        let actor = Actor { name: "server".to_owned(), trace_id: String::new() };
        app.engine.submit(Operated { actor, command: add }, app.settings.deadline).await??;
        tracing::info!(serial = made.serial, ?purpose, "made a platform key");
        app.refresh().await?;
    }
    Ok(())
}
