//! The credentials file: how others' test suites learn where the sandbox is and whom to call as.
//! Its keys are an interface: add, never rename.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use huodong_campaign::Role;
use huodong_wire::lakala::{Api, Certificate};
use serde::{Deserialize, Serialize};

use super::YsepayCredentials;
use crate::seed::{self, SeedActivity, SeedCoupons, SeedInstitution};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Where the sandbox answers.
    pub base_url: String,
    /// For the operator API.
    pub operator: OperatorCredentials,
    /// For the gongyi face.
    pub gongyi: GongyiCredentials,
    /// For the ysepay face.
    pub ysepay: YsepayCredentials,
    /// For the lakala face.
    pub lakala: LakalaCredentials,
}

/// The operators' tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCredentials {
    /// The admin's.
    pub token: String,
    /// Each role's, by the role's name.
    pub tokens: BTreeMap<String, String>,
}

/// An application and what it may give from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GongyiCredentials {
    /// What it signs as.
    pub appid: String,
    /// What it signs with.
    pub secret: String,
    /// What it pays by.
    pub bid: String,
    /// Its organization.
    pub org_no: String,
    /// Activities that take donations without ado; those that settle at once come first.
    pub activities: Vec<ActivityCredentials>,
    /// Activities that show one thing each.
    pub special: Vec<SpecialActivity>,
    /// A project that is bound to no activity.
    pub unbound_project_no: String,
    /// Another organization's application.
    pub other: OtherCredentials,
}

/// An activity that takes donations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityCredentials {
    /// Its number.
    pub activity_no: String,
    /// A project it gives to.
    pub project_no: String,
    /// `instant` or `deferred`.
    pub settlement: String,
    /// What is frozen for it at the start, in fen.
    pub money: String,
}

/// An activity that shows one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialActivity {
    /// Its number.
    pub activity_no: String,
    /// A project it gives to.
    pub project_no: String,
    /// Which thing.
    pub note: String,
}

/// Another organization's application, to see that neither sees what is the other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCredentials {
    /// What it signs as.
    pub appid: String,
    /// What it signs with.
    pub secret: String,
    /// What it pays by.
    pub bid: String,
    /// Its organization.
    pub org_no: String,
    /// Its activities.
    pub activities: Vec<ActivityCredentials>,
}

/// An institution and what it may hand out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakalaCredentials {
    /// What it signs as.
    pub appid: String,
    /// Its certificate's serial number, in hex.
    pub serial_no: String,
    /// What it signs with.
    pub private_key_pem: String,
    /// What it is verified with.
    pub certificate_pem: String,
    /// What answers to it are verified with.
    pub platform_certificate_pem: String,
    /// What callbacks to it are verified with.
    pub notify_certificate_pem: String,
    /// Its number in callbacks.
    pub org_id: String,
    /// On whose behalf it hands coupons out.
    pub owner_id: String,
    /// Another owner it may act for.
    pub second_owner_id: String,
    /// What its members' ids begin with.
    pub member_prefix: String,
    /// Its openid page: `/deliverWM/{campaign}`.
    pub campaign: String,
    /// Where coupons are issued.
    pub issue_path: String,
    /// Where coupons are asked after.
    pub query_path: String,
    /// Activities that hand coupons out without ado; those that settle at once come first.
    pub activities: Vec<CouponCredentials>,
    /// Activities that show one thing each.
    pub special: Vec<CouponCredentials>,
    /// Another institution.
    pub other: OtherInstitution,
}

/// An activity that hands coupons out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponCredentials {
    /// Its number.
    pub activity_id: String,
    /// What it hands out.
    pub promotion_id: String,
    /// `instant` or `deferred`.
    pub settlement: String,
    /// How many coupons there are at the start.
    pub stock: u32,
    /// What it is for.
    pub note: String,
}

/// Another institution, to see that neither sees what is the other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherInstitution {
    /// What it signs as.
    pub appid: String,
    /// Its certificate's serial number, in hex.
    pub serial_no: String,
    /// What it signs with.
    pub private_key_pem: String,
    /// What it is verified with.
    pub certificate_pem: String,
    /// Its number in callbacks.
    pub org_id: String,
    /// On whose behalf it hands coupons out.
    pub owner_id: String,
    /// What its members' ids begin with.
    pub member_prefix: String,
    /// Its activities.
    pub activities: Vec<CouponCredentials>,
}

