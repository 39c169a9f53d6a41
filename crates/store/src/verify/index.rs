//! The hash index: each key stands there once and leads to its row, and nothing else stands there.

use huodong_campaign::{AppId, FlowerKey, Id, TransCode};

use super::super::index::{KeyHasher, Kind, Merged};
use super::AuditReport;
use super::campaigns::Campaigns;
use super::users::Users;
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::Connection;

/// A set of keys and where they lead, as a sum that no order changes: two sets with the same sum
/// are the same set, but for an accident in 2^128.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KeySum {
    pub(super) count: u64,
    sum: u128,
}

impl KeySum {
    pub(super) fn add(&mut self, hash: u128, id: Id) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(KeyHasher::entry(hash, id));
    }
}

pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    merged: &mut Merged,
    mut known: KeySum,
    users: Option<Users>,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    each_flower(conn, keys, campaigns, |hash, id| {
        known.add(hash, id);
        Ok(())
    })?;
    let mut found = KeySum::default();
    let (mut usages, mut flowers) = (0_u64, 0_u64);
    while let Some(entry) = merged.next(conn)? {
        match entry.value.kind() {
            Kind::Id => {
                found.add(entry.hash, entry.value.to_id()?);
                report.expect(entry.places == 1, || {
                    format!("an idempotency key stands in the index {} times", entry.places)
                });
            }
            Kind::Usage => usages += 1,
            Kind::Flowers => flowers += 1,
            Kind::Unknown => report.violation(|| "an entry of no kind in the index".to_owned()),
        }
    }
    report.checked("idempotency keys stand in the index once and lead to their rows", found.count);
    if found != known {
        let (found, known) = (found.count, known.count);
        report.violation(|| format!("{found} keys in the index do not agree with {known} rows"));
        name_lost(conn, keys, campaigns, merged, report)?;
    }
    if let Some(users) = users {
        report.expect((usages, flowers) == (users.usages, users.flowers), || {
            format!(
                "{usages} usages and {flowers} users' flowers in the index; {} and {} have a user",
                users.usages, users.flowers
            )
        });
    }
    report.checked("users' counters in the index have a user", usages + flowers);
    Ok(())
}

/// Which keys the index does not lead to their rows: asks for each.
fn name_lost(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    merged: &Merged,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut ask = |what: &str, hash: u128, id: Id| {
        let led = merged.get(conn, hash)?.map(|value| value.to_id()).transpose()?;
        report.expect(led == Some(id), || {
            format!("{what} {id} is not found by its key, which leads to {led:?}")
        });
        Ok(())
    };
    let mut select = conn.prepare("SELECT id, bid, reward_transcode FROM donations")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let bid = campaigns.bids.get(&row.get(1)?);
        let bid = bid.ok_or_else(|| corrupt("a donation that was paid by no bid"))?;
        let hash = keys.donation_parts(bid, row.cell(2)?.as_str()?);
        ask("donation", hash, Id(row.get(0)?))?;
    }
    let mut select = conn.prepare("SELECT id, app, mer_order_id FROM coupons")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let appid = campaigns.institutions.get(&row.get(1)?);
        let appid = appid.ok_or_else(|| corrupt("a coupon of no institution"))?;
        let hash = keys.coupon_parts(appid, row.cell(2)?.as_str()?);
        ask("coupon", hash, Id(row.get(0)?))?;
    }
    super::gateway::each_call(conn, keys, |hash, id| ask("call", hash, id))?;
    each_flower(conn, keys, campaigns, |hash, id| ask("exchange", hash, id))
}

fn each_flower(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    mut each: impl FnMut(u128, Id) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT id, app, trans_code FROM flowers")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let appid = campaigns.applications.get(&row.get(1)?);
        let appid = appid.ok_or_else(|| corrupt("an exchange of no application"))?;
        let trans_code = TransCode::from(row.cell(2)?.as_str()?);
        let key = FlowerKey { appid: AppId::from(&**appid), trans_code };
        each(keys.flower(&key), Id(row.get(0)?))?;
    }
    Ok(())
}
