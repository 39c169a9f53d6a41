use std::collections::HashMap;
use std::sync::Arc;

use huodong_campaign::{CertId, EnvelopeMode, Initiator, InitiatorStatus};
use huodong_wire::ysepay::{Mode, PublicKey};
use jiff::Timestamp;

use crate::app::RefreshError;
use crate::rate::Rate;
use crate::ysepay::YsepaySettings;

/// An initiator, ready to be recognized by what it signs.
#[derive(Debug)]
pub struct KnownInitiator {
    /// As it is stored.
    pub initiator: Initiator,
    /// What its requests are verified with.
    pub key: PublicKey,
    /// The key before that, while it is still accepted.
    pub previous: Option<(PublicKey, Timestamp)>,
    /// How often it may call.
    pub rate: Arc<Rate>,
    /// How many answers a second are signed to calls that bear its signature and were not let in.
    pub turned_away: Arc<Rate>,
}

impl KnownInitiator {
    /// Which algorithms it signs and seals with.
    pub fn mode(&self) -> Mode {
        mode_of(self.initiator.mode)
    }

    /// The keys that are accepted at this moment of the real clock, the present one first.
    pub fn keys(&self, now: Timestamp) -> impl Iterator<Item = &PublicKey> {
        let previous = self.previous.as_ref().filter(move |(_, until)| now < *until);
        std::iter::once(&self.key).chain(previous.map(|(key, _)| key))
    }
}

/// A mode in the wire's words.
pub(crate) fn mode_of(mode: EnvelopeMode) -> Mode {
    match mode {
        EnvelopeMode::Rsa => Mode::Rsa,
        EnvelopeMode::Sm2 => Mode::Sm2,
    }
}

/// Those that are let in. A revoked one is as unknown as one that never was.
pub(super) fn known(
    before: &HashMap<CertId, Arc<KnownInitiator>>,
    settings: &YsepaySettings,
    initiators: Vec<Initiator>,
) -> Result<HashMap<CertId, Arc<KnownInitiator>>, RefreshError> {
    let mut known = HashMap::with_capacity(initiators.len());
    for initiator in initiators {
        if initiator.status == InitiatorStatus::Revoked {
            continue;
        }
        let cert_id = initiator.cert_id.clone();
        let of_no_use = |reason: String| RefreshError::InitiatorKey(cert_id.clone(), reason);
        let read = |pem: &str| {
            let key = PublicKey::from_pem(pem).map_err(|error| of_no_use(error.to_string()))?;
            if key.mode() == mode_of(initiator.mode) {
                Ok(key)
            } else {
                Err(of_no_use(format!("it is a key of {} mode", key.mode())))
            }
        };
        let key = read(&initiator.public_key)?;
        let previous = match &initiator.previous_public_key {
            Some(previous) => Some((read(&previous.pem)?, previous.valid_until)),
            None => None,
        };
        let per_s = initiator.rate_per_s.unwrap_or(settings.rate_per_s);
        let before = before.get(&cert_id);
        let rate = match before {
            Some(known) if known.rate.per_s() == per_s => Arc::clone(&known.rate),
            _ => Arc::new(Rate::new(per_s)),
        };
        let turned_away = before.map_or_else(
            || Arc::new(Rate::new(settings.strangers_signed_per_s)),
            |known| Arc::clone(&known.turned_away),
        );
        let entry = KnownInitiator { initiator, key, previous, rate, turned_away };
        known.insert(cert_id.clone(), Arc::new(entry));
    }
    Ok(known)
}
