//! What can be asked for together with the beginning of a transaction, so that most batches wait for
//! the database once before they decide, and once after.

use std::collections::{BTreeSet, HashMap, HashSet};

use huodong_campaign::{Account, OUTSIDE, Wanted};

use super::Cache;
use crate::index::{KeyHasher, Value};

/// What to ask for.
pub(crate) struct Ask {
    /// Callers' keys.
    pub(crate) hashes: Vec<u128>,
    /// Accounts of what is kept in memory.
    pub(crate) accounts: Vec<i64>,
}

impl Ask {
    pub(crate) fn of(wanted: &Wanted<'_>, cache: &Cache, keys: &KeyHasher) -> Self {
        let donations = wanted.donation_keys.iter().map(|key| keys.donation(key));
        let coupons = wanted.coupon_keys.iter().map(|key| keys.coupon(key));
        let flowers = wanted.flower_keys.iter().map(|key| keys.flower(key));
        let requests = wanted.gateway_requests.iter().map(|key| keys.gateway_request(key));
        let hashes = donations.chain(coupons).chain(flowers).chain(requests).collect();
        let mut accounts = BTreeSet::new();
        let mut organizations: BTreeSet<_> = wanted.organizations.clone();
        for activity in wanted.activities.iter().filter_map(|no| cache.activities.get(*no)) {
            accounts.extend([activity.frozen.0, activity.held.0]);
            organizations.insert(&activity.org_no);
        }
        let projects = wanted.projects.iter().filter_map(|no| cache.projects.get(*no));
        accounts.extend(projects.map(|project| project.account.0));
        let found = organizations.iter().filter_map(|no| cache.organizations.get(*no));
        accounts.extend(found.map(|organization| organization.account.0));
        accounts.extend((!organizations.is_empty()).then_some(OUTSIDE.0));
        Self { hashes, accounts: accounts.into_iter().collect() }
    }
}

/// What was answered.
pub(crate) struct Ahead {
    pub(crate) asked: HashSet<u128>,
    pub(crate) keys: HashMap<u128, Value>,
    pub(crate) accounts: HashMap<i64, Account>,
}

impl Ahead {
    /// Where keys lead, if all of them were asked for.
    pub(super) fn lookup(&self, hashes: &[u128]) -> Option<Vec<Option<Value>>> {
        let all = hashes.iter().all(|hash| self.asked.contains(hash));
        all.then(|| hashes.iter().map(|hash| self.keys.get(hash).copied()).collect())
    }
}
