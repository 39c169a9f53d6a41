use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The identifier as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into_boxed_str())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_id! {
    /// An activity's number.
    ActivityNo;
    /// A merchant, as Alipay knows it (商户PID).
    AlipayPid;
    /// A gongyi application.
    AppId;
    /// What an application pays by; assigned by the platform.
    Bid;
    /// A page that tells an institution its users' openids.
    CampaignNo;
    /// A ysepay initiator (发起方商户号).
    CertId;
    /// A lakala institution, by its appid.
    InstitutionId;
    /// A merchant of an initiator's (商户号).
    MercId;
    /// A user's WeChat openid.
    OpenId;
    /// An enterprise that funds activities.
    OrgNo;
    /// On whose behalf an institution hands a coupon out (业主).
    OwnerId;
    /// A platform key's certificate's serial number, in lowercase hexadecimal.
    PlatformSerial;
    /// A charity project.
    ProjectNo;
    /// What a coupon activity hands out (优惠).
    PromotionId;
    /// The user as the application names them.
    ThirdUid;
    /// An operator token's name.
    TokenId;
    /// A flowers exchange as the application names it; its first eight characters are a date.
    TransCode;
}

/// The number of a row we made: an order, a transfer, a flowers exchange, an audit entry. All come
/// from one sequence that only rises, so rows lie in time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub i64);

/// The number of a ledger account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
