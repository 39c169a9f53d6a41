//! What users hold of activities with limits, and the flowers they have received.

use std::collections::BTreeMap;

use huodong_campaign::{
    Activity, AppId, CouponStatus, DonationStatus, OpenId, ThirdUid, UserFlowersKey, UserKey,
    day_of,
};

use super::super::columns::{coded, text, time};
use super::super::index::{KeyHasher, Merged};
use super::AuditReport;
use super::campaigns::Campaigns;
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::Connection;

/// How many entries of the hash index were seen to be right.
pub(super) struct Users {
    pub(super) usages: u64,
    pub(super) flowers: u64,
}

pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    merged: &Merged,
    report: &mut AuditReport,
) -> Result<Users, StoreError> {
    let mut usages = Usages { conn, keys, merged, report, entries: 0, users: 0 };
    for (no, activity) in campaigns.limited() {
        usages.check(no, activity)?;
    }
    let Usages { entries, users, .. } = usages;
    report.checked("users' usage is what their orders hold", users);
    let flowers = flowers(conn, keys, campaigns, merged, report)?;
    Ok(Users { usages: entries, flowers })
}

/// By day: how many, and how much.
type Days = BTreeMap<i32, (u64, i128)>;

fn sum(days: &Days) -> (u64, i128) {
    days.values().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1))
}

struct Usages<'a> {
    conn: &'a Connection,
    keys: &'a KeyHasher,
    merged: &'a Merged,
    report: &'a mut AuditReport,
    entries: u64,
    users: u64,
}

impl Usages<'_> {
    fn check(&mut self, no: i64, activity: &Activity) -> Result<(), StoreError> {
        // Users of coupons are counted by their openid.
        let coupons = activity.coupon.is_some();
        let (columns, table) = if coupons {
            ("openid, status, value, placed_at", "coupons")
        } else {
            ("third_uid, status, money, placed_at", "donations")
        };
        let sql = format!("SELECT {columns} FROM {table} WHERE activity = {no} ORDER BY 1");
        let mut select = self.conn.prepare(&sql)?;
        let mut rows = select.query(())?;
        let mut user: Option<ThirdUid> = None;
        let mut days = Days::new();
        while let Some(row) = rows.next()? {
            let next: ThirdUid = text(row, 0)?;
            if user.as_ref() != Some(&next) {
                if let Some(user) = user.replace(next) {
                    self.user(activity, user, &days)?;
                }
                days.clear();
            }
            let counts = if coupons {
                coded::<CouponStatus>(row, 1)?.counts()
            } else {
                coded::<DonationStatus>(row, 1)?.holds()
            };
            if counts {
                let day = days.entry(day_of(time(row, 3)?)).or_default();
                day.0 += 1;
                day.1 += i128::from(row.get::<i64>(2)?);
            }
        }
        user.map_or(Ok(()), |user| self.user(activity, user, &days))
    }

    fn user(&mut self, activity: &Activity, user: ThirdUid, days: &Days) -> Result<(), StoreError> {
        self.users += 1;
        let key = UserKey { activity_no: activity.activity_no.clone(), user };
        let found = self.merged.get(self.conn, self.keys.usage(&key))?;
        self.entries += u64::from(found.is_some());
        let usage = found.map(|value| value.to_usage()).transpose()?.unwrap_or_default();
        let total = (u64::from(usage.count_total), i128::from(usage.money_total.0));
        let day = (u64::from(usage.count_day), i128::from(usage.money_day.0));
        let right = total == sum(days) && day == days.get(&usage.day).copied().unwrap_or_default();
        self.report.expect(right, || {
            let UserKey { activity_no, user } = &key;
            format!(
                "the usage of {user} in activity {activity_no} is {usage:?}; orders that count, \
                 by day: {days:?}"
            )
        });
        Ok(())
    }
}

fn flowers(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    merged: &Merged,
    report: &mut AuditReport,
) -> Result<u64, StoreError> {
    let mut select = conn.prepare(
        "SELECT f.app, f.open_id, f.num, f.granted_at, f.id, f.donation, d.flowers FROM flowers f \
         LEFT JOIN donations d ON d.id = f.donation ORDER BY f.app, f.open_id",
    )?;
    let mut rows = select.query(())?;
    let mut user: Option<UserFlowersKey> = None;
    let mut days = Days::new();
    let (mut count, mut entries) = (0, 0);
    let mut settle = |user: UserFlowersKey, days: &Days, report: &mut AuditReport| {
        let found = merged.get(conn, keys.user_flowers(&user))?;
        entries += u64::from(found.is_some());
        let had = found.map(|value| value.to_flowers()).transpose()?.unwrap_or_default();
        let on_day = days.get(&had.day).copied().unwrap_or_default().1;
        let right = i128::from(had.total) == sum(days).1 && i128::from(had.on_day) == on_day;
        report.expect(right, || {
            format!("the flowers of {} are {had:?}; exchanges, by day: {days:?}", user.open_id)
        });
        Ok::<(), StoreError>(())
    };
    while let Some(row) = rows.next()? {
        count += 1;
        let appid = campaigns.applications.get(&row.get(0)?);
        let appid = appid.ok_or_else(|| corrupt("an exchange of no application"))?;
        let next =
            UserFlowersKey { appid: AppId::from(&**appid), open_id: text::<OpenId>(row, 1)? };
        if user.as_ref() != Some(&next) {
            if let Some(user) = user.replace(next) {
                settle(user, &days, report)?;
            }
            days.clear();
        }
        days.entry(day_of(time(row, 3)?)).or_default().1 += i128::from(row.get::<i64>(2)?);
        let id: i64 = row.get(4)?;
        let thanks = row.get::<Option<i64>>(5)?.is_none() || row.get(6).ok() == Some(id);
        report.expect(thanks, || format!("exchange {id} thanks for a donation that denies it"));
    }
    if let Some(user) = user {
        settle(user, &days, report)?;
    }
    report.checked("users have the flowers of their exchanges", count);
    Ok(entries)
}
