//! Delivery as it runs: what the engine does with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use huodong_campaign::{Callback, CallbackState};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

use super::dispatch::{Dispatcher, LOOK_EVERY, RECORD_TIME};
use super::flight::Flight;
use super::post::Poster;
use super::{DeliveryOptions, Envoy};
use crate::engine::{Engine, EngineError};
use crate::source::Clock;

/// How long whoever moved the clock waits for the attempts that fell due by it.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// What the dispatcher and the attempts share.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(super) envoy: Arc<dyn Envoy>,
    pub(super) options: DeliveryOptions,
    pub(super) poster: Poster,
    pub(super) clock: Clock,
    pub(super) flight: Flight,
    /// Held for writing while the database is emptied; for reading by whoever knows a callback by
    /// its number.
    pub(super) emptying: RwLock<()>,
    pub(super) stopping: watch::Sender<bool>,
    /// How many want that nothing is claimed for a while.
    holds: AtomicUsize,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
}

impl Delivery {
    /// Ready to begin.
    pub(crate) fn new(
        engine: &Engine,
        envoy: Arc<dyn Envoy>,
        options: DeliveryOptions,
    ) -> std::io::Result<Arc<Self>> {
        let poster = Poster::new(options.clone()).map_err(std::io::Error::other)?;
        let flight = Flight::new(options.at_once_max, options.at_once_per_receiver_max);
        Ok(Arc::new(Self {
            envoy,
            options,
            poster,
            clock: engine.clock().clone(),
            flight,
            emptying: RwLock::default(),
            stopping: watch::Sender::new(false),
            holds: AtomicUsize::new(0),
            dispatcher: Mutex::default(),
        }))
    }

    /// Begins to deliver.
    pub(crate) fn start(self: &Arc<Self>, engine: &Engine) {
        let dispatcher = Dispatcher::new(Arc::clone(self));
        let running = tokio::spawn(dispatcher.run(engine.downgrade()));
        *self.dispatcher.lock() = Some(running);
    }

    /// Claims nothing more, and waits for the attempts under way to be recorded.
    pub(crate) async fn stop(&self) {
        self.stopping.send_replace(true);
        let dispatcher = self.dispatcher.lock().take();
        if let Some(dispatcher) = dispatcher
            && dispatcher.await.is_err()
        {
            tracing::error!("the dispatcher of callbacks panicked");
        }
        let mut landed = self.flight.watch();
        let all = landed.wait_for(|_| self.flight.taken() == 0);
        if tokio::time::timeout(self.options.timeout + RECORD_TIME, all).await.is_err() {
            let under_way = self.flight.taken();
            tracing::error!(under_way, "attempts did not end; they count as interrupted");
        }
    }

    /// Empties the database by `wipe`. Attempts under way go on, but their outcomes are nobody's.
    pub(crate) async fn while_emptying<T>(&self, wipe: impl Future<Output = T>) -> T {
        let _alone = self.emptying.write().await;
        self.flight.forget();
        wipe.await
    }

    /// While it is held nothing is claimed.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        self.holds.fetch_add(1, Ordering::AcqRel);
        Hold(Arc::clone(self))
    }

    pub(super) fn is_held(&self) -> bool {
        self.holds.load(Ordering::Acquire) > 0
    }

    /// How many attempts were ever begun.
    pub(crate) fn begun(&self) -> u64 {
        self.flight.begun()
    }

    /// An attempt was recorded and has given its place back. The next may be due at once, where
    /// this one came late.
    pub(super) fn recorded(&self, callback: &Callback) {
        let soon =
            self.clock.now().checked_add(SignedDuration::try_from(LOOK_EVERY).unwrap_or_default());
        if let (CallbackState::Waiting { due_at }, Ok(soon)) = (callback.state, soon)
            && due_at <= soon
        {
            self.flight.wake();
        }
    }

    /// Waits until no callback that is due by `now` waits or is under way, but not for ever: a
    /// receiver may be slow.
    pub(crate) async fn settled(&self, engine: &Engine, now: Timestamp) -> Result<(), EngineError> {
        let all = async {
            let mut landed = self.flight.watch();
            while !self.is_settled(engine, now).await? {
                // Woken by what lands; and now and then, for what changes without.
                let _ = tokio::time::timeout(LOOK_EVERY, landed.changed()).await;
            }
            Ok(())
        };
        match tokio::time::timeout(SETTLED_WITHIN, all).await {
            Ok(settled) => settled,
            Err(_) => {
                tracing::info!("callbacks that fell due are still being delivered");
                Ok(())
            }
        }
    }

    async fn is_settled(&self, engine: &Engine, now: Timestamp) -> Result<bool, EngineError> {
        if *self.stopping.borrow() {
            return Ok(true);
        }
        let Some(takes) = self.flight.quiet(now) else { return Ok(false) };
        let next = engine.read_waiting(|reader| reader.next_callback_due()).await?;
        // Where a place was taken meanwhile, what was due may have been claimed just before asking.
        Ok(next.is_none_or(|at| at > now) && self.flight.quiet(now) == Some(takes))
    }
}

/// While this lives no callback is claimed.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Delivery>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::AcqRel);
        self.0.flight.wake();
    }
}
