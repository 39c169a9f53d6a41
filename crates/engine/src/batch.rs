//! The writer's thread: queue → batch → load, decide, save → answers.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huodong_campaign::{Command, Wanted, World};
use huodong_store::{Store, StoreError};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::engine::EngineError;
use crate::source::{Clock, monotonic};

/// What a caller is told about its command.
pub(crate) type Answer<C> =
    Result<Result<<C as Command>::Done, <C as Command>::Refusal>, EngineError>;

/// Hears about each batch; `/metrics` is made of it.
pub trait BatchObserver: fmt::Debug + Send + Sync {
    /// A batch of `commands` was committed (or, where none of them changed anything, only looked
    /// at), and how long its steps took.
    fn batch(&self, commands: usize, load: Duration, decide: Duration, save: Duration);

    /// A batch of `commands` is begun anew, as another node came between, or the connection to the
    /// database broke.
    fn repeated(&self, commands: usize) {
        let _ = commands;
    }

    /// A batch of `commands` could not be written, or whether it was is not known. A row that makes no
    /// sense is no failure of the store's.
    fn failed(&self, commands: usize) {
        let _ = commands;
    }
}

/// What travels through the queue.
pub(crate) enum Message {
    /// A command and whoever waits for it.
    Job(Box<dyn Job>),
    /// Empty the database.
    Wipe(oneshot::Sender<Result<(), EngineError>>),
    /// Hold on to this node's place among the others.
    Keep,
    /// Nothing comes after this.
    Stop,
}

/// What commands of one batch bring along beyond their rows, in bytes. A batch ends with the command
/// that reaches it, so that who shares it does not wait for a hundred photos.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A command of any kind, with the caller that waits for its outcome.
pub(crate) trait Job: Send {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>);
    fn bytes(&self) -> usize;
    fn decide(&mut self, world: &mut World);
    /// Tells the caller what was decided, or why nothing was.
    fn answer(self: Box<Self>, failed: Option<EngineError>);
    /// True when nobody waits any more: its deadline has passed or its caller has gone.
    fn abandoned(&self, now: Instant) -> bool;
}

/// The one kind of [`Job`].
pub(crate) struct Pending<C: Command> {
    pub(crate) command: C,
    pub(crate) decided: Option<Result<C::Done, C::Refusal>>,
    pub(crate) reply: oneshot::Sender<Answer<C>>,
    pub(crate) deadline: Instant,
    /// Its place among what brings many bytes along.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

impl<C: Command> Job for Pending<C> {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.command.wants(wanted);
    }

    fn bytes(&self) -> usize {
        self.command.bytes()
    }

    fn decide(&mut self, world: &mut World) {
        self.decided = Some(self.command.decide(world));
    }

    fn answer(self: Box<Self>, failed: Option<EngineError>) {
        let answer = match (failed, self.decided) {
            (Some(error), _) => Err(error),
            (None, Some(decided)) => Ok(decided),
            (None, None) => Err(EngineError::Deadline),
        };
        // A caller that has gone needs no answer.
        let _ = self.reply.send(answer);
    }

    fn abandoned(&self, now: Instant) -> bool {
        self.reply.is_closed() || self.deadline <= now
    }
}

/// Everything the writer's thread owns.
pub(crate) struct Writer {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) batch_max: usize,
    pub(crate) observer: Option<Arc<dyn BatchObserver>>,
    pub(crate) stall: Arc<Stall>,
}

/// Since when a shared store has taken nothing that was to be written.
#[derive(Debug)]
pub(crate) struct Stall {
    begun: Instant,
    /// In milliseconds after `begun`; 0 while it gets on.
    since_ms: AtomicU64,
    shared: bool,
}

impl Stall {
    pub(crate) fn of(store: &Store) -> Self {
        Self { begun: monotonic(), since_ms: AtomicU64::new(0), shared: store.is_shared() }
    }

