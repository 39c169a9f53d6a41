//! A database for one test.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::postgres::Server;

/// A database of its own for one test, dropped with this value whoever is still connected. It keeps
/// its server running.
pub struct Database {
    server: Arc<Server>,
    name: String,
    url: String,
}

impl Database {
    pub(crate) fn new(server: Arc<Server>, name: String) -> Self {
        let url = server.url(server.address(), &name);
        Self { server, name, url }
    }

    /// `postgres://postgres@127.0.0.1:PORT/NAME`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same database by way of another address, such as a [`Proxy`](crate::Proxy)'s.
    pub fn url_through(&self, address: SocketAddr) -> String {
        self.server.url(address, &self.name)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL in it, as [`Postgres::psql`](crate::Postgres::psql) does.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test may have stopped the server; its databases go with its directory.
        let _ = self.server.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
