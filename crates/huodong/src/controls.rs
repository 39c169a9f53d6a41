//! `huodong clock`, `fault` and `reset`: a running sandbox's controls.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{Span, SpanTotal, Unit};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use crate::caller::{SANDBOX_URL, no_answer};
use crate::failure::{Context as _, Failure};
use crate::json_text::pretty;

/// How long an answer is awaited: moving the clock may settle many orders first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Which sandbox.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sandbox {
    /// Where the sandbox listens.
    #[arg(long, value_name = "URL", env = "HUODONG_BASE_URL", default_value = SANDBOX_URL, global = true)]
    base_url: Url,
}

/// The business clock: windows, days and deferred settlements run by it. What becomes due when it
/// is moved runs before the answer comes, and the answer says what ran.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong clock                         # what time is it there?
  huodong clock advance 5m              # also 90s, 2h, 1d, \"1h 30m\"
  huodong clock freeze
  huodong clock set '2026-11-21 10:00:00'")]
pub(crate) struct Clock {
    #[command(subcommand)]
    step: Option<ClockStep>,
    #[command(flatten)]
    sandbox: Sandbox,
}

#[derive(Debug, Subcommand)]
enum ClockStep {
    /// Tell the time.
    Get,
    /// Stop the clock.
    Freeze,
    /// Let it run on from where it stands.
    Unfreeze,
    /// Move it forward.
    Advance {
        /// How far: 90s, 5m, 2h, 1d.
        by: Span,
    },
    /// Set it.
    Set {
        /// Shanghai wall time, 'YYYY-MM-DD hh:mm:ss'.
        to: String,
    },
}

impl Clock {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let body = match self.step {
            None | Some(ClockStep::Get) => None,
            Some(ClockStep::Freeze) => Some(json!({"freeze": true})),
            Some(ClockStep::Unfreeze) => Some(json!({"freeze": false})),
            Some(ClockStep::Advance { by }) => Some(json!({"advance_s": whole_seconds(by)?})),
            Some(ClockStep::Set { to }) => Some(json!({"set": to})),
        };
        let method = if body.is_some() { Method::POST } else { Method::GET };
        self.sandbox.ask(method, "clock", body)
    }
}

fn whole_seconds(span: Span) -> Result<i64, Failure> {
    let total = span.total(SpanTotal::from(Unit::Second).days_are_24_hours());
    let seconds = total.cannot("tell how many seconds that is")?;
    // Clocks of sandboxes move by centuries at most; beyond, f64 is not exact.
    if seconds.fract() != 0.0 || seconds.abs() > 1e11 {
        return Err(Failure::usage("the clock moves by whole seconds"));
    }
    #[allow(clippy::cast_possible_truncation)]
    Ok(seconds as i64)
}

/// Empties the sandbox and makes the seed state anew: orders are gone, the clock runs beside the
/// real one, no fault is left.
#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    sandbox: Sandbox,
}

impl Reset {
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.sandbox.ask(Method::POST, "reset", Some(json!({})))
    }
}

impl Sandbox {
    /// Asks a control and prints its answer.
    pub(crate) fn ask(
        &self,
        method: Method,
        control: &str,
        body: Option<Value>,
    ) -> Result<(), Failure> {
        crate::runtime()?.block_on(self.ask_now(method, control, body))
    }

    async fn ask_now(
        &self,
        method: Method,
        control: &str,
        body: Option<Value>,
    ) -> Result<(), Failure> {
        let url = self.base_url.join(&format!("/sandbox/v1/{control}"));
        let url = url.cannot(format_args!("call below {}", self.base_url))?;
        let client = Client::builder().timeout(ANSWER_TIMEOUT).no_proxy().build();
        let mut request = client.cannot("make an HTTP client")?.request(method, url.clone());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| no_answer(&self.base_url, &error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| no_answer(&self.base_url, &error))?;
        let text = pretty(text.as_bytes());
        if status.is_success() {
            if !text.trim().is_empty() {
                println!("{text}");
            }
            return Ok(());
        }
        let hint = match status.as_u16() {
            404 => "; is it a sandbox? Only `huodong sandbox` serves the controls",
            _ => "",
        };
        Err(Failure::new(format!("{url} answered {status}{hint}\n{text}")))
    }
}
