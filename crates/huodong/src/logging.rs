//! Where log lines go: standard error, so that standard output is the command's own.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::failure::{Context, Failure};

/// Starts logging. `RUST_LOG` wins over the setting, as everywhere.
pub(crate) fn init(log: &Log) -> Result<(), Failure> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(&directives)
        .cannot(format_args!("understand log.level {directives:?}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => {
            lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).init(),
    }
    Ok(())
}
