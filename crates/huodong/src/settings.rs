//! The options with which a command finds an installation, and what is made of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use huodong_server::MasterKey;
use huodong_store::{Opened, Place, Store, StoreError, StoreOptions};

use crate::config::{Config, Flag, MASTER_KEY_VARIABLE};
use crate::failure::{Context as _, Failure};

/// Which installation.
#[derive(Clone, Debug, Args)]
pub(crate) struct Installation {
    /// The configuration file; see `huodong config`.
    #[arg(long, value_name = "FILE", env = "HUODONG_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the database is: a directory (store.directory), or the postgres:// address of one that
    /// several nodes share (store.url). An address with a password belongs in HUODONG_STORE__URL:
    /// every program on the machine can read a command line.
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) data: Option<PathBuf>,
}

impl Installation {
    /// Its settings; `flags` win over all else.
    pub(crate) fn settings(&self, mut flags: Vec<Flag>) -> Result<Config, Failure> {
        if let Some(directory) = &self.data {
            let text = directory.to_str().ok_or_else(|| {
                Failure::usage(format!("--data {} is not UTF-8", directory.display()))
            })?;
            let is_url = text.contains("://");
            let (url, directory) = if is_url { (text, None) } else { ("", Some(text)) };
            flags.push(("store.url", url.to_owned()));
            flags.extend(directory.map(|directory| ("store.directory", directory.to_owned())));
        }
        // Names and values that are not UTF-8 cannot be settings of ours.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Config::load(self.config.as_deref(), environment, &flags)
    }
}

/// Opens the database, migrating it where it is older.
pub(crate) fn open_store(config: &Config) -> Result<(Store, Opened), Failure> {
    opened(config, Store::open)
}

/// Brings the database up to this version; where there is nothing to do, nothing is written.
pub(crate) fn migrate_store(config: &Config) -> Result<Opened, Failure> {
    let open = |options: &StoreOptions| match Store::open_existing(options) {
        Err(StoreError::Missing(_) | StoreError::Older { .. }) => Store::open(options),
        opened => opened,
    };
    opened(config, open).map(|(_, opened)| opened)
}

/// Opens a database that must be there already: a slip in a path shall not make an empty one.
pub(crate) fn open_existing(config: &Config) -> Result<Store, Failure> {
    opened(config, Store::open_existing).map(|(store, _)| store)
}

/// Where and how the database is kept.
pub(crate) fn store_options(config: &Config) -> Result<StoreOptions, Failure> {
    let store = &config.store;
    Ok(StoreOptions {
        place: store.place()?,
        cache_mib: store.cache_mib,
        readers: store.readers,
        keys_per_run: store.keys_per_run,
        extra_sync: Duration::from_micros(store.extra_sync_us),
    })
}

/// The directory of an embedded store.
pub(crate) fn embedded(options: &StoreOptions) -> Result<&Path, Failure> {
    match &options.place {
        Place::Directory(directory) => Ok(directory),
        Place::Postgres(_) => Err(Failure::usage(
            "this is for the embedded store; PostgreSQL is backed up and restored by its own \
             programs, see docs/operations.md",
        )),
    }
}

fn opened(
    config: &Config,
    open: impl FnOnce(&StoreOptions) -> Result<(Store, Opened), StoreError>,
) -> Result<(Store, Opened), Failure> {
    open(&store_options(config)?).map_err(|error| match error {
        StoreError::InUse(directory) => Failure::new(format!(
            "the database in {} is in use by another process; stop that server first, or ask it \
             through its operator API",
            directory.display()
        )),
        error @ StoreError::Missing(_) => Failure::new(error.to_string()),
        error => Failure::new(format!("cannot open {}: {error}", config.store.name())),
    })
}

/// The master key: from the environment, or from the file the settings name.
pub(crate) fn master_key(config: &Config) -> Result<MasterKey, Failure> {
    let text = match (std::env::var(MASTER_KEY_VARIABLE), config.master_key_file()) {
        (Ok(text), _) => text,
        (Err(_), Some(path)) => std::fs::read_to_string(path)
            .cannot(format_args!("read the master key from {}", path.display()))?,
        (Err(_), None) => {
            return Err(Failure::usage(format!(
                "there is no master key: set {MASTER_KEY_VARIABLE} or secrets.master_key_file; \
                 `huodong master-key` makes one"
            )));
        }
    };
    MasterKey::from_hex(&text).cannot("use the master key")
}
