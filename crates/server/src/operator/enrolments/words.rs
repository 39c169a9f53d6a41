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

/// The vendor's name for a field of photos, misspelt as it is, and what it says it is for.
pub(super) fn vendors(field: campaign::PhotoField) -> (&'static str, &'static str) {
    use campaign::PhotoField as F;
    match field {
        F::School => ("schoolPhoto", "学校资质证明"),
        F::Cooperation => ("cooperationPhoto", "合作资质证明"),
        F::PreferentialRate => ("perferentPhoto", "优惠费率承诺函"),
        F::RestaurantEnvironment => ("restaurentEnvironmentPhoto", "食堂内部用餐环境照片"),
        F::RestaurantFront => ("restaurentFrontPhoto", "食堂门头照片"),
        F::TeachingLicence => ("teachingCommitmentPhoto", "办学许可证"),
        F::Organization => ("organizationPhoto", "机构资质证明"),
        F::Rental => ("rentmentCommitmentPhoto", "门店租赁相关证明"),
        F::Front => ("frontPhoto", "门头照片"),
        F::Supplementary => ("supplementaryPicture", "补充图片"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_called_what_the_vendor_calls_them() {
        let wire = huodong_wire::ysepay::AddDataRequest::default();
        let ours: Vec<_> = campaign::PhotoField::ALL.map(|field| vendors(field).0).into();
        assert_eq!(ours, wire.photos().map(|(name, _)| name));
    }

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
