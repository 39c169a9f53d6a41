use std::collections::BTreeMap;

use crate::StoreError;
use crate::sql::{Connection, put};

/// How a batch moves the sums of each activity's orders, by activity and status.
#[derive(Default)]
pub(super) struct Totals(BTreeMap<(i64, i64), (i64, i64)>);

impl Totals {
    pub(super) fn add(&mut self, activity: i64, status: i64, orders: i64, money: i64) {
        let total = self.0.entry((activity, status)).or_default();
        total.0 += orders;
        total.1 += money;
    }

    pub(super) fn save(self, conn: &Connection, table: &str) -> Result<(), StoreError> {
        let rows: Vec<_> = self.0.into_iter().filter(|(_, moved)| *moved != (0, 0)).collect();
        let otherwise = format!(
            "ON CONFLICT (activity, status) DO UPDATE SET orders = {table}.orders + \
             excluded.orders, money = {table}.money + excluded.money"
        );
        let columns = "activity, status, orders, money";
        put(conn, table, columns, &otherwise, &rows, |bind, ((activity, status), moved)| {
            bind.next(*activity)?;
            bind.next(*status)?;
            bind.next(moved.0)?;
            bind.next(moved.1)
        })
    }
}
