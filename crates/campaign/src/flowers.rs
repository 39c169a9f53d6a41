use jiff::Timestamp;
use thiserror::Error;

use crate::{AppId, Command, DonationStatus, Id, OpenId, TransCode, Wanted, World, day_of};

/// How a caller finds its flowers exchange again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowerKey {
    /// Who called.
    pub appid: AppId,
    /// The caller's number for it.
    pub trans_code: TransCode,
}

/// Whose flowers: one user of one application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserFlowersKey {
    /// The application.
    pub appid: AppId,
    /// The user.
    pub open_id: OpenId,
}

/// What a user has received from one application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserFlowers {
    /// In all.
    pub total: u64,
    /// The Shanghai day the next field counts.
    pub day: i32,
    /// On that day.
    pub on_day: u32,
}

impl UserFlowers {
    /// What the user will have after `num` more on `day`, or the day's limit that stands against it.
    pub fn take(mut self, day: i32, num: u32, most: u32) -> Result<Self, FlowerRefusal> {
        if day != self.day {
            self.day = day;
            self.on_day = 0;
        }
        let on_day = self.on_day.saturating_add(num);
        if on_day > most {
            return Err(FlowerRefusal::DailyLimit { had: self.on_day, most });
        }
        self.on_day = on_day;
        self.total = self.total.saturating_add(num.into());
        Ok(self)
    }
}

/// Flowers given to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowerGrant {
    /// Its number: the exchange_id.
    pub id: Id,
    /// The caller's key.
    pub key: FlowerKey,
    /// To whom.
    pub open_id: OpenId,
    /// How many.
    pub num: u32,
    /// The paid donation they thank for.
    pub donation: Option<Id>,
    /// When.
    pub granted_at: Timestamp,
}

/// Why flowers were refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlowerRefusal {
    /// The application does not exist.
    #[error("the application is unknown")]
    UnknownApplication,
    /// Zero flowers.
    #[error("xhh_num must be above zero")]
    NoFlowers,
    /// The key was used with another value of this field.
    #[error("trans_code was used before with another {0}")]
    KeyReused(&'static str),
    /// The caller's window for the exchange is over or has not begun.
    #[error("the time is not within time_start and time_expire")]
    OutsideWindow,
    /// The user has the day's flowers.
    #[error("the user has {had} of {most} flowers for the day")]
    DailyLimit {
        /// Received on that day.
        had: u32,
        /// The application's limit.
        most: u32,
    },
    /// business_info names no donation of this application.
    #[error("business_info names a donation that is unknown")]
    UnknownDonation,
    /// It names one of another user, or its two codes name two donations.
    #[error("business_info names a donation whose {0} differs")]
    OtherDonation(&'static str),
    /// It names one that is not paid.
    #[error("business_info names a donation that is not paid")]
    NotPaid,
    /// Its flowers were given in another exchange.
    #[error("business_info names a donation whose flowers were given before")]
    AlreadyThanked,
}

/// Gives flowers to a user (PreTry). Safe to repeat: the key decides.
#[derive(Clone, Debug)]
pub struct GrantFlowers {
    /// The caller's key.
    pub key: FlowerKey,
    /// To whom.
    pub open_id: OpenId,
    /// How many.
    pub num: u32,
    /// From when the caller lets it happen …
    pub starts_at: Timestamp,
    /// … and until when.
    pub expires_at: Timestamp,
    /// The donation's number in business_info.
    pub donation: Option<Id>,
    /// The donation's reward_transcode in business_info.
    pub reward_transcode: Option<Box<str>>,
}

/// An exchange that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// As it is.
    pub grant: FlowerGrant,
    /// True when an earlier call made it.
    pub repeated: bool,
}

impl Command for GrantFlowers {
    type Done = Granted;
    type Refusal = FlowerRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.flower_keys.push(&self.key);
        wanted.applications.insert(&self.key.appid);
        wanted.donations.extend(self.donation);
        wanted.user_flowers.push(self.user_key());
    }

    fn decide(&self, world: &mut World) -> Result<Granted, FlowerRefusal> {
        if let Some(grant) = world.flowers.get(&self.key) {
            return match self.differs_from(grant) {
                Some(field) => Err(FlowerRefusal::KeyReused(field)),
                None => Ok(Granted { grant: grant.clone(), repeated: true }),
            };
        }
        let application = world.applications.get(&self.key.appid);
        let most = application.ok_or(FlowerRefusal::UnknownApplication)?.flowers_per_day;
        if self.num == 0 {
            return Err(FlowerRefusal::NoFlowers);
        }
        if world.now < self.starts_at || world.now > self.expires_at {
            return Err(FlowerRefusal::OutsideWindow);
        }
        match self.donation {
            Some(donation) => self.check_donation(world, donation)?,
            // A reward_transcode is unique only within a bid, and no bid is given.
            None if self.reward_transcode.is_some() => return Err(FlowerRefusal::UnknownDonation),
            None => {}
        }
        let had = world.user_flowers.get(&self.user_key()).copied().unwrap_or_default();
        let after = had.take(day_of(world.now), self.num, most)?;

        let id = world.take_id();
        if let Some(donation) = self.donation {
            world.donations.change(&donation).expect("checked before").flowers = Some(id);
        }
        world.user_flowers.put(self.user_key(), after);
        let grant = FlowerGrant {
            id,
            key: self.key.clone(),
            open_id: self.open_id.clone(),
            num: self.num,
            donation: self.donation,
            granted_at: world.now,
        };
        world.flowers.insert(self.key.clone(), grant.clone());
        Ok(Granted { grant, repeated: false })
    }
}

impl GrantFlowers {
    fn user_key(&self) -> UserFlowersKey {
        UserFlowersKey { appid: self.key.appid.clone(), open_id: self.open_id.clone() }
    }

    fn differs_from(&self, granted: &FlowerGrant) -> Option<&'static str> {
        if self.open_id != granted.open_id {
            Some("open_id")
        } else if self.num != granted.num {
            Some("xhh_num")
        } else if self.donation != granted.donation {
            Some("business_info")
        } else {
            None
        }
    }

    fn check_donation(&self, world: &World, donation: Id) -> Result<(), FlowerRefusal> {
        let found = world.donations.get(&donation);
        let found = found
            .filter(|found| found.appid == self.key.appid)
            .ok_or(FlowerRefusal::UnknownDonation)?;
        if let Some(reward_transcode) = &self.reward_transcode
            && *reward_transcode != found.key.reward_transcode
        {
            return Err(FlowerRefusal::OtherDonation("reward_transcode"));
        }
        if self.open_id.as_str() != found.third_uid.as_str() {
            return Err(FlowerRefusal::OtherDonation("third_uid"));
        }
        if found.status != DonationStatus::Paid {
            return Err(FlowerRefusal::NotPaid);
        }
        if found.flowers.is_some() {
            return Err(FlowerRefusal::AlreadyThanked);
        }
        Ok(())
    }
}
