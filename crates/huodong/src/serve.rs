//! `huodong serve`: one running server, from its settings to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Args;
use huodong_engine::{Clock, Engine, EngineOptions};
use huodong_server::{App, ListenOptions, MasterKey, Metrics};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::{Context as _, Failure};
use crate::logging;
use crate::settings::{Installation, master_key, open_store};
use crate::signals::Stop;

/// How often the writer is looked after.
const WRITER_WATCH: Duration = Duration::from_millis(500);

/// Starts the server and runs it until SIGTERM or SIGINT; then it takes no more connections,
/// answers what it accepted, and ends with exit code 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong master-key > master.key && chmod 600 master.key
  huodong config > huodong.toml                        # then set what you need
  HUODONG_MASTER_KEY=$(cat master.key) huodong serve --config huodong.toml
  HUODONG_SERVER__LISTEN=0.0.0.0:8443 huodong serve --config huodong.toml \\
      --tls-cert server.pem --tls-key server.key

Every setting is explained in `huodong config`, and each can come from the environment.
The first operator token of an installation is made by `huodong token create`.")]
pub(crate) struct Serve {
    #[command(flatten)]
    installation: Installation,
    /// Where partners call (server.listen).
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Serve the operator API at an address of its own (server.operator_listen).
    #[arg(long, value_name = "ADDRESS:PORT")]
    operator_listen: Option<SocketAddr>,
    /// Certificate chain, PEM (server.tls_cert_file).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// Private key, PEM (server.tls_key_file).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// File with the master key (secrets.master_key_file).
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    /// What is logged (log.level).
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How log lines look: text or json (log.format).
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let text = |value: Option<SocketAddr>| value.map(|address| address.to_string());
        let flags = [
            ("server.listen", text(self.listen)),
            ("server.operator_listen", text(self.operator_listen)),
            ("server.tls_cert_file", self.tls_cert),
            ("server.tls_key_file", self.tls_key),
            ("secrets.master_key_file", self.master_key_file),
            ("log.level", self.log_level),
            ("log.format", self.log_format),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let config = self.installation.settings(flags.collect())?;
        logging::init(&config.log)?;
        let key = master_key(&config)?;
        crate::runtime()?.block_on(async {
            let stop = Stop::listen()?;
            let server = Server::start(&config, key).await?;
            server.begin().await?;
            let at = server.address();
            if !at.ip().is_loopback() && config.tls().is_none() {
                tracing::warn!(
                    "plain HTTP beyond loopback: signatures do not cover the body; put TLS in front"
                );
            }
            let shared = config.server.operator_api && config.operator_listen().is_none();
            if !at.ip().is_loopback() && shared {
                tracing::warn!(
                    "the operator API and /metrics are served where partners call; \
                     server.operator_listen gives them an address of their own"
                );
            }
            if config.callbacks.allow_private {
                tracing::warn!(
                    "callbacks.allow_private: partners can have this server call loopback and \
                     private addresses"
                );
            }
            let operators = server.operators.map(|at| at.to_string());
            tracing::info!(address = %at, operators, tls = config.tls().is_some(), "serving");
            server.run(stop).await
        })
    }
}

/// A server that has its database, its partners and its addresses.
pub(crate) struct Server {
    /// What its handlers reach.
    pub(crate) app: Arc<App>,
    doors: Vec<(TcpListener, Router, ListenOptions)>,
    address: SocketAddr,
    /// Where operators call, where that is an address of its own.
    operators: Option<SocketAddr>,
    drain: Duration,
}

