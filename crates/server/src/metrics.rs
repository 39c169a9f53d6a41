//! What `/metrics` shows.

mod answer_code;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use huodong_campaign::{AttemptOutcome, CallbackEvent, KeyPurpose};
use huodong_engine::{BatchObserver, EngineError};
use huodong_store::CallbackStatus;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use self::answer_code::AnswerCode;
use crate::platform::PURPOSES;
use crate::{App, health};

/// How long the page waits for the store.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// One kind of answer to one kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    face: &'static str,
    api: &'static str,
    code: AnswerCode,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    face: &'static str,
    api: &'static str,
}

/// One step of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Step {
    step: &'static str,
}

/// One kind of failure of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    error: &'static str,
}

/// One way an attempt at one kind of callback ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    event: &'static str,
    outcome: &'static str,
}

/// Callbacks that stand alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    status: &'static str,
}

/// What a platform key is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Purpose {
    purpose: &'static str,
}

/// Whose nonces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Face {
    face: &'static str,
}

/// The server's counters. Made before the engine, which reports its batches here.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    durations: Family<Request, Histogram>,
    engine_errors: Family<Failure, Counter>,
    batch: BatchMetrics,
    batch_repeats: Counter,
    batch_failures: Counter,
    store_reconnects: Counter,
    ready: Gauge,
    queue_depth: Gauge,
    queue_max: Gauge,
    nonces: Family<Face, Gauge>,
    nonces_max: Family<Face, Gauge>,
    attempts: Family<Attempt, Counter>,
    lateness: Histogram,
    callbacks: Family<Standing, Gauge>,
    overdue: Gauge<f64, AtomicU64>,
    signatures_waiting: Gauge,
    days_left: Family<Purpose, Gauge>,
}

/// The part the engine reports to.
#[derive(Clone, Debug)]
struct BatchMetrics {
    commands: Histogram,
    load: Histogram,
    decide: Histogram,
    save: Histogram,
}

/// The counters of one API, found once so that counting a request takes no look-up.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    request: Request,
    requests: Family<Answer, Counter>,
    success: AnswerCode,
    succeeded: Counter,
    duration: Histogram,
}

