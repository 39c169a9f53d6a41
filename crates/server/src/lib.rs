//! What is served: the vendors' faces, the operator API and the sandbox's controls.

mod app;
mod body;
mod directory;
mod faults;
mod gongyi;
mod health;
mod html;
mod listen;
mod metrics;
mod nonces;
mod openid;
pub mod operator;
mod rate;
mod router;
pub mod sandbox;
mod secrets;
pub mod seed;
mod trace;

pub use app::{App, RefreshError, Settings};
pub use directory::{Caller, Directory, Secret, purpose as secret_purpose};
pub use faults::{Fault, FaultAction, FaultRule, Faults, TooManyFaults};
pub use gongyi::{donate_transcode, parse_donate_transcode};
pub use health::Health;
pub use listen::{ConnectionHandle, ListenOptions, Served, TlsError, bind, serve, tls_from_files};
pub use metrics::{ApiMetrics, Metrics};
pub use nonces::{NonceRefusal, Nonces};
pub use openid::{BadAddress, OpenidPages, check_allowed as check_return_prefix};
pub use rate::Rate;
pub use router::{operators_router, partners_router, router};
pub use secrets::{MasterKey, SecretError};
pub use trace::{TraceId, TraceIds};
