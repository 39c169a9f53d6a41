//! What enrolments are made of, as the API spells it.

use huodong_campaign as campaign;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operator::values::words;

words! {
    /// Where an enrolment stands, with the vendor's word: `pending` (PENDING; nobody has decided
    /// yet), `approved` (APPROVED), `rejected` (REJECTED; the merchant can be enrolled again).
    EnrolmentStatus { Pending, Approved, Rejected }

    /// What an enrolment's photos show.
    PhotoField {
        School, Cooperation, PreferentialRate, RestaurantEnvironment, RestaurantFront,
        TeachingLicence, Organization, Rental, Front, Supplementary,
    }
}

/// What a merchant can enrol for: `schoolcanteen_001` (教育食堂行业活动) or `education_001`
/// (线下教培机构).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(in crate::operator) enum RateActivity {
    #[allow(missing_docs)]
    #[serde(rename = "schoolcanteen_001")]
    SchoolCanteen,
    #[allow(missing_docs)]
    #[serde(rename = "education_001")]
    Education,
}

impl From<campaign::RateActivity> for RateActivity {
    fn from(it: campaign::RateActivity) -> Self {
        match it {
            campaign::RateActivity::SchoolCanteen => Self::SchoolCanteen,
            campaign::RateActivity::Education => Self::Education,
        }
    }
}

impl From<RateActivity> for campaign::RateActivity {
    fn from(it: RateActivity) -> Self {
        match it {
            RateActivity::SchoolCanteen => Self::SchoolCanteen,
            RateActivity::Education => Self::Education,
        }
    }
}

/// What a field of photos is for, in the vendor's words.
pub(super) fn title(field: campaign::PhotoField) -> &'static str {
    use campaign::PhotoField as F;
    match field {
        F::School => "学校资质证明",
        F::Cooperation => "合作资质证明",
        F::PreferentialRate => "优惠费率承诺函",
        F::RestaurantEnvironment => "食堂内部用餐环境照片",
        F::RestaurantFront => "食堂门头照片",
        F::TeachingLicence => "办学许可证",
        F::Organization => "机构资质证明",
        F::Rental => "门店租赁相关证明",
        F::Front => "门头照片",
        F::Supplementary => "补充图片",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn activities_are_called_what_partners_call_them() {
        for activity in campaign::RateActivity::ALL {
            let word = serde_json::to_value(RateActivity::from(activity)).unwrap();
            assert_eq!(word, activity.id());
            let read: RateActivity = serde_json::from_value(word).unwrap();
            assert_eq!(campaign::RateActivity::from(read), activity);
        }
    }
}
