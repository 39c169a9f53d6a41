//! Which photos an enrolment must carry, and which it may.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RateActivity;
use crate::{Id, MerchantKind};

/// How many photos one field may carry.
pub const PHOTOS_MAX: usize = 5;

/// What an enrolment's photos show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoField {
    /// 学校资质证明.
    School,
    /// 合作资质证明.
    Cooperation,
    /// 优惠费率承诺函.
    PreferentialRate,
    /// 食堂内部用餐环境.
    RestaurantEnvironment,
    /// 食堂门头照.
    RestaurantFront,
    /// 办学许可证.
    TeachingLicence,
    /// 机构资质证明.
    Organization,
    /// 门店租赁证明.
    Rental,
    /// 门头照.
    Front,
    /// 补充图片.
    Supplementary,
}

impl PhotoField {
    /// Every one, in the order they are looked at.
    pub const ALL: [Self; 10] = [
        Self::School,
        Self::Cooperation,
        Self::PreferentialRate,
        Self::RestaurantEnvironment,
        Self::RestaurantFront,
        Self::TeachingLicence,
        Self::Organization,
        Self::Rental,
        Self::Front,
        Self::Supplementary,
    ];
}

/// An enrolment's photos, by what they show; a field without photos is left out.
pub type EnrolmentPhotos = BTreeMap<PhotoField, Vec<Id>>;

/// One row of the vendor's table. A field it does not name must not be carried.
#[derive(Clone, Copy, Debug)]
pub struct PhotoRule {
    /// For which activity.
    pub activity: RateActivity,
    /// For which merchants.
    pub kinds: &'static [MerchantKind],
    /// What must be carried.
    pub must: &'static [PhotoField],
    /// What may be carried.
    pub may: &'static [PhotoField],
}

/// The vendor's table. Who is in no row for an activity cannot enrol for it.
pub const PHOTO_RULES: &[PhotoRule] = &[
    PhotoRule {
        activity: RateActivity::SchoolCanteen,
        kinds: &[MerchantKind::Enterprise, MerchantKind::Individual],
        must: &[
            PhotoField::School,
            PhotoField::Cooperation,
            PhotoField::PreferentialRate,
            PhotoField::RestaurantEnvironment,
            PhotoField::RestaurantFront,
        ],
        may: &[PhotoField::Supplementary],
    },
    PhotoRule {
        activity: RateActivity::SchoolCanteen,
        kinds: &[
            MerchantKind::Institution,
            MerchantKind::SocialOrganization,
            MerchantKind::Government,
        ],
        must: &[
            PhotoField::School,
            PhotoField::TeachingLicence,
            PhotoField::RestaurantEnvironment,
            PhotoField::RestaurantFront,
        ],
        may: &[PhotoField::Supplementary],
    },
    PhotoRule {
        activity: RateActivity::Education,
        kinds: &MerchantKind::ALL,
        must: &[PhotoField::Organization, PhotoField::Rental, PhotoField::Front],
        may: &[PhotoField::Supplementary],
    },
];

/// The row for such a merchant; `None` where it cannot enrol for this.
pub fn photo_rule(activity: RateActivity, kind: MerchantKind) -> Option<&'static PhotoRule> {
    PHOTO_RULES.iter().find(|rule| rule.activity == activity && rule.kinds.contains(&kind))
}
