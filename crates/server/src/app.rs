//! What every handler can reach.

use std::time::Duration;

use huodong_engine::{Chance, Engine, EngineError};
use thiserror::Error;

use crate::directory::Directory;
use crate::secrets::{MasterKey, SecretError};

/// What an operator of the server may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How far a signature's timestamp may be from the real clock, either way.
    pub freshness_s: u32,
    /// How long a call may wait for its outcome.
    pub deadline: Duration,
    /// The largest request body.
    pub body_bytes_max: usize,
    /// Calls a second for an application that has no rate of its own.
    pub rate_per_s: u32,
    /// Nonces remembered at once; beyond that calls are refused as too many.
    pub nonces_max: usize,
    /// True when the sandbox's controls are served.
    pub sandbox: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            freshness_s: 300,
            deadline: Duration::from_secs(5),
            body_bytes_max: 64 * 1024,
            rate_per_s: 100_000,
            nonces_max: 8_000_000,
            sandbox: false,
        }
    }
}

/// What every handler can reach; one for each server, shared in an `Arc`.
#[derive(Debug)]
pub struct App {
    /// Where changes go and answers come from. `engine.clock()` has both clocks.
    pub engine: Engine,
    /// Unpredictable bytes.
    pub chance: Chance,
    /// What secrets are sealed under.
    pub master_key: MasterKey,
    /// Who may call.
    pub directory: Directory,
    /// What the operator set.
    pub settings: Settings,
}

/// Why the partners could not be read in.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The store did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A secret was sealed under another master key.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl App {
    /// Reads the partners in; at start, and after each change to one.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        let applications = self.engine.read(|reader| reader.all_applications()).await?;
        self.directory.replace(&self.master_key, applications)?;
        Ok(())
    }
}
