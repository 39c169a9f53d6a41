//! The vendor's words in ours, and back.

use huodong_campaign::{
    AlipayUser, ConsultResult, EnrolmentPhotos, EnrolmentStatus, GatewayApi, Id, PhotoField,
    SHANGHAI,
};
use huodong_engine::Chance;
use huodong_wire::ysepay::{
    self, AddDataCode, AddDataRequest, Api, ConsultCode, ConsultRequest, EnrolmentState, PhotoIds,
    SubCode,
};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// No photo has this number.
const NO_PHOTO: Id = Id(-1);

/// A call.
pub(super) fn api(api: Api) -> GatewayApi {
    match api {
        Api::Upload => GatewayApi::Upload,
        Api::AddData => GatewayApi::AddData,
        Api::Consult => GatewayApi::Consult,
    }
}

/// What a call is answered with that succeeded.
pub(super) fn success(api: Api) -> &'static str {
    match api {
        Api::Upload | Api::AddData => AddDataCode::Success.number(),
        Api::Consult => ConsultCode::Success.number(),
    }
}

/// What a photo shows, as the vendor calls the field.
pub(crate) fn photo_field(field: PhotoField) -> &'static str {
    match field {
        PhotoField::School => "schoolPhoto",
        PhotoField::Cooperation => "cooperationPhoto",
        PhotoField::PreferentialRate => "perferentPhoto",
        PhotoField::RestaurantEnvironment => "restaurentEnvironmentPhoto",
        PhotoField::RestaurantFront => "restaurentFrontPhoto",
        PhotoField::TeachingLicence => "teachingCommitmentPhoto",
        PhotoField::Organization => "organizationPhoto",
        PhotoField::Rental => "rentmentCommitmentPhoto",
        PhotoField::Front => "frontPhoto",
        PhotoField::Supplementary => "supplementaryPicture",
    }
}

/// The photos a request names.
pub(super) fn photos(request: &AddDataRequest<'_>) -> EnrolmentPhotos {
    let list = |field: PhotoField| -> &PhotoIds<'_> {
        match field {
            PhotoField::School => &request.school,
            PhotoField::Cooperation => &request.cooperation,
            PhotoField::PreferentialRate => &request.preferential_rate,
            PhotoField::RestaurantEnvironment => &request.restaurant_environment,
            PhotoField::RestaurantFront => &request.restaurant_front,
            PhotoField::TeachingLicence => &request.teaching_licence,
            PhotoField::Organization => &request.organization,
            PhotoField::Rental => &request.rental,
            PhotoField::Front => &request.front,
            PhotoField::Supplementary => &request.supplementary,
        }
    };
    let named = PhotoField::ALL.into_iter().filter(|field| !list(*field).is_empty());
    named.map(|field| (field, list(field).ids().into_iter().map(photo_id).collect())).collect()
}

/// The photo of this id; what no photo could be called is one that does not exist.
fn photo_id(text: &str) -> Id {
    let number = text.parse().ok().map(Id);
    number.filter(|id| id.0 >= 0 && id.to_string() == text).unwrap_or(NO_PHOTO)
}

/// A photo's id for people; none of what no photo could be called.
pub(super) fn shown_photo(id: Id) -> Option<Id> {
    (id != NO_PHOTO).then_some(id)
}

/// How an enrolment stands.
pub(super) fn state(status: EnrolmentStatus) -> EnrolmentState {
    match status {
        EnrolmentStatus::Pending => EnrolmentState::Pending,
        EnrolmentStatus::Approved => EnrolmentState::Approved,
        EnrolmentStatus::Rejected => EnrolmentState::Rejected,
    }
}

/// Whose coupons are counted: the wire has seen that one of the two is given.
pub(super) fn user(request: &ConsultRequest<'_>) -> AlipayUser {
    match (&request.open_id, &request.user_id) {
        (Some(open_id), _) => AlipayUser::OpenId((**open_id).into()),
        (None, user_id) => AlipayUser::UserId(user_id.as_deref().unwrap_or_default().into()),
    }
}

/// Whether a user can claim an activity.
pub(super) fn consult_result(result: ConsultResult) -> ysepay::ConsultResult {
    match result {
        ConsultResult::Success => ysepay::ConsultResult::Success,
        ConsultResult::Other => ysepay::ConsultResult::Other,
        ConsultResult::NotPermitted => ysepay::ConsultResult::ActivityNotPermission,
        ConsultResult::NotStarted => ysepay::ConsultResult::ActivityNotStart,
        ConsultResult::OutOfBudget => ysepay::ConsultResult::BudgetNotEnough,
        ConsultResult::OverLimit => ysepay::ConsultResult::CountOverLimit,
    }
}

/// A time as it travels.
pub(super) fn shanghai(time: Timestamp) -> DateTime {
    SHANGHAI.to_datetime(time)
}

/// 32 hexadecimal digits that nobody used before.
pub(super) fn norce(chance: Chance) -> String {
    hex::encode(chance.bytes::<16>())
}
