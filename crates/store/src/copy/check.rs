//! Whether a copy has all that its source has.

use super::source::{Source, Table, count};
use super::tables::KEYS;
use super::target::Target;
use super::{Copied, CopyError};
use crate::index::{KeyHasher, Lookup};
use crate::reader::Reader;
use crate::sql::Connection;
use crate::{Place, StoreError};

pub(super) fn check(
    source: &Source,
    target: &Target,
    tables: &[Table],
    keys: u64,
) -> Result<Copied, CopyError> {
    let mut wrong = Vec::new();
    let mut counted = Vec::with_capacity(tables.len());
    for table in tables {
        let name = table.name;
        let expected = if name == KEYS { keys } else { table.rows };
        let found = count(&target.conn, &format!("SELECT count(*) FROM {name}"));
        let found = found.map_err(CopyError::Target)?;
        if found != expected {
            wrong.push(format!("{name} has {found} rows; the source has {expected}"));
        }
        counted.push((name.to_owned(), found));
    }
    let expected = balances(&source.conn).map_err(CopyError::Source)?;
    let found = balances(&target.conn).map_err(CopyError::Target)?;
    if found != expected {
        wrong.push(format!(
            "accounts sum up to {found:?} (kind, accounts, fen); the source's to {expected:?}"
        ));
    }
    let keys = KeyHasher::new(&source.identity.hash_secret);
    let place = Place::Postgres(target.address.clone());
    let reader = Reader::new(place, 1, keys, Lookup::Table, None);
    let audit = reader.verify().map_err(CopyError::Target)?;
    wrong.extend(audit.violations.iter().cloned());
    if wrong.is_empty() {
        Ok(Copied { tables: counted, account_kinds: found.len(), audit })
    } else {
        Err(CopyError::Differs(wrong))
    }
}

/// By kind of account: how many there are, and what they hold together.
fn balances(conn: &Connection) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    let mut select = conn.prepare(
        "SELECT kind, count(*), CAST(sum(balance) AS BIGINT) FROM accounts GROUP BY kind ORDER BY kind",
    )?;
    let kinds = select.query_and_then((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    kinds.collect()
}
