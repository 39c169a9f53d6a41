//! What every vendor's call shares: an HTTP client, and an exchange that is shown.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use crate::caller::{client, no_answer};
use crate::failure::{Context as _, Failure};
use crate::json_text::pretty;

/// How long an answer is awaited: longer than any server of ours lets a call wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the time is awaited; without an answer it is this machine's.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How the exchange goes and what of it is shown.
#[derive(Clone, Debug, Args)]
pub(super) struct Exchange {
    /// Print the answer's body only.
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Trust the certificates in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// What most vendors' bodies are.
pub(super) const JSON: &str = "application/json";

/// One call, signed.
pub(super) struct Post<'c> {
    /// The server.
    pub(super) base_url: &'c Url,
    /// Where on it.
    pub(super) path: &'c str,
    /// The body's type.
    pub(super) content_type: String,
    /// The signature's headers.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The body as it is shown.
    pub(super) shown: String,
}

/// What came back.
pub(super) struct Answered {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// The head.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Bytes,
}

impl Exchange {
    /// The client it goes by.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        client(ANSWER_TIMEOUT, self.ca_file.as_deref())
    }

    /// The same, shown to nobody: for what only prepares a call.
    pub(super) fn quietly(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    /// Sends a call. The request and the answer's head go to standard error.
    pub(super) async fn send(&self, client: &Client, post: Post<'_>) -> Result<Answered, Failure> {
        let Post { base_url, path, content_type, headers, body, shown } = post;
        let url = base_url.join(path).cannot(format_args!("call below {base_url}"))?;
        if !self.quiet {
            eprintln!("> POST {url}\n> Content-Type: {content_type}");
            headers.iter().for_each(|(name, value)| eprintln!("> {name}: {value}"));
            eprintln!(">\n{shown}\n");
        }
        let mut request = client.post(url).header("content-type", content_type);
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| no_answer(base_url, &error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if !self.quiet {
            eprintln!("< {:?} {status}", answer.version());
            for (name, value) in &headers {
                eprintln!("< {name}: {}", String::from_utf8_lossy(value.as_bytes()));
            }
            eprintln!("<");
        }
        let body = answer.bytes().await.map_err(|error| no_answer(base_url, &error))?;
        Ok(Answered { status, headers, body })
    }
}

impl Answered {
    /// Prints the body to standard output.
    pub(super) fn print(&self) -> Result<(), Failure> {
        // Not println: a reader such as `head` that has seen enough is no failure of ours.
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", pretty(&self.body)).cannot("print the answer")
    }
}

/// What time it is by a sandbox's clock, which may have been moved; `None` where there is none.
pub(super) async fn sandbox_time(client: &Client, base_url: &Url) -> Option<Timestamp> {
    let url = base_url.join("/sandbox/v1/clock").ok()?;
    let answer = client.get(url).timeout(CLOCK_TIMEOUT).send().await.ok()?;
    let reading: Value = answer.error_for_status().ok()?.json().await.ok()?;
    Timestamp::from_second(reading.get("now_unix")?.as_i64()?).ok()
}
