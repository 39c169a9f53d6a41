use std::collections::HashMap;

use super::errors::corrupt;
use crate::StoreError;
use crate::sql::Connection;

/// So many receivers are remembered; their hosts are chosen by callers.
const RECEIVERS_MAX: usize = 100_000;

/// The small numbers that rows of orders carry instead of what they hang on. Remembered from batch
/// to batch; as many as there are such rows, but for receivers.
#[derive(Default)]
pub(super) struct Numbers {
    bids: HashMap<Box<str>, i64>,
    applications: HashMap<Box<str>, i64>,
    activities: HashMap<Box<str>, i64>,
    projects: HashMap<Box<str>, i64>,
    institutions: HashMap<Box<str>, i64>,
    initiators: HashMap<Box<str>, i64>,
    receivers: HashMap<(i64, Box<str>), i64>,
}

impl Numbers {
    pub(super) fn bid(&mut self, conn: &Connection, bid: &str) -> Result<i64, StoreError> {
        find(conn, &mut self.bids, "SELECT no FROM bids WHERE bid = ?1", bid)
    }

    pub(super) fn application(
        &mut self,
        conn: &Connection,
        appid: &str,
    ) -> Result<i64, StoreError> {
        find(conn, &mut self.applications, "SELECT no FROM applications WHERE appid = ?1", appid)
    }

    pub(super) fn activity(&mut self, conn: &Connection, no: &str) -> Result<i64, StoreError> {
        find(conn, &mut self.activities, "SELECT no FROM activities WHERE activity_no = ?1", no)
    }

    pub(super) fn project(&mut self, conn: &Connection, no: &str) -> Result<i64, StoreError> {
        find(conn, &mut self.projects, "SELECT no FROM projects WHERE project_no = ?1", no)
    }

    pub(super) fn institution(
        &mut self,
        conn: &Connection,
        appid: &str,
    ) -> Result<i64, StoreError> {
        find(conn, &mut self.institutions, "SELECT no FROM institutions WHERE appid = ?1", appid)
    }

    pub(super) fn initiator(
        &mut self,
        conn: &Connection,
        cert_id: &str,
    ) -> Result<i64, StoreError> {
        find(conn, &mut self.initiators, "SELECT no FROM initiators WHERE cert_id = ?1", cert_id)
    }

    /// The number of an institution at a host; given here to one that has none.
    pub(super) fn receiver(
        &mut self,
        conn: &Connection,
        appid: &str,
        host: &str,
    ) -> Result<i64, StoreError> {
        let key = (self.institution(conn, appid)?, Box::from(host));
        if let Some(no) = self.receivers.get(&key) {
            return Ok(*no);
        }
        let mut select = conn.prepare("SELECT no FROM receivers WHERE app = ?1 AND host = ?2")?;
        let no = match select.maybe_row((key.0, host), |row| row.get(0))? {
            Some(no) => no,
            None => conn.query_row(
                "INSERT INTO receivers (app, host) VALUES (?1, ?2) RETURNING no",
                (key.0, host),
                |row| row.get(0),
            )?,
        };
        if self.receivers.len() >= RECEIVERS_MAX {
            self.receivers.clear();
        }
        self.receivers.insert(key, no);
        Ok(no)
    }

    /// After a transaction that may have made some of them was undone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn find(
    conn: &Connection,
    known: &mut HashMap<Box<str>, i64>,
    select: &str,
    name: &str,
) -> Result<i64, StoreError> {
    if let Some(no) = known.get(name) {
        return Ok(*no);
    }
    let no = conn.prepare(select)?.maybe_row([name], |row| row.get(0))?;
    let no = no.ok_or_else(|| corrupt(format!("an order hangs on {name}, which is not there")))?;
    known.insert(name.into(), no);
    Ok(no)
}
