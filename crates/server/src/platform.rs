//! The platform's own keys, ready to sign, and how they come to be.

use std::sync::Arc;

use arc_swap::ArcSwap;
use huodong_campaign::{
    Actor, AddPlatformKey, KeyPurpose, KeyStatus, Operated, PlatformKey, PlatformKeyRefusal,
    PlatformSerial,
};
use huodong_engine::EngineError;
use huodong_wire::lakala::{Certificate, SigningKey};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::app::{App, RefreshError};
use crate::keys::{self, MakeKeyError, PairError};
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

/// The keys that sign, as of the last refresh: one for each purpose.
#[derive(Debug, Default)]
pub struct Platform(ArcSwap<Signing>);

#[derive(Clone, Debug, Default)]
struct Signing {
    reply: Option<Arc<PlatformSigner>>,
    notify: Option<Arc<PlatformSigner>>,
}

impl Platform {
    /// What signs for this purpose; `None` while the installation has no such key.
    pub fn signer(&self, purpose: KeyPurpose) -> Option<Arc<PlatformSigner>> {
        let signing = self.0.load();
        match purpose {
            KeyPurpose::Reply => signing.reply.clone(),
            KeyPurpose::Notify => signing.notify.clone(),
            KeyPurpose::GatewayRsa | KeyPurpose::GatewaySm2 => None,
        }
    }

    /// Takes in what the store says now.
    pub(crate) fn replace(
        &self,
        key: &MasterKey,
        stored: &[PlatformKey],
        real_now: Timestamp,
    ) -> Result<(), RefreshError> {
        let mut signing = Signing::default();
        for stored in stored.iter().filter(|stored| stored.status == KeyStatus::Signing) {
            if stored.not_after < real_now.checked_add(WARNED).unwrap_or(Timestamp::MAX) {
                let (serial, not_after) = (&stored.serial, stored.not_after);
                tracing::warn!(%serial, %not_after, "a platform certificate ends; rotate its key");
            }
            let slot = match stored.purpose {
                KeyPurpose::Reply => &mut signing.reply,
                KeyPurpose::Notify => &mut signing.notify,
                KeyPurpose::GatewayRsa | KeyPurpose::GatewaySm2 => continue,
            };
            *slot = Some(Arc::new(open(key, stored)?));
        }
        self.0.store(Arc::new(signing));
        Ok(())
    }
}

fn open(master: &MasterKey, stored: &PlatformKey) -> Result<PlatformSigner, RefreshError> {
    let bytes = master.open(&sealed_for(&stored.serial), &stored.sealed_key)?;
    let unreadable = |reason: String| RefreshError::PlatformKey(stored.serial.clone(), reason);
    let pem = String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    let (key, certificate) =
        keys::pair(&pem, &stored.certificate).map_err(|error| unreadable(error.to_string()))?;
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
        let (_, certificate) = keys::pair(private_key_pem, certificate_pem)?;
        let serial = PlatformSerial::from(certificate.serial_hex());
        let sealed_key =
            self.master_key.seal(self.chance, &sealed_for(&serial), private_key_pem.as_bytes());
        Ok(AddPlatformKey {
            serial,
            purpose,
            certificate: certificate.pem().to_owned(),
            sealed_key,
            not_after: certificate.not_after(),
        })
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

/// Makes a key for each purpose that has none which signs, and reads them in. Call it after
/// [`App::refresh`], once at start.
pub async fn ensure_platform_keys(app: &App) -> Result<(), EnsureKeysError> {
    for (purpose, subject) in
        [(KeyPurpose::Reply, "Huodong replies"), (KeyPurpose::Notify, "Huodong callbacks")]
    {
        if app.platform.signer(purpose).is_some() {
            continue;
        }
        let (now, chance) = (app.engine.clock().real(), app.chance);
        let made = tokio::task::spawn_blocking(move || keys::make(subject, YEARS, now, chance));
        let made = made.await.map_err(|error| EngineError::Unavailable(error.to_string()))??;
        let add = app.add_platform_key(purpose, &made.private_key_pem, &made.certificate_pem)?;
        let actor = Actor { name: "server".to_owned(), trace_id: String::new() };
        app.engine.submit(Operated { actor, command: add }, app.settings.deadline).await??;
        tracing::info!(serial = made.serial, ?purpose, "made a platform key");
        app.refresh().await?;
    }
    Ok(())
}
