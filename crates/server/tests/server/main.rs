//! The whole server, from the outside: each test runs one on a port of its own.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, unreachable_pub)]

mod abuse;
mod app;
mod browser;
mod concurrency;
mod donation;
mod flowers;
mod inbox;
mod lakala;
mod listen;
mod nodes;
mod observability;
mod openid;
mod operator;
mod sandbox;
mod signature;
mod writer;
mod ysepay;
