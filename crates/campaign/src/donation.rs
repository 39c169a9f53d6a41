mod place;
mod refund;
mod settle;

use jiff::Timestamp;
use jiff::civil::DateTime;

pub use place::{Donate, DonateRefusal, Donated, LimitReached};
pub use refund::{Refund, RefundRefusal};
pub use settle::Settle;

use crate::{ActivityNo, AppId, Bid, Fen, Id, ProjectNo, ThirdUid, UserKey, World, day_of};

/// Where a donation stands; the numbers are the vendor's. It moves `Placed → Paid | Failed` and
/// `Paid → Refunded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DonationStatus {
    /// 2: its money is held, its channel has not answered.
    Placed,
    /// 11: the project has the money.
    Paid,
    /// 13: the channel failed; the money went back.
    Failed,
    /// 15: an operator gave the money back.
    Refunded,
}

/// How a caller finds its donation again: one key, one effect, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DonationKey {
    /// What is paid by.
    pub bid: Bid,
    /// The caller's number for it.
    pub reward_transcode: Box<str>,
}

/// One donation of points, paid with the activity's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Donation {
    /// Its number.
    pub id: Id,
    /// The caller's key.
    pub key: DonationKey,
    /// Who called.
    pub appid: AppId,
    /// Whose money.
    pub activity_no: ActivityNo,
    /// Who receives it.
    pub project_no: ProjectNo,
    /// Whose points.
    pub third_uid: ThirdUid,
    /// How many points.
    pub reward: u32,
    /// When the points were taken, in Shanghai wall time.
    pub reward_time: DateTime,
    /// How much money.
    pub money: Fen,
    /// Where it stands.
    pub status: DonationStatus,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When its channel is to settle it; `None` once it has.
    pub settle_at: Option<Timestamp>,
    /// When it reached its present status.
    pub changed_at: Timestamp,
    /// The flowers exchange it was spent on.
    pub flowers: Option<Id>,
}

impl Donation {
    /// Whose usage it counts in.
    pub fn user_key(&self) -> UserKey {
        UserKey { activity_no: self.activity_no.clone(), user: self.third_uid.clone() }
    }
}

/// Takes a donation that no longer holds its money out of its user's usage.
fn give_usage_back(world: &mut World, donation: &Donation) {
    if let Some(usage) = world.usages.change(&donation.user_key()) {
        *usage = usage.give_back(day_of(donation.placed_at), donation.money);
    }
}
