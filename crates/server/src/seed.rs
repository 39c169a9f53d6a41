//! What a sandbox begins with: the same partners, projects and activities, under the same numbers
//! and secrets, at every start.

mod activities;
mod consults;
mod coupons;
mod initiators;
mod plant;

use huodong_campaign::Role;

use crate::MasterKey;

pub(crate) use activities::other_activity;
pub use activities::{SeedActivity, ordinary_activities, special_activities};
pub use consults::{CONSULTS, SeedConsult};
pub(crate) use coupons::other_coupons;
pub use coupons::{
    ONE_MERCHANT_ACTIVITY, POOR_ACTIVITY, SeedCoupons, UNPERMITTED_ACTIVITY, ordinary_coupons,
    special_coupons,
};
pub use initiators::{
    ALIPAY_PID, GATEWAY_RSA_KEY, GATEWAY_SM2_KEY, INITIATORS, MERCHANTS, OTHER_ALIPAY_PID,
    OTHER_INITIATOR, PLAIN_INITIATOR, SeedInitiator, SeedMerchant, UNCONFIRMED_MERCHANT,
};
pub(crate) use plant::replaceable;
pub use plant::{SeedError, plant};

/// An enterprise with its application.
#[derive(Clone, Copy, Debug)]
pub struct SeedPartner {
    /// The organization's number.
    pub org_no: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its merchant number.
    pub merchant_no: &'static str,
    /// What its application signs as.
    pub appid: &'static str,
    /// What its application signs with.
    pub secret: &'static str,
    /// What its application pays by.
    pub bid: &'static str,
}

/// The partner all examples are about.
pub const PARTNER: SeedPartner = SeedPartner {
    org_no: "110058",
    name: "示例科技有限公司",
    merchant_no: "19680000001",
    appid: "sandbox_app",
    secret: "sandbox_secret_0123456789abcdef",
    bid: "12345",
};

/// Another partner, to see that neither sees what is the other's.
pub const OTHER_PARTNER: SeedPartner = SeedPartner {
    org_no: "110059",
    name: "另一家示例企业",
    merchant_no: "19680000002",
    appid: "sandbox_other_app",
    secret: "sandbox_other_secret_0123456789",
    bid: "54321",
};

/// The project every activity gives to.
pub const PROJECT_NO: &str = "224328";
/// A project only the ordinary activities give to.
pub const SECOND_PROJECT_NO: &str = "50000636";
/// A project no activity gives to.
pub const UNBOUND_PROJECT_NO: &str = "60000001";

const PROJECTS: [(&str, &str); 3] = [
    (PROJECT_NO, "乡村儿童图书角"),
    (SECOND_PROJECT_NO, "山区清洁饮水"),
    (UNBOUND_PROJECT_NO, "尚未绑定活动的项目"),
];

/// Flowers one user may receive on one day.
pub const FLOWERS_PER_DAY: u32 = 10;

/// An institution that hands coupons out, with its keys.
#[derive(Clone, Copy, Debug)]
pub struct SeedInstitution {
    /// What it signs as.
    pub appid: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its number in callbacks.
    pub org_id: &'static str,
    /// On whose behalf it hands coupons out; the first is the one all examples are about.
    pub owners: &'static [&'static str],
    /// What its members' ids begin with.
    pub member_prefix: &'static str,
    /// What it signs with.
    pub private_key_pem: &'static str,
    /// What it is verified with.
    pub certificate_pem: &'static str,
}

/// The institution all examples are about.
pub const INSTITUTION: SeedInstitution = SeedInstitution {
    appid: "OP00000003",
    name: "示例银行",
    org_id: "86802221ca93cd",
    owners: &["80000007", "80000008"],
    member_prefix: "AAA",
    private_key_pem: include_str!("seed/keys/institution.key.pem"),
    certificate_pem: include_str!("seed/keys/institution.cert.pem"),
};

/// Another institution, to see that neither sees what is the other's.
pub const OTHER_INSTITUTION: SeedInstitution = SeedInstitution {
    appid: "OP00000004",
    name: "另一家示例银行",
    org_id: "86802221ca93ce",
    owners: &["90000001"],
    member_prefix: "BBB",
    private_key_pem: include_str!("seed/keys/other.key.pem"),
    certificate_pem: include_str!("seed/keys/other.cert.pem"),
};

/// A platform key: what it signs with, and its certificate.
#[derive(Clone, Copy, Debug)]
pub struct SeedKey {
    /// The private key, in PEM.
    pub private_key_pem: &'static str,
    /// The certificate, in PEM.
    pub certificate_pem: &'static str,
}

/// What answers are signed with.
pub const REPLY_KEY: SeedKey = SeedKey {
    private_key_pem: include_str!("seed/keys/reply.key.pem"),
    certificate_pem: include_str!("seed/keys/reply.cert.pem"),
};

/// What callbacks are signed with.
pub const NOTIFY_KEY: SeedKey = SeedKey {
    private_key_pem: include_str!("seed/keys/notify.key.pem"),
    certificate_pem: include_str!("seed/keys/notify.cert.pem"),
};

/// The institution's openid page.
pub const CAMPAIGN: &str = "1017578611540230144";
/// The official account by which that page asks WeChat.
pub const WECHAT_APPID: &str = "wxsandbox0000000001";
/// That account's secret.
pub const WECHAT_SECRET: &str = "sandbox_wechat_secret_0123456789";
/// Where that page may send users back to. A prefix without a port is for every port.
pub const RETURN_TO: [&str; 2] = ["http://127.0.0.1", "http://localhost"];

/// The operator's tokens, by role; each is also the token's name in the audit log, after the
/// prefix.
pub const TOKENS: [(Role, &str); 4] = [
    (Role::Admin, "hdop_sandbox-admin"),
    (Role::Finance, "hdop_sandbox-finance"),
    (Role::Reviewer, "hdop_sandbox-reviewer"),
    (Role::Viewer, "hdop_sandbox-viewer"),
];

/// What a sandbox seals its secrets under, so that a directory that is kept opens at the next
/// start. It protects nothing: a sandbox's secrets are printed in its source.
pub fn sandbox_master_key() -> MasterKey {
    MasterKey::new(b"huodong sandbox, not for secrets")
}
