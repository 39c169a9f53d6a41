//! The gateway's envelope and messages as they travel.
#![allow(clippy::unwrap_used, missing_docs)]

mod messages;
mod vectors;
