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

/// How long a host may take to let one in.
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
        // A node that stops in the middle of a batch must not hold its rows for long.
        let options = format!(
            "{options} -c statement_timeout={ms} -c idle_in_transaction_session_timeout={ms} \
             -c lock_timeout={ms} {BY_INDEX}"
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
        Ok(Self(Arc::new(Address { config, tls, answer_within })))
    }
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
    /// How long it may take to find the host that takes writes.
    pub(super) fn connect_within(&self) -> Duration {
        let hosts = u32::try_from(self.0.config.get_hosts().len()).unwrap_or(u32::MAX);
        CONNECT.saturating_mul(hosts).saturating_add(CONNECT)
    }

    /// How long an answer is waited for: the database is given the time to give up first.
    pub(super) fn answer_within(&self) -> Duration {
        self.0.answer_within + Duration::from_secs(2)
    }

    /// Connects on the runtime it is called on, which then drives the connection.
    pub(super) async fn connect(&self) -> Result<Client, StoreError> {
        match &self.0.tls {
            None => {
                let (client, connection) = self.0.config.connect(NoTls).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.0.config.connect(tls.clone()).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
        }
    }
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
    }
}
