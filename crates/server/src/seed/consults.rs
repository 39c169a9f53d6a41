//! What consult says of the seed's activities.

use super::{ONE_MERCHANT_ACTIVITY, POOR_ACTIVITY, UNPERMITTED_ACTIVITY};

/// What consult says of an activity, to every initiator but the other one, for
/// [`ALIPAY_PID`](super::ALIPAY_PID) and a user that has nothing yet.
#[derive(Clone, Copy, Debug)]
pub struct SeedConsult {
    /// Which.
    pub activity_id: &'static str,
    /// The consultResultCode, or the subCode where nothing is said of any activity.
    pub result: &'static str,
    /// Why.
    pub note: &'static str,
}

/// One for each thing that can be said.
pub const CONSULTS: [SeedConsult; 13] = [
    consult("1100000104", "ACTIVITY_NOT_START", "Its window begins in 2099"),
    consult("1100000105", "ACTIVITY_NOT_START", "Not online"),
    consult("1100000106", "OTHER", "Ended"),
    consult("1100000107", "OTHER", "Paused"),
    consult("100001", "OTHER", "An activity for donations"),
    consult("0000000000", "OTHER", "No activity at all"),
    consult(POOR_ACTIVITY, "BUDGET_NOT_ENOUGH", "Its money does not cover one coupon"),
    consult("1100000108", "SUCCESS", "One coupon; BUDGET_NOT_ENOUGH once it is issued"),
    consult("1100000110", "SUCCESS", "COUNT_OVER_LIMIT for a user (channel_openid) that has one"),
    consult(UNPERMITTED_ACTIVITY, "ACTIVITY_NOT_PERMISSION", "No initiator may hand it out"),
    consult(ONE_MERCHANT_ACTIVITY, "ACTIVITY_NOT_PERMISSION", "Only another merchant may"),
    consult("1100000102", "901029998", "The channel refuses, which fails the whole call"),
    consult("1100000103", "901029999", "The channel is down, which fails the whole call"),
];

const fn consult(
    activity_id: &'static str,
    result: &'static str,
    note: &'static str,
) -> SeedConsult {
    SeedConsult { activity_id, result, note }
}
