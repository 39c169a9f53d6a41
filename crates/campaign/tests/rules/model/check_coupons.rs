//! Every stored coupon and callback, compared with the model.

use std::collections::BTreeSet;

use huodong_campaign::*;

use super::Model;
use super::callbacks::End;
use crate::memory::Memory;
use crate::script::*;

impl Model {
    /// Learns the numbers of the callbacks the batch owed: one for each message, of its coupon and
    /// event, and no other.
    pub fn adopt(&mut self, stored: &Memory) {
        assert_eq!(stored.callbacks.len(), self.messages.len(), "what is owed is owed once");
        for message in self.messages.iter_mut().filter(|message| message.id.is_none()) {
            let owed = |row: &&Callback| (row.coupon, row.event) == (message.coupon, message.event);
            let found: Vec<&Callback> = stored.callbacks.values().filter(owed).collect();
            assert_eq!(found.len(), 1, "{message:?}");
            message.id = Some(found[0].id);
        }
    }

    pub(super) fn check_coupons(&self, stored: &Memory) {
        assert_eq!(stored.coupons.len(), self.tickets.len());
        assert_eq!(stored.coupon_keys.len(), self.tickets.len());
        for ticket in &self.tickets {
            let row = &stored.coupons[&ticket.id];
            assert_eq!(stored.coupon_keys[&row.key], ticket.id);
            assert_eq!(row.key, coupon_key(&ticket.ask));
            assert_eq!((row.status, row.failed), (ticket.status, ticket.failed), "{row:?}");
            assert_eq!(row.value.0, ticket.value);
            assert_eq!(row.settle_at.is_some(), ticket.status == CouponStatus::Process);
            assert_eq!(row.expires_at, ticket.expires.map(at));
            let used = row.redeemed.as_ref().map(|it| (it.org_amount.0, it.promo_amount.0));
            assert_eq!(used, ticket.used.map(|(_, amount, promo)| (amount, promo)));
        }
        for (activity, counter) in &self.counters {
            let row = &stored.activities[&activity_no(*activity)];
            let offer = row.coupon.as_ref().unwrap();
            assert_eq!(offer.stock_left, self.stock_left(*activity), "stock of {activity}");
            assert_eq!(offer.terms, counter.terms);
            let own = self.tickets.iter().filter(|ticket| ticket.ask.activity == *activity);
            let spent: i64 = own.map(|ticket| ticket.spent()).sum();
            assert_eq!(stored.accounts[&offer.spent].balance, Fen(spent), "spent of {activity}");
        }
        self.check_limits();
    }

    /// Nobody holds more than the limits they met; where limits were never changed, than they are.
    fn check_limits(&self) {
        for (activity, campaign) in &self.activities {
            let limits = campaign.plan.limits;
            for number in 0..3 {
                let (count, money) = self.used(*activity, number, None);
                let fits = limits.count_total.is_none_or(|most| count <= most)
                    && limits.money_total.is_none_or(|most| money <= most.0);
                assert!(fits || campaign.limits_changed, "user {number} of {activity}");
            }
        }
    }

    pub(super) fn check_callbacks(&self, stored: &Memory) {
        for message in &self.messages {
            let row = &stored.callbacks[&message.id.unwrap()];
            let due_at = at(message.due());
            let state = match (message.end, message.lease) {
                (Some(End::Delivered), _) => CallbackState::Delivered,
                (Some(End::Exhausted), _) => CallbackState::Exhausted,
                (None, Some(until)) => CallbackState::Leased { until: at(until), due_at },
                (None, None) => CallbackState::Waiting { due_at },
            };
            assert_eq!(row.state, state, "{message:?}");
            assert_eq!((usize::from(row.tries), row.attempts), (message.failed, message.lines));
            assert!(row.tries <= 10, "no more than ten attempts");
            assert_eq!((row.created_at, row.began_at), (at(message.created), at(message.began)));
            assert_eq!(row.finished_at.is_some(), message.end.is_some());
            assert_eq!(row.appid, stored.coupons[&message.coupon].key.appid);
        }
        check_attempts(stored);
        check_owed(stored);
    }
}

/// The log of each callback has no gap, and rises.
fn check_attempts(stored: &Memory) {
    let numbers = stored.attempts.iter().map(|attempt| attempt.id);
    assert!(numbers.is_sorted_by(|a, b| a < b));
    for callback in stored.callbacks.values() {
        let own = stored.attempts.iter().filter(|attempt| attempt.callback == callback.id);
        assert!(own.map(|attempt| attempt.number).eq(1..=callback.attempts));
    }
}

/// The outcome of every coupon that has one is owed where it was asked for, and the end of every
/// one that has ended; each once, and nothing else.
fn check_owed(stored: &Memory) {
    use CouponStatus::{Expired, Process, Used};
    let owed =
        stored.callbacks.values().map(|it| (it.coupon.0, it.event == CallbackEvent::WriteOff));
    let owed: BTreeSet<(i64, bool)> = owed.collect();
    assert_eq!(owed.len(), stored.callbacks.len(), "none is owed twice");
    for coupon in stored.coupons.values() {
        let decided = coupon.status != Process && coupon.post_notify.is_some();
        assert_eq!(owed.contains(&(coupon.id.0, false)), decided, "{coupon:?}");
        let closed = matches!(coupon.status, Used | Expired);
        assert_eq!(owed.contains(&(coupon.id.0, true)), closed, "{coupon:?}");
    }
}
