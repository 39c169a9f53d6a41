//! The settings: one commented file with every default, over which a file, the environment and
//! flags are laid, in this order.

mod served;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use huodong_server::sandbox::check_exposure;
use huodong_store::Place;
use serde::Deserialize;
use toml::{Table, Value};

use crate::failure::{Context, Failure};

/// The default file, as `huodong config` prints it. It is parsed at each start, so what it says is
/// what holds.
pub(crate) const DEFAULT: &str = include_str!("../huodong.default.toml");

/// Begins the environment's names of settings.
pub(crate) const PREFIX: &str = "HUODONG_";
/// Where the master key is looked for first.
pub(crate) const MASTER_KEY_VARIABLE: &str = "HUODONG_MASTER_KEY";

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) gongyi: Gongyi,
    pub(crate) lakala: Lakala,
    pub(crate) ysepay: Ysepay,
    pub(crate) callbacks: Callbacks,
    pub(crate) wechat: Wechat,
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) secrets: Secrets,
    pub(crate) log: Log,
    pub(crate) sandbox: Sandbox,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    tls_cert_file: String,
    tls_key_file: String,
    pub(crate) operator_api: bool,
    operator_listen: String,
    public_url: String,
    pub(crate) connections_max: usize,
    pub(crate) body_bytes_max: usize,
    pub(crate) deadline_ms: u64,
    pub(crate) drain_ms: u64,
    pub(crate) shutdown_grace_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gongyi {
    pub(crate) freshness_s: u32,
    pub(crate) rate_per_s: u32,
    pub(crate) nonces_max: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lakala {
    pub(crate) issue_path: String,
    pub(crate) query_path: String,
    pub(crate) freshness_s: u32,
    pub(crate) rate_per_s: u32,
    pub(crate) nonces_max: usize,
    pub(crate) strangers_signed_per_s: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ysepay {
    pub(crate) freshness_s: u32,
    pub(crate) rate_per_s: u32,
    pub(crate) strangers_signed_per_s: u32,
    pub(crate) uploads_at_once_max: usize,
    pub(crate) upload_timeout_ms: u64,
    pub(crate) orphan_photos_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Callbacks {
    pub(crate) at_once_max: usize,
    pub(crate) at_once_per_receiver_max: usize,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) answer_bytes_max: usize,
    pub(crate) allow_http: bool,
    pub(crate) allow_private: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wechat {
    authorize_base: String,
    api_base: String,
    timeout_ms: u64,
    rate_per_s: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    url: String,
    pub(crate) directory: PathBuf,
    pub(crate) cache_mib: u32,
    pub(crate) readers: usize,
    pub(crate) keys_per_run: usize,
    pub(crate) extra_sync_us: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Engine {
    pub(crate) queue_max: usize,
    pub(crate) batch_max: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    master_key_file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sandbox {
    pub(crate) controls: bool,
    allow_remote: bool,
}

/// One setting from a flag: `section.key` and its value as text.
pub(crate) type Flag = (&'static str, String);

impl Config {
    /// The settings that hold: the defaults, then `file`, then the environment, then `flags`.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[Flag],
    ) -> Result<Self, Failure> {
        let defaults: Table = DEFAULT.parse().cannot("read the built-in defaults")?;
        let mut settings = defaults.clone();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .cannot(format_args!("read the configuration {}", path.display()))?;
            let table: Table = text.parse().map_err(|error: toml::de::Error| {
                // Not the line itself: a password may stand in it.
                let at = error.span().map_or(0, |span| span.start);
                let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
                let message = error.message();
                Failure::usage(format!("{}, line {line}: {message}", path.display()))
            })?;
            lay_file(&mut settings, table, path)?;
        }
        for (name, value) in environment {
            if let Some((section, key)) = setting_of(&name) {
                lay_text(&mut settings, &section, &key, &value, &format!("environment {name}"))?;
            }
        }
        for (path, value) in flags {
            let (section, key) = path.split_once('.').expect("flags name section.key");
            lay_text(&mut settings, section, key, value, "flag")?;
        }
        let config: Self =
            Value::Table(settings).try_into().map_err(|error: toml::de::Error| {
                Failure::usage(format!(
                    "configuration: {}",
                    error.to_string().trim().replace('\n', " ")
                ))
            })?;
        config.check()?;
        Ok(config)
    }

    /// The certificate chain's file and the key's, where TLS is on.
    pub(crate) fn tls(&self) -> Option<(&Path, &Path)> {
        let server = &self.server;
        Some((set(&server.tls_cert_file)?, set(&server.tls_key_file)?))
    }

    /// The operator API's own address, where it has one.
    pub(crate) fn operator_listen(&self) -> Option<SocketAddr> {
        self.server.operator_listen.parse().ok()
    }

    /// Refuses to serve a sandbox's controls beyond loopback, at whichever door, unless that is
    /// allowed.
    pub(crate) fn check_exposure(&self) -> Result<(), Failure> {
        let doors = [Some(self.server.listen), self.operator_listen()];
        for door in doors.into_iter().flatten().filter(|_| self.sandbox.controls) {
            check_exposure(door, self.sandbox.allow_remote).map_err(|exposed| {
                Failure::usage(format!(
                    "{exposed}: sandbox.allow_remote, or huodong sandbox --allow-remote"
                ))
            })?;
        }
        Ok(())
    }

    /// The master key's file, where one is named.
    pub(crate) fn master_key_file(&self) -> Option<&Path> {
        set(&self.secrets.master_key_file)
    }

    /// What the types do not say.
    fn check(&self) -> Result<(), Failure> {
        let server = &self.server;
        if server.tls_cert_file.is_empty() != server.tls_key_file.is_empty() {
            return Err(Failure::usage(
                "configuration: server.tls_cert_file and server.tls_key_file: set both or neither",
            ));
        }
        if !server.operator_listen.is_empty() && self.operator_listen().is_none() {
            return Err(Failure::usage(format!(
                "configuration: server.operator_listen: {:?} is no address:port",
                server.operator_listen
            )));
        }
        self.lakala_settings().check_paths().map_err(|error| {
            Failure::usage(format!("configuration: lakala.issue_path, lakala.query_path: {error}"))
        })?;
        self.check_addresses()?;
        self.store.place()?;
        let positive = [
            ("server.connections_max", server.connections_max > 0),
            ("server.body_bytes_max", server.body_bytes_max > 0),
            ("server.deadline_ms", server.deadline_ms > 0),
            ("gongyi.freshness_s", self.gongyi.freshness_s > 0),
            ("gongyi.rate_per_s", self.gongyi.rate_per_s > 0),
            ("gongyi.nonces_max", self.gongyi.nonces_max > 0),
            ("lakala.freshness_s", self.lakala.freshness_s > 0),
            ("lakala.rate_per_s", self.lakala.rate_per_s > 0),
            ("lakala.nonces_max", self.lakala.nonces_max > 0),
            ("ysepay.freshness_s", self.ysepay.freshness_s > 0),
            ("ysepay.rate_per_s", self.ysepay.rate_per_s > 0),
            ("ysepay.uploads_at_once_max", self.ysepay.uploads_at_once_max > 0),
            ("ysepay.upload_timeout_ms", self.ysepay.upload_timeout_ms > 0),
            ("ysepay.orphan_photos_s", self.ysepay.orphan_photos_s > 0),
            ("callbacks.at_once_max", self.callbacks.at_once_max > 0),
            ("callbacks.at_once_per_receiver_max", self.callbacks.at_once_per_receiver_max > 0),
            ("callbacks.connect_timeout_ms", self.callbacks.connect_timeout_ms > 0),
            ("callbacks.timeout_ms", self.callbacks.timeout_ms > 0),
            ("callbacks.answer_bytes_max", self.callbacks.answer_bytes_max > 0),
            ("wechat.timeout_ms", self.wechat.timeout_ms > 0),
            ("wechat.rate_per_s", self.wechat.rate_per_s > 0),
            ("store.cache_mib", self.store.cache_mib > 0),
            ("store.readers", self.store.readers > 0),
            ("store.keys_per_run", self.store.keys_per_run > 0),
            ("engine.queue_max", self.engine.queue_max > 0),
            ("engine.batch_max", self.engine.batch_max > 0),
        ];
        match positive.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => {
                Err(Failure::usage(format!("configuration: {name} must be above zero")))
            }
            None => Ok(()),
        }
    }
}

fn set(path: &str) -> Option<&Path> {
    (!path.is_empty()).then(|| Path::new(path))
}

impl Store {
    /// Where the database is.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        if self.url.is_empty() {
            return Ok(Place::Directory(self.directory.clone()));
        }
        let address = self.url.parse().map(Place::Postgres);
        address.map_err(|error| Failure::usage(format!("configuration: store.url: {error}")))
    }

    /// What it is called in messages: never with a password in it.
    pub(crate) fn name(&self) -> String {
        match self.place() {
            Ok(Place::Postgres(address)) => address.to_string(),
            Ok(Place::Directory(directory)) => directory.display().to_string(),
            Err(_) => "store.url".to_owned(),
        }
    }
}

/// `HUODONG_SERVER__LISTEN` → `server`, `listen`. Other variables of ours have no double underscore.
fn setting_of(variable: &str) -> Option<(String, String)> {
    let (section, key) = variable.strip_prefix(PREFIX)?.split_once("__")?;
    Some((section.to_lowercase(), key.to_lowercase()))
}

/// Lays a file over the settings. Types are checked when all is together.
fn lay_file(settings: &mut Table, file: Table, path: &Path) -> Result<(), Failure> {
    for (section, keys) in file {
        let Value::Table(keys) = keys else {
            return Err(unknown(settings, &section, None, &path.display().to_string()));
        };
        for (key, value) in keys {
            *slot(settings, &section, &key, &path.display().to_string())? = value;
        }
    }
    Ok(())
}

/// Lays one value that came as text over the settings, as the kind of value its default is.
fn lay_text(
    settings: &mut Table,
    section: &str,
    key: &str,
    text: &str,
    origin: &str,
) -> Result<(), Failure> {
    let slot = slot(settings, section, key, origin)?;
    let wrong = |kind: &str| {
        Failure::usage(format!("{origin}: {section}.{key} must be {kind}, not {text:?}"))
    };
    *slot = match slot {
        Value::Integer(_) => {
            Value::Integer(text.trim().parse().map_err(|_| wrong("a whole number"))?)
        }
        Value::Boolean(_) => {
            Value::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?)
        }
        _ => Value::String(text.to_owned()),
    };
    Ok(())
}

