//! The questions a [`Reader`](crate::Reader) answers. Lists are paged by a cursor: rows come newest
//! first, and a page names the number to go on below.

use std::collections::HashMap;

use huodong_campaign::{
    AccountId, AccountKind, ActivityNo, ActivityStatus, AppId, Bid, CallbackEvent, CallbackState,
    CertId, CouponStatus, DonationStatus, EnrolmentStatus, Fen, Id, InstitutionId, MercId,
    MerchantKind, OpenId, OrgNo, OwnerId, ProjectNo, RateActivity, ThirdUid, TransferReason,
};
use jiff::Timestamp;

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Only rows with a number below this; the `next` of the page before.
    pub before: Option<i64>,
    /// At most this many rows; the caller has bounded it.
    pub limit: usize,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first. May be short of the limit, even empty, before the end: a filter
    /// that matches little stops after a bounded number of rows looked at.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<i64>,
}

/// Which donations. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct DonationFilter {
    /// Of this activity.
    pub activity_no: Option<ActivityNo>,
    /// For this project.
    pub project_no: Option<ProjectNo>,
    /// Called by this application.
    pub appid: Option<AppId>,
    /// Paid by this bid.
    pub bid: Option<Bid>,
    /// Of this user.
    pub third_uid: Option<ThirdUid>,
    /// That stand here.
    pub status: Option<DonationStatus>,
    /// Placed at or after this moment …
    pub from: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
}

/// Which activities.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Of this organization.
    pub org_no: Option<OrgNo>,
    /// Bound to this project.
    pub project_no: Option<ProjectNo>,
    /// That stand here.
    pub status: Option<ActivityStatus>,
}

/// Which flower exchanges.
#[derive(Clone, Debug, Default)]
pub struct FlowerFilter {
    /// Called by this application.
    pub appid: Option<AppId>,
    /// Received by this user.
    pub open_id: Option<OpenId>,
}

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this kind.
    pub kind: Option<AccountKind>,
    /// Of this owner.
    pub owner: Option<String>,
}

/// Which transfers.
#[derive(Clone, Debug, Default)]
pub struct TransferFilter {
    /// From or to this account.
    pub account: Option<AccountId>,
    /// For this order.
    pub order: Option<Id>,
    /// Made for this reason.
    pub reason: Option<TransferReason>,
    /// Made at or after this moment …
    pub from: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
}

/// Which audit entries.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Done by this token.
    pub actor: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// Done to this.
    pub subject: Option<String>,
}

/// The ledger summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalance {
    /// For each kind: how many accounts, and the sum of their balances.
    pub kinds: Vec<(AccountKind, u64, Fen)>,
    /// The sum over all accounts: zero, or the ledger is broken.
    pub sum: Fen,
}

/// An activity's donations summed up, by status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DonationTotals {
    /// For each status: how many, and how much.
    pub by_status: Vec<(DonationStatus, u64, Fen)>,
}

/// Which coupons. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct CouponFilter {
    /// Of this activity.
    pub activity_no: Option<ActivityNo>,
    /// Handed out by this institution.
    pub appid: Option<InstitutionId>,
    /// On behalf of this owner.
    pub owner_id: Option<OwnerId>,
    /// Of this user, as WeChat knows them.
    pub openid: Option<OpenId>,
    /// Of this user, as the institution knows them.
    pub member_id: Option<String>,
    /// That stand here.
    pub status: Option<CouponStatus>,
    /// Asked for at or after this moment …
    pub from: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
}

/// An activity's coupons summed up, by status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponTotals {
    /// For each status: how many, and what they are worth at most.
    pub by_status: Vec<(CouponStatus, u64, Fen)>,
}

/// Where a callback stands, without the particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallbackStatus {
    /// Its next attempt is due at some time.
    Waiting,
    /// An attempt is under way.
    Leased,
    /// The receiver has acknowledged it.
    Delivered,
    /// Its last attempt has failed.
    Exhausted,
}

impl From<CallbackState> for CallbackStatus {
    fn from(state: CallbackState) -> Self {
        match state {
            CallbackState::Waiting { .. } => Self::Waiting,
            CallbackState::Leased { .. } => Self::Leased,
            CallbackState::Delivered => Self::Delivered,
            CallbackState::Exhausted => Self::Exhausted,
        }
    }
}

/// Which callbacks. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct CallbackFilter {
    /// Owed to this institution.
    pub appid: Option<InstitutionId>,
    /// Of this coupon.
    pub coupon: Option<Id>,
    /// That tell this.
    pub event: Option<CallbackEvent>,
    /// That stand here.
    pub status: Option<CallbackStatus>,
    /// To this host and port.
    pub receiver: Option<String>,
    /// Of what happened at or after this moment …
    pub from: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
}

/// The store's number for a receiver: an institution at one host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverNo(pub i64);

/// The store's number for an institution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstitutionNo(pub i64);

/// How many callbacks may be given out for sending, and to whom.
#[derive(Clone, Debug)]
pub struct Room {
    /// In all.
    pub limit: usize,
    /// To one institution, those under way included.
    pub per_institution_max: usize,
    /// Under way to each institution.
    pub per_institution: HashMap<InstitutionNo, usize>,
    /// To one receiver, those under way included.
    pub per_receiver_max: usize,
    /// Under way to each receiver.
    pub per_receiver: HashMap<ReceiverNo, usize>,
    /// Only those of one part in so many, with the part's number: so that nodes which look at the
    /// same time do not all see the same.
    pub part: Option<(i64, i64)>,
}

impl Room {
    /// Nothing is under way, and an institution may take all there is.
    pub fn of(limit: usize, per_receiver_max: usize) -> Self {
        Self {
            limit,
            per_institution_max: limit,
            per_institution: HashMap::new(),
            per_receiver_max,
            per_receiver: HashMap::new(),
            part: None,
        }
    }
}

/// A callback whose next attempt is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueCallback {
    /// Its number.
    pub id: Id,
    /// Whom it is owed to.
    pub institution: InstitutionNo,
    /// Where it goes.
    pub receiver: ReceiverNo,
    /// Since when.
    pub due_at: Timestamp,
}

/// Which merchants. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct MerchantFilter {
    /// Of this initiator.
    pub cert_id: Option<CertId>,
    /// Of this kind.
    pub kind: Option<MerchantKind>,
    /// That have confirmed their intent, or have not.
    pub intent_confirmed: Option<bool>,
}

/// Which photos. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct PhotoFilter {
    /// Uploaded by this initiator.
    pub cert_id: Option<CertId>,
    /// That are in an enrolment, or in none.
    pub used: Option<bool>,
}

/// Which enrolments. All that is given must match.
#[derive(Clone, Debug, Default)]
pub struct EnrolmentFilter {
    /// Made by this initiator.
    pub cert_id: Option<CertId>,
    /// Of this merchant.
    pub merc_id: Option<MercId>,
    /// For this activity.
    pub activity: Option<RateActivity>,
    /// That stand here.
    pub status: Option<EnrolmentStatus>,
    /// Made at or after this moment …
    pub from: Option<Timestamp>,
    /// … and before this one.
    pub until: Option<Timestamp>,
}