impl Server {
    /// Takes the addresses, opens the database, starts the engine and reads the partners in.
    pub(crate) async fn start(config: &Config, key: MasterKey) -> Result<Self, Failure> {
        config.check_exposure()?;
        crate::limits::raise_open_files();
        // First the addresses: a port that is taken is the commonest reason to stop here.
        let main = bind(config.server.listen).await?;
        let address = main.local_addr().cannot("tell the address")?;
        let operator = match config.operator_listen() {
            Some(address) if config.server.operator_api => Some(bind(address).await?),
            _ => None,
        };
        let operators = operator.as_ref().map(TcpListener::local_addr).transpose();
        let operators = operators.cannot("tell the operators' address")?;
        let app = Arc::new(app(config, key)?);
        app.refresh().await.cannot("read the partners in")?;
        app.follow();

        let mut options = ListenOptions {
            connections_max: config.server.connections_max,
            grace: Duration::from_millis(config.server.shutdown_grace_ms),
            ..ListenOptions::default()
        };
        let plain = options.clone();
        if let Some((chain, key)) = config.tls() {
            options.tls = Some(huodong_server::tls_from_files(chain, key).cannot("speak TLS")?);
        }
        let mut doors = Vec::with_capacity(2);
        match operator {
            Some(operator) => {
                doors.push((main, huodong_server::partners_router(&app), options));
                doors.push((operator, huodong_server::operators_router(&app), plain));
            }
            None if config.server.operator_api => {
                doors.push((main, huodong_server::router(&app), options));
            }
            None => doors.push((main, huodong_server::partners_router(&app), options)),
        }
        let drain = Duration::from_millis(config.server.drain_ms);
        Ok(Self { app, doors, address, operators, drain })
    }

    /// Makes the keys the platform lacks and begins to deliver callbacks. A sandbox plants first:
    /// its keys are the same at every start.
    pub(crate) async fn begin(&self) -> Result<(), Failure> {
        let begun = match huodong_server::ensure_platform_keys(&self.app).await {
            Ok(()) => self.app.start_delivery().cannot("deliver callbacks"),
            Err(error) => Err(error).cannot("make the platform's keys"),
        };
        if begun.is_err() {
            self.app.engine.stop().await;
        }
        begun
    }

    /// Where partners call.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to stop; then answers what was accepted.
    pub(crate) async fn run(self, told_to_stop: Stop) -> Result<(), Failure> {
        let stop = watch::Sender::new(false);
        let mut serving = tokio::task::JoinSet::new();
        for (listener, router, options) in self.doors {
            let mut stopped = stop.subscribe();
            serving.spawn(async move {
                // An error means that the sender is gone, which is a reason to stop too.
                let stopping = async move { drop(stopped.wait_for(|stop| *stop).await) };
                huodong_server::serve(listener, router, options, stopping).await
            });
        }
        let engine = &self.app.engine;
        let told = tokio::select! {
            () = told_to_stop.told() => true,
            () = writer_ends(engine) => false,
        };
        self.app.health.stop();
        // Without its writer it has nothing to offer meanwhile.
        if told && !self.drain.is_zero() {
            tracing::info!(drain = ?self.drain, "stopping: not ready for more");
            tokio::time::sleep(self.drain).await;
        }
        tracing::info!("stopping: answering what was accepted");
        stop.send_replace(true);
        // Beside each other, as both have a time limit of their own: calls are answered while the
        // callbacks under way end, and none is begun any more.
        let served = async {
            let mut cut_off = 0;
            while let Some(served) = serving.join_next().await {
                cut_off += served.cannot("finish serving")?.cut_off;
            }
            Ok::<_, Failure>(cut_off)
        };
        let (cut_off, ()) = tokio::join!(served, engine.stop_delivery());
        engine.stop().await;
        let cut_off = cut_off?;
        tracing::info!(cut_off, "stopped");
        if told { Ok(()) } else { Err(Failure::new("the writer has stopped; the log says why")) }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    huodong_server::bind(address).await.cannot(format_args!("listen on {address}"))
}

/// Resolves when the engine gave up by itself: the database was lost or taken over.
async fn writer_ends(engine: &Engine) {
    while engine.is_running() {
        tokio::time::sleep(WRITER_WATCH).await;
    }
}

fn app(config: &Config, key: MasterKey) -> Result<App, Failure> {
    let (store, opened) = open_store(config)?;
    if opened.from_version != opened.version {
        tracing::info!(from = opened.from_version, to = opened.version, "migrated the database");
    }
    let metrics = Arc::new(Metrics::new());
    let options = EngineOptions {
        queue_max: config.engine.queue_max,
        batch_max: config.engine.batch_max,
        orphan_photos: Duration::from_secs(config.ysepay.orphan_photos_s),
        observer: Some(metrics.clone()),
    };
    let engine = Engine::start(store, Clock::system(), options).cannot("start the engine")?;
    Ok(App::new(engine, key, config.server_settings(), metrics))
}
