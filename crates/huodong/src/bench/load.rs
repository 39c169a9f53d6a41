//! Sends a load: some threads, each with an event loop over its share of the connections.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huodong_engine::source::monotonic;
use huodong_engine::{Chance, Clock};
use mio::{Events, Poll, Token};

use super::connection::{Connection, UnderWay};
use super::order::scatter;
use super::report::{Report, Tally};
use super::requests::{Pen, Requests};
use crate::failure::{Context as _, Failure};

/// How long answers are awaited after the last request.
const DRAIN: Duration = Duration::from_secs(10);
/// Of so many answers one is kept, until there are enough.
const SAMPLE_EVERY: u64 = 32;
/// How often the timestamp is renewed, and the loops look up when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// What to send.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) requests: Requests,
    /// Which requests are sent again follows from it.
    pub(super) seed: u64,
    pub(super) connections: usize,
    pub(super) threads: usize,
    /// Requests a second; `None`: each connection sends when its answer has come.
    pub(super) rate: Option<f64>,
    pub(super) warm_up: Duration,
    /// How long to measure, at most.
    pub(super) duration: Duration,
    /// How many new orders, at most.
    pub(super) count: Option<u64>,
    /// Share of requests that send an order again, 0–1.
    pub(super) repeat: f64,
    /// How many answers each thread keeps whole, spread over the run.
    pub(super) samples: usize,
}

/// Sends it and tells what happened.
pub(super) fn run(load: &Load) -> Result<Report, Failure> {
    let taken = AtomicU64::new(0);
    // Connecting belongs to the preparation: the time begins when all stand.
    let workers: Result<Vec<_>, _> =
        (0..load.threads).map(|thread| Worker::new(load, thread, &taken)).collect();
    let mut workers = workers?;
    let from = monotonic() + load.warm_up;
    let span = Span { from, until: from + load.duration };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let begin = |worker: Worker<'_>| worker.run(span);
        let threads: Vec<_> = workers.drain(..).map(|w| scope.spawn(move || begin(w))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut tally = Tally::new();
    let mut last = from;
    for outcome in outcomes {
        let outcome = outcome.map_err(|_| Failure::new("a load thread panicked"))?;
        let (found, ended) = outcome?;
        tally.add(&found);
        last = last.max(ended);
    }
    let taken = taken.into_inner();
    // Until the last answer: one that came late counts, and so does the time it took.
    let measured = last.saturating_duration_since(from);
    Ok(Report {
        what: load.requests.what(),
        connections: load.connections,
        rate: load.rate,
        sent: load.count.map_or(taken, |count| taken.min(count)),
        // One that was asked for beyond the last is how a worker learns of the end.
        ran_out: load.count.is_some_and(|count| taken > count),
        measured,
        tally,
    })
}

#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    until: Instant,
}

struct Worker<'l> {
    load: &'l Load,
    thread: usize,
    span: Span,
    taken: &'l AtomicU64,
    poll: Poll,
    connections: Vec<Option<Connection>>,
    idle: VecDeque<usize>,
    pen: Pen<'l>,
    timestamp: [u8; 10],
    timestamp_at: Instant,
    clock: Clock,
    nonce: u128,
    dice: u64,
    /// For an open loop: when the next request is due, and the distance between two.
    due: Instant,
    interval: Duration,
    exhausted: bool,
    under_way: usize,
    tally: Tally,
}

