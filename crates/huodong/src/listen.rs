//! `huodong listen`: a receiver of callbacks that shows what came and answers as it is told.

mod answer;
mod received;

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::{Extension, Router};

use clap::Args;
use huodong_campaign::SHANGHAI;
use huodong_client::lakala::callback::{BODY_BYTES_MAX, Verifier};
use huodong_engine::Clock;
use huodong_server::{ConnectionHandle, ListenOptions};
use huodong_wire::lakala::Certificate;
use tokio::sync::Notify;

use self::answer::Answer;
use self::received::Received;
use crate::credentials::Credentials;
use crate::failure::{Context as _, Failure};
use crate::institution::certificates;
use crate::signals::Stop;

/// Where it listens unless it is told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:18081";
/// The same, as an address for callbacks.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:18081";

/// Callbacks whose attempts are counted at once; beyond that counting begins anew.
const COUNTED_MAX: usize = 100_000;
/// At the end, how much longer than they were told to answers under way may take.
const GRACE: Duration = Duration::from_millis(500);

/// Receives callbacks on any path, verifies them as an integrator must, prints them and answers as
/// told. `huodong call lakala issue` names this address as the place to be told.
///
/// Each callback is attempted ten times in 4h3m21s, until it is acknowledged: with a 2xx answer
/// whose body says {"code":"SUCCESS"}, and nothing else. A sandbox's clock can be moved to see all
/// ten at once.
#[derive(Debug, Args)]
#[command(after_help = "Answers:
  ack          200 {\"code\":\"SUCCESS\",\"msg\":\"处理成功\"}; taken, and not sent again.
               What does not verify is answered fail instead, as an integrator must
  fail         200 {\"code\":\"FAIL\",…}; all that follow are no acknowledgement either
  junk         200 with a body that is no JSON
  500          this status, 200 to 599, with the body that would be an acknowledgement
  redirect     302 to another path here; senders must not follow it
  large        an answer of 1 MiB
  slow         acknowledges after 30 s; slow:2500 after so many milliseconds
  drop         closes the connection without an answer

Examples:
  huodong listen                                   # acknowledges everything
  huodong listen --answers fail,500,drop,ack       # first attempt, second, …; the last goes on
  huodong listen --answer fail --json | jq .
  huodong listen --count 1 --notify-certificate notify.pem   # another platform's certificate")]
pub(crate) struct Listen {
    /// Where to listen: a port of this machine, or address:port.
    #[arg(long, value_name = "PORT", value_parser = address, default_value = DEFAULT_LISTEN)]
    port: SocketAddr,
    /// How each attempt is answered.
    #[arg(long, value_name = "ANSWER", default_value = "ack", conflicts_with = "answers")]
    answer: Answer,
    /// How a callback's first, second, … attempt is answered; the last one goes on.
    #[arg(long, value_name = "ANSWER,…", value_delimiter = ',')]
    answers: Vec<Answer>,
    /// The certificates callbacks are signed by, a PEM file; the sandbox's unless given.
    #[arg(long, value_name = "FILE")]
    notify_certificate: Option<PathBuf>,
    /// A credentials file, as `huodong sandbox --credentials` writes it, to take them from.
    #[arg(long, value_name = "FILE", env = "HUODONG_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// One JSON object a line instead of text for people.
    #[arg(long)]
    json: bool,
    /// End after so many attempts.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| "is neither a port nor address:port".to_owned())
}

impl Listen {
    pub(crate) fn run(self) -> Result<(), Failure> {
        crate::runtime()?.block_on(self.listen())
    }

    async fn listen(self) -> Result<(), Failure> {
        let stop = Stop::listen()?;
        let certificates = self.certificates()?;
        let at = self.port;
        let listener = huodong_server::bind(at).await.cannot(format_args!("listen on {at}"))?;
        let at = listener.local_addr().cannot("tell the address")?;
        // To standard error, so that --json leaves standard output to the lines alone.
        eprintln!("listening on http://{at}; Ctrl-C stops it");
        let answers = if self.answers.is_empty() { vec![self.answer] } else { self.answers };
        // The last attempt that is to come is answered as it was to be, however slowly.
        let slowest = answers.iter().map(|answer| answer.takes()).max().unwrap_or_default();
        let options = ListenOptions { grace: slowest + GRACE, ..ListenOptions::default() };
        let receiver = Arc::new(Receiver {
            verifier: Verifier::new(certificates),
            answers,
            json: self.json,
            count: self.count,
            clock: Clock::system(),
            counted: Mutex::default(),
            done: Notify::new(),
        });
        let router = Router::new()
            .fallback(receive)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&receiver));
        let stopping = async {
            tokio::select! {
                () = stop.told() => {}
                () = receiver.done.notified() => {}
            }
        };
        huodong_server::serve(listener, router, options, stopping).await;
        Ok(())
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Failure> {
        if let Some(path) = &self.notify_certificate {
            let what = format!("read {}", path.display());
            let pem = std::fs::read_to_string(path).cannot(&what)?;
            let found = certificates(&pem, "the certificates for callbacks")?;
            if found.is_empty() {
                return Err(Failure::new(format!("{} holds no certificate", path.display())));
            }
            return Ok(found);
        }
        let credentials = match &self.credentials {
            Some(path) => Credentials::read(path)?,
            None => Credentials::well_known()?,
        };
        match credentials.lakala {
            Some(institution) => institution.notify_certificates(),
            None => Err(Failure::new("the credentials have no \"lakala\"")),
        }
    }
}

struct Receiver {
    verifier: Verifier,
    answers: Vec<Answer>,
    json: bool,
    count: Option<u64>,
    clock: Clock,
    counted: Mutex<Counted>,
    /// As many as were to come have come.
    done: Notify,
}

/// How many attempts came: in all, and of each callback.
#[derive(Default)]
struct Counted {
    all: u64,
    each: HashMap<String, u32>,
}

impl Receiver {
    /// Which attempt this is, in all and of its callback.
    fn count(&self, callback: Option<String>) -> (u64, u32) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.all += 1;
        let all = counted.all;
        let Some(callback) = callback else { return (all, 1) };
        if counted.each.len() >= COUNTED_MAX {
            counted.each.clear();
        }
        let attempt = counted.each.entry(callback).or_default();
        *attempt += 1;
        (all, *attempt)
    }

    fn answer_to(&self, attempt: u32) -> Answer {
        let last = self.answers.len() - 1;
        self.answers[usize::try_from(attempt - 1).unwrap_or(last).min(last)]
    }
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    Extension(connection): Extension<ConnectionHandle>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::POST {
        return answer::plain(StatusCode::METHOD_NOT_ALLOWED, "callbacks come by POST\n");
    }
    let received = Received::examine(&receiver.verifier, &uri, &headers, &body);
    let (number, attempt) = receiver.count(received.callback());
    let answer = received.answered(receiver.answer_to(attempt));
    let at = SHANGHAI.to_datetime(receiver.clock.real());
    let text = if receiver.json {
        received.line(number, attempt, at, answer)
    } else {
        received.text(number, attempt, at, answer)
    };
    // Whoever read it may have gone; callbacks are answered still.
    let _ = writeln!(std::io::stdout(), "{text}");
    if receiver.count.is_some_and(|count| number >= count) {
        // From here on no connection is taken; this answer still goes out.
        receiver.done.notify_one();
    }
    answer.give(&connection, &uri).await
}
