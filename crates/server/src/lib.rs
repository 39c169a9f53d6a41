//! What is served: the vendors' faces, the operator API and the sandbox's controls.

mod app;
mod directory;
mod secrets;

pub use app::{App, Settings};
pub use directory::{Caller, Directory};
pub use secrets::{MasterKey, SecretError};
