//! One request, and what came back.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use huodong_campaign::AttemptOutcome;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, redirect, retry};

use super::address::{ForbiddenAddress, parse};
use super::resolve::GuardedDns;
use super::{DeliveryOptions, Prepared};
use crate::source::monotonic;

/// How long a connection that nobody uses is kept. Shorter than the five seconds after which common
/// servers close theirs: a request sent down a connection that is just being closed is lost.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// The longest part of an error's text that is kept.
const REASON_CHARS_MAX: usize = 200;

/// What came of a request.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) outcome: AttemptOutcome,
    /// The answer's status, where there was one.
    pub(super) status: Option<u16>,
    /// The answer's first bytes.
    pub(super) answer: Vec<u8>,
    /// What went wrong.
    pub(super) reason: String,
}

impl Answered {
    /// Nothing came back.
    pub(super) fn nothing(outcome: AttemptOutcome, reason: String) -> Self {
        Self { outcome, status: None, answer: Vec::new(), reason }
    }
}

/// Sends requests within the bounds. Connections are kept and used again.
#[derive(Debug)]
pub(super) struct Poster {
    client: Client,
    options: DeliveryOptions,
}

impl Poster {
    pub(super) fn new(options: DeliveryOptions) -> reqwest::Result<Self> {
        let client = match builder(&options).build() {
            Err(error) if options.allow_http => {
                // As in a container with nothing but this program: http is still of use there.
                tracing::warn!(
                    error = innermost(&error),
                    "TLS cannot be used as this system is; no callback will reach an https address"
                );
                builder(&options).tls_certs_only([]).build()?
            }
            built => built?,
        };
        Ok(Self { client, options })
    }

    /// Posts a request, and judges what comes back until `deadline`.
    pub(super) async fn post(
        &self,
        prepared: &Prepared,
        acknowledges: impl Fn(&[u8]) -> bool,
        deadline: tokio::time::Instant,
    ) -> Answered {
        let mut seen = Seen::default();
        let exchanged = unless_late(self.exchange(prepared, &mut seen), deadline);
        let ended = match tokio::time::timeout_at(deadline, exchanged).await {
            Ok(Some(Ok(()))) => seen.judge(acknowledges),
            Ok(Some(Err(ended))) => ended,
            Ok(None) | Err(_) => Ended {
                outcome: AttemptOutcome::TimedOut,
                reason: format!("no whole answer within {:?}", self.options.timeout),
            },
        };
        seen.body.truncate(self.options.answer_bytes_kept);
        Answered {
            outcome: ended.outcome,
            status: seen.status,
            answer: seen.body,
            reason: ended.reason,
        }
    }

    /// Sends the request and reads the whole answer into `seen`, which keeps what had come when
    /// the time runs out.
    async fn exchange(&self, prepared: &Prepared, seen: &mut Seen) -> Result<(), Ended> {
        let url = parse(&prepared.address, &self.options).map_err(Ended::forbidden)?;
        let headers = headers(prepared)?;
        let request = self.client.post(url).headers(headers).body(prepared.body.clone());
        let mut answer = request.send().await.map_err(|error| self.failed(error))?;
        seen.status = Some(answer.status().as_u16());
        self.read(&mut answer, seen).await
    }

    async fn read(&self, answer: &mut Response, seen: &mut Seen) -> Result<(), Ended> {
        while let Some(bytes) = answer.chunk().await.map_err(|error| self.failed(error))? {
            let room = self.options.answer_bytes_max - seen.body.len();
            seen.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() > room {
                return Err(Ended {
                    outcome: AttemptOutcome::TooLarge,
                    reason: format!(
                        "the answer has more than {} bytes",
                        self.options.answer_bytes_max
                    ),
                });
            }
        }
        Ok(())
    }

    fn failed(&self, error: reqwest::Error) -> Ended {
        if let Some(forbidden) = forbidden(&error) {
            return Ended::forbidden(forbidden);
        }
        // The address may carry what only its owner should read.
        let error = error.without_url();
        let (outcome, reason) = if error.is_connect() && error.is_timeout() {
            let limit = self.options.connect_timeout;
            (AttemptOutcome::Unreachable, format!("no connection within {limit:?}"))
        } else if error.is_connect() {
            (AttemptOutcome::Unreachable, format!("no connection: {}", innermost(&error)))
        } else if error.is_timeout() {
            (AttemptOutcome::TimedOut, "no whole answer in time".to_owned())
        } else {
            (AttemptOutcome::Broken, format!("the exchange broke: {}", innermost(&error)))
        };
        Ended { outcome, reason }
    }
}

/// Does no more of it once it is late. A process that was frozen wakes with its timers still to be
/// told: without this it would go on where it stood, and send what is another node's by now.
async fn unless_late<T>(
    work: impl Future<Output = T>,
    deadline: tokio::time::Instant,
) -> Option<T> {
    let mut work = pin!(work);
    let go_on = poll_fn(|context| {
        if monotonic() >= deadline.into_std() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    });
    go_on.await
}

fn builder(options: &DeliveryOptions) -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .dns_resolver(GuardedDns::new(options.clone()))
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(options.at_once_per_receiver_max)
}

/// How an exchange ended.
#[derive(Debug)]
struct Ended {
    outcome: AttemptOutcome,
    reason: String,
}

impl Ended {
    fn forbidden(why: ForbiddenAddress) -> Self {
        Self { outcome: AttemptOutcome::Forbidden, reason: why.to_string() }
    }
}

/// What has come back so far.
#[derive(Debug, Default)]
struct Seen {
    status: Option<u16>,
    body: Vec<u8>,
}

impl Seen {
    /// A whole answer, judged.
    fn judge(&self, acknowledges: impl Fn(&[u8]) -> bool) -> Ended {
        let status = self.status.unwrap_or_default();
        let (outcome, reason) = match status {
            200..=299 if acknowledges(&self.body) => (AttemptOutcome::Acknowledged, String::new()),
            200..=299 => (
                AttemptOutcome::NotAcknowledged,
                "the answer's body does not acknowledge the callback".to_owned(),
            ),
            300..=399 => (
                AttemptOutcome::BadStatus,
                format!("the answer's status is {status}; redirects are not followed"),
            ),
            _ => (AttemptOutcome::BadStatus, format!("the answer's status is {status}")),
        };
        Ended { outcome, reason }
    }
}

fn headers(prepared: &Prepared) -> Result<HeaderMap, Ended> {
    let mut headers = HeaderMap::with_capacity(prepared.headers.len());
    for (name, value) in &prepared.headers {
        let pair = HeaderName::try_from(*name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, value) = pair.ok_or_else(|| Ended {
            outcome: AttemptOutcome::NotSent,
            reason: format!("not sent: the header {name} holds what no header can"),
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The guard's refusal, where it lies at the bottom of an error.
fn forbidden(error: &(dyn Error + 'static)) -> Option<ForbiddenAddress> {
    causes(error).find_map(|cause| cause.downcast_ref::<ForbiddenAddress>().cloned())
}

/// What an error comes down to, in one bounded line.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let cause = causes(error).last().unwrap_or(error);
    cause.to_string().chars().take(REASON_CHARS_MAX).collect()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