impl Credentials {
    /// Those of the seed, for a sandbox that answers here.
    pub fn of_seed(base_url: impl Into<String>) -> Self {
        let tokens: BTreeMap<_, _> = seed::TOKENS
            .iter()
            .map(|(role, token)| (name_of(*role), (*token).to_owned()))
            .collect();
        Self {
            base_url: base_url.into(),
            operator: OperatorCredentials { token: tokens["admin"].clone(), tokens },
            gongyi: GongyiCredentials::of_seed(),
            ysepay: YsepayCredentials::of_seed(),
            lakala: LakalaCredentials::of_seed(),
        }
    }

    /// As the file has it.
    ///
    /// # Panics
    /// Never: it is all text.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("text is JSON");
        json.push('\n');
        json
    }

    /// Writes the file so that nobody ever sees half of it: beside its place first, then into it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        file.write_all(self.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

impl GongyiCredentials {
    fn of_seed() -> Self {
        let special = |activity: SeedActivity| SpecialActivity {
            activity_no: activity.activity_no().to_owned(),
            project_no: activity.project_no().to_owned(),
            note: activity.note.to_owned(),
        };
        let (partner, other) = (seed::PARTNER, seed::OTHER_PARTNER);
        Self {
            appid: partner.appid.to_owned(),
            secret: partner.secret.to_owned(),
            bid: partner.bid.to_owned(),
            org_no: partner.org_no.to_owned(),
            activities: seed::ordinary_activities().iter().map(of_activity).collect(),
            special: seed::special_activities().into_iter().map(special).collect(),
            unbound_project_no: seed::UNBOUND_PROJECT_NO.to_owned(),
            other: OtherCredentials {
                appid: other.appid.to_owned(),
                secret: other.secret.to_owned(),
                bid: other.bid.to_owned(),
                org_no: other.org_no.to_owned(),
                activities: vec![of_activity(&seed::other_activity())],
            },
        }
    }
}

impl LakalaCredentials {
    fn of_seed() -> Self {
        let (own, other) = (seed::INSTITUTION, seed::OTHER_INSTITUTION);
        Self {
            appid: own.appid.to_owned(),
            serial_no: serial_of(&own),
            private_key_pem: own.private_key_pem.to_owned(),
            certificate_pem: own.certificate_pem.to_owned(),
            platform_certificate_pem: seed::REPLY_KEY.certificate_pem.to_owned(),
            notify_certificate_pem: seed::NOTIFY_KEY.certificate_pem.to_owned(),
            org_id: own.org_id.to_owned(),
            owner_id: own.owners[0].to_owned(),
            second_owner_id: own.owners[1].to_owned(),
            member_prefix: own.member_prefix.to_owned(),
            campaign: seed::CAMPAIGN.to_owned(),
            issue_path: Api::Issue.default_path().to_owned(),
            query_path: Api::Query.default_path().to_owned(),
            activities: seed::ordinary_coupons().iter().map(of_coupons).collect(),
            special: seed::special_coupons().iter().map(of_coupons).collect(),
            other: OtherInstitution {
                appid: other.appid.to_owned(),
                serial_no: serial_of(&other),
                private_key_pem: other.private_key_pem.to_owned(),
                certificate_pem: other.certificate_pem.to_owned(),
                org_id: other.org_id.to_owned(),
                owner_id: other.owners[0].to_owned(),
                member_prefix: other.member_prefix.to_owned(),
                activities: vec![of_coupons(&seed::other_coupons())],
            },
        }
    }
}

fn serial_of(institution: &SeedInstitution) -> String {
    let certificate = Certificate::from_pem(institution.certificate_pem);
    certificate.expect("the seed's certificates are good").serial_hex().to_owned()
}

fn of_coupons(activity: &SeedCoupons) -> CouponCredentials {
    CouponCredentials {
        activity_id: activity.activity_id().to_owned(),
        promotion_id: activity.promotion_id().to_owned(),
        settlement: activity.settlement().to_owned(),
        stock: activity.stock(),
        note: activity.note.to_owned(),
    }
}

fn name_of(role: Role) -> String {
    let name = match role {
        Role::Viewer => "viewer",
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Admin => "admin",
    };
    name.to_owned()
}

fn of_activity(activity: &SeedActivity) -> ActivityCredentials {
    ActivityCredentials {
        activity_no: activity.activity_no().to_owned(),
        project_no: activity.project_no().to_owned(),
        settlement: activity.settlement().to_owned(),
        money: activity.money.to_string(),
    }
}
