use std::collections::HashMap;
use std::sync::Arc;

use huodong_campaign::{Institution, InstitutionId, InstitutionStatus};
use huodong_wire::lakala::Certificate;
use jiff::Timestamp;

use crate::app::RefreshError;
use crate::lakala::LakalaSettings;
use crate::rate::Rate;

/// An institution, ready to be recognized by what it signs.
#[derive(Debug)]
pub struct KnownInstitution {
    /// As it is stored.
    pub institution: Institution,
    /// What its requests are verified with.
    pub certificate: Certificate,
    /// The certificate before that, while it is still accepted.
    pub previous: Option<(Certificate, Timestamp)>,
    /// How often it may call.
    pub rate: Arc<Rate>,
    /// How many answers a second are signed to calls that bear its signature and were not let in.
    pub turned_away: Arc<Rate>,
}

impl KnownInstitution {
    /// Whether its calls are let in.
    pub fn may_call(&self) -> bool {
        self.institution.status == InstitutionStatus::Active
    }

    /// The certificates that are accepted at this moment of the real clock, the present one first.
    pub fn certificates(&self, now: Timestamp) -> impl Iterator<Item = &Certificate> {
        let previous = self.previous.as_ref().filter(move |(_, until)| now < *until);
        std::iter::once(&self.certificate).chain(previous.map(|(certificate, _)| certificate))
    }
}

pub(super) fn known(
    before: &HashMap<InstitutionId, Arc<KnownInstitution>>,
    settings: &LakalaSettings,
    institutions: Vec<Institution>,
) -> Result<HashMap<InstitutionId, Arc<KnownInstitution>>, RefreshError> {
    let mut known = HashMap::with_capacity(institutions.len());
    for institution in institutions {
        let appid = institution.appid.clone();
        let read = |pem: &str| {
            Certificate::from_pem(pem)
                .map_err(|error| RefreshError::Certificate(appid.clone(), error.to_string()))
        };
        let certificate = read(&institution.certificate)?;
        let previous = match &institution.previous_certificate {
            Some(previous) => Some((read(&previous.pem)?, previous.valid_until)),
            None => None,
        };
        let per_s = institution.rate_per_s.unwrap_or(settings.rate_per_s);
        let before = before.get(&appid);
        let rate = match before {
            Some(known) if known.rate.per_s() == per_s => Arc::clone(&known.rate),
            _ => Arc::new(Rate::new(per_s)),
        };
        let turned_away = before.map_or_else(
            || Arc::new(Rate::new(settings.strangers_signed_per_s)),
            |known| Arc::clone(&known.turned_away),
        );
        let entry = KnownInstitution { institution, certificate, previous, rate, turned_away };
        known.insert(appid, Arc::new(entry));
    }
    Ok(known)
}
