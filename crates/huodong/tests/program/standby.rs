//! What can still be asked where no commit ends, as the synchronous standby is away.

use huodong_testing::{Database, Postgres};

use crate::support::succeed;

/// No commit ends while this is there.
struct StandbyAway<'d>(&'d Database);

impl<'d> StandbyAway<'d> {
    fn from(database: &'d Database) -> Self {
        database.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        database.psql("SELECT pg_reload_conf()");
        Self(database)
    }
}

impl Drop for StandbyAway<'_> {
    fn drop(&mut self) {
        self.0.psql("ALTER SYSTEM RESET synchronous_standby_names");
        self.0.psql("SELECT pg_reload_conf()");
    }
}

#[test]
fn what_only_reads_needs_no_commit() {
    let server = Postgres::start();
    let database = server.database();
    let at = ["--data", database.url()];
    let asked = |words: &[&str]| succeed(&[words, &at].concat());
    assert!(asked(&["migrate"]).contains("from schema version 0"));
    // Nothing has been written by any node.
    assert!(asked(&["audit"]).contains("OK: everything holds"));
    asked(&["token", "create", "--name", "ops"]);

    let away = StandbyAway::from(&database);
    while database.psql("SHOW synchronous_standby_names") != "nobody" {}
    assert!(asked(&["audit"]).contains("OK: everything holds"));
    assert!(asked(&["token", "list"]).contains("ops"));
    assert!(asked(&["migrate"]).contains("nothing to do"));
    drop(away);
}
