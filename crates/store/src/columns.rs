//! How values lie in columns: statuses as small integers, times as Unix milliseconds, money in 分,
//! settings as JSON.

use huodong_campaign::{
    AccountKind, ActivityKind, ActivityStatus, ApplicationStatus, AttemptOutcome, CallbackEvent,
    CouponStatus, DonationStatus, EnrolmentStatus, EnvelopeMode, FailReason, GatewayApi,
    InitiatorStatus, InstitutionStatus, KeyPurpose, KeyStatus, LimitReached, MerchantKind,
    PhotoFormat, RateActivity, Role, TransferReason,
};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::corrupt;
use crate::sql::Row;
use crate::{CallbackStatus, StoreError};

/// A value kept as a small integer.
pub(super) trait Coded: Copy {
    fn code(self) -> i64;
    fn from_code(code: i64) -> Option<Self>;
}

macro_rules! coded {
    ($($name:ident { $($code:literal => $variant:ident),+ })+) => {$(
        impl Coded for $name {
            fn code(self) -> i64 {
                match self { $(Self::$variant => $code),+ }
            }

            fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    )+};
}

coded! {
    AccountKind { 0 => Outside, 1 => Organization, 2 => Frozen, 3 => Held, 4 => Project, 5 => Spent }
    ActivityKind { 1 => Walk, 2 => Points, 4 => Direct, 5 => Behaviour, 100 => Coupon }
    ActivityStatus { 1 => Draft, 2 => Running, 3 => Paused, 4 => Ended }
    ApplicationStatus { 1 => Active, 2 => Revoked }
    AttemptOutcome {
        1 => Acknowledged, 2 => NotAcknowledged, 3 => BadStatus, 4 => TimedOut, 5 => Unreachable,
        6 => TooLarge, 7 => Broken, 8 => Forbidden, 9 => Interrupted, 10 => NotSent
    }
    CallbackEvent { 1 => IssueResult, 2 => WriteOff }
    CallbackStatus { 1 => Waiting, 2 => Leased, 3 => Delivered, 4 => Exhausted }
    CouponStatus { 1 => Process, 2 => Issued, 3 => Failed, 4 => Used, 5 => Expired }
    DonationStatus { 2 => Placed, 11 => Paid, 13 => Failed, 15 => Refunded }
    EnrolmentStatus { 1 => Pending, 2 => Approved, 3 => Rejected }
    EnvelopeMode { 1 => Rsa, 2 => Sm2 }
    GatewayApi { 1 => Upload, 2 => AddData, 3 => Consult }
    InitiatorStatus { 1 => Active, 2 => Revoked }
    InstitutionStatus { 1 => Active, 2 => Revoked }
    KeyPurpose { 1 => Reply, 2 => Notify, 3 => GatewayRsa, 4 => GatewaySm2 }
    KeyStatus { 1 => Published, 2 => Signing, 3 => Retired }
    MerchantKind {
        0 => Enterprise, 1 => Micro, 2 => Individual, 3 => Institution, 4 => SocialOrganization,
        5 => Government
    }
    PhotoFormat { 1 => Jpeg, 2 => Png, 3 => Bmp }
    RateActivity { 1 => SchoolCanteen, 2 => Education }
    Role { 1 => Viewer, 2 => Reviewer, 3 => Finance, 4 => Admin }
    TransferReason {
        1 => Deposit, 2 => Withdraw, 3 => Fund, 4 => Hold, 5 => Pay, 6 => Return, 7 => Refund,
        8 => Release, 9 => Spend
    }
}

/// A limit's own code stands above 10.
impl Coded for FailReason {
    fn code(self) -> i64 {
        match self {
            Self::NotStarted => 1,
            Self::Over => 2,
            Self::OutOfStock => 3,
            Self::OutOfMoney => 4,
            Self::Channel => 5,
            Self::Limit(LimitReached::CountTotal) => 11,
            Self::Limit(LimitReached::CountDay) => 12,
            Self::Limit(LimitReached::MoneyTotal) => 13,
            Self::Limit(LimitReached::MoneyDay) => 14,
        }
    }

    fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            1 => Self::NotStarted,
            2 => Self::Over,
            3 => Self::OutOfStock,
            4 => Self::OutOfMoney,
            5 => Self::Channel,
            11 => Self::Limit(LimitReached::CountTotal),
            12 => Self::Limit(LimitReached::CountDay),
            13 => Self::Limit(LimitReached::MoneyTotal),
            14 => Self::Limit(LimitReached::MoneyDay),
            _ => return None,
        })
    }
}

