use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DecodeError;

/// The calls of this vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Which activities a project is bound to.
    GetActivityInfo,
    /// Places a donation.
    RewardToDonate,
    /// Asks how a donation stands.
    RewardDonateQuery,
    /// Asks whether a user may receive flowers.
    CheckXhh,
    /// Gives flowers.
    PreTry,
    /// Asks whether flowers were given.
    CheckIsTransExist,
    /// Asks how many flowers a user has received.
    QueryUserXhh,
}

impl Api {
    /// All of them, donations first.
    pub const ALL: [Self; 7] = [
        Self::GetActivityInfo,
        Self::RewardToDonate,
        Self::RewardDonateQuery,
        Self::CheckXhh,
        Self::PreTry,
        Self::CheckIsTransExist,
        Self::QueryUserXhh,
    ];

    /// The vendor's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetActivityInfo => "GetActivityInfo",
            Self::RewardToDonate => "RewardToDonate",
            Self::RewardDonateQuery => "RewardDonateQuery",
            Self::CheckXhh => "CheckXhh",
            Self::PreTry => "PreTry",
            Self::CheckIsTransExist => "CheckIsTransExist",
            Self::QueryUserXhh => "QueryUserXhh",
        }
    }

    /// Where it is posted to.
    pub const fn path(self) -> &'static str {
        match self {
            Self::GetActivityInfo => "/api/reward_donate_service/GetActivityInfo",
            Self::RewardToDonate => "/api/reward_donate_service/RewardToDonate",
            Self::RewardDonateQuery => "/api/reward_donate_service/RewardDonateQuery",
            Self::CheckXhh => "/api/xhh_third_service/CheckXhh",
            Self::PreTry => "/api/xhh_third_service/PreTry",
            Self::CheckIsTransExist => "/api/xhh_third_service/CheckIsTransExist",
            Self::QueryUserXhh => "/api/xhh_third_service/QueryUserXhh",
        }
    }

    /// The call of that name, spelt exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }

    /// True when it only reads, so that nothing can happen twice.
    pub const fn only_reads(self) -> bool {
        !matches!(self, Self::RewardToDonate | Self::PreTry)
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The body of a call, as a client sends it.
pub trait Message: Serialize {
    /// The call it is the body of.
    const API: Api;
    /// What a successful answer carries as `data`.
    type Answer: DeserializeOwned;

    /// The rules that concern more than one field.
    fn check(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// The body of a call, as a server reads it: its texts borrow from what was received.
pub trait Request<'de>: Message + Deserialize<'de> {}

impl<'de, M: Message + Deserialize<'de>> Request<'de> for M {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_ends_with_its_name() {
        for api in Api::ALL {
            assert_eq!(api.path().rsplit('/').next(), Some(api.name()));
            assert_eq!(Api::from_name(api.name()), Some(api));
        }
        assert_eq!(Api::from_name("pretry"), None);
    }
}
