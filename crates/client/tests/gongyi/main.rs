//! The gongyi client against a server that answers as told.
#![allow(clippy::unwrap_used, missing_docs)]

mod calls;
mod script;
mod settle;
