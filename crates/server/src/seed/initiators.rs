//! Who calls the ysepay gateway, and the merchants they bring.

use huodong_campaign::{
    AlipayPid, CertId, CreateInitiator, CreateMerchant, EnvelopeMode, MercId, MerchantKind,
};

use super::SeedKey;

/// An initiator, with its keys and merchants.
#[derive(Clone, Copy, Debug)]
pub struct SeedInitiator {
    /// What it calls as.
    pub cert_id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How its calls are signed and sealed.
    pub mode: EnvelopeMode,
    /// Whether answers to it are plain JSON.
    pub plain_replies: bool,
    /// What it signs with.
    pub private_key_pem: &'static str,
    /// What it is verified with.
    pub public_key_pem: &'static str,
    /// What its merchants' numbers begin with; the two digits of a [`SeedMerchant`] follow.
    merchants: &'static str,
}

/// A merchant, of whichever initiator.
#[derive(Clone, Copy, Debug)]
pub struct SeedMerchant {
    /// What its number ends with.
    number: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MerchantKind,
    /// Whether it has confirmed that it wants an account.
    pub intent_confirmed: bool,
    /// What Alipay knows it as.
    pub alipay_pid: Option<&'static str>,
    /// What it shows, in a sentence.
    pub note: &'static str,
}

/// The initiators all examples are about: one for each mode.
pub const INITIATORS: [SeedInitiator; 2] = [
    SeedInitiator {
        cert_id: "826000000000001",
        name: "示例服务商(国密)",
        mode: EnvelopeMode::Sm2,
        plain_replies: false,
        private_key_pem: include_str!("keys/initiator_sm2.key.pem"),
        public_key_pem: include_str!("keys/initiator_sm2.pub.pem"),
        merchants: "8261000000000",
    },
    SeedInitiator {
        cert_id: "826000000000002",
        name: "示例服务商(RSA)",
        mode: EnvelopeMode::Rsa,
        plain_replies: false,
        private_key_pem: include_str!("keys/initiator_rsa.key.pem"),
        public_key_pem: include_str!("keys/initiator_rsa.pub.pem"),
        merchants: "8262000000000",
    },
];

/// One that is answered in plain JSON.
pub const PLAIN_INITIATOR: SeedInitiator = SeedInitiator {
    cert_id: "826000000000003",
    name: "示例服务商(明文应答)",
    mode: EnvelopeMode::Rsa,
    plain_replies: true,
    private_key_pem: include_str!("keys/initiator_plain.key.pem"),
    public_key_pem: include_str!("keys/initiator_plain.pub.pem"),
    merchants: "8263000000000",
};

/// Another, to see that neither sees what is the other's. It may hand no activity out.
pub const OTHER_INITIATOR: SeedInitiator = SeedInitiator {
    cert_id: "826000000000009",
    name: "另一家示例服务商",
    mode: EnvelopeMode::Sm2,
    plain_replies: false,
    private_key_pem: include_str!("keys/initiator_other.key.pem"),
    public_key_pem: include_str!("keys/initiator_other.pub.pem"),
    merchants: "8269000000000",
};

/// What the gateway signs with and opens with, RSA.
pub const GATEWAY_RSA_KEY: SeedKey = SeedKey {
    private_key_pem: include_str!("keys/gateway_rsa.key.pem"),
    certificate_pem: include_str!("keys/gateway_rsa.cert.pem"),
};

/// The same, SM2.
pub const GATEWAY_SM2_KEY: SeedKey = SeedKey {
    private_key_pem: include_str!("keys/gateway_sm2.key.pem"),
    certificate_pem: include_str!("keys/gateway_sm2.cert.pem"),
};

/// The business that consult's examples are about: a merchant of each of the initiators.
pub const ALIPAY_PID: &str = "2088000000000001";
/// Another: the one that hands [`ONE_MERCHANT_ACTIVITY`](super::ONE_MERCHANT_ACTIVITY) out.
pub const OTHER_ALIPAY_PID: &str = "2088000000000002";

/// Every initiator has these, one of each kind, under numbers of its own.
pub const MERCHANTS: [SeedMerchant; 6] = [
    merchant("10", "示例食堂", MerchantKind::Enterprise, Some(ALIPAY_PID), "企业"),
    merchant("11", "示例小店", MerchantKind::Micro, None, "小微: not for schoolcanteen_001"),
    merchant("12", "示例餐厅", MerchantKind::Individual, Some(OTHER_ALIPAY_PID), "个体"),
    merchant("13", "示例学校", MerchantKind::Institution, None, "事业单位"),
    merchant("14", "示例协会", MerchantKind::SocialOrganization, None, "社会组织"),
    merchant("15", "示例机关", MerchantKind::Government, None, "政府机关"),
];

/// One whose enrolment is refused, whatever it carries.
pub const UNCONFIRMED_MERCHANT: SeedMerchant = SeedMerchant {
    intent_confirmed: false,
    ..merchant(
        "19",
        "未确认意愿的商户",
        MerchantKind::Enterprise,
        None,
        "Has not confirmed its intent to open an account (A029998)",
    )
};

const fn merchant(
    number: &'static str,
    name: &'static str,
    kind: MerchantKind,
    alipay_pid: Option<&'static str>,
    note: &'static str,
) -> SeedMerchant {
    SeedMerchant { number, name, kind, intent_confirmed: true, alipay_pid, note }
}

impl SeedInitiator {
    /// The number one of the merchants has as this initiator's.
    pub fn merc_id(&self, merchant: &SeedMerchant) -> String {
        format!("{}{}", self.merchants, merchant.number)
    }

    pub(super) fn create(&self) -> CreateInitiator {
        CreateInitiator {
            cert_id: Some(CertId::from(self.cert_id)),
            name: self.name.to_owned(),
            mode: self.mode,
            public_key: self.public_key_pem.to_owned(),
            plain_replies: self.plain_replies,
            strict_req_id: false,
            rate_per_s: None,
        }
    }

    pub(super) fn merchants(&self) -> impl Iterator<Item = CreateMerchant> {
        MERCHANTS.iter().chain([&UNCONFIRMED_MERCHANT]).map(|merchant| CreateMerchant {
            merc_id: Some(MercId::from(self.merc_id(merchant))),
            cert_id: CertId::from(self.cert_id),
            name: merchant.name.to_owned(),
            kind: merchant.kind,
            intent_confirmed: merchant.intent_confirmed,
            alipay_pid: merchant.alipay_pid.map(AlipayPid::from),
        })
    }
}
