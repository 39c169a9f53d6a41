//! Where a PostgreSQL database is, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::StoreError;

/// How long a host may take to be reached, and to let one in.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one statement may take, unless the address says otherwise.
const ANSWER: Duration = Duration::from_secs(10);

/// Whatever is asked is found by an index. A plan that was made while a table was nearly empty says
/// otherwise, and is kept.
const BY_INDEX: &str = "-c enable_seqscan=off -c jit=off";

/// The address of a PostgreSQL database, as
/// `postgres://user:password@host1:5432,host2:5432/database?sslmode=verify-full`.
///
/// Of several hosts the one is used that takes writes. Beside what PostgreSQL's own clients know,
/// `statement_timeout_ms` says how long one statement may take (10,000). `sslmode` is `disable` or
/// `verify-full`, with `sslrootcert` for a file of authorities other than the machine's; left out, it
/// is `disable` for hosts on this machine and `verify-full` for others.
#[derive(Clone)]
pub struct PostgresAddress(Arc<Address>);

struct Address {
    config: Config,
    /// The same for each host alone.
    hosts: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    answer_within: Duration,
}

impl fmt::Debug for PostgresAddress {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

impl fmt::Display for PostgresAddress {
    /// Hosts and database, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (at, host) in self.0.config.get_hosts().iter().enumerate() {
            let ports = self.0.config.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            let comma = if at == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.0.config.get_dbname().unwrap_or_default())
    }
}

/// What an address lacks or has too much of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

impl FromStr for PostgresAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            let scheme = "an address begins with postgres://".to_owned();
            return Err(BadAddress(scheme));
        }
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        // Else a part of a password would be taken for a host or an option, and shown.
        if query.contains('@') || place.matches('@').count() > 1 {
            let told = "one @ stands in an address, before its host: write %40 for another, and %3F \
                        for a ? in a password";
            return Err(BadAddress(told.to_owned()));
        }
        let (mut mode, mut authorities, mut answer_within) = (None, None, ANSWER);
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(value.into_owned()),
                "statement_timeout_ms" => {
                    let ms = value.parse().ok().filter(|ms| *ms > 0);
                    answer_within = Duration::from_millis(ms.ok_or_else(|| {
                        BadAddress("statement_timeout_ms must be a number above 0".to_owned())
                    })?);
                }
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        // Its values are read with %20 for a space, not with +.
        let rest = rest.finish().replace('+', "%20");
        let config: Result<Config, _> = format!("{place}?{rest}").parse();
        let mut config = config.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            BadAddress(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(BadAddress("the address names no host".to_owned()));
        }
        let tls = match mode.as_deref() {
            Some("disable") => false,
            Some("verify-full") => true,
            None => !config.get_hosts().iter().all(is_here),
            Some(other) => {
                return Err(BadAddress(format!(
                    "sslmode={other} is not offered: it is disable, or verify-full, as encryption \
                     without knowing for whom keeps nobody out"
                )));
            }
        };
        let tls = tls.then(|| verifier(authorities.as_deref())).transpose()?;
        let ms = answer_within.as_millis();
        let options = config.get_options().unwrap_or_default();
        // A node that stops in the middle of a batch must not hold its rows for long. Who waits for
        // a lock is told that it was one.
        let options = format!(
            "{options} -c statement_timeout={ms} -c idle_in_transaction_session_timeout={ms} \
             -c lock_timeout={} {BY_INDEX}",
            ms - ms / 4
        );
        config
            .options(options.trim())
            .application_name("huodong")
            .connect_timeout(CONNECT)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            .tcp_user_timeout(answer_within)
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable })
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let hosts = each_host(&config);
        Ok(Self(Arc::new(Address { config, hosts, tls, answer_within })))
    }
}

/// How to connect to each of the hosts alone.
fn each_host(config: &Config) -> Vec<Config> {
    let ports = config.get_ports();
    let each = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let mut one = Config::new();
        match host {
            Host::Tcp(name) => one.host(name),
            Host::Unix(path) => one.host_path(path),
        };
        config.get_hostaddrs().get(at).map(|address| one.hostaddr(*address));
        ports.get(at).or(ports.first()).map(|port| one.port(*port));
        config.get_user().map(|user| one.user(user));
        config.get_password().map(|password| one.password(password));
        config.get_dbname().map(|name| one.dbname(name));
        config.get_options().map(|options| one.options(options));
        config.get_application_name().map(|name| one.application_name(name));
        config.get_connect_timeout().map(|timeout| one.connect_timeout(*timeout));
        config.get_tcp_user_timeout().map(|timeout| one.tcp_user_timeout(*timeout));
        config.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
        config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
        one.keepalives(config.get_keepalives())
            .keepalives_idle(config.get_keepalives_idle())
            .ssl_mode(config.get_ssl_mode())
            .ssl_negotiation(config.get_ssl_negotiation())
            .channel_binding(config.get_channel_binding())
            .target_session_attrs(config.get_target_session_attrs());
        one
    });
    each.collect()
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

