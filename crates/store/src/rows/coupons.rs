//! Coupons, callbacks and the attempts at them.

use huodong_campaign::{Attempt, Callback, CallbackState, Coupon, CouponKey, Fen, Id, Redemption};

use super::super::columns::{coded, maybe_coded, maybe_text, maybe_time, text, time};
use super::Mapped;
use crate::errors::corrupt;
use crate::sql::Row;
use crate::{CallbackStatus, StoreError};

/// Left joins, so that a coupon whose neighbour is gone is seen to be corrupt instead of not being
/// seen.
pub(crate) const COUPONS: &str = "SELECT c.id, i.appid, c.mer_order_id, a.activity_no, \
    a.promotion_id, a.batch_code, c.owner_id, c.member_id, c.openid, c.value, c.status, c.failed, \
    c.post_notify, c.write_off_notify, c.placed_at, c.settle_at, c.decided_at, c.expires_at, \
    c.reference, c.org_amount, c.promo_amount, c.closed_at FROM coupons c \
    LEFT JOIN institutions i ON i.no = c.app LEFT JOIN activities a ON a.no = c.activity";

pub(crate) fn coupon(row: Row<'_>) -> Mapped<Coupon> {
    let id = row.get(0)?;
    let coupon = Coupon {
        id: Id(id),
        key: CouponKey { appid: text(row, 1)?, mer_order_id: text(row, 2)? },
        activity_no: text(row, 3)?,
        promotion_id: text(row, 4)?,
        batch_code: text(row, 5)?,
        owner_id: text(row, 6)?,
        member_id: text(row, 7)?,
        openid: text(row, 8)?,
        value: Fen(row.get(9)?),
        status: coded(row, 10)?,
        failed: maybe_coded(row, 11)?,
        post_notify: maybe_text(row, 12)?,
        write_off_notify: text(row, 13)?,
        placed_at: time(row, 14)?,
        settle_at: maybe_time(row, 15)?,
        decided_at: maybe_time(row, 16)?,
        expires_at: maybe_time(row, 17)?,
        redeemed: redemption(row)?,
        closed_at: maybe_time(row, 21)?,
    };
    Ok((id, coupon))
}

fn redemption(row: Row<'_>) -> Result<Option<Redemption>, StoreError> {
    match (maybe_text(row, 18)?, row.get(19)?, row.get(20)?) {
        (Some(reference), Some(org_amount), Some(promo_amount)) => Ok(Some(Redemption {
            reference,
            org_amount: Fen(org_amount),
            promo_amount: Fen(promo_amount),
        })),
        (None, None, None) => Ok(None),
        _ => Err(corrupt("half a redemption")),
    }
}

pub(crate) const CALLBACKS: &str = "SELECT c.id, c.event, c.coupon, i.appid, r.host, \
    c.created_at, c.began_at, c.tries, c.attempts, c.state, c.due_at, c.leased_until, \
    c.finished_at, c.archived FROM callbacks c LEFT JOIN receivers r ON r.no = c.receiver \
    LEFT JOIN institutions i ON i.no = r.app";

pub(crate) fn callback(row: Row<'_>) -> Mapped<Callback> {
    let id = row.get(0)?;
    let callback = Callback {
        id: Id(id),
        event: coded(row, 1)?,
        coupon: Id(row.get(2)?),
        appid: text(row, 3)?,
        receiver: text(row, 4)?,
        created_at: time(row, 5)?,
        began_at: time(row, 6)?,
        tries: row.get(7)?,
        attempts: row.get(8)?,
        archived: row.get(13)?,
        state: callback_state(row)?,
        finished_at: maybe_time(row, 12)?,
    };
    Ok((id, callback))
}

fn callback_state(row: Row<'_>) -> Result<CallbackState, StoreError> {
    match (coded(row, 9)?, maybe_time(row, 10)?, maybe_time(row, 11)?) {
        (CallbackStatus::Waiting, Some(due_at), None) => Ok(CallbackState::Waiting { due_at }),
        (CallbackStatus::Leased, Some(due_at), Some(until)) => {
            Ok(CallbackState::Leased { until, due_at })
        }
        (CallbackStatus::Delivered, None, None) => Ok(CallbackState::Delivered),
        (CallbackStatus::Exhausted, None, None) => Ok(CallbackState::Exhausted),
        (status, ..) => Err(corrupt(format!("a callback that is {status:?} with other times"))),
    }
}

pub(crate) const ATTEMPTS: &str = "SELECT id, callback, number, due_at, at, took_ms, \
    outcome, status, answer, reason FROM attempts";

pub(crate) fn attempt(row: Row<'_>) -> Mapped<Attempt> {
    let id = row.get(0)?;
    let attempt = Attempt {
        id: Id(id),
        callback: Id(row.get(1)?),
        number: row.get(2)?,
        due_at: time(row, 3)?,
        at: time(row, 4)?,
        took_ms: row.get(5)?,
        outcome: coded(row, 6)?,
        status: row.get(7)?,
        answer: row.get(8)?,
        reason: text(row, 9)?,
    };
    Ok((id, attempt))
}