impl ApiMetrics {
    /// Counts an answer.
    pub fn answered(&self, code: impl Into<AnswerCode>, took: Duration) {
        let code = code.into();
        if code == self.success {
            self.succeeded.inc();
        } else {
            let Request { face, api } = self.request;
            self.requests.get_or_create(&Answer { face, api, code }).inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// 100 µs to 13 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 18))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With every counter at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("huodong");
        let requests = Family::<Answer, Counter>::default();
        let durations = Family::<Request, Histogram>::new_with_constructor(seconds);
        let engine_errors = Family::<Failure, Counter>::default();
        // From the beginning, or the first of a kind would be no increase to whoever watches.
        for error in ["busy", "deadline", "unavailable", "commit_unknown", "broken", "stopped"] {
            engine_errors.get_or_create_owned(&Failure { error });
        }
        let steps = Family::<Step, Histogram>::new_with_constructor(seconds);
        let step = |step| steps.get_or_create_owned(&Step { step });
        let batch = BatchMetrics {
            commands: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            load: step("load"),
            decide: step("decide"),
            save: step("save"),
        };
        let (ready, queue_depth, queue_max) = <(Gauge, Gauge, Gauge)>::default();
        let (nonces, nonces_max) = <(Family<Face, Gauge>, Family<Face, Gauge>)>::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        registry.register("ready", "1 while /readyz says yes, else 0", ready.clone());
        registry.register("requests", "Requests answered, by API and code", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the request's head to its answer",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "engine_errors",
            "Commands that got no outcome, by reason; busy is the full queue",
            engine_errors.clone(),
        );
        registry.register("batch_commands", "Commands in a batch", batch.commands.clone());
        registry.register_with_unit(
            "batch_step",
            "A batch's steps; save ends with the commit",
            Unit::Seconds,
            steps.clone(),
        );
        registry.register("queue_depth", "Commands waiting for a batch", queue_depth.clone());
        registry.register(
            "queue_max",
            "Commands that may wait; beyond that calls are refused (engine.queue_max)",
            queue_max.clone(),
        );
        registry.register("nonces", "Nonces remembered", nonces.clone());
        registry.register(
            "nonces_max",
            "Nonces that may be remembered; beyond that calls are refused",
            nonces_max.clone(),
        );
        let (batch_repeats, store_reconnects) = (Counter::default(), Counter::default());
        let batch_failures = Counter::default();
        registry.register(
            "batch_failures",
            "Batches that could not be written, or of which that is not known",
            batch_failures.clone(),
        );
        registry.register(
            "batch_repeats",
            "Batches begun anew, as another node came between or the connection broke",
            batch_repeats.clone(),
        );
        registry.register(
            "store_reconnects",
            "Connections to the database that broke and are opened again when needed",
            store_reconnects.clone(),
        );
        let attempts = Family::<Attempt, Counter>::default();
        // 1 ms to 5 h.
        let lateness = Histogram::new(exponential_buckets(0.001, 2.0, 25));
        let callbacks = Family::<Standing, Gauge>::default();
        let overdue = Gauge::<f64, AtomicU64>::default();
        let signatures_waiting = Gauge::default();
        registry.register(
            "callback_attempts",
            "Attempts to deliver a callback, by event and outcome",
            attempts.clone(),
        );
        registry.register_with_unit(
            "callback_lateness",
            "From when an attempt was due to when it was sent, by the business clock",
            Unit::Seconds,
            lateness.clone(),
        );
        registry.register(
            "callbacks",
            "Callbacks by status; waiting and leased ones are owed",
            callbacks.clone(),
        );
        registry.register_with_unit(
            "callback_overdue",
            "For how long the callback has been due that has waited longest, by the business clock",
            Unit::Seconds,
            overdue.clone(),
        );
        registry.register(
            "signatures_waiting",
            "Answers and callbacks waiting for a core to sign them, and ysepay calls to open them",
            signatures_waiting.clone(),
        );
        let days_left = Family::<Purpose, Gauge>::default();
        registry.register(
            "platform_certificate_days_left",
            "Whole days until the certificate ends whose key signs; below zero it has ended",
            days_left.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            engine_errors,
            batch,
            batch_repeats,
            batch_failures,
            store_reconnects,
            ready,
            queue_depth,
            queue_max,
            nonces,
            nonces_max,
            attempts,
            lateness,
            callbacks,
            overdue,
            signatures_waiting,
            days_left,
        }
    }

    /// The counters of one API of one face, which succeeds with this code.
    pub fn api(
        &self,
        face: &'static str,
        api: &'static str,
        success: impl Into<AnswerCode>,
    ) -> ApiMetrics {
        let request = Request { face, api };
        let success = success.into();
        let answer = Answer { face, api, code: success.clone() };
        ApiMetrics {
            requests: self.requests.clone(),
            success,
            succeeded: self.requests.get_or_create_owned(&answer),
            duration: self.durations.get_or_create_owned(&request),
            request,
        }
    }

    /// Counts a command that got no outcome.
    pub fn engine_failed(&self, error: &EngineError) {
        let error = match error {
            EngineError::Busy => "busy",
            EngineError::Deadline => "deadline",
            EngineError::Unavailable(_) => "unavailable",
            EngineError::CommitUnknown => "commit_unknown",
            EngineError::Broken(_) => "broken",
            EngineError::Stopped => "stopped",
        };
        self.engine_errors.get_or_create(&Failure { error }).inc();
    }

    /// Counts an attempt to deliver a callback, and how late it was.
    pub fn attempted(&self, event: CallbackEvent, outcome: AttemptOutcome, late: Duration) {
        let event = match event {
            CallbackEvent::IssueResult => "issue",
            CallbackEvent::WriteOff => "write_off",
        };
        let outcome = match outcome {
            AttemptOutcome::Acknowledged => "acknowledged",
            AttemptOutcome::NotAcknowledged => "not_acknowledged",
            AttemptOutcome::BadStatus => "bad_status",
            AttemptOutcome::TimedOut => "timed_out",
            AttemptOutcome::Unreachable => "unreachable",
            AttemptOutcome::TooLarge => "too_large",
            AttemptOutcome::Broken => "broken",
            AttemptOutcome::Forbidden => "forbidden",
            AttemptOutcome::Interrupted => "interrupted",
            AttemptOutcome::NotSent => "not_sent",
        };
        self.attempts.get_or_create(&Attempt { event, outcome }).inc();
        self.lateness.observe(late.as_secs_f64());
    }

    fn text(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes any text");
        page
    }
}

impl BatchObserver for Metrics {
    #[expect(clippy::cast_precision_loss, reason = "a batch holds thousands at most")]
    fn batch(&self, commands: usize, load: Duration, decide: Duration, save: Duration) {
        self.batch.commands.observe(commands as f64);
        self.batch.load.observe(load.as_secs_f64());
        self.batch.decide.observe(decide.as_secs_f64());
        self.batch.save.observe(save.as_secs_f64());
    }

