use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::{Donation, DonationKey, DonationStatus};
use crate::{
    Activity, ActivityNo, ActivityStatus, AppId, BookRule, Channel, Command, Fen, Id, OrgNo,
    ProjectNo, Settlement, ThirdUid, TransferReason, UserKey, UserUsage, Wanted, World, day_of,
};

/// Places a donation (RewardToDonate). Safe to repeat: the key decides.
#[derive(Clone, Debug)]
pub struct Donate {
    /// The caller's key.
    pub key: DonationKey,
    /// Who calls.
    pub appid: AppId,
    /// For which organization; its activities are the only ones the caller knows.
    pub org_no: OrgNo,
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
}

/// A donation that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Donated {
    /// As it is now.
    pub donation: Donation,
    /// True when an earlier call placed it.
    pub repeated: bool,
}

/// Which of a user's limits is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitReached {
    /// Orders in all.
    CountTotal,
    /// Orders today.
    CountDay,
    /// Money in all.
    MoneyTotal,
    /// Money today.
    MoneyDay,
}

/// Why a donation was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DonateRefusal {
    /// The key was used with another value of this field.
    #[error("reward_transcode was used before with another {0}")]
    KeyReused(&'static str),
    /// The bid is not the application's.
    #[error("bid is not this application's")]
    UnknownBid,
    /// The application's organization has no such activity.
    #[error("activity_no is unknown")]
    UnknownActivity,
    /// There is no such project.
    #[error("project_no is unknown")]
    UnknownProject,
    /// The activity does not give to this project.
    #[error("project_no is not bound to the activity")]
    ProjectNotBound,
    /// The amount is zero.
    #[error("money must be above zero")]
    MoneyZero,
    /// The activity takes no donations as it stands.
    #[error("activity_no names an activity that is not running")]
    NotRunning(ActivityStatus),
    /// Its window has not begun.
    #[error("activity_no names an activity that has not begun")]
    NotBegun(Timestamp),
    /// Its window is over.
    #[error("activity_no names an activity that is over")]
    Over(Timestamp),
    /// The user has reached a limit.
    #[error("third_uid has reached a limit of the activity")]
    LimitReached(LimitReached),
    /// The frozen money does not cover it.
    #[error("the activity's frozen money does not cover the donation")]
    NotEnough,
    /// The channel refuses for good.
    #[error("the payment channel refused")]
    ChannelRefused,
    /// The channel failed for now.
    #[error("the payment channel is unavailable")]
    ChannelUnavailable,
}

impl Command for Donate {
    type Done = Donated;
    type Refusal = DonateRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.donation_keys.push(&self.key);
        wanted.bids.insert(&self.key.bid);
        wanted.activities.insert(&self.activity_no);
        wanted.projects.insert(&self.project_no);
        wanted.usages.push(self.user_key());
    }

    fn decide(&self, world: &mut World) -> Result<Donated, DonateRefusal> {
        // Before the key is looked at, so that nobody is shown what was paid by another's bid.
        if world.bids.get(&self.key.bid).is_none_or(|grant| grant.appid != self.appid) {
            return Err(DonateRefusal::UnknownBid);
        }
        if let Some(id) = world.donation_keys.get(&self.key) {
            let donation = world.donations.get(id).expect("a key's donation is loaded with it");
            return match self.differs_from(donation) {
                Some(field) => Err(DonateRefusal::KeyReused(field)),
                None => Ok(Donated { donation: donation.clone(), repeated: true }),
            };
        }
        let activity = world.activities.get(&self.activity_no);
        let activity = activity.ok_or(DonateRefusal::UnknownActivity)?;
        self.check_activity(world, activity)?;
        let usage = self.usage_after(world, activity)?;
        if !world.covers(activity.frozen, self.money) {
            return Err(DonateRefusal::NotEnough);
        }
        let Channel::Book(rule) = &activity.channel;
        if rule.refuse_money.contains(&self.money) {
            return Err(DonateRefusal::ChannelRefused);
        }
        if rule.unavailable_money.contains(&self.money) {
            return Err(DonateRefusal::ChannelUnavailable);
        }
        let settle_at = due(rule, world.now);
        Ok(Donated { donation: self.place(world, usage, settle_at), repeated: false })
    }
}

