//! The engine as its callers see it.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use huodong_campaign::Command;
use huodong_store::{Reader, Store, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::batch::{Answer, BatchObserver, Message, Pending, Stall, Writer};
use crate::delivery::{Delivery, DeliveryOptions, Envoy};
use crate::source::{Clock, monotonic};
use crate::timers::{LOOK_EVERY, Ran, Timers, TimersHeld};

/// The queue's and the batches' bounds.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Commands that may wait; one more is told that the engine is busy.
    pub queue_max: usize,
    /// Commands in one batch.
    pub batch_max: usize,
    /// How long a photo that no enrolment names is kept, by the business clock.
    pub orphan_photos: Duration,
    /// Who hears about each batch.
    pub observer: Option<Arc<dyn BatchObserver>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            queue_max: 16_384,
            batch_max: 1_024,
            orphan_photos: Duration::from_hours(7 * 24),
            observer: None,
        }
    }
}

/// Why a command has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// As many commands, or questions, wait as may. Nothing was written.
    #[error("too much is waiting; nothing was written")]
    Busy,
    /// The caller's deadline passed. The command may still be carried out, once.
    #[error("the deadline passed; the command may still be carried out")]
    Deadline,
    /// The store failed. Nothing was written.
    #[error("the store failed; nothing was written: {0}")]
    Unavailable(String),
    /// The store failed while committing. Ask again with the same key to learn what happened.
    #[error("the commit's outcome is unknown")]
    CommitUnknown,
    /// The store holds what makes no sense. Nothing was written, and trying again will not help.
    #[error("the store is damaged; nothing was written: {0}")]
    Broken(String),
    /// The engine has stopped. Nothing was written.
    #[error("the engine has stopped")]
    Stopped,
}

impl From<&StoreError> for EngineError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::CommitUnknown(_) => Self::CommitUnknown,
            StoreError::Fenced | StoreError::Newer { .. } => Self::Stopped,
            StoreError::Corrupt(_) => Self::Broken(error.to_string()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

/// What commands that wait, or are being carried out, may bring along beyond their rows; one more is
/// told that the engine is busy.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The unit that room for them is given out by, in bytes.
const ROOM_BYTES: usize = 1024;

/// How often a node holds on to its place: several times within the minute it is held.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether that is due.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Questions that may wait for each connection that answers them.
const QUESTIONS_PER_CONNECTION: usize = 64;

/// Carries out commands in batches, and runs what is due. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: mpsc::Sender<Message>,
    /// One permit for each [`ROOM_BYTES`].
    room: Arc<Semaphore>,
    orphan_photos: Duration,
    reader: Reader,
    /// One permit for each question that may wait or be answered.
    questions: Semaphore,
    /// One permit for each connection that answers. Waiting for it here, and not on a thread, lets
    /// a question whose asker has gone go too.
    answering: Arc<Semaphore>,
    clock: Clock,
    stopped: AtomicBool,
    stall: Arc<Stall>,
    writer: Mutex<Option<JoinHandle<()>>>,
    timers: Timers,
    delivery: OnceLock<Arc<Delivery>>,
}

