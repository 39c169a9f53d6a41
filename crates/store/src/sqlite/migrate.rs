//! Schema versions: numbered SQL files, each applied once, in a transaction with the number.

use rusqlite::Connection;

use crate::{Opened, StoreError};

/// The schema's history; the n-th entry makes version n.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_coupons.sql"),
    include_str!("migrations/0003_gateway.sql"),
    include_str!("migrations/0004_archived.sql"),
];

/// The schema version that this program makes.
pub(super) fn newest() -> u32 {
    number(MIGRATIONS)
}

fn number(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).expect("migrations are written by hand")
}

/// The schema version of a database; 0 is an empty one.
pub(crate) fn version(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}

/// Brings a database to the newest of `migrations`, all steps in one transaction.
pub(super) fn migrate(conn: &mut Connection, migrations: &[&str]) -> Result<Opened, StoreError> {
    let from_version = version(conn)?;
    let known = number(migrations);
    if from_version > known {
        return Err(StoreError::Newer { found: from_version, known });
    }
    if from_version < known {
        let transaction = conn.transaction()?;
        for step in &migrations[from_version as usize..] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()?;
    }
    Ok(Opened { from_version, version: known })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: &str = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);";
    const TWO: &str = "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x * 2;";

    #[test]
    fn an_older_database_is_upgraded_step_by_step_and_keeps_its_rows() {
        let mut conn = Connection::open_in_memory().unwrap();
        let opened = migrate(&mut conn, &[ONE]).unwrap();
        assert_eq!(opened, Opened { from_version: 0, version: 1 });
        let opened = migrate(&mut conn, &[ONE, TWO]).unwrap();
        assert_eq!(opened, Opened { from_version: 1, version: 2 });
        let y: i64 = conn.query_row("SELECT y FROM a", (), |row| row.get(0)).unwrap();
        assert_eq!(y, 14);
        let opened = migrate(&mut conn, &[ONE, TWO]).unwrap();
        assert_eq!(opened, Opened { from_version: 2, version: 2 });
    }

    #[test]
    fn a_newer_database_is_refused_untouched() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE, TWO]).unwrap();
        let refused = migrate(&mut conn, &[ONE]);
        assert!(matches!(refused, Err(StoreError::Newer { found: 2, known: 1 })));
        assert_eq!(version(&conn).unwrap(), 2);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_of_the_steps_before_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut conn, &[ONE, "CREATE TABLE a (again INTEGER)"]).is_err());
        assert_eq!(version(&conn).unwrap(), 0);
        assert!(conn.prepare("SELECT * FROM a").is_err());
    }
}
