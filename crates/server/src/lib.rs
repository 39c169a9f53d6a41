//! What is served: the vendors' faces, the operator API and the sandbox's controls.

mod app;
mod body;
mod directory;
mod faults;
mod gongyi;
mod health;
mod html;
pub mod keys;
mod lakala;
mod listen;
mod metrics;
mod nonces;
mod openid;
pub mod operator;
mod order_number;
mod platform;
mod rate;
mod router;
pub mod sandbox;
mod secrets;
pub mod seed;
mod sent;
mod shared_nonces;
mod signing;
mod trace;
mod ysepay;

pub use app::{App, RefreshError, Settings};
pub use directory::{
    Caller, Directory, KnownInitiator, KnownInstitution, Secret, purpose as secret_purpose,
};
pub use faults::{Fault, FaultAction, FaultCode, FaultRule, Faults, TooManyFaults};
pub use health::Health;
pub use lakala::{Courier, LakalaSettings, PathError};
pub use listen::{ConnectionHandle, ListenOptions, Served, TlsError, bind, serve, tls_from_files};
pub use metrics::{AnswerCode, ApiMetrics, Metrics};
pub use nonces::{NonceRefusal, Nonces};
pub use openid::{BadAddress, OpenidPages, check_allowed as check_return_prefix};
pub use order_number::{order_number, parse_order_number};
pub use platform::{EnsureKeysError, Gateway, Platform, PlatformSigner, ensure_platform_keys};
pub use rate::Rate;
pub use router::{operators_router, partners_router, router};
pub use secrets::{MasterKey, SecretError};
pub use sent::{Sent, SentLog};
pub use shared_nonces::SharedNonces;
pub use signing::{Signers, Urgency};
pub use trace::{TraceId, TraceIds};
pub use ysepay::YsepaySettings;
