//! The credentials file of a sandbox, as a caller reads it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Context as _, Failure};

/// Where to call and as whom. Other keys of the file are left alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Where.
    pub(crate) base_url: String,
    /// As whom, for donations.
    pub(crate) gongyi: Gongyi,
    /// As whom, for coupons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lakala: Option<Lakala>,
    /// As whom, at the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ysepay: Option<Ysepay>,
}

/// A gongyi application and what it may give from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gongyi {
    pub(crate) appid: String,
    pub(crate) secret: String,
    pub(crate) bid: String,
    #[serde(default)]
    pub(crate) org_no: String,
    #[serde(default)]
    pub(crate) activities: Vec<Activity>,
}

/// An activity to donate to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) activity_no: String,
    pub(crate) project_no: String,
    #[serde(default)]
    pub(crate) settlement: String,
}

/// A lakala institution and what it may hand out. A certificate's text may hold several: while
/// keys are rotated, two are valid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lakala {
    pub(crate) appid: String,
    pub(crate) serial_no: String,
    pub(crate) private_key_pem: String,
    #[serde(default)]
    pub(crate) platform_certificate_pem: String,
    #[serde(default)]
    pub(crate) notify_certificate_pem: String,
    pub(crate) owner_id: String,
    pub(crate) member_prefix: String,
    pub(crate) issue_path: String,
    pub(crate) query_path: String,
    #[serde(default)]
    pub(crate) activities: Vec<CouponActivity>,
    #[serde(default)]
    pub(crate) special: Vec<CouponActivity>,
}

/// An activity to issue coupons of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CouponActivity {
    pub(crate) activity_id: String,
    pub(crate) promotion_id: String,
}

/// Who calls the ysepay gateway, and what can be asked there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ysepay {
    pub(crate) initiators: Vec<Initiator>,
    #[serde(default)]
    pub(crate) consult: Consult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plain: Option<Initiator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<Initiator>,
}

impl Ysepay {
    /// Nobody.
    pub(crate) fn none() -> Self {
        let consult = Consult::default();
        Self { initiators: Vec::new(), consult, plain: None, other: None }
    }

    /// Every initiator, the usual ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Initiator> {
        self.initiators.iter().chain(&self.plain).chain(&self.other)
    }
}

/// A ysepay initiator, with its key and the gateway's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Initiator {
    pub(crate) cert_id: String,
    pub(crate) mode: String,
    pub(crate) private_key_pem: String,
    pub(crate) gateway_public_key_pem: String,
    #[serde(default)]
    pub(crate) merchants: Vec<Merchant>,
}

/// A merchant to enrol.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Merchant {
    pub(crate) merc_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: u8,
}

/// What can be consulted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Consult {
    #[serde(default)]
    pub(crate) merchant_id: String,
    #[serde(default)]
    pub(crate) activity_ids: Vec<String>,
}

impl Credentials {
    /// Those of every sandbox: they are the same at every start.
    pub(crate) fn well_known() -> Result<Self, Failure> {
        let seed = huodong_server::sandbox::Credentials::of_seed(crate::caller::SANDBOX_URL);
        serde_json::from_str(&seed.to_json()).cannot("read the sandbox's own credentials")
    }

    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .cannot(format_args!("read the credentials {}", path.display()))?;
        serde_json::from_str(&text).cannot(format_args!("read the credentials {}", path.display()))
    }
}