/// An engine that does not live on because of it.
#[derive(Clone, Debug)]
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    /// Starts the writer's thread and the timers. Call it on a tokio runtime.
    pub fn start(store: Store, clock: Clock, options: EngineOptions) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(options.queue_max);
        let reader = store.reader();
        let stall = Arc::new(Stall::of(&store));
        let writer = Writer {
            store,
            clock: clock.clone(),
            batch_max: options.batch_max,
            observer: options.observer,
            stall: Arc::clone(&stall),
        };
        let thread = std::thread::Builder::new().name("writer".to_owned());
        let thread = thread.spawn(move || writer.run(waiting))?;
        let engine = Self(Arc::new(Inner {
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX / ROOM_BYTES)),
            orphan_photos: options.orphan_photos,
            questions: Semaphore::new(reader.connections() * QUESTIONS_PER_CONNECTION),
            answering: Arc::new(Semaphore::new(reader.connections())),
            reader,
            clock,
            stopped: AtomicBool::new(false),
            stall,
            writer: Mutex::new(Some(thread)),
            timers: Timers::default(),
            delivery: OnceLock::new(),
        }));
        engine.spawn_timers();
        engine.spawn_keeping();
        Ok(engine)
    }

    /// Delivers callbacks from now on. Call it once, on the runtime that [`Engine::start`] was
    /// called on; a second call is an error and changes nothing.
    pub fn deliver_with(
        &self,
        envoy: Arc<dyn Envoy>,
        options: DeliveryOptions,
    ) -> std::io::Result<()> {
        let delivery = Delivery::new(self, envoy, options)?;
        self.0.delivery.set(Arc::clone(&delivery)).map_err(|_| {
            std::io::Error::new(ErrorKind::AlreadyExists, "callbacks are being delivered already")
        })?;
        delivery.start(self);
        Ok(())
    }

    pub(crate) fn delivery(&self) -> Option<&Arc<Delivery>> {
        self.0.delivery.get()
    }

    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// Queues a command and waits for its outcome, at most this long. The outer error says that
    /// there is none; the inner one that the rules refused.
    pub async fn submit<C: Command>(
        &self,
        command: C,
        deadline: Duration,
    ) -> Result<Result<C::Done, C::Refusal>, EngineError> {
        let (message, outcome) = self.message(command, deadline)?;
        self.0.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Busy,
            TrySendError::Closed(_) => EngineError::Stopped,
        })?;
        let heard = tokio::time::timeout(deadline, heard(outcome)).await;
        heard.unwrap_or(Err(EngineError::Deadline))
    }

    /// The same for the engine's own commands: where the queue is full they wait for room, or a
    /// server with much to do would never get to what is due.
    pub(crate) async fn submit_waiting<C: Command>(
        &self,
        command: C,
        deadline: Duration,
    ) -> Answer<C> {
        let (message, outcome) = self.message(command, deadline)?;
        let carried_out = async {
            self.0.queue.send(message).await.map_err(|_| EngineError::Stopped)?;
            heard(outcome).await
        };
        tokio::time::timeout(deadline, carried_out).await.unwrap_or(Err(EngineError::Deadline))
    }

    /// A command ready for the queue, and where its outcome will be heard.
    fn message<C: Command>(
        &self,
        command: C,
        deadline: Duration,
    ) -> Result<(Message, oneshot::Receiver<Answer<C>>), EngineError> {
        if self.0.stopped.load(Ordering::Acquire) {
            return Err(EngineError::Stopped);
        }
        let _room = self.room(command.bytes())?;
        let (reply, outcome) = oneshot::channel();
        let deadline = monotonic() + deadline;
        let pending = Pending { command, decided: None, reply, deadline, _room };
        Ok((Message::Job(Box::new(pending)), outcome))
    }

    /// Room for what a command brings along.
    fn room(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, EngineError> {
        if bytes == 0 {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(ROOM_BYTES)).map_err(|_| EngineError::Busy)?;
        let room = Arc::clone(&self.0.room).try_acquire_many_owned(units);
        room.map(Some).map_err(|_| EngineError::Busy)
    }

    pub(crate) fn orphan_photos(&self) -> Duration {
        self.0.orphan_photos
    }

    /// Puts a question to the store beside the writer. [`EngineError::Busy`] where too many wait;
    /// a caller that stops waiting takes its question back, unless that is being answered.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let _place = self.0.questions.try_acquire().map_err(|_| EngineError::Busy)?;
        self.read_waiting(question).await
    }

    /// The same for what the server asks for itself, however many others wait.
    pub async fn read_waiting<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let reader = self.0.reader.clone();
        let permit = Arc::clone(&self.0.answering).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let answer = tokio::task::spawn_blocking(move || {
            let answer = huodong_store::waiting_here(|| question(&reader));
            drop(permit);
            answer
        });
        match answer.await {
            Ok(answer) => answer.map_err(EngineError::from),
            Err(error) => Err(EngineError::Unavailable(format!("a reader failed: {error}"))),
        }
    }

    /// What is committed, for callers on a thread of their own.
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Both clocks.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// How many commands may wait.
    pub fn queue_max(&self) -> usize {
        self.0.queue.max_capacity()
    }

    /// How many commands wait.
    pub fn queue_depth(&self) -> usize {
        self.0.queue.max_capacity() - self.0.queue.capacity()
    }

    /// True until [`Engine::stop`], or until the writer had to give up.
    pub fn is_running(&self) -> bool {
        !self.0.stopped.load(Ordering::Acquire) && !self.0.queue.is_closed()
    }

    /// For how long a shared store has taken nothing of what was to be written; zero while it does.
    pub fn stalled_for(&self) -> Duration {
        self.0.stall.lasts()
    }

    /// Runs everything that is due by the business clock, and tells what ran.
    pub async fn run_due(&self) -> Result<Ran, EngineError> {
        self.run_due_after(|_| {}).await
    }

    /// Changes the clock, runs everything that is then due, and tells what ran. The timers wait
    /// meanwhile, so that all that ran because of the change is told here. Callbacks that are due by
    /// then are waited for until each was attempted as often as it was due, but no longer than ten
    /// seconds: a receiver may be slow.
    pub async fn run_due_after(&self, change: impl FnOnce(&Clock)) -> Result<Ran, EngineError> {
        let mut begun = 0;
        let change = || {
            begun = self.delivery().map_or(0, |delivery| delivery.begun());
            change(self.clock());
        };
        let (mut ran, now) = self.0.timers.run_due_after(self, change).await?;
        if let Some(delivery) = self.delivery() {
            delivery.settled(self, now).await?;
            ran.callbacks = delivery.begun() - begun;
        }
        Ok(ran)
    }

    /// While this is held nothing runs by itself, no callback is claimed, and nobody changes the
    /// clock by [`Engine::run_due_after`].
    pub async fn hold_timers(&self) -> TimersHeld<'_> {
        self.0.timers.hold(self.delivery()).await
    }

    /// Empties the database: the sandbox's reset. Callbacks that are being sent meanwhile are sent,
    /// but nothing is recorded of them.
    pub async fn wipe(&self) -> Result<(), EngineError> {
        let wipe = async {
            let (reply, outcome) = oneshot::channel();
            let sent = self.0.queue.send(Message::Wipe(reply)).await;
            sent.map_err(|_| EngineError::Stopped)?;
            outcome.await.unwrap_or(Err(EngineError::Stopped))
        };
        match self.delivery() {
            Some(delivery) => delivery.while_emptying(wipe).await,
            None => wipe.await,
        }
    }

    /// Claims no more callbacks, and returns when the attempts under way are recorded. A claim that
    /// is being made is waited for, which takes ten seconds at the most, with the look before it
    /// and its attempts; then no longer than an attempt may take ([`DeliveryOptions::timeout`]) and
    /// twenty seconds more, within which its outcome is written down. What is not done by then
    /// counts as interrupted.
    pub async fn stop_delivery(&self) {
        if let Some(delivery) = self.delivery() {
            delivery.stop().await;
        }
    }

    /// Answers what was accepted, then stops the writer and closes the database. Callbacks are
    /// stopped first, as by [`Engine::stop_delivery`].
    pub async fn stop(&self) {
        self.stop_delivery().await;
        self.0.stopped.store(true, Ordering::Release);
        // An error means that the writer has stopped already.
        let _ = self.0.queue.send(Message::Stop).await;
        let writer = self.0.writer.lock().take();
        if let Some(writer) = writer
            && tokio::task::spawn_blocking(move || writer.join()).await.is_err()
        {
            tracing::error!("the writer's thread could not be awaited");
        }
        // Nothing runs by itself any more, so the timers are not held for long.
        self.0.timers.give_back(self).await;
    }

    /// Has the writer hold on to this node's place now and then, for as long as the engine runs.
    fn spawn_keeping(&self) {
        let weak = self.downgrade();
        tokio::spawn(async move {
            let mut kept = monotonic();
            loop {
                tokio::time::sleep(LOOK_AFTER).await;
                let Some(engine) = weak.upgrade().filter(Engine::is_running) else { return };
                // While nothing can be written it is tried more often: nobody else may be asking.
                if engine.stalled_for().is_zero() && kept.elapsed() < KEEP_EVERY {
                    continue;
                }
                kept = monotonic();
                // Where the queue is full, batches are written, and each holds on to it too.
                let _ = engine.0.queue.try_send(Message::Keep);
            }
        });
    }

    /// Looks for due timers now and then, and whenever the clock is moved, for as long as the
    /// engine runs.
    fn spawn_timers(&self) {
        let weak = self.downgrade();
        let mut moved = self.0.clock.watch();
        tokio::spawn(async move {
            let mut pause = LOOK_EVERY;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    changed = moved.changed() => if changed.is_err() { return },
                }
                let Some(engine) = weak.upgrade().filter(Engine::is_running) else { return };
                pause = match engine.0.timers.look(&engine).await {
                    Ok(more) if more => Duration::ZERO,
                    Ok(_) => LOOK_EVERY,
                    Err(error) => {
                        tracing::warn!(%error, "timers could not run; trying again");
                        LOOK_EVERY
                    }
                };
            }
        });
    }
}

/// What the writer says.
async fn heard<T>(outcome: oneshot::Receiver<Result<T, EngineError>>) -> Result<T, EngineError> {
    // Where the writer is gone, it may have taken the command with it half-way.
    outcome.await.unwrap_or(Err(EngineError::CommitUnknown))
}
