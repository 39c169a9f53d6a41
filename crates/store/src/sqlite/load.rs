//! Loading the rows a batch names, and what hangs on them.

mod coupons;
mod gateway;
mod partners;

use std::collections::BTreeSet;

use huodong_campaign::{
    AccountId, ActivityNo, Donation, DonationKey, FlowerGrant, FlowerKey, Id, OUTSIDE, OrgNo,
    ProjectNo, UserKey, Wanted, World,
};
use rusqlite::{Connection, Params, Row};

use super::columns::Coded;
use super::errors::corrupt;
use super::hash_index::{KeyHasher, Lookup};
use super::rows;
use crate::StoreError;

pub(super) use coupons::{callback, coupon, coupon_behind};
pub(super) use gateway::{enrolment, latest_enrolment, merchants_by_pid, photo, request_behind};

pub(super) struct Loader<'s> {
    pub(super) conn: &'s Connection,
    pub(super) keys: &'s KeyHasher,
    pub(super) index: &'s Lookup,
    pub(super) world: &'s mut World,
}

impl Loader<'_> {
    pub(super) fn load(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        self.donation_keys(&wanted.donation_keys)?;
        self.coupon_keys(&wanted.coupon_keys)?;
        self.flower_keys(&wanted.flower_keys)?;
        self.user_flowers(wanted)?;

        let mut activities: BTreeSet<ActivityNo> = wanted.activities.iter().map(own).collect();
        let mut projects: BTreeSet<ProjectNo> = wanted.projects.iter().map(own).collect();
        let mut organizations: BTreeSet<OrgNo> = wanted.organizations.iter().map(own).collect();
        let mut usages = Vec::new();
        for id in &wanted.donations {
            let Some(donation) = donation(self.conn, *id)? else { continue };
            activities.insert(donation.activity_no.clone());
            projects.insert(donation.project_no.clone());
            usages.push(donation.user_key());
            self.world.donations.loaded(*id, donation);
        }
        self.coupons(&wanted.coupons, &mut activities, &mut usages)?;
        self.callbacks(&wanted.callbacks)?;
        self.activities(&activities, &mut organizations)?;
        self.projects(&projects)?;
        self.organizations(&organizations)?;
        self.usages(wanted.usages.iter().chain(&usages))?;
        self.partners(wanted)?;
        self.gateway(wanted)?;
        self.others(wanted)
    }

    fn donation_keys(&mut self, keys: &[&DonationKey]) -> Result<(), StoreError> {
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.donation(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value else { continue };
            let donation = donation_behind(self.conn, key, value.to_id()?)?;
            self.world.donation_keys.loaded((*key).clone(), donation.id);
            self.world.donations.loaded(donation.id, donation);
        }
        Ok(())
    }

    fn flower_keys(&mut self, keys: &[&FlowerKey]) -> Result<(), StoreError> {
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.flower(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value else { continue };
            let grant = flower_behind(self.conn, key, value.to_id()?)?;
            self.world.flowers.loaded((*key).clone(), grant);
        }
        Ok(())
    }

    fn user_flowers(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let keys = &wanted.user_flowers;
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.user_flowers(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.iter().zip(found) {
            if let Some(value) = value {
                self.world.user_flowers.loaded(key.clone(), value.to_flowers()?);
            }
        }
        Ok(())
    }

    /// Usages are kept for activities with limits only, so the others are not asked for.
    fn usages<'k>(&mut self, keys: impl Iterator<Item = &'k UserKey>) -> Result<(), StoreError> {
        let limited = |key: &&UserKey| {
            self.world.activities.get(&key.activity_no).is_some_and(|found| found.limits.any())
        };
        let keys: Vec<&UserKey> = keys.filter(limited).collect();
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.usage(key)).collect();
        let found = self.index.get_many(self.conn, &hashes)?;
        for (key, value) in keys.into_iter().zip(found) {
            if let Some(value) = value {
                self.world.usages.loaded(key.clone(), value.to_usage()?);
            }
        }
        Ok(())
    }

    fn activities(
        &mut self,
        wanted: &BTreeSet<ActivityNo>,
        organizations: &mut BTreeSet<OrgNo>,
    ) -> Result<(), StoreError> {
        let select = format!("{} WHERE activity_no = ?1", rows::ACTIVITIES);
        for activity_no in wanted {
            let found = one(self.conn, &select, [activity_no.as_str()], rows::activity)?;
            let Some(activity) = found else { continue };
            organizations.insert(activity.org_no.clone());
            self.account(activity.frozen)?;
            self.account(activity.held)?;
            if let Some(offer) = &activity.coupon {
                self.account(offer.spent)?;
            }
            self.world.activities.loaded(activity_no.clone(), activity);
        }
        Ok(())
    }

    fn projects(&mut self, wanted: &BTreeSet<ProjectNo>) -> Result<(), StoreError> {
        let select = format!("{} WHERE project_no = ?1", rows::PROJECTS);
        for project_no in wanted {
            let found = one(self.conn, &select, [project_no.as_str()], rows::project)?;
            let Some(project) = found else { continue };
            self.account(project.account)?;
            self.world.projects.loaded(project_no.clone(), project);
        }
        Ok(())
    }

    fn organizations(&mut self, wanted: &BTreeSet<OrgNo>) -> Result<(), StoreError> {
        let select = format!("{} WHERE org_no = ?1", rows::ORGANIZATIONS);
        for org_no in wanted {
            let found = one(self.conn, &select, [org_no.as_str()], rows::organization)?;
            let Some(organization) = found else { continue };
            self.account(organization.account)?;
            self.world.organizations.loaded(org_no.clone(), organization);
        }
        if wanted.is_empty() { Ok(()) } else { self.account(OUTSIDE) }
    }

    fn account(&mut self, id: AccountId) -> Result<(), StoreError> {
        let found = account(self.conn, id)?;
        let found = found.ok_or_else(|| corrupt(format!("account {id} is not there")))?;
        self.world.accounts.loaded(id, found);
        Ok(())
    }

    fn others(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let select = format!("{} WHERE appid = ?1", rows::APPLICATIONS);
        for appid in &wanted.applications {
            if let Some(found) = one(self.conn, &select, [appid.as_str()], rows::application)? {
                self.world.applications.loaded((*appid).clone(), found);
            }
        }
        let select = format!("{} WHERE bid = ?1", rows::BIDS);
        for bid in &wanted.bids {
            if let Some(found) = one(self.conn, &select, [bid.as_str()], rows::bid)? {
                self.world.bids.loaded((*bid).clone(), found);
            }
        }
        let select = format!("{} WHERE name = ?1", rows::TOKENS);
        for name in &wanted.tokens {
            if let Some(found) = one(self.conn, &select, [name.as_str()], rows::token)? {
                self.world.tokens.loaded((*name).clone(), found);
            }
        }
        let select =
            format!("{} WHERE owner = ?1 AND kind = ?2 AND reference = ?3", rows::POSTINGS);
        for key in &wanted.postings {
            let named = (key.owner.as_str(), key.kind.code(), key.reference.as_str());
            if let Some(found) = one(self.conn, &select, named, rows::posting)? {
                self.world.postings.loaded((*key).clone(), found);
            }
        }
        Ok(())
    }
}

