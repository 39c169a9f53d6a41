//! Merchants' applications for a preferential rate.

mod decide;
mod enrol;
mod photos;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use decide::{DecideEnrolment, DecideRefusal, DecidedEnrolment, Decision, REASON_CHARS_MAX};
pub use enrol::{Enrol, EnrolRefusal};
pub use photos::{EnrolmentPhotos, PHOTO_RULES, PHOTOS_MAX, PhotoField, PhotoRule, photo_rule};

use crate::{CertId, Id, MercId, MerchantKind, TokenId};

/// What a merchant can enrol for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateActivity {
    /// 教育食堂行业活动.
    SchoolCanteen,
    /// 线下教培机构.
    Education,
}

impl RateActivity {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::SchoolCanteen, Self::Education];

    /// What it is known as, to partners and operators alike.
    pub fn id(self) -> &'static str {
        match self {
            Self::SchoolCanteen => "schoolcanteen_001",
            Self::Education => "education_001",
        }
    }

    /// The one that is known as this.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activity| activity.id() == id)
    }
}

/// Where an enrolment stands. It moves `Pending → Approved | Rejected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentStatus {
    /// An operator has not looked at it yet.
    Pending,
    /// The merchant has the rate.
    Approved,
    /// It has not; it can enrol again.
    Rejected,
}

impl EnrolmentStatus {
    /// True while it stands in the way of another of the same merchant for the same.
    pub fn lives(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

/// Who enrols for what: of each at most one enrolment lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnrolmentKey {
    /// Who.
    pub merc_id: MercId,
    /// For what.
    pub activity: RateActivity,
}

/// One application, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Its number.
    pub id: Id,
    /// Who enrols for what.
    pub key: EnrolmentKey,
    /// Who has enrolled the merchant.
    pub cert_id: CertId,
    /// What kind the merchant was then.
    pub merchant_kind: MerchantKind,
    /// Who has entered it, in the initiator's words.
    pub creator: Box<str>,
    /// 银联微信第三方商户号.
    pub third_merc_id_cups: Option<Box<str>>,
    /// 网联微信第三方商户号.
    pub third_merc_id_nucc: Option<Box<str>>,
    /// Its photos, by what they show.
    pub photos: EnrolmentPhotos,
    /// What the initiator has added.
    pub supplementary_remark: Option<Box<str>>,
    /// Where it stands.
    pub status: EnrolmentStatus,
    /// Why it was rejected.
    pub reason: Option<Box<str>>,
    /// Who has decided.
    pub decided_by: Option<TokenId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// When it was made.
    pub placed_at: Timestamp,
    /// The call it came with.
    pub req_id: Box<str>,
}