impl Donate {
    fn user_key(&self) -> UserKey {
        UserKey { activity_no: self.activity_no.clone(), user: self.third_uid.clone() }
    }

    fn differs_from(&self, placed: &Donation) -> Option<&'static str> {
        [
            ("activity_no", self.activity_no == placed.activity_no),
            ("project_no", self.project_no == placed.project_no),
            ("third_uid", self.third_uid == placed.third_uid),
            ("reward", self.reward == placed.reward),
            ("reward_time", self.reward_time == placed.reward_time),
            ("money", self.money == placed.money),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    fn check_activity(&self, world: &World, activity: &Activity) -> Result<(), DonateRefusal> {
        if activity.org_no != self.org_no || activity.coupon.is_some() {
            return Err(DonateRefusal::UnknownActivity);
        }
        if !activity.projects.contains(&self.project_no) {
            return Err(if world.projects.contains(&self.project_no) {
                DonateRefusal::ProjectNotBound
            } else {
                DonateRefusal::UnknownProject
            });
        }
        if !self.money.is_positive() {
            return Err(DonateRefusal::MoneyZero);
        }
        if activity.status != ActivityStatus::Running {
            return Err(DonateRefusal::NotRunning(activity.status));
        }
        if world.now < activity.starts_at {
            return Err(DonateRefusal::NotBegun(activity.starts_at));
        }
        if world.now >= activity.ends_at {
            return Err(DonateRefusal::Over(activity.ends_at));
        }
        Ok(())
    }

    fn usage_after(
        &self,
        world: &World,
        activity: &Activity,
    ) -> Result<Option<UserUsage>, DonateRefusal> {
        if !activity.limits.any() {
            return Ok(None);
        }
        let usage = world.usages.get(&self.user_key()).copied().unwrap_or_default();
        let after = usage.take(day_of(world.now), self.money, &activity.limits);
        after.map(Some).map_err(DonateRefusal::LimitReached)
    }

    /// Writes the order; every check is behind us.
    fn place(
        &self,
        world: &mut World,
        usage: Option<UserUsage>,
        settle_at: Option<Timestamp>,
    ) -> Donation {
        let activity = world.activities.get(&self.activity_no).expect("checked before");
        let (frozen, held) = (activity.frozen, activity.held);
        let project = world.projects.get(&self.project_no).expect("checked before").account;
        let Channel::Book(rule) = &activity.channel;
        let pays = settle_at.is_none().then(|| rule.pays(Id(world.next_id()), self.money));
        let id = world.take_id();
        match pays {
            None => world.transfer(frozen, held, self.money, TransferReason::Hold, Some(id)),
            Some(true) => {
                world.transfer(frozen, project, self.money, TransferReason::Pay, Some(id));
            }
            Some(false) => {}
        }
        let donation = Donation {
            id,
            key: self.key.clone(),
            appid: self.appid.clone(),
            activity_no: self.activity_no.clone(),
            project_no: self.project_no.clone(),
            third_uid: self.third_uid.clone(),
            reward: self.reward,
            reward_time: self.reward_time,
            money: self.money,
            status: match pays {
                None => DonationStatus::Placed,
                Some(true) => DonationStatus::Paid,
                Some(false) => DonationStatus::Failed,
            },
            placed_at: world.now,
            settle_at,
            changed_at: world.now,
            flowers: None,
        };
        if let Some(usage) = usage
            && donation.status.holds()
        {
            world.usages.put(self.user_key(), usage);
        }
        world.donation_keys.insert(self.key.clone(), id);
        world.donations.insert(id, donation.clone());
        donation
    }
}

/// When an order placed now is to settle; `None` where it settles at once.
fn due(rule: &BookRule, now: Timestamp) -> Option<Timestamp> {
    match rule.settlement {
        Settlement::Instant => None,
        Settlement::Deferred { delay_s } => {
            let delay = SignedDuration::from_secs(i64::from(delay_s));
            Some(now.checked_add(delay).unwrap_or(Timestamp::MAX))
        }
    }
}
