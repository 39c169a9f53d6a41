//! Saving what a batch changed. Rows made by it are written in the order of their numbers, so that
//! every table and index grows at its end. What many batches change comes last, as in a shared
//! database they wait for each other from there to the commit.

mod accounts;
mod callbacks;
mod coupons;
mod gateway;
mod partners;
mod totals;

use std::collections::HashMap;
use std::hash::Hash;

use huodong_campaign::{Donation, Row, RowState, Table, World};

use super::columns::{Coded, civil_ms, ms, to_json};
use super::errors::corrupt;
use super::index::{Index, KeyHasher, Value};
use super::numbers::Numbers;
use crate::StoreError;
use crate::sql::{Cell, Connection, Lock, insert, many, put, update};
use totals::Totals;

/// Empties everything but what makes the installation itself.
pub(super) const WIPE: &str = "DELETE FROM organizations; DELETE FROM applications; DELETE FROM bids; \
    DELETE FROM projects; DELETE FROM activities; DELETE FROM donations; \
    DELETE FROM donation_totals; DELETE FROM transfers; DELETE FROM flowers; \
    DELETE FROM tokens; DELETE FROM postings; DELETE FROM audit; \
    DELETE FROM institutions; DELETE FROM platform_keys; DELETE FROM openid_pages; \
    DELETE FROM coupons; DELETE FROM coupon_totals; DELETE FROM receivers; \
    DELETE FROM callbacks; DELETE FROM callback_counts; DELETE FROM attempts; \
    DELETE FROM initiators; DELETE FROM merchants; DELETE FROM photos; \
    DELETE FROM photo_contents; DELETE FROM enrolments; DELETE FROM gateway_requests; \
    DELETE FROM accounts WHERE id <> 1; \
    UPDATE accounts SET balance = 0 WHERE id = 1;";

pub(super) struct Saver<'s> {
    pub(super) conn: &'s Connection,
    pub(super) keys: &'s KeyHasher,
    pub(super) index: Index<'s>,
    pub(super) numbers: &'s mut Numbers,
}

