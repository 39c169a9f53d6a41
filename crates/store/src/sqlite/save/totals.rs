use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::StoreError;

/// How a batch moves the sums of each activity's orders, by activity and status.
#[derive(Default)]
pub(super) struct Totals(BTreeMap<(i64, i64), (i64, i64)>);

impl Totals {
    pub(super) fn add(&mut self, activity: i64, status: i64, orders: i64, money: i64) {
        let total = self.0.entry((activity, status)).or_default();
        total.0 += orders;
        total.1 += money;
    }

    pub(super) fn save(self, conn: &Connection, table: &'static str) -> Result<(), StoreError> {
        let mut put = conn.prepare_cached(&format!(
            "INSERT INTO {table} (activity, status, orders, money) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (activity, status) \
             DO UPDATE SET orders = orders + ?3, money = money + ?4",
        ))?;
        for ((activity, status), (orders, money)) in self.0 {
            if orders != 0 || money != 0 {
                put.execute((activity, status, orders, money))?;
            }
        }
        Ok(())
    }
}
