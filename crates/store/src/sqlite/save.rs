//! Saving what a batch changed. Rows made by it are written in the order of their numbers, so that
//! every table and index grows at its end.

mod bulk;
mod callbacks;
mod coupons;
mod gateway;
mod partners;
mod totals;

use std::hash::Hash;

use huodong_campaign::{Donation, Row, RowState, Table, World};
use rusqlite::{Connection, params};

use super::columns::{Coded, civil_ms, ms, to_json};
use super::errors::corrupt;
use super::hash_index::{HashIndex, KeyHasher, Value};
use super::numbers::Numbers;
use crate::StoreError;
use totals::Totals;

/// Records the highest number given out, if this process is still the one that writes.
pub(super) fn fence(conn: &Connection, epoch: i64, last_id: i64) -> Result<(), StoreError> {
    let mut update =
        conn.prepare_cached("UPDATE writer SET last_id = ?2 WHERE one = 1 AND epoch = ?1")?;
    if update.execute((epoch, last_id))? == 1 { Ok(()) } else { Err(StoreError::Fenced) }
}

/// Empties everything but what makes the installation itself.
pub(super) fn wipe(conn: &Connection, epoch: i64) -> Result<(), StoreError> {
    fence(conn, epoch, 1)?;
    conn.execute_batch(
        "DELETE FROM organizations; DELETE FROM applications; DELETE FROM bids; \
         DELETE FROM projects; DELETE FROM activities; DELETE FROM donations; \
         DELETE FROM donation_totals; DELETE FROM transfers; DELETE FROM flowers; \
         DELETE FROM tokens; DELETE FROM postings; DELETE FROM audit; \
         DELETE FROM institutions; DELETE FROM platform_keys; DELETE FROM openid_pages; \
         DELETE FROM coupons; DELETE FROM coupon_totals; DELETE FROM receivers; \
         DELETE FROM callbacks; DELETE FROM callback_counts; DELETE FROM attempts; \
         DELETE FROM initiators; DELETE FROM merchants; DELETE FROM photos; \
         DELETE FROM photo_contents; DELETE FROM enrolments; DELETE FROM gateway_requests; \
         DELETE FROM accounts WHERE id <> 1; \
         UPDATE accounts SET balance = 0 WHERE id = 1;",
    )?;
    super::hash_index::wipe(conn)
}

pub(super) struct Saver<'s> {
    pub(super) conn: &'s Connection,
    pub(super) keys: &'s KeyHasher,
    pub(super) index: &'s mut HashIndex,
    pub(super) numbers: &'s mut Numbers,
}