    fn repeated(&self, _commands: usize) {
        self.batch_repeats.inc();
    }

    fn failed(&self, _commands: usize) {
        self.batch_failures.inc();
    }
}

/// What cannot be told now stays as it was; the page is wanted all the more then.
async fn look_at_callbacks(app: &App) {
    let seen = app.engine.read(|reader| {
        let counts = reader.callback_counts()?;
        Ok((counts, reader.next_callback_due()?))
    });
    let (counts, next) = match seen.await {
        Ok(seen) => seen,
        Err(error) => return tracing::debug!(%error, "callbacks could not be counted"),
    };
    for (status, name) in [
        (CallbackStatus::Waiting, "waiting"),
        (CallbackStatus::Leased, "leased"),
        (CallbackStatus::Delivered, "delivered"),
        (CallbackStatus::Exhausted, "exhausted"),
    ] {
        let found = counts.iter().find(|(counted, _)| *counted == status);
        let count = found.map_or(0, |(_, count)| i64::try_from(*count).unwrap_or(i64::MAX));
        app.metrics.callbacks.get_or_create(&Standing { status: name }).set(count);
    }
    let now = app.engine.clock().now();
    let overdue = next.map_or(0.0, |next| now.duration_since(next).as_secs_f64().max(0.0));
    app.metrics.overdue.set(overdue);
}

fn count_days_left(app: &App) {
    let now = app.engine.clock().real();
    for purpose in PURPOSES {
        let Some(ends) = app.platform.ends(purpose) else { continue };
        let name = match purpose {
            KeyPurpose::Reply => "reply",
            KeyPurpose::Notify => "notify",
            KeyPurpose::GatewayRsa => "gateway_rsa",
            KeyPurpose::GatewaySm2 => "gateway_sm2",
        };
        let left = ends.as_second() - now.as_second();
        let days = left.div_euclid(24 * 60 * 60);
        app.metrics.days_left.get_or_create(&Purpose { purpose: name }).set(days);
    }
}

/// `GET /metrics`, in OpenMetrics' text format.
pub(crate) async fn page(State(app): State<Arc<App>>) -> impl IntoResponse {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let metrics = &app.metrics;
    metrics.queue_depth.set(number(app.engine.queue_depth()));
    metrics.queue_max.set(number(app.engine.queue_max()));
    for (face, nonces) in [("gongyi", &app.nonces), ("lakala", &app.lakala_nonces)] {
        metrics.nonces.get_or_create(&Face { face }).set(number(nonces.len()));
        metrics.nonces_max.get_or_create(&Face { face }).set(number(nonces.most()));
    }
    metrics.store_reconnects.inner().fetch_max(app.engine.reader().reconnects(), Relaxed);
    metrics.signatures_waiting.set(number(app.signers.waiting()));
    count_days_left(&app);
    let ready = health::examine(&app).await;
    metrics.ready.set(ready.is_ok().into());
    // A store that does not answer would keep the page waiting.
    if ready.is_ok() && tokio::time::timeout(LOOK_WITHIN, look_at_callbacks(&app)).await.is_err() {
        tracing::debug!("callbacks could not be counted in time");
    }
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text())
}
