//! Our words in the vendor's: what answers and callbacks say of a coupon.

use huodong_campaign::{Coupon, CouponStatus, FailReason, Fen, LimitReached, SHANGHAI};
use huodong_engine::Chance;
use huodong_wire::lakala::sign::NONCE_CHARS;
use huodong_wire::lakala::{Code, TradeStatus, UsageStatus};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// Whether the coupon was issued.
pub(super) fn trade_status(coupon: &Coupon) -> TradeStatus {
    match coupon.status {
        CouponStatus::Process => TradeStatus::Process,
        CouponStatus::Issued | CouponStatus::Used | CouponStatus::Expired => TradeStatus::Success,
        CouponStatus::Failed => TradeStatus::Fail,
    }
}

/// What became of a coupon that was issued.
pub(super) fn usage(coupon: &Coupon) -> Option<UsageStatus> {
    match coupon.status {
        CouponStatus::Used => Some(UsageStatus::Used),
        CouponStatus::Expired => Some(UsageStatus::Expired),
        CouponStatus::Process | CouponStatus::Issued | CouponStatus::Failed => None,
    }
}

/// Why it was not issued, as a code and for people; success while it was not refused.
pub(super) fn outcome(coupon: &Coupon) -> (Code, &'static str) {
    let Some(reason) = coupon.failed else { return (Code::Success, "") };
    match reason {
        FailReason::NotStarted => (Code::NotStarted, Code::NotStarted.text()),
        FailReason::Over => (Code::NotRunning, Code::NotRunning.text()),
        FailReason::OutOfStock => (Code::OutOfStock, "库存不足"),
        FailReason::OutOfMoney => (Code::OutOfStock, "活动资金不足"),
        FailReason::Limit(limit) => (
            Code::UserLimit,
            match limit {
                LimitReached::CountTotal => "用户领取张数已达活动上限",
                LimitReached::CountDay => "用户领取张数已达当日上限",
                LimitReached::MoneyTotal => "用户领取金额已达活动上限",
                LimitReached::MoneyDay => "用户领取金额已达当日上限",
            },
        ),
        FailReason::Channel => (Code::ChannelRefused, Code::ChannelRefused.text()),
    }
}

/// The coupon's number in the user's wallet; none where it has failed. While it is in process it
/// has its number too, which counts only if it succeeds: a query does not tell it, so a partner can
/// learn it from no other answer than this one.
pub(super) fn third_coupon_id(coupon: &Coupon) -> String {
    match coupon.status {
        CouponStatus::Failed => String::new(),
        _ => format!("wxd{}", coupon.id),
    }
}

/// An amount as it travels.
pub(super) fn fen(amount: Fen) -> u64 {
    u64::try_from(amount.0).expect("no coupon has a negative amount")
}

/// A time as it travels.
pub(super) fn shanghai(time: Timestamp) -> DateTime {
    SHANGHAI.to_datetime(time)
}

/// Letters and digits that nobody used before.
pub(super) fn nonce(chance: Chance) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes: [u8; NONCE_CHARS] = chance.bytes();
    // 256 is no multiple of 62, so some are likelier than others; 70 bits are left of 71.
    bytes.iter().map(|byte| char::from(DIGITS[usize::from(*byte) % DIGITS.len()])).collect()
}
