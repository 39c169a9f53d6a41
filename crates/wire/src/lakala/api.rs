use serde::Serialize;
use serde::de::DeserializeOwned;

/// The calls of this vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Issues a coupon.
    Issue,
    /// Asks how a coupon stands.
    Query,
}

impl Api {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Issue, Self::Query];

    /// A short name for it, ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Query => "query",
        }
    }

    /// Where it is posted to unless a setting says otherwise: the vendor publishes no paths.
    pub const fn default_path(self) -> &'static str {
        match self {
            Self::Issue => "/api/v3/coupon/issue",
            Self::Query => "/api/v3/coupon/query",
        }
    }

    /// The call of that name, spelt exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }

    /// True when it only reads, so that nothing can happen twice.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Query)
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The body of a call.
pub trait Message: Serialize {
    /// The call it is the body of.
    const API: Api;
    /// What the answer carries as `data`.
    type Answer: DeserializeOwned;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_ends_with_its_name() {
        for api in Api::ALL {
            assert_eq!(api.default_path().rsplit('/').next(), Some(api.name()));
            assert_eq!(Api::from_name(api.name()), Some(api));
        }
        assert_eq!(Api::from_name("Issue"), None);
    }
}
