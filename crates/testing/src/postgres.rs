//! A PostgreSQL server for tests.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use crate::Database;
use crate::keeper::Keeper;
use crate::port::{Port, free_port};
use crate::programs;
use crate::session::Session;

/// A server for tests that are not about what is left after a power cut: it is as fast as it can
/// be, with everything else as it comes. Autovacuum would only wake up for databases that live
/// for a second.
pub(crate) const FAST: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "500"),
    ("shared_buffers", "128MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
];

/// How often another port is tried. Each is free when it is looked for, so more than a few failures
/// in a row have another cause.
const PORTS_MAX: usize = 10;

/// A PostgreSQL server on a port of 127.0.0.1. Its user `postgres` needs no password. It is stopped,
/// and its data removed, when it and its databases are dropped or this process ends.
pub struct Postgres {
    server: Arc<Server>,
}

impl Postgres {
    /// The server that all tests of a program share, started by the first one that asks.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// A server for one test.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server for one test, with these settings of `postgresql.conf`.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Server::create(&[FAST, settings].concat(), free_port).into()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The server's own database, for what concerns no other.
    pub fn url(&self) -> String {
        self.server.url(self.address(), "postgres")
    }

    /// A fresh, empty database.
    pub fn database(&self) -> Database {
        self.database_like("template0")
    }

    /// A fresh database with everything that is in a [template](Self::template).
    pub fn database_like(&self, template: &str) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.server.create_database(&name, template);
        Database::new(Arc::clone(&self.server), name)
    }

    /// Makes a database that others are made like, unless there is one of that name. `prepare` is
    /// called with its URL; afterwards nobody can connect to it any more. The name needs to be plain:
    /// it is not quoted.
    pub fn template(&self, name: &str, prepare: impl FnOnce(&str)) {
        let server = &self.server;
        let mut templates = server.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if templates.contains(name) {
            return;
        }
        // An earlier attempt may have panicked half way.
        server.must_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        server.create_database(name, "template0");
        prepare(&server.url(self.address(), name));
        // Nothing is copied from a database to which somebody is connected.
        server.must_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        server.psql(
            "postgres",
            &format!(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                 WHERE datname = '{name}'"
            ),
        );
        templates.insert(name.to_owned());
    }

    /// Runs SQL in a database and returns what psql prints: a line for each row, columns separated
    /// by `|`.
    ///
    /// # Panics
    ///
    /// When psql cannot connect or a statement fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.server.psql(database, sql)
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        self.server.keeper.log()
    }

    /// Stops the server as a crash would: nobody is told, nothing is written out.
    pub fn crash(&self) {
        self.server.stop("QUIT");
    }

    /// Starts it again where it was, with what had been committed.
    pub fn start_again(&self) {
        self.server.start_again();
    }
}

impl From<Server> for Postgres {
    fn from(server: Server) -> Self {
        Self { server: Arc::new(server) }
    }
}

/// What a [`Postgres`] and its databases share.
pub(crate) struct Server {
    pub(crate) keeper: Keeper,
    port: OnceLock<Port>,
    /// psql processes that wait to be asked: as many as were ever needed at once.
    sessions: Mutex<Vec<Session>>,
    templates: Mutex<HashSet<String>>,
}

impl Server {
    pub(crate) fn create(settings: &[(&str, &str)], port: impl FnMut() -> Port) -> Self {
        let server = Self::empty();
        server.keeper.must_run(
            "\"$bin/initdb\" -D \"$directory/data\" -A trust -U postgres -E UTF8 --locale=C \
             --no-sync --no-instructions",
        );
        server.configure(settings);
        server.listen(port);
        server
    }

    /// A directory for a server that has still to be made.
    pub(crate) fn empty() -> Self {
        Self {
            keeper: Keeper::new(),
            port: OnceLock::new(),
            sessions: Mutex::default(),
            templates: Mutex::default(),
        }
    }

    /// Adds settings; of two with the same name the last is taken.
    pub(crate) fn configure(&self, settings: &[(&str, &str)]) {
        let directory = self.keeper.directory();
        // Nobody calls by way of a file, whose path would be too long in some directories.
        let mut lines =
            "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n".to_owned();
        for (name, value) in settings {
            let value = value.replace('\'', "''");
            writeln!(lines, "{name} = '{value}'").expect("a string can be written to");
        }
        OpenOptions::new()
            .append(true)
            .open(directory.join("data/postgresql.conf"))
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .expect("the settings can be written");
    }

    /// Starts the server on a free port.
    pub(crate) fn listen(&self, mut port: impl FnMut() -> Port) {
        for _ in 0..PORTS_MAX {
            let port = port();
            if self.keeper.run(&format!("start \"$directory/data\" {}", port.number())) {
                assert!(self.port.set(port).is_ok(), "a server listens once");
                return;
            }
            // No other test has it, but between the look and the server's start somebody else may
            // take it.
            let log = self.keeper.log();
            assert!(log.contains("Address already in use"), "PostgreSQL does not start:\n{log}");
        }
        panic!("no port in {PORTS_MAX} stayed free until PostgreSQL had started");
    }

    pub(crate) fn start_again(&self) {
        let port = self.address().port();
        self.keeper.must_run(&format!("start \"$directory/data\" {port}"));
    }

    pub(crate) fn stop(&self, signal: &str) {
        self.keeper.run(&format!("stop {signal}"));
        self.sessions().clear();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let port = self.port.get().expect("the server has been started");
        (Ipv4Addr::LOCALHOST, port.number()).into()
    }

    pub(crate) fn url(&self, address: SocketAddr, database: &str) -> String {
        format!("postgres://postgres@{address}/{database}")
    }

    /// Files are copied, which takes about 20 ms; the default, writing every page to the log, takes
    /// about 30 and twice the disk.
    fn create_database(&self, name: &str, template: &str) {
        self.must_execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
        ));
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let mut child = programs::program("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d"])
            .arg(self.url(self.address(), database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let mut input = child.stdin.take().expect("psql's input is a pipe");
        let output = thread::scope(|scope| {
            // A psql that fails stops reading; its own words say why.
            scope.spawn(move || drop(input.write_all(sql.as_bytes())));
            child.wait_with_output().expect("psql ends")
        });
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "in {database}, {sql}\n{errors}");
        String::from_utf8(output.stdout).expect("the database is UTF-8").trim_end().to_owned()
    }

    /// Executes a statement in the server's own database.
    pub(crate) fn execute(&self, statement: &str) -> Result<(), String> {
        let waiting = self.sessions().pop();
        let mut session =
            waiting.unwrap_or_else(|| Session::to(&self.url(self.address(), "postgres")));
        let outcome = session.execute(statement);
        if outcome.is_ok() {
            self.sessions().push(session);
        }
        outcome
    }

    pub(crate) fn must_execute(&self, statement: &str) {
        if let Err(message) = self.execute(statement) {
            panic!("{statement}: {message}\n{}", self.keeper.log());
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_is_taken_is_not_the_last_one_tried() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let number = taken.local_addr().expect("it has a number").port();
        let mut first = Port::claim(number);
        assert!(first.is_some());
        let server = Server::create(FAST, || first.take().unwrap_or_else(free_port));
        assert_ne!(server.address().port(), number);
        assert_eq!(server.psql("postgres", "SELECT 1"), "1");
    }
}
