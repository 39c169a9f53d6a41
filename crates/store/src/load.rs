//! Loading the rows a batch names, and what hangs on them.

mod ahead;
mod cache;
mod coupons;
mod gateway;
mod partners;

use std::collections::{BTreeSet, HashMap};

use huodong_campaign::{
    AccountId, ActivityNo, Donation, DonationKey, FlowerGrant, FlowerKey, Id, OUTSIDE, OrgNo,
    ProjectNo, UserKey, Wanted, World,
};

use super::columns::Coded;
use super::errors::corrupt;
use super::index::{KeyHasher, Lookup};
use super::rows;
use crate::StoreError;
use crate::sql::{Cell, Connection, Lock, Params, Row, many};

pub(crate) use ahead::{Ahead, Ask};
pub(crate) use cache::Cache;
use cache::Kept;
pub(super) use coupons::{callback, coupon, coupon_behind};
pub(super) use gateway::{enrolment, latest_enrolment, merchants_by_pid, photo, request_behind};

pub(super) struct Loader<'s> {
    pub(super) conn: &'s Connection,
    pub(super) keys: &'s KeyHasher,
    pub(super) index: &'s Lookup,
    /// Whether activities are needed by this batch alone, as stock is taken from them.
    pub(super) activities: Lock,
    /// What was asked for with the beginning of the transaction.
    pub(super) ahead: Option<Ahead>,
    /// What was kept from batches before.
    pub(super) cache: Option<&'s mut Cache>,
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
        let mut accounts = BTreeSet::new();
        let mut usages = Vec::new();
        let donations = ids(&wanted.donations);
        for donation in
            many(self.conn, rows::DONATIONS, "d.id", &donations, Lock::Own, rows::donation)?
        {
            let (_, donation) = donation;
            activities.insert(donation.activity_no.clone());
            projects.insert(donation.project_no.clone());
            usages.push(donation.user_key());
            self.world.donations.loaded(donation.id, donation);
        }
        self.coupons(&wanted.coupons, &mut activities, &mut usages)?;
        self.callbacks(&wanted.callbacks)?;
        self.activities(&activities, &mut organizations, &mut accounts)?;
        self.projects(&projects, &mut accounts)?;
        self.organizations(&organizations, &mut accounts)?;
        self.accounts(&accounts)?;
        self.usages(wanted.usages.iter().chain(&usages))?;
        self.partners(wanted)?;
        self.gateway(wanted)?;
        self.others(wanted)
    }

    /// What keys lead to, with their place among `keys`.
    fn led_to(&self, hashes: &[u128]) -> Result<Vec<(usize, Id)>, StoreError> {
        let ahead = self.ahead.as_ref().and_then(|ahead| ahead.lookup(hashes));
        let found = match ahead {
            Some(found) => found,
            None => self.index.get_many(self.conn, hashes, Lock::No)?,
        };
        let found = found.into_iter().enumerate();
        found.filter_map(|(at, value)| Some((at, value?.to_id()))).map(placed).collect()
    }

    /// The rows that keys lead to, each with its key. `key` tells a row's; one that is not the key's
    /// is none the index can have meant.
    fn keyed<K: PartialEq, T: Clone>(
        &self,
        keys: &[&K],
        hash: impl Fn(&K) -> u128,
        (select, column): (&str, &str),
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
        key: impl Fn(&T) -> &K,
    ) -> Result<Vec<T>, StoreError> {
        let hashes: Vec<u128> = keys.iter().map(|key| hash(key)).collect();
        let led_to = self.led_to(&hashes)?;
        let cells: Vec<_> = led_to.iter().map(|(_, id)| Cell::from(id.0)).collect();
        let found = many(self.conn, select, column, &cells, Lock::Own, map)?;
        let found: HashMap<i64, T> = found.into_iter().collect();
        led_to
            .into_iter()
            .map(|(at, id)| {
                let row = found.get(&id.0).filter(|row| key(row) == keys[at]);
                row.cloned().ok_or_else(|| {
                    corrupt(format!("row {id} is not the one the index took it for"))
                })
            })
            .collect()
    }

    fn donation_keys(&mut self, keys: &[&DonationKey]) -> Result<(), StoreError> {
        let hash = |key: &DonationKey| self.keys.donation(key);
        let select = (rows::DONATIONS, "d.id");
        for donation in self.keyed(keys, hash, select, rows::donation, |found| &found.key)? {
            self.world.donation_keys.loaded(donation.key.clone(), donation.id);
            self.world.donations.loaded(donation.id, donation);
        }
        Ok(())
    }

    fn flower_keys(&mut self, keys: &[&FlowerKey]) -> Result<(), StoreError> {
        let hash = |key: &FlowerKey| self.keys.flower(key);
        let select = (rows::FLOWERS, "f.id");
        for grant in self.keyed(keys, hash, select, rows::flower, |found| &found.key)? {
            self.world.flowers.loaded(grant.key.clone(), grant);
        }
        Ok(())
    }

    fn user_flowers(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let keys = &wanted.user_flowers;
        let hashes: Vec<u128> = keys.iter().map(|key| self.keys.user_flowers(key)).collect();
        let found = self.index.get_many(self.conn, &hashes, Lock::Own)?;
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
        let found = self.index.get_many(self.conn, &hashes, Lock::Own)?;
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
        accounts: &mut BTreeSet<AccountId>,
    ) -> Result<(), StoreError> {
        let found = if self.activities == Lock::Own {
            let keys = texts(wanted, ActivityNo::as_str);
            let select = (rows::ACTIVITIES, "a.activity_no");
            many(self.conn, select.0, select.1, &keys, Lock::Own, rows::activity)?
                .into_iter()
                .map(|(_, activity)| activity)
                .collect()
        } else {
            let kept = Kept {
                part: |cache| &mut cache.activities,
                select: rows::ACTIVITIES,
                column: "a.activity_no",
                map: rows::activity,
                name: |found| found.coupon.is_none().then_some(&found.activity_no),
            };
            self.known(wanted.iter(), ActivityNo::as_str, &kept)?
        };
        for activity in found {
            organizations.insert(activity.org_no.clone());
            accounts.extend([activity.frozen, activity.held]);
            accounts.extend(activity.coupon.as_ref().map(|offer| offer.spent));
            self.world.activities.loaded(activity.activity_no.clone(), activity);
        }
        Ok(())
    }

    fn projects(
        &mut self,
        wanted: &BTreeSet<ProjectNo>,
        accounts: &mut BTreeSet<AccountId>,
    ) -> Result<(), StoreError> {
        let kept = Kept {
            part: |cache| &mut cache.projects,
            select: rows::PROJECTS,
            column: "project_no",
            map: rows::project,
            name: |found| Some(&found.project_no),
        };
        for project in self.known(wanted.iter(), ProjectNo::as_str, &kept)? {
            accounts.insert(project.account);
            self.world.projects.loaded(project.project_no.clone(), project);
        }
        Ok(())
    }

    fn organizations(
        &mut self,
        wanted: &BTreeSet<OrgNo>,
        accounts: &mut BTreeSet<AccountId>,
    ) -> Result<(), StoreError> {
        let kept = Kept {
            part: |cache| &mut cache.organizations,
            select: rows::ORGANIZATIONS,
            column: "org_no",
            map: rows::organization,
            name: |found| Some(&found.org_no),
        };
        for found in self.known(wanted.iter(), OrgNo::as_str, &kept)? {
            accounts.insert(found.account);
            self.world.organizations.loaded(found.org_no.clone(), found);
        }
        accounts.extend((!wanted.is_empty()).then_some(OUTSIDE));
        Ok(())
    }

    /// Accounts are kept from nobody: they are changed by how much they change.
    fn accounts(&mut self, wanted: &BTreeSet<AccountId>) -> Result<(), StoreError> {
        let mut ahead = self.ahead.take().map(|ahead| ahead.accounts).unwrap_or_default();
        let (had, missing): (Vec<_>, Vec<_>) =
            wanted.iter().map(|id| (id, ahead.remove(&id.0))).partition(|(_, had)| had.is_some());
        let keys: Vec<_> = missing.iter().map(|(id, _)| Cell::from(id.0)).collect();
        let read = self.reference(rows::ACCOUNTS, "id", &keys, rows::account)?;
        let read = read.into_iter().map(|(_, account)| account);
        let mut count = 0;
        for account in had.into_iter().filter_map(|(_, account)| account).chain(read) {
            count += 1;
            self.world.accounts.loaded(account.id, account);
        }
        if count < wanted.len() { Err(corrupt("an account is not there")) } else { Ok(()) }
    }

    /// Rows that are only read, or changed by one batch at a time.
    fn reference<T>(
        &self,
        select: &str,
        column: &str,
        keys: &[Cell<'_>],
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    ) -> Result<Vec<(i64, T)>, StoreError> {
        many(self.conn, select, column, keys, Lock::No, map)
    }

    fn others(&mut self, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        let kept = Kept {
            part: |cache| &mut cache.applications,
            select: rows::APPLICATIONS,
            column: "appid",
            map: rows::application,
            name: |found| Some(&found.appid),
        };
        for found in self.known(wanted.applications.iter().copied(), |it| it.as_str(), &kept)? {
            self.world.applications.loaded(found.appid.clone(), found);
        }
        let kept = Kept {
            part: |cache| &mut cache.bids,
            select: rows::BIDS,
            column: "bid",
            map: rows::bid,
            name: |found| Some(&found.bid),
        };
        for found in self.known(wanted.bids.iter().copied(), |it| it.as_str(), &kept)? {
            self.world.bids.loaded(found.bid.clone(), found);
        }
        let keys = texts(&wanted.tokens, |name| name.as_str());
        for (_, found) in self.reference(rows::TOKENS, "name", &keys, rows::token)? {
            self.world.tokens.loaded(found.name.clone(), found);
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

fn placed((at, id): (usize, Result<Id, StoreError>)) -> Result<(usize, Id), StoreError> {
    Ok((at, id?))
}

fn ids(wanted: &BTreeSet<Id>) -> Vec<Cell<'static>> {
    wanted.iter().map(|id| Cell::from(id.0)).collect()
}

fn texts<'k, K>(wanted: &'k BTreeSet<K>, text: impl Fn(&'k K) -> &'k str) -> Vec<Cell<'k>> {
    wanted.iter().map(|key| Cell::Text(text(key))).collect()
}

fn own<T: Clone>(borrowed: &&T) -> T {
    (*borrowed).clone()
}

/// The one row a query gives, where it gives any.
pub(super) fn one<T>(
    conn: &Connection,
    select: &str,
    params: impl Params,
    map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
) -> Result<Option<T>, StoreError> {
    let found = conn.prepare(select)?.maybe_row(params, map)?;
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
