//! 银盛: the gateway.

mod builder;
mod client;
mod error;
mod req_id;
mod request;
mod verify;

pub use builder::{BuildError, ClientBuilder};
pub use client::{Answer, Client};
pub use error::{Cause, Error, Refused};
pub use req_id::{NotAReqId, ReqId};
pub use request::{Body, BodyForm, Request};
pub use verify::Unverified;

pub use crate::Retry;