fn verifier(authorities: Option<&str>) -> Result<MakeRustlsConnect, BadAddress> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| BadAddress(error.to_string()))?;
    let config = match authorities {
        None => builder
            .with_platform_verifier()
            .map_err(|error| BadAddress(error.to_string()))?
            .with_no_client_auth(),
        Some(path) => {
            let unread = |error: String| BadAddress(format!("sslrootcert {path}: {error}"));
            let mut roots = RootCertStore::empty();
            let found = CertificateDer::pem_file_iter(path).map_err(|e| unread(e.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| unread(error.to_string()))?;
                roots.add(certificate).map_err(|error| unread(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unread("there is no certificate in it".to_owned()));
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

impl PostgresAddress {
    /// How long an answer is waited for: the database is given the time to give up first.
    pub(super) fn answer_within(&self) -> Duration {
        self.0.answer_within + Duration::from_secs(2)
    }

    /// Connects to the host that takes writes, on the runtime it is called on, which then drives the
    /// connection. A host that lets one in and then says nothing keeps nobody from the next.
    pub(super) async fn connect(&self) -> Result<Client, StoreError> {
        // Where there is another, a host that says nothing is not waited for as long.
        let alone = self.0.hosts.len() == 1;
        let within = if alone { self.0.answer_within.max(CONNECT) } else { CONNECT };
        let (mut said, mut again) = (Vec::with_capacity(self.0.hosts.len()), false);
        for host in &self.0.hosts {
            for address in addresses(host).await {
                let error = match tokio::time::timeout(within, self.connect_to(&address)).await {
                    Ok(Ok(client)) => return Ok(client),
                    Ok(Err(error)) => error,
                    Err(_) => StoreError::Again("the database does not answer".to_owned()),
                };
                let why = match error {
                    StoreError::Again(why) => {
                        again = true;
                        why
                    }
                    StoreError::Unavailable(why) => why,
                    error => return Err(error),
                };
                said.push(if self.0.hosts.len() > 1 {
                    format!("{}: {why}", shown(host))
                } else {
                    why
                });
            }
        }
        let said = said.join("; ");
        Err(if again { StoreError::Again(said) } else { StoreError::Unavailable(said) })
    }

    async fn connect_to(&self, host: &Config) -> Result<Client, StoreError> {
        match &self.0.tls {
            None => {
                let (client, connection) = host.connect(NoTls).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = host.connect(tls.clone()).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
        }
    }
}

/// A host and its port.
fn shown(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        Some(Host::Unix(path)) => format!("{}:{port}", path.display()),
        None => String::new(),
    }
}

/// How to connect to each of the addresses that a host's name has, so that one that is silent does not
/// use up the others' time. A name that is not found is left to fail when it is connected to.
async fn addresses(host: &Config) -> Vec<Config> {
    let [Host::Tcp(name)] = host.get_hosts() else { return vec![host.clone()] };
    if !host.get_hostaddrs().is_empty() {
        return vec![host.clone()];
    }
    let found = tokio::time::timeout(CONNECT, tokio::net::lookup_host((&**name, 0))).await;
    let Ok(Ok(found)) = found else { return vec![host.clone()] };
    let each = found.map(|address| {
        let mut one = host.clone();
        one.hostaddr(address.ip());
        one
    });
    each.collect()
}

/// What becomes of a connection is heard by whoever asks next.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the database has ended");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<PostgresAddress>().unwrap_err().to_string()
    }

    #[test]
    fn several_hosts_are_taken_and_shown_without_the_password() {
        let text = "postgres://u:secret@127.0.0.1:5433,localhost:5434/h?statement_timeout_ms=500";
        let address: PostgresAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), "postgres://127.0.0.1:5433,localhost:5434/h");
        assert!(!format!("{address:?}").contains("secret"));
        assert_eq!(address.0.answer_within, Duration::from_millis(500));
        assert!(address.0.tls.is_none());
    }

    #[test]
    fn hosts_elsewhere_are_verified_unless_said_otherwise() {
        let address: PostgresAddress = "postgres://u@db.example/h".parse().unwrap();
        assert!(address.0.tls.is_some());
        let address: PostgresAddress = "postgres://u@db.example/h?sslmode=disable".parse().unwrap();
        assert!(address.0.tls.is_none());
        assert!(refused("postgres://u@db.example/h?sslmode=require").contains("verify-full"));
        let missing = refused("postgres://u@db.example/h?sslrootcert=/not/there.pem");
        assert!(missing.contains("/not/there.pem"), "{missing}");
    }

    #[test]
    fn what_is_no_address_is_told() {
        assert!(refused("mysql://u@h/d").contains("postgres://"));
        assert!(refused("postgres://u@h:port/d").contains("port"));
        assert!(refused("postgres://u@h/d?statement_timeout_ms=0").contains("above 0"));
        for password in ["sec@ret", "sec?ret", "sec?ret="] {
            let told = refused(&format!("postgres://u:{password}@h/d"));
            assert!(told.contains("%40") && !told.contains("ret@"), "{told}");
        }
    }
}