    /// How long it has been, while it is.
    pub(crate) fn lasts(&self) -> Duration {
        match self.since_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.begun.elapsed().saturating_sub(Duration::from_millis(since)),
        }
    }

    fn begins(&self, now: Instant) {
        // Only what nodes write to hold on to their place would end it where nobody calls any more.
        if self.shared {
            let ms = u64::try_from((now - self.begun).as_millis()).unwrap_or(u64::MAX).max(1);
            let _ = self.since_ms.compare_exchange(0, ms, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn ends(&self, outcome: &Result<(), Failure>) {
        if !matches!(outcome, Err(Failure::Store(error)) if !matches!(error, StoreError::Corrupt(_)))
        {
            self.since_ms.store(0, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Runs until told to stop, or until another process has taken the database over.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(self.batch_max);
        let mut jobs = Vec::with_capacity(self.batch_max);
        let mut keep = false;
        let mut linger = Duration::ZERO;
        while queue.blocking_recv_many(&mut messages, self.batch_max) > 0 {
            if !linger.is_zero() {
                std::thread::sleep(linger);
                while messages.len() < self.batch_max
                    && let Ok(message) = queue.try_recv()
                {
                    messages.push(message);
                }
            }
            let (begun, together) = (monotonic(), messages.len());
            let mut bytes = 0;
            for message in messages.drain(..) {
                match message {
                    Message::Job(job) => {
                        bytes += job.bytes();
                        jobs.push(job);
                        if bytes >= BATCH_BYTES_MAX {
                            bytes = 0;
                            if self.batch(&mut jobs).is_break() {
                                return;
                            }
                        }
                    }
                    Message::Wipe(reply) => {
                        if self.batch(&mut jobs).is_break() {
                            return;
                        }
                        // A caller that has gone needs no answer.
                        let _ = reply.send(self.wipe().map_err(EngineError::from));
                    }
                    Message::Keep => keep = true,
                    Message::Stop => queue.close(),
                }
            }
            if self.batch(&mut jobs).is_break() {
                return;
            }
            linger = self.linger(begun.elapsed(), together);
            if std::mem::take(&mut keep) {
                self.stall.begins(monotonic());
                let kept = self.store.keep().map_err(Failure::from);
                self.stall.ends(&kept);
                if let Err(Failure::Store(error)) = kept {
                    tracing::warn!(%error, "this node could not hold on to its place");
                    if is_final(&error) {
                        return;
                    }
                }
            }
        }
    }

    /// How long the next batch waits for those who were answered just now and call again. A batch
    /// in a shared database costs by the trip more than by the command: without this, callers fall
    /// into two halves that wait for each other's batches.
    fn linger(&self, took: Duration, together: usize) -> Duration {
        if self.store.is_shared() && together > 1 {
            (took / LINGER_PART).min(LINGER_MAX)
        } else {
            Duration::ZERO
        }
    }

    fn wipe(&mut self) -> Result<(), StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.store.wipe() {
                Err(StoreError::Again(_)) if let Some(pause) = pauses.next() => {
                    std::thread::sleep(pause);
                }
                wiped => return wiped,
            }
        }
    }

    /// Carries out what waits and answers it, again where another node came between. Breaks when this
    /// process may write no more.
    fn batch(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> ControlFlow<()> {
        let mut pauses = PAUSES.into_iter();
        let (mut pause, mut begun) = (Duration::ZERO, false);
        loop {
            let started = monotonic();
            // What nobody waits for was never begun, or has come to nothing; the caller was told so.
            let (abandoned, mut waiting): (Vec<_>, Vec<_>) =
                jobs.drain(..).partition(|job| job.abandoned(started));
            abandoned.into_iter().for_each(|job| job.answer(Some(EngineError::Deadline)));
            if waiting.is_empty() {
                if begun {
                    // Of what was begun before they had gone, the store keeps nothing.
                    self.store.rollback();
                }
                return ControlFlow::Continue(());
            }
            begun = true;
            self.stall.begins(started);
            let carried_out = self.carry_out(&mut waiting, started);
            self.stall.ends(&carried_out);
            match carried_out {
                Err(Failure::Store(StoreError::Again(why))) => {
                    tracing::debug!(why, commands = waiting.len(), "a batch is begun anew");
                    if let Some(observer) = &self.observer {
                        observer.repeated(waiting.len());
                    }
                    *jobs = waiting;
                    pause = pauses.next().unwrap_or(pause);
                    std::thread::sleep(pause);
                }
                carried_out => return self.answer(waiting, carried_out),
            }
        }
    }

    fn answer(
        &mut self,
        waiting: Vec<Box<dyn Job>>,
        carried_out: Result<(), Failure>,
    ) -> ControlFlow<()> {
        match carried_out {
            Ok(()) => {
                waiting.into_iter().for_each(|job| job.answer(None));
                ControlFlow::Continue(())
            }
            Err(Failure::Panicked) => self.one_by_one(waiting),
            Err(Failure::Store(error @ StoreError::Corrupt(_))) if waiting.len() > 1 => {
                tracing::error!(%error, commands = waiting.len(), "a batch met what makes no sense");
                self.one_by_one(waiting)
            }
            Err(Failure::Store(error)) => self.fail(waiting, &error),
        }
    }

    fn fail(&self, jobs: Vec<Box<dyn Job>>, error: &StoreError) -> ControlFlow<()> {
        tracing::error!(%error, commands = jobs.len(), "a batch failed");
        if let Some(observer) = &self.observer
            && !matches!(error, StoreError::Corrupt(_))
        {
            observer.failed(jobs.len());
        }
        let told = EngineError::from(error);
        jobs.into_iter().for_each(|job| job.answer(Some(told.clone())));
        if is_final(error) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// A rule panicked, or a row makes no sense: which command it was is found by giving each a
    /// batch of its own, so that one that nobody foresaw does not take its neighbours with it.
    fn one_by_one(&mut self, waiting: Vec<Box<dyn Job>>) -> ControlFlow<()> {
        for job in waiting {
            let mut alone = vec![job];
            match self.carry_out_alone(&mut alone) {
                Ok(()) => alone.into_iter().for_each(|job| job.answer(None)),
                Err(Failure::Panicked) => {
                    let error = EngineError::Unavailable("an invariant was broken".to_owned());
                    alone.into_iter().for_each(|job| job.answer(Some(error.clone())));
                }
                Err(Failure::Store(error)) => self.fail(alone, &error)?,
            }
        }
        ControlFlow::Continue(())
    }

    /// One command by itself, a few times at the most.
    fn carry_out_alone(&mut self, job: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.carry_out(job, monotonic()) {
                Err(Failure::Store(StoreError::Again(_))) if let Some(pause) = pauses.next() => {
                    std::thread::sleep(pause);
                }
                carried_out => return carried_out,
            }
        }
    }

    /// The business time. Rows keep milliseconds, so the rules see no more than that either.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn carry_out(&mut self, jobs: &mut [Box<dyn Job>], started: Instant) -> Result<(), Failure> {
        self.store.ready()?;
        let mut world = World::new(self.now(), 0).number_by(self.store.id_step());
        let mut wanted = Wanted::default();
        jobs.iter().for_each(|job| job.wants(&mut wanted));
        self.store.load(&wanted, &mut world)?;
        drop(wanted);
        // Only now: rows may have been waited for, and whoever had them may have written a later time.
        world.set_time(self.now());
        // And after a commit whose outcome was unknown, loading has read the last number anew.
        world.number_from(self.store.first_id(number_at(world.now)));
        let loaded = monotonic();

        let decided = catch_unwind(AssertUnwindSafe(|| {
            jobs.iter_mut().for_each(|job| job.decide(&mut world));
        }));
        if decided.is_err() {
            self.store.rollback();
            tracing::error!(commands = jobs.len(), "a rule panicked; its batch was rolled back");
            return Err(Failure::Panicked);
        }
        let decided = monotonic();

        if world.is_changed() {
            self.store.save(&world)?;
        } else {
            self.store.rollback();
        }
        if let Some(observer) = &self.observer {
            let saved = monotonic();
            observer.batch(jobs.len(), loaded - started, decided - loaded, saved - decided);
        }
        Ok(())
    }
}

/// Why a batch was not carried out.
enum Failure {
    /// A rule panicked; the transaction was rolled back.
    Panicked,
    /// The store failed; the transaction is gone.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// This process may write no more: another has taken over, or the database is for newer programs by
/// now.
fn is_final(error: &StoreError) -> bool {
    matches!(error, StoreError::Fenced | StoreError::Newer { .. })
}

/// 2020-01-01T00:00:00Z in Unix milliseconds: where the numbering of rows begins.
const NUMBERING_BEGINS_MS: i64 = 1_577_836_800_000;
/// How many low bits of a row's number count within one millisecond.
const COUNT_BITS: u32 = 20;

/// Of the time that the last batch took, so much is waited for more to come.
const LINGER_PART: u32 = 6;
/// And no longer than this.
const LINGER_MAX: Duration = Duration::from_millis(2);

/// How long is waited before each further try of a batch. The first is often one that asks for
/// nothing but to be done again.
const PAUSES: [Duration; 8] = {
    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
    [ms(0), ms(1), ms(5), ms(10), ms(20), ms(50), ms(100), ms(200)]
};

/// Where a batch's numbers begin, unless such have been given out already: at the business clock's
/// millisecond.
fn number_at(now: Timestamp) -> i64 {
    let ms = now.as_millisecond().saturating_sub(NUMBERING_BEGINS_MS).max(0);
    // The clock's part of a number ends in 2298.
    if ms < (1 << (63 - COUNT_BITS)) { ms << COUNT_BITS } else { 0 }
}

#[cfg(test)]
mod tests {
    use huodong_campaign::CreateOrganization;
    use huodong_store::{Place, StoreOptions};
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn numbers_rise_with_time() {
        let later: Timestamp = "2026-11-21T02:00:00Z".parse().expect("a time");
        let earlier: Timestamp = "2019-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(number_at(later) >> COUNT_BITS, later.as_millisecond() - NUMBERING_BEGINS_MS);
        assert_eq!(number_at(earlier), 0);
        assert_eq!(number_at(Timestamp::MAX), 0);
    }

    fn organization(org_no: &str) -> CreateOrganization {
        let (name, merchant_no) = ("a name".to_owned(), String::new());
        CreateOrganization { org_no: Some(org_no.into()), name, merchant_no }
    }

    fn kept_in(directory: &TempDir) -> StoreOptions {
        let shared = |url: &str| StoreOptions::of(Place::Postgres(url.parse().expect("a URL")));
        let begin = |url: &str| drop(Store::open(&shared(url)).expect("a database"));
        match huodong_testing::database_at(directory.path(), begin) {
            Some(database) => shared(database.url()),
            None => StoreOptions::at(directory.path()),
        }
    }

    #[test]
    fn numbers_go_on_after_what_the_store_has_whoever_wrote_it() {
        let directory = TempDir::new().expect("a directory");
        let (store, _) = Store::open(&kept_in(&directory)).expect("a store");
        let clock = Clock::system();
        clock.freeze(true);
        let stall = Arc::new(Stall::of(&store));
        let mut writer = Writer { store, clock, batch_max: 1, observer: None, stall };
        let create = |writer: &mut Writer, org_no| {
            let (reply, mut outcome) = oneshot::channel();
            let deadline = monotonic() + Duration::from_secs(10);
            let command = organization(org_no);
            let job = Pending { command, decided: None, reply, deadline, _room: None };
            assert!(writer.batch(&mut vec![Box::new(job)]).is_continue());
            outcome.try_recv().expect("an answer").expect("an outcome").expect("a new one");
            writer.store.last_id()
        };
        let first = create(&mut writer, "first");

        // As a commit does that happened though its outcome was unknown.
        let step = writer.store.id_step();
        let mut commit = || {
            let mut world = World::new(writer.clock.now(), first + step).number_by(step);
            let command = organization("unknown");
            let mut wanted = Wanted::default();
            command.wants(&mut wanted);
            writer.store.load(&wanted, &mut world).expect("a transaction");
            command.decide(&mut world).expect("a new one");
            writer.store.save(&world)
        };
        // A shared database has it done again alone.
        commit().or_else(|_| commit()).expect("a commit");

        let unknown = writer.store.last_id();
        assert!(unknown > first);
        assert_eq!(create(&mut writer, "next") - unknown, unknown - first);
    }
}
