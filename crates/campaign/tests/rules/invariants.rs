//! What must hold of anything stored, whatever the model says.

use std::collections::BTreeMap;

use huodong_campaign::*;

use crate::memory::Memory;

/// Money is conserved, nobody but the outside world owes, and the transfers explain every balance.
pub fn check_ledger(stored: &Memory) {
    let mut explained: BTreeMap<AccountId, i128> = BTreeMap::new();
    for transfer in &stored.transfers {
        assert!(transfer.amount.is_positive(), "{transfer:?}");
        *explained.entry(transfer.from).or_default() -= i128::from(transfer.amount.0);
        *explained.entry(transfer.to).or_default() += i128::from(transfer.amount.0);
    }
    for account in stored.accounts.values() {
        let sum = explained.get(&account.id).copied().unwrap_or_default();
        assert_eq!(i128::from(account.balance.0), sum, "transfers explain {account:?}");
        assert!(account.id == OUTSIDE || account.balance >= Fen::ZERO, "{account:?} is overdrawn");
    }
    let sum: i128 = stored.accounts.values().map(|account| i128::from(account.balance.0)).sum();
    assert_eq!(sum, 0, "money is conserved");
    let numbers = stored.transfers.iter().map(|transfer| transfer.id);
    assert!(numbers.is_sorted_by(|a, b| a < b), "transfers rise");
}

/// What stood before still stands, and has only gone along its arrows.
pub fn check_arrows(before: &Memory, after: &Memory) {
    for (id, old) in &before.donations {
        let new = &after.donations[id];
        assert!(status_steps(old.status).contains(&new.status), "{old:?} became {new:?}");
        let same = |donation: &Donation| Donation {
            status: DonationStatus::Placed,
            settle_at: None,
            changed_at: donation.placed_at,
            flowers: None,
            ..donation.clone()
        };
        assert_eq!(same(old), same(new), "an order's particulars never change");
        assert!(old.flowers.is_none() || old.flowers == new.flowers);
    }
    for (number, old) in &before.activities {
        let new = &after.activities[number];
        let ended = old.status == ActivityStatus::Ended;
        let same = |activity: &Activity| {
            let mut activity = activity.clone();
            if let Some(offer) = &mut activity.coupon {
                // Coupons that end unused still come back.
                offer.stock_left = 0;
            }
            activity
        };
        assert!(!ended || same(old) == same(new), "nothing about an ended activity changes");
        let back = new.status == ActivityStatus::Draft && old.status != ActivityStatus::Draft;
        assert!(!back, "no activity becomes a draft again");
    }
    for (id, old) in &before.coupons {
        let new = &after.coupons[id];
        assert!(coupon_steps(old.status).contains(&new.status), "{old:?} became {new:?}");
        let same = |coupon: &Coupon| Coupon {
            status: CouponStatus::Process,
            failed: None,
            settle_at: None,
            decided_at: None,
            expires_at: None,
            redeemed: None,
            closed_at: None,
            ..coupon.clone()
        };
        assert_eq!(same(old), same(new), "a coupon's particulars never change");
        let ended = !old.status.holds();
        assert!(!ended || old == new, "nothing about a coupon that has ended changes");
        let issued = old.status == CouponStatus::Issued;
        assert!(!issued || old.expires_at == new.expires_at, "its end is fixed when it is issued");
    }
    for (id, old) in &before.enrolments {
        let new = &after.enrolments[id];
        let decided = old.status != EnrolmentStatus::Pending;
        assert!(!decided || old == new, "what was decided stays so");
        let same = |enrolment: &Enrolment| Enrolment {
            status: EnrolmentStatus::Pending,
            reason: None,
            decided_by: None,
            decided_at: None,
            ..enrolment.clone()
        };
        assert_eq!(same(old), same(new), "an enrolment's particulars never change");
    }
    for photo in before.photos.values().filter(|photo| photo.used) {
        assert_eq!(after.photos.get(&photo.id), Some(photo), "what an enrolment names stays");
    }
    for (key, request) in &before.gateway_requests {
        assert_eq!(after.gateway_requests.get(key), Some(request), "one call, one answer");
    }
    for (key, id) in &before.coupon_keys {
        assert_eq!(after.coupon_keys[key], *id, "a key is one coupon's for ever");
    }
    assert!(after.attempts.starts_with(&before.attempts), "what was attempted stays as it is");
}

/// Where one batch may leave an order: more than one arrow may be taken within it.
fn status_steps(from: DonationStatus) -> &'static [DonationStatus] {
    use DonationStatus::{Failed, Paid, Placed, Refunded};
    match from {
        Placed => &[Placed, Paid, Failed, Refunded],
        Paid => &[Paid, Refunded],
        Failed => &[Failed],
        Refunded => &[Refunded],
    }
}

fn coupon_steps(from: CouponStatus) -> &'static [CouponStatus] {
    use CouponStatus::{Expired, Failed, Issued, Process, Used};
    match from {
        Process => &[Process, Issued, Failed, Used, Expired],
        Issued => &[Issued, Used, Expired],
        Failed => &[Failed],
        Used => &[Used],
        Expired => &[Expired],
    }
}