#[allow(clippy::cast_precision_loss)]
impl<'l> Worker<'l> {
    fn new(load: &'l Load, thread: usize, taken: &'l AtomicU64) -> Result<Self, Failure> {
        // The first threads take what does not divide.
        let share =
            load.connections / load.threads + usize::from(thread < load.connections % load.threads);
        let poll = Poll::new().cannot("open an event queue")?;
        let mut connections = Vec::with_capacity(share);
        for number in 0..share {
            let opened = Connection::open(load.address, Token(number), poll.registry());
            connections.push(Some(opened.cannot(format_args!("connect to {}", load.address))?));
        }
        let now = monotonic();
        let mut worker = Self {
            load,
            span: Span { from: now, until: now },
            taken,
            poll,
            idle: (0..share).collect(),
            connections,
            pen: load.requests.pen(&load.host),
            timestamp: [b'0'; 10],
            timestamp_at: now,
            clock: Clock::system(),
            // Nonces must be new even when the orders are not.
            nonce: u128::from_be_bytes(Chance.bytes()),
            dice: scatter(load.seed ^ thread as u64),
            due: now,
            thread,
            interval: load
                .rate
                .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(load.threads as f64 / rate)),
            exhausted: false,
            under_way: 0,
            tally: Tally::new(),
        };
        worker.renew_timestamp(now);
        Ok(worker)
    }

    fn run(mut self, span: Span) -> Result<(Tally, Instant), Failure> {
        self.span = span;
        // Threads take turns, so that together they send evenly.
        let stagger = self.interval.mul_f64(self.thread as f64 / self.load.threads as f64);
        self.due = monotonic() + stagger;
        let mut events = Events::with_capacity(self.connections.len().clamp(16, 1024));
        let mut ended = self.span.from;
        loop {
            let now = monotonic();
            self.renew_timestamp(now);
            self.send_what_is_due(now);
            let sending = !self.exhausted && now < self.span.until;
            if !sending && self.under_way == 0 {
                break;
            }
            if now > self.span.until + DRAIN {
                self.tally.unanswered += self.under_way as u64;
                break;
            }
            if self.connections.iter().all(Option::is_none) {
                return Err(Failure::new(format!(
                    "every connection to {} broke: {:?}",
                    self.load.address, self.tally.broken
                )));
            }
            let wait = self.wait(now, sending);
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                outcome => outcome.cannot("wait for answers")?,
            }
            for event in &events {
                let number = event.token().0;
                if event.is_writable() && !self.go_on(number) {
                    continue;
                }
                if self.receive(number) {
                    ended = monotonic();
                }
            }
        }
        Ok((self.tally, ended))
    }

    fn wait(&self, now: Instant, sending: bool) -> Duration {
        if sending && self.load.rate.is_some() && !self.idle.is_empty() {
            self.due.saturating_duration_since(now).min(TICK)
        } else {
            TICK
        }
    }

    /// Sends on idle connections: in a closed loop on all of them, in an open one what is due. What
    /// is due and finds no connection is sent later, and its latency counts from when it was due.
    fn send_what_is_due(&mut self, now: Instant) {
        while now < self.span.until && !self.exhausted {
            let scheduled = if self.load.rate.is_some() {
                if self.due > now {
                    return;
                }
                self.due
            } else {
                monotonic()
            };
            let Some(number) = self.idle.pop_front() else { return };
            self.due += self.interval;
            self.send(number, scheduled);
        }
    }

    fn send(&mut self, number: usize, scheduled: Instant) {
        let Some(order) = self.take_order() else {
            self.exhausted = true;
            return;
        };
        let Some(connection) = &mut self.connections[number] else { return };
        self.nonce = self.nonce.wrapping_add(1);
        // Counting up is enough to be new; scattered, no run of digits is shared.
        let nonce = self.nonce ^ u128::from(scatter(order));
        self.pen.write(order, nonce, &self.timestamp, &mut connection.out);
        self.under_way += 1;
        let sent = connection.send(UnderWay { scheduled }, self.poll.registry());
        if let Err(error) = sent {
            self.broke(number, &error);
        }
    }

    /// The next order's number; now and then one that was sent before.
    fn take_order(&mut self) -> Option<u64> {
        if self.load.repeat > 0.0 {
            self.dice = scatter(self.dice);
            let known = self.taken.load(Ordering::Relaxed);
            let roll = (self.dice >> 11) as f64 / (1_u64 << 53) as f64;
            if known > 0 && roll < self.load.repeat {
                return Some(scatter(self.dice) % known);
            }
        }
        let order = self.taken.fetch_add(1, Ordering::Relaxed);
        self.load.count.is_none_or(|count| order < count).then_some(order)
    }

    /// Goes on writing; false where the connection broke over it.
    fn go_on(&mut self, number: usize) -> bool {
        let Some(connection) = &mut self.connections[number] else { return false };
        match connection.go_on(self.poll.registry()) {
            Ok(()) => true,
            Err(error) => {
                self.broke(number, &error);
                false
            }
        }
    }

    /// Reads; true when an answer came in the measured time.
    fn receive(&mut self, number: usize) -> bool {
        let Some(connection) = &mut self.connections[number] else { return false };
        let stride = self.tally.latency.len().is_multiple_of(SAMPLE_EVERY);
        let keep = stride && self.tally.samples.len() < self.load.samples;
        let samples = keep.then_some(&mut self.tally.samples);
        let (under_way, answer) = match connection.receive(samples) {
            Ok(None) => return false,
            Ok(Some(received)) => received,
            Err(error) => {
                self.broke(number, &error);
                return false;
            }
        };
        self.under_way -= 1;
        let now = monotonic();
        let measured = under_way.scheduled >= self.span.from;
        if measured {
            let took = now.saturating_duration_since(under_way.scheduled);
            self.tally.answer(answer.status, answer.code, took);
        }
        if answer.closes {
            self.reopen(number);
        }
        if self.load.rate.is_none() && now < self.span.until && !self.exhausted {
            self.send(number, now);
        } else {
            self.idle.push_back(number);
        }
        measured
    }

    /// A connection broke: counts it and opens it anew.
    fn broke(&mut self, number: usize, error: &std::io::Error) {
        let under_way = self.connections[number].take().and_then(|broken| broken.under_way);
        if under_way.is_some() {
            self.under_way -= 1;
        }
        *self.tally.broken.entry(error.kind().to_string()).or_default() += 1;
        self.reopen(number);
        if self.connections[number].is_some() {
            self.idle.push_back(number);
        }
    }

    fn reopen(&mut self, number: usize) {
        self.connections[number] = None;
        match Connection::open(self.load.address, Token(number), self.poll.registry()) {
            Ok(connection) => self.connections[number] = Some(connection),
            Err(error) => {
                let reason = format!("cannot connect: {}", error.kind());
                *self.tally.broken.entry(reason).or_default() += 1;
            }
        }
    }

    fn renew_timestamp(&mut self, now: Instant) {
        if now < self.timestamp_at {
            return;
        }
        self.timestamp_at = now + TICK;
        let seconds = format!("{:010}", self.clock.real().as_second());
        self.timestamp.copy_from_slice(&seconds.as_bytes()[..10]);
    }
}
