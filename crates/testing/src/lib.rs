//! What tests stand on: real PostgreSQL servers, and a network that fails. For dev-dependencies
//! only; it panics where something is not as it should be, with what the server wrote.
//!
//! [`Postgres`] is a server that tests share or have to themselves, [`Database`] a fresh database
//! in it. PostgreSQL's own programs do the work, so nothing is linked and nothing is asynchronous.

mod database;
mod keeper;
mod port;
mod postgres;
mod programs;
mod session;

pub use database::Database;
pub use postgres::Postgres;
pub use programs::program;