fn slot<'s>(
    settings: &'s mut Table,
    section: &str,
    key: &str,
    origin: &str,
) -> Result<&'s mut Value, Failure> {
    let known =
        settings.get(section).and_then(Value::as_table).is_some_and(|t| t.contains_key(key));
    if !known {
        return Err(unknown(settings, section, Some(key), origin));
    }
    let table = settings.get_mut(section).and_then(Value::as_table_mut);
    Ok(table.and_then(|table| table.get_mut(key)).expect("looked up above"))
}

/// Refuses a setting that does not exist, naming the one that was probably meant.
fn unknown(settings: &Table, section: &str, key: Option<&str>, origin: &str) -> Failure {
    let asked = key.map_or_else(|| section.to_owned(), |key| format!("{section}.{key}"));
    let names = settings.iter().flat_map(|(section, keys)| {
        let keys = keys.as_table().into_iter().flat_map(Table::keys);
        keys.map(move |key| format!("{section}.{key}"))
    });
    let nearest = names
        .map(|name| {
            // A right key in the wrong section is as near as a slip of the pen.
            let same_key = name.split_once('.').is_some_and(|(_, k)| Some(k) == key || k == asked);
            let distance = if same_key { 0 } else { strsim::damerau_levenshtein(&name, &asked) };
            (distance, name)
        })
        .min()
        .map(|(_, name)| name)
        .unwrap_or_default();
    Failure::usage(format!("{origin}: no such setting: {asked}; did you mean {nearest}?"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