pub(super) fn coded<T: Coded>(row: Row<'_>, column: usize) -> Result<T, StoreError> {
    to_coded(row.get(column)?)
}

pub(super) fn maybe_coded<T: Coded>(row: Row<'_>, column: usize) -> Result<Option<T>, StoreError> {
    row.get::<Option<i64>>(column)?.map(to_coded).transpose()
}

fn to_coded<T: Coded>(code: i64) -> Result<T, StoreError> {
    T::from_code(code)
        .ok_or_else(|| corrupt(format!("{code} is no {}", std::any::type_name::<T>())))
}

pub(super) fn text<T: for<'a> From<&'a str>>(row: Row<'_>, column: usize) -> Result<T, StoreError> {
    Ok(T::from(row.cell(column)?.as_str()?))
}

pub(super) fn maybe_text<T: for<'a> From<&'a str>>(
    row: Row<'_>,
    column: usize,
) -> Result<Option<T>, StoreError> {
    Ok(row.cell(column)?.as_str_or_null()?.map(T::from))
}

pub(super) fn time(row: Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    to_time(row.get(column)?)
}

pub(super) fn maybe_time(row: Row<'_>, column: usize) -> Result<Option<Timestamp>, StoreError> {
    row.get::<Option<i64>>(column)?.map(to_time).transpose()
}

fn to_time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| corrupt(format!("{ms} is no time")))
}

/// A time's milliseconds since 1970; what is finer is dropped.
pub(super) fn ms(time: Timestamp) -> i64 {
    time.as_millisecond()
}

const CIVIL_EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A wall-clock time as milliseconds since that clock showed 1970.
pub(super) fn civil_ms(time: DateTime) -> i64 {
    let since = time.duration_since(CIVIL_EPOCH);
    since.as_secs() * 1000 + i64::from(since.subsec_millis())
}

pub(super) fn civil(row: Row<'_>, column: usize) -> Result<DateTime, StoreError> {
    let ms = row.get(column)?;
    CIVIL_EPOCH
        .checked_add(SignedDuration::from_millis(ms))
        .map_err(|_| corrupt(format!("{ms} is no wall-clock time")))
}

pub(super) fn json<T: DeserializeOwned>(row: Row<'_>, column: usize) -> Result<T, StoreError> {
    serde_json::from_str(row.cell(column)?.as_str()?)
        .map_err(|error| corrupt(format!("settings that cannot be read: {error}")))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| corrupt(format!("settings that cannot be written: {error}")))
}

const NUMBERING_BEGINS_MS: i64 = 1_577_836_800_000;
const COUNT_BITS: u32 = 20;

/// Where the numbers given out at or after `time` begin, by the engine's rule: the milliseconds
/// since 2020 above 20 bits of count. A row placed at `time` bears at least this number; it may
/// bear a far higher one, as numbers never fall with a clock set back.
pub(super) fn first_id_at(time: Timestamp) -> i64 {
    let since = ms(time).saturating_sub(NUMBERING_BEGINS_MS).max(0);
    if since < (1 << (63 - COUNT_BITS)) { since << COUNT_BITS } else { 0 }
}

/// The latest time at which a number can have been given out by that rule, but for a clock that was
/// set back since.
pub(super) fn time_of(id: i64) -> Timestamp {
    let ms = NUMBERING_BEGINS_MS + (id >> COUNT_BITS);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wall_clock_times_come_back_also_before_1970() {
        for text in ["2026-11-21T10:00:00.123", "1969-12-31T23:59:59.999", "0001-01-01T00:00:00"] {
            let time: DateTime = text.parse().unwrap();
            let back = CIVIL_EPOCH.checked_add(SignedDuration::from_millis(civil_ms(time)));
            assert_eq!(back.unwrap(), time);
        }
    }

    #[test]
    fn every_code_comes_back() {
        for code in 0..32 {
            if let Some(status) = DonationStatus::from_code(code) {
                assert_eq!(status.code(), code);
            }
            if let Some(reason) = TransferReason::from_code(code) {
                assert_eq!(reason.code(), code);
            }
            if let Some(reason) = FailReason::from_code(code) {
                assert_eq!(reason.code(), code);
            }
        }
    }
}
