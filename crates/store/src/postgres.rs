//! The shared store: one PostgreSQL database (or what speaks as it does), any number of nodes.
//!
//! Every batch is one transaction at READ COMMITTED. What keeps nodes from each other's feet is
//! told in `docs/decisions/0011-several-nodes.md`.

mod address;
mod connection;
mod migrate;
mod node;
mod nonces;
mod store;

pub use address::{BadAddress, PostgresAddress};
pub use connection::waiting_here;
pub(crate) use connection::{Array, Connection, Rows, Statement, all_or_again, cell};
pub(crate) use migrate::migrate_to_newest;
pub(crate) use node::{ID_STEP, NOW_MS};
pub use nonces::NonceTable;
pub(crate) use store::Shared;
