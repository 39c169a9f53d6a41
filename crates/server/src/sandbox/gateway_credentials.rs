//! The credentials file's part on the ysepay gateway.

use huodong_campaign::EnvelopeMode;
use serde::{Deserialize, Serialize};

use crate::keys::GatewayCertificate;
use crate::seed::{self, SeedConsult, SeedInitiator, SeedMerchant};

/// Who calls the gateway, and what they may ask about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YsepayCredentials {
    /// One for each mode: 国密 first, then RSA.
    pub initiators: Vec<InitiatorCredentials>,
    /// What consult can be asked.
    pub consult: ConsultCredentials,
    /// One that is answered in plain JSON instead of its base64.
    pub plain: InitiatorCredentials,
    /// Another, which may hand nothing out.
    pub other: InitiatorCredentials,
}

/// An initiator, its keys and its merchants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiatorCredentials {
    /// What it calls as.
    pub cert_id: String,
    /// `sm2` or `rsa`.
    pub mode: String,
    /// What it signs with.
    pub private_key_pem: String,
    /// What it is verified with.
    pub public_key_pem: String,
    /// What answers to it are verified with, and what it seals `check` for.
    pub gateway_public_key_pem: String,
    /// The same in a certificate.
    pub gateway_certificate_pem: String,
    /// Whether its answers are plain JSON.
    pub plain_replies: bool,
    /// A merchant of each type.
    pub merchants: Vec<MerchantCredentials>,
    /// One that has not confirmed its intent to open an account.
    pub unconfirmed_merc_id: String,
}

/// A merchant of an initiator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantCredentials {
    /// Its number.
    pub merc_id: String,
    /// 0 to 5, as the vendor numbers them.
    pub r#type: u8,
    /// What Alipay knows it as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alipay_pid: Option<String>,
    /// What it shows.
    pub note: String,
}

/// What consult can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultCredentials {
    /// A merchant's PID; each of the initiators has this merchant.
    pub merchant_id: String,
    /// Activities it can hand out without ado.
    pub activity_ids: Vec<String>,
    /// Activities that show one thing each: the lakala part's say what.
    pub special_activity_ids: Vec<String>,
    /// What is said of activities to show one thing each.
    pub special: Vec<SpecialConsult>,
    /// Another merchant's PID; each of the initiators has this one, too.
    pub other_merchant_id: String,
}

/// What is said of an activity to a user that has nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialConsult {
    /// Which.
    pub activity_id: String,
    /// The consultResultCode, or the subCode where nothing is said of any activity.
    pub result: String,
    /// Why.
    pub note: String,
}

impl YsepayCredentials {
    pub(super) fn of_seed() -> Self {
        let ids = |activities: Vec<seed::SeedCoupons>| {
            activities.iter().map(|activity| activity.activity_id().to_owned()).collect()
        };
        Self {
            initiators: seed::INITIATORS.iter().map(of_initiator).collect(),
            consult: ConsultCredentials {
                merchant_id: seed::ALIPAY_PID.to_owned(),
                activity_ids: ids(seed::ordinary_coupons()),
                special_activity_ids: ids(seed::special_coupons()),
                special: seed::CONSULTS.iter().map(of_consult).collect(),
                other_merchant_id: seed::OTHER_ALIPAY_PID.to_owned(),
            },
            plain: of_initiator(&seed::PLAIN_INITIATOR),
            other: of_initiator(&seed::OTHER_INITIATOR),
        }
    }
}

fn of_consult(seed: &SeedConsult) -> SpecialConsult {
    SpecialConsult {
        activity_id: seed.activity_id.to_owned(),
        result: seed.result.to_owned(),
        note: seed.note.to_owned(),
    }
}

fn of_initiator(seed: &SeedInitiator) -> InitiatorCredentials {
    let (mode, gateway) = match seed.mode {
        EnvelopeMode::Rsa => ("rsa", seed::GATEWAY_RSA_KEY),
        EnvelopeMode::Sm2 => ("sm2", seed::GATEWAY_SM2_KEY),
    };
    let certificate = GatewayCertificate::from_pem(gateway.certificate_pem);
    let certificate = certificate.expect("the seed's certificates are good");
    InitiatorCredentials {
        cert_id: seed.cert_id.to_owned(),
        mode: mode.to_owned(),
        private_key_pem: seed.private_key_pem.to_owned(),
        public_key_pem: seed.public_key_pem.to_owned(),
        gateway_public_key_pem: certificate.public_key().to_pem(),
        gateway_certificate_pem: gateway.certificate_pem.to_owned(),
        plain_replies: seed.plain_replies,
        merchants: seed::MERCHANTS.iter().map(|merchant| of_merchant(seed, merchant)).collect(),
        unconfirmed_merc_id: seed.merc_id(&seed::UNCONFIRMED_MERCHANT),
    }
}

fn of_merchant(initiator: &SeedInitiator, merchant: &SeedMerchant) -> MerchantCredentials {
    MerchantCredentials {
        merc_id: initiator.merc_id(merchant),
        r#type: merchant.kind.number(),
        alipay_pid: merchant.alipay_pid.map(str::to_owned),
        note: merchant.note.to_owned(),
    }
}