impl Saver<'_> {
    pub(super) fn save(&mut self, world: &World) -> Result<(), StoreError> {
        self.accounts(world)?;
        self.organizations(world)?;
        self.applications(world)?;
        self.bids(world)?;
        self.projects(world)?;
        self.partners(world)?;
        self.gateway_partners(world)?;
        self.activities(world)?;
        self.donations(world)?;
        self.coupons(world)?;
        self.gateway(world)?;
        self.callbacks(world)?;
        self.attempts(world)?;
        self.transfers(world)?;
        self.flowers(world)?;
        self.keys(world);
        self.tokens(world)?;
        self.postings(world)?;
        self.audit(world)
    }

    fn accounts(&self, world: &World) -> Result<(), StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO accounts (id, kind, owner, balance) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut update =
            self.conn.prepare_cached("UPDATE accounts SET balance = ?2 WHERE id = ?1")?;
        for row in sorted(&world.accounts, |account| account.id) {
            let account = &row.value;
            if row.state == RowState::New {
                let kind = account.kind.code();
                insert.execute((account.id.0, kind, &account.owner, account.balance.0))?;
            } else {
                let changed = update.execute((account.id.0, account.balance.0))?;
                expect_one(changed, "account", account.id)?;
            }
        }
        Ok(())
    }

    fn organizations(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO organizations (org_no, name, merchant_no, account, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (org_no) DO UPDATE SET name = ?2, merchant_no = ?3",
        )?;
        for row in sorted(&world.organizations, |organization| organization.account) {
            let it = &row.value;
            let created_at = ms(it.created_at);
            put.execute((it.org_no.as_str(), &it.name, &it.merchant_no, it.account.0, created_at))?;
        }
        Ok(())
    }

    fn applications(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO applications (appid, org_no, name, sealed_secret, previous_secret, \
             previous_until, status, rate_per_s, flowers_per_day, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (appid) DO UPDATE SET name = ?3, sealed_secret = ?4, \
             previous_secret = ?5, previous_until = ?6, status = ?7, rate_per_s = ?8, \
             flowers_per_day = ?9",
        )?;
        for row in sorted(&world.applications, |it| (it.created_at, it.appid.clone())) {
            let it = &row.value;
            let previous = it.previous_secret.as_ref();
            put.execute(params![
                it.appid.as_str(),
                it.org_no.as_str(),
                it.name,
                it.sealed_secret,
                previous.map(|previous| &previous.sealed),
                previous.map(|previous| ms(previous.valid_until)),
                it.status.code(),
                it.rate_per_s,
                it.flowers_per_day,
                ms(it.created_at),
            ])?;
        }
        Ok(())
    }

    fn bids(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO bids (bid, appid, created_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (bid) DO UPDATE SET appid = ?2",
        )?;
        for row in sorted(&world.bids, |grant| (grant.created_at, grant.bid.clone())) {
            let it = &row.value;
            put.execute((it.bid.as_str(), it.appid.as_str(), ms(it.created_at)))?;
        }
        Ok(())
    }

    fn projects(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO projects (project_no, name, account, created_at) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (project_no) DO UPDATE SET name = ?2",
        )?;
        for row in sorted(&world.projects, |project| project.account) {
            let it = &row.value;
            put.execute((it.project_no.as_str(), &it.name, it.account.0, ms(it.created_at)))?;
        }
        Ok(())
    }

    fn activities(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO activities (activity_no, org_no, kind, name, status, starts_at, ends_at, \
             projects, rules, limits, channel, frozen, held, created_at, promotion_id, \
             batch_code, coupon_terms, issuers, stock_left, spent, initiators, merchants) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
             ?18, ?19, ?20, ?21, ?22) \
             ON CONFLICT (activity_no) DO UPDATE SET kind = ?3, name = ?4, status = ?5, \
             starts_at = ?6, ends_at = ?7, projects = ?8, rules = ?9, limits = ?10, \
             channel = ?11, coupon_terms = ?17, issuers = ?18, stock_left = ?19, \
             initiators = ?21, merchants = ?22",
        )?;
        for row in sorted(&world.activities, |activity| activity.frozen) {
            let it = &row.value;
            let offer = it.coupon.as_ref();
            let stock_left = offer.map(|offer| i64::try_from(offer.stock_left)).transpose();
            put.execute(params![
                it.activity_no.as_str(),
                it.org_no.as_str(),
                it.kind.code(),
                it.name,
                it.status.code(),
                ms(it.starts_at),
                ms(it.ends_at),
                to_json(&it.projects)?,
                to_json(&it.rules)?,
                to_json(&it.limits)?,
                to_json(&it.channel)?,
                it.frozen.0,
                it.held.0,
                ms(it.created_at),
                offer.map(|offer| offer.promotion_id.as_str()),
                offer.map(|offer| &*offer.batch_code),
                offer.map(|offer| to_json(&offer.terms)).transpose()?,
                offer.map(|offer| to_json(&offer.issuers)).transpose()?,
                stock_left.map_err(|_| corrupt("a stock larger than can be kept"))?,
                offer.map(|offer| offer.spent.0),
                offer.map(|offer| to_json(&offer.initiators)).transpose()?,
                offer.map(|offer| to_json(&offer.merchants)).transpose()?,
            ])?;
        }
        Ok(())
    }

    fn donations(&mut self, world: &World) -> Result<(), StoreError> {
        let mut totals = Totals::default();
        let rows = sorted(&world.donations, |donation| donation.id);
        let (new, changed): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == RowState::New);
        self.insert_donations(&new, &mut totals)?;
        for row in changed {
            self.update_donation(&row.value, &mut totals)?;
        }
        totals.save(self.conn, "donation_totals")
    }

    fn insert_donations(
        &mut self,
        rows: &[&Row<Donation>],
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, bid, reward_transcode, app, activity, project, third_uid, \
            reward, reward_time, money, status, placed_at, settle_at, changed_at, flowers";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        bulk::insert(conn, "donations", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let activity = numbers.activity(conn, it.activity_no.as_str())?;
            bind.next(it.id.0)?;
            bind.next(numbers.bid(conn, it.key.bid.as_str())?)?;
            bind.next(&*it.key.reward_transcode)?;
            bind.next(numbers.application(conn, it.appid.as_str())?)?;
            bind.next(activity)?;
            bind.next(numbers.project(conn, it.project_no.as_str())?)?;
            bind.next(it.third_uid.as_str())?;
            bind.next(it.reward)?;
            bind.next(civil_ms(it.reward_time))?;
            bind.next(it.money.0)?;
            bind.next(it.status.code())?;
            bind.next(ms(it.placed_at))?;
            bind.next(it.settle_at.map(ms))?;
            bind.next(ms(it.changed_at))?;
            bind.next(it.flowers.map(|flowers| flowers.0))?;
            totals.add(activity, it.status.code(), 1, it.money.0);
            Ok(())
        })
    }

    /// Only what can change after an order is placed.
    fn update_donation(&mut self, it: &Donation, totals: &mut Totals) -> Result<(), StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT activity, status FROM donations WHERE id = ?1")?;
        let (activity, before): (i64, i64) =
            select.query_row([it.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        totals.add(activity, before, -1, -it.money.0);
        totals.add(activity, it.status.code(), 1, it.money.0);
        let mut update = self.conn.prepare_cached(
            "UPDATE donations SET status = ?2, settle_at = ?3, changed_at = ?4, flowers = ?5 \
             WHERE id = ?1",
        )?;
        let changed = update.execute((
            it.id.0,
            it.status.code(),
            it.settle_at.map(ms),
            ms(it.changed_at),
            it.flowers.map(|flowers| flowers.0),
        ))?;
        expect_one(changed, "donation", it.id)
    }

    fn transfers(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, from_account, to_account, amount, reason, order_id, at";
        bulk::insert(self.conn, "transfers", COLUMNS, &world.transfers, |bind, it| {
            bind.next(it.id.0)?;
            bind.next(it.from.0)?;
            bind.next(it.to.0)?;
            bind.next(it.amount.0)?;
            bind.next(it.reason.code())?;
            bind.next(it.order.map(|order| order.0))?;
            bind.next(ms(it.at))?;
            Ok(())
        })
    }

    fn flowers(&mut self, world: &World) -> Result<(), StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO flowers (id, app, trans_code, open_id, num, donation, granted_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for row in sorted(&world.flowers, |grant| grant.id) {
            let it = &row.value;
            if row.state == RowState::New {
                insert.execute((
                    it.id.0,
                    self.numbers.application(self.conn, it.key.appid.as_str())?,
                    it.key.trans_code.as_str(),
                    it.open_id.as_str(),
                    it.num,
                    it.donation.map(|donation| donation.0),
                    ms(it.granted_at),
                ))?;
                self.index.put(self.keys.flower(&it.key), Value::id(it.id));
            }
        }
        Ok(())
    }

    /// What has no order goes to the hash index.
    fn keys(&mut self, world: &World) {
        for (key, row) in world.donation_keys.unsaved() {
            self.index.put(self.keys.donation(key), Value::id(row.value));
        }
        for (key, row) in world.coupon_keys.unsaved() {
            self.index.put(self.keys.coupon(key), Value::id(row.value));
        }
        for (key, row) in world.usages.unsaved() {
            self.index.put(self.keys.usage(key), Value::usage(&row.value));
        }
        for (key, row) in world.user_flowers.unsaved() {
            self.index.put(self.keys.user_flowers(key), Value::flowers(&row.value));
        }
    }

    fn tokens(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO tokens (name, role, digest, created_at, expires_at, revoked_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET role = ?2, \
             digest = ?3, expires_at = ?5, revoked_at = ?6",
        )?;
        for (_, row) in world.tokens.unsaved() {
            let it = &row.value;
            put.execute((
                it.name.as_str(),
                it.role.code(),
                it.digest,
                ms(it.created_at),
                it.expires_at.map(ms),
                it.revoked_at.map(ms),
            ))?;
        }
        Ok(())
    }

    fn postings(&self, world: &World) -> Result<(), StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO postings (owner, kind, reference, reason, money, transfer) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for row in sorted(&world.postings, |posting| posting.transfer) {
            let it = &row.value;
            let (owner, kind, reference) = (&it.key.owner, it.key.kind.code(), &it.key.reference);
            let reason = it.reason.code();
            insert.execute((owner, kind, reference, reason, it.money.0, it.transfer.0))?;
        }
        Ok(())
    }

    fn audit(&self, world: &World) -> Result<(), StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO audit (id, at, actor, trace_id, action, subject, detail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for it in &world.audit {
            let (name, trace_id) = (&it.actor.name, &it.actor.trace_id);
            let at = ms(it.at);
            insert.execute((it.id.0, at, name, trace_id, &it.action, &it.subject, &it.detail))?;
        }
        Ok(())
    }
}

fn sorted<'t, K: Eq + Hash + 't, V, O: Ord>(
    table: &'t Table<K, V>,
    order: impl Fn(&V) -> O,
) -> Vec<&'t Row<V>> {
    let mut rows: Vec<_> = table.unsaved().map(|(_, row)| row).collect();
    rows.sort_by_key(|row| order(&row.value));
    rows
}

fn expect_one(changed: usize, what: &str, id: impl std::fmt::Display) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(corrupt(format!("{what} {id} is not there"))) }
}
