//! The gateway's client against a gateway that answers as told.
#![allow(clippy::unwrap_used, missing_docs)]

mod answers;
mod calls;
mod identity;
mod retries;
mod script;