fn own<T: Clone>(borrowed: &&T) -> T {
    (*borrowed).clone()
}

/// The one row a query gives, where it gives any.
pub(super) fn one<T>(
    conn: &Connection,
    select: &str,
    params: impl Params,
    map: fn(&Row<'_>) -> Result<(i64, T), StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut select = conn.prepare_cached(select)?;
    let mut rows = select.query(params)?;
    let found = rows.next()?.map(map).transpose()?;
    Ok(found.map(|(_, row)| row))
}

pub(super) fn account(
    conn: &Connection,
    id: AccountId,
) -> Result<Option<huodong_campaign::Account>, StoreError> {
    one(conn, &format!("{} WHERE id = ?1", rows::ACCOUNTS), [id.0], rows::account)
}

pub(super) fn donation(conn: &Connection, id: Id) -> Result<Option<Donation>, StoreError> {
    one(conn, &format!("{} WHERE d.id = ?1", rows::DONATIONS), [id.0], rows::donation)
}

/// The donation the index gave for a key, compared with that key.
pub(super) fn donation_behind(
    conn: &Connection,
    key: &DonationKey,
    id: Id,
) -> Result<Donation, StoreError> {
    let found = donation(conn, id)?;
    found
        .filter(|donation| donation.key == *key)
        .ok_or_else(|| corrupt(format!("donation {id} is not the one the hash index took it for")))
}

/// The exchange the index gave for a key, compared with that key.
pub(super) fn flower_behind(
    conn: &Connection,
    key: &FlowerKey,
    id: Id,
) -> Result<FlowerGrant, StoreError> {
    let found = one(conn, &format!("{} WHERE f.id = ?1", rows::FLOWERS), [id.0], rows::flower)?;
    found
        .filter(|grant| grant.key == *key)
        .ok_or_else(|| corrupt(format!("exchange {id} is not the one the hash index took it for")))
}
