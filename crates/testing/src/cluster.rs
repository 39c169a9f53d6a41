//! A primary and its standby.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::Postgres;
use crate::port::free_port;
use crate::postgres::{FAST, Server};

/// The database that [`Cluster::url`] names.
const DATABASE: &str = "huodong";

/// A minute at least, asked every 50 ms.
const POLLS_MAX: usize = 1200;

/// Two servers: a primary, and a standby for which every commit waits before it is answered, so
/// that what was acknowledged is there when the standby takes over.
pub struct Cluster {
    primary: Postgres,
    standby: Postgres,
}

impl Cluster {
    /// Starts both, with an empty database, and returns when commits are
    /// [synchronous](Self::wait_until_synchronous).
    pub fn start() -> Self {
        let primary = Server::create(FAST, free_port);
        primary.must_execute(&format!("CREATE DATABASE {DATABASE}"));
        let standby = Server::empty();
        standby.keeper.must_run(&format!(
            "\"$bin/pg_basebackup\" -D \"$directory/data\" -h 127.0.0.1 -p {} -U postgres \
             --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync --no-manifest",
            primary.address().port(),
        ));
        // Its settings came with the copy, but not its directory.
        standby.configure(&[]);
        standby.listen(free_port);
        // The copy does not have this setting: a promoted standby waits for nobody.
        primary.must_execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.psql("postgres", "SELECT pg_reload_conf()");
        let cluster = Self { primary: primary.into(), standby: standby.into() };
        cluster.wait_until_synchronous();
        cluster
    }

    /// Both servers' addresses; whoever connects finds the one that takes writes.
    pub fn url(&self) -> String {
        self.url_through(self.primary.address(), self.standby.address())
    }

    /// The same by way of other addresses, such as those of a [`Proxy`](crate::Proxy) for each.
    pub fn url_through(&self, primary: SocketAddr, standby: SocketAddr) -> String {
        let hosts = format!("{primary},{standby}");
        format!("postgres://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write")
    }

    /// The server that is the primary at first.
    pub fn primary(&self) -> &Postgres {
        &self.primary
    }

    /// The server that is the standby at first.
    pub fn standby(&self) -> &Postgres {
        &self.standby
    }

    /// Stops the primary as `pg_ctl stop -m immediate` does: like a crash.
    pub fn stop_primary_at_once(&self) {
        self.primary.crash();
    }

    /// Makes the standby take writes, which wait for no other server.
    pub fn promote_standby(&self) {
        let promoted = self.standby.psql("postgres", "SELECT pg_promote(true, 60)");
        assert_eq!(promoted, "t", "the standby is not promoted within a minute");
    }

    /// Returns when the primary's commits wait for the standby and the standby follows, at the
    /// start and after a standby that was away.
    pub fn wait_until_synchronous(&self) {
        let sql = "SELECT count(*) FROM pg_stat_replication \
                   WHERE state = 'streaming' AND sync_state = 'sync'";
        for _ in 0..POLLS_MAX {
            if self.primary.psql("postgres", sql) == "1" {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the standby does not follow:\n{}", self.standby.log());
    }
}
