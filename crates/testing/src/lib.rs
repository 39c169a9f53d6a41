//! What tests stand on: real PostgreSQL servers, and a network that fails. For dev-dependencies
//! only; it panics where something is not as it should be, with what the server wrote.
//!
//! [`Postgres`] is a server that tests share or have to themselves, [`Database`] a fresh database
//! in it, [`Cluster`] a primary with a standby. PostgreSQL's own programs do the work, so nothing is
//! linked and nothing is asynchronous. [`Proxy`] stands between a server and who calls it.

mod cluster;
mod database;
mod keeper;
mod port;
mod postgres;
mod programs;
mod proxy;
mod session;
mod store;

pub use cluster::Cluster;
pub use database::Database;
pub use postgres::Postgres;
pub use programs::program;
pub use proxy::Proxy;
pub use store::{database_at, database_if_wanted, shared_database_at};