impl Saver<'_> {
    pub(super) fn save(&mut self, world: &World) -> Result<(), StoreError> {
        self.new_accounts(world)?;
        self.organizations(world)?;
        self.applications(world)?;
        self.bids(world)?;
        self.projects(world)?;
        self.partners(world)?;
        self.gateway_partners(world)?;
        self.activities(world)?;
        let donation_totals = self.donations(world)?;
        let coupon_totals = self.coupons(world)?;
        self.gateway(world)?;
        self.attempts(world)?;
        self.transfers(world)?;
        self.flowers(world)?;
        self.keys(world);
        self.tokens(world)?;
        self.postings(world)?;
        self.audit(world)?;
        self.index.write(self.conn)?;
        self.callbacks(world)?;
        donation_totals.save(self.conn, "donation_totals")?;
        coupon_totals.save(self.conn, "coupon_totals")?;
        self.balances(world)
    }

    fn organizations(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "org_no, name, merchant_no, account, created_at";
        const OTHERWISE: &str = "ON CONFLICT (org_no) DO UPDATE SET name = excluded.name, \
            merchant_no = excluded.merchant_no";
        let rows = sorted(&world.organizations, |organization| organization.account);
        put(self.conn, "organizations", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.org_no.as_str())?;
            bind.next(&it.name)?;
            bind.next(&it.merchant_no)?;
            bind.next(it.account.0)?;
            bind.next(ms(it.created_at))
        })
    }

    fn applications(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "appid, org_no, name, sealed_secret, previous_secret, \
            previous_until, status, rate_per_s, flowers_per_day, created_at";
        const OTHERWISE: &str = "ON CONFLICT (appid) DO UPDATE SET name = excluded.name, \
            sealed_secret = excluded.sealed_secret, previous_secret = excluded.previous_secret, \
            previous_until = excluded.previous_until, status = excluded.status, \
            rate_per_s = excluded.rate_per_s, flowers_per_day = excluded.flowers_per_day";
        let rows = sorted(&world.applications, |it| (it.created_at, it.appid.clone()));
        put(self.conn, "applications", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            let previous = it.previous_secret.as_ref();
            bind.next(it.appid.as_str())?;
            bind.next(it.org_no.as_str())?;
            bind.next(&it.name)?;
            bind.next(&it.sealed_secret)?;
            bind.next(previous.map(|previous| &previous.sealed))?;
            bind.next(previous.map(|previous| ms(previous.valid_until)))?;
            bind.next(it.status.code())?;
            bind.next(it.rate_per_s)?;
            bind.next(it.flowers_per_day)?;
            bind.next(ms(it.created_at))
        })
    }

    fn bids(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "bid, appid, created_at";
        const OTHERWISE: &str = "ON CONFLICT (bid) DO UPDATE SET appid = excluded.appid";
        let rows = sorted(&world.bids, |grant| (grant.created_at, grant.bid.clone()));
        put(self.conn, "bids", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.bid.as_str())?;
            bind.next(it.appid.as_str())?;
            bind.next(ms(it.created_at))
        })
    }

    fn projects(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "project_no, name, account, created_at";
        const OTHERWISE: &str = "ON CONFLICT (project_no) DO UPDATE SET name = excluded.name";
        let rows = sorted(&world.projects, |project| project.account);
        put(self.conn, "projects", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.project_no.as_str())?;
            bind.next(&it.name)?;
            bind.next(it.account.0)?;
            bind.next(ms(it.created_at))
        })
    }

    fn activities(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "activity_no, org_no, kind, name, status, starts_at, ends_at, \
            projects, rules, limits, channel, frozen, held, created_at, promotion_id, \
            batch_code, coupon_terms, issuers, stock_left, spent, initiators, merchants";
        const OTHERWISE: &str = "ON CONFLICT (activity_no) DO UPDATE SET kind = excluded.kind, \
            name = excluded.name, status = excluded.status, starts_at = excluded.starts_at, \
            ends_at = excluded.ends_at, projects = excluded.projects, rules = excluded.rules, \
            limits = excluded.limits, channel = excluded.channel, \
            coupon_terms = excluded.coupon_terms, issuers = excluded.issuers, \
            stock_left = excluded.stock_left, initiators = excluded.initiators, \
            merchants = excluded.merchants";
        let rows = sorted(&world.activities, |activity| activity.frozen);
        put(self.conn, "activities", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            let offer = it.coupon.as_ref();
            let stock_left = offer.map(|offer| i64::try_from(offer.stock_left)).transpose();
            bind.next(it.activity_no.as_str())?;
            bind.next(it.org_no.as_str())?;
            bind.next(it.kind.code())?;
            bind.next(&it.name)?;
            bind.next(it.status.code())?;
            bind.next(ms(it.starts_at))?;
            bind.next(ms(it.ends_at))?;
            bind.next(to_json(&it.projects)?)?;
            bind.next(to_json(&it.rules)?)?;
            bind.next(to_json(&it.limits)?)?;
            bind.next(to_json(&it.channel)?)?;
            bind.next(it.frozen.0)?;
            bind.next(it.held.0)?;
            bind.next(ms(it.created_at))?;
            bind.next(offer.map(|offer| offer.promotion_id.as_str()))?;
            bind.next(offer.map(|offer| &*offer.batch_code))?;
            bind.next(offer.map(|offer| to_json(&offer.terms)).transpose()?)?;
            bind.next(offer.map(|offer| to_json(&offer.issuers)).transpose()?)?;
            bind.next(stock_left.map_err(|_| corrupt("a stock larger than can be kept"))?)?;
            bind.next(offer.map(|offer| offer.spent.0))?;
            bind.next(offer.map(|offer| to_json(&offer.initiators)).transpose()?)?;
            bind.next(offer.map(|offer| to_json(&offer.merchants)).transpose()?)
        })
    }

    fn donations(&mut self, world: &World) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        let (new, changed) = parted(&world.donations, |donation| donation.id);
        self.insert_donations(&new, &mut totals)?;
        self.update_donations(&changed, &mut totals)?;
        Ok(totals)
    }

    fn insert_donations(
        &mut self,
        rows: &[&Row<Donation>],
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, bid, reward_transcode, app, activity, project, third_uid, \
            reward, reward_time, money, status, placed_at, settle_at, changed_at, flowers";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "donations", COLUMNS, rows, |bind, row| {
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
    fn update_donations(
        &mut self,
        rows: &[&Row<Donation>],
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, status, settle_at, changed_at, flowers";
        let before = self.stood("donations", "activity", rows.iter().map(|row| row.value.id.0))?;
        for row in rows {
            let it = &row.value;
            let (activity, status) = *before.get(&it.id.0).ok_or_else(|| gone("a donation"))?;
            totals.add(activity, status, -1, -it.money.0);
            totals.add(activity, it.status.code(), 1, it.money.0);
        }
        update(self.conn, "a donation", "donations", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(it.status.code())?;
            bind.next(it.settle_at.map(ms))?;
            bind.next(ms(it.changed_at))?;
            bind.next(it.flowers.map(|flowers| flowers.0))
        })
    }

    /// What rows are counted by, as they lie before this batch: a number, and their status.
    fn stood(
        &self,
        table: &str,
        by: &str,
        rows: impl Iterator<Item = i64>,
    ) -> Result<HashMap<i64, (i64, i64)>, StoreError> {
        let ids: Vec<_> = rows.map(Cell::from).collect();
        let status = if table == "callbacks" { "state" } else { "status" };
        let select = format!("SELECT id, {by}, {status} FROM {table}");
        let found = many(self.conn, &select, "id", &ids, Lock::No, |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })?;
        Ok(found.into_iter().collect())
    }

    fn transfers(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, from_account, to_account, amount, reason, order_id, at";
        insert(self.conn, "transfers", COLUMNS, &world.transfers, |bind, it| {
            bind.next(it.id.0)?;
            bind.next(it.from.0)?;
            bind.next(it.to.0)?;
            bind.next(it.amount.0)?;
            bind.next(it.reason.code())?;
            bind.next(it.order.map(|order| order.0))?;
            bind.next(ms(it.at))
        })
    }

    fn flowers(&mut self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, app, trans_code, open_id, num, donation, granted_at";
        let (rows, _) = parted(&world.flowers, |grant| grant.id);
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "flowers", COLUMNS, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(numbers.application(conn, it.key.appid.as_str())?)?;
            bind.next(it.key.trans_code.as_str())?;
            bind.next(it.open_id.as_str())?;
            bind.next(it.num)?;
            bind.next(it.donation.map(|donation| donation.0))?;
            bind.next(ms(it.granted_at))
        })?;
        for row in rows {
            let it = &row.value;
            self.index.put(self.keys.flower(&it.key), Value::id(it.id), true);
        }
        Ok(())
    }

    /// What has no order goes to the index.
    fn keys(&mut self, world: &World) {
        for (key, row) in world.donation_keys.unsaved() {
            self.index.put(self.keys.donation(key), Value::id(row.value), is_new(row));
        }
        for (key, row) in world.coupon_keys.unsaved() {
            self.index.put(self.keys.coupon(key), Value::id(row.value), is_new(row));
        }
        for (key, row) in world.usages.unsaved() {
            self.index.put(self.keys.usage(key), Value::usage(&row.value), is_new(row));
        }
        for (key, row) in world.user_flowers.unsaved() {
            self.index.put(self.keys.user_flowers(key), Value::flowers(&row.value), is_new(row));
        }
    }

    fn tokens(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "name, role, digest, created_at, expires_at, revoked_at";
        const OTHERWISE: &str = "ON CONFLICT (name) DO UPDATE SET role = excluded.role, \
            digest = excluded.digest, expires_at = excluded.expires_at, \
            revoked_at = excluded.revoked_at";
        let rows = sorted(&world.tokens, |token| token.name.clone());
        put(self.conn, "tokens", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.name.as_str())?;
            bind.next(it.role.code())?;
            bind.next(&it.digest)?;
            bind.next(ms(it.created_at))?;
            bind.next(it.expires_at.map(ms))?;
            bind.next(it.revoked_at.map(ms))
        })
    }

    fn postings(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "owner, kind, reference, reason, money, transfer";
        let rows = sorted(&world.postings, |posting| posting.transfer);
        insert(self.conn, "postings", COLUMNS, &rows, |bind, row| {
            let it = &row.value;
            bind.next(&it.key.owner)?;
            bind.next(it.key.kind.code())?;
            bind.next(&it.key.reference)?;
            bind.next(it.reason.code())?;
            bind.next(it.money.0)?;
            bind.next(it.transfer.0)
        })
    }

    fn audit(&self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, at, actor, trace_id, action, subject, detail";
        insert(self.conn, "audit", COLUMNS, &world.audit, |bind, it| {
            bind.next(it.id.0)?;
            bind.next(ms(it.at))?;
            bind.next(&it.actor.name)?;
            bind.next(&it.actor.trace_id)?;
            bind.next(&it.action)?;
            bind.next(&it.subject)?;
            bind.next(&it.detail)
        })
    }
}

fn is_new<V>(row: &Row<V>) -> bool {
    row.state == RowState::New
}

fn sorted<'t, K: Eq + Hash + 't, V, O: Ord>(
    table: &'t Table<K, V>,
    order: impl Fn(&V) -> O,
) -> Vec<&'t Row<V>> {
    let mut rows: Vec<_> = table.unsaved().map(|(_, row)| row).collect();
    rows.sort_by_key(|row| order(&row.value));
    rows
}

/// The new rows, and the changed ones, each in order.
fn parted<'t, K: Eq + Hash + 't, V, O: Ord>(
    table: &'t Table<K, V>,
    order: impl Fn(&V) -> O,
) -> (Vec<&'t Row<V>>, Vec<&'t Row<V>>) {
    sorted(table, order).into_iter().partition(|row| is_new(row))
}

fn gone(what: &str) -> StoreError {
    corrupt(format!("{what} that was changed is not there"))
}
