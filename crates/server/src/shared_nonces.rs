//! Which nonces other nodes have taken: a call that one of them answered must not pass at another.

use std::time::Duration;

use huodong_engine::EngineError;
use huodong_store::{NonceTable, Reader, StoreError};
use tokio::sync::{mpsc, oneshot};

/// How many calls may wait to have their nonces written.
const WAITING_MAX: usize = 16_384;
/// How many are written with one statement.
const AT_ONCE: usize = 1_024;
/// How often those that have gone stale are looked for while nobody calls.
const IDLE: Duration = Duration::from_secs(10);

/// Takes nonces for all nodes of a shared database. Calls that wait together are written together.
#[derive(Debug)]
pub struct SharedNonces {
    queue: mpsc::Sender<Message>,
    reader: Reader,
}

#[derive(Debug)]
enum Message {
    Take(Waiting),
    /// Nobody calls: a time to clear away.
    Idle,
}

#[derive(Debug)]
struct Waiting {
    hash: u128,
    /// When its call has gone stale, in Unix milliseconds.
    stale_at: i64,
    reply: oneshot::Sender<Result<bool, EngineError>>,
}

impl SharedNonces {
    /// `None` for a database that is this process's own. Call it on a tokio runtime.
    pub fn start(reader: &Reader) -> Option<Self> {
        let table = reader.nonces()?;
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("nonces".to_owned());
        if let Err(error) = thread.spawn(move || run(table, waiting)) {
            // Every call is refused then, as the queue has ended.
            tracing::error!(%error, "the thread that writes nonces could not be started");
        }
        let weak = queue.downgrade();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(IDLE).await;
                let Some(queue) = weak.upgrade() else { return };
                // Where the queue is full, there are calls, and each clears away.
                let _ = queue.try_send(Message::Idle);
            }
        });
        Some(Self { queue, reader: reader.clone() })
    }

    /// True while nonces can be taken; else every call is refused.
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Takes a nonce of `whose`, whose call goes stale at `stale_at` (Unix seconds): true where no
    /// node has taken it before. After an error it may be taken, but nothing was done for its call.
    pub async fn take(
        &self,
        whose: &str,
        nonce: &str,
        stale_at: i64,
        deadline: Duration,
    ) -> Result<bool, EngineError> {
        let hash = self.reader.nonce_hash(whose, nonce);
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { hash, stale_at: stale_at.saturating_mul(1_000), reply };
        self.queue.try_send(Message::Take(waiting)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => EngineError::Busy,
            mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
        })?;
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(EngineError::Stopped),
            Err(_) => Err(EngineError::Deadline),
        }
    }
}

fn run(mut table: NonceTable, mut queue: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(AT_ONCE);
    let mut taken_since = 0;
    while queue.blocking_recv_many(&mut messages, AT_ONCE) > 0 {
        let mut idle = false;
        let waiting: Vec<_> = messages
            .drain(..)
            .filter_map(|message| match message {
                Message::Take(waiting) => Some(waiting),
                Message::Idle => {
                    idle = true;
                    None
                }
            })
            // Whoever has given up was told that nothing was done.
            .filter(|waiting| !waiting.reply.is_closed())
            .collect();
        taken_since += waiting.len();
        take(&mut table, waiting);
        // As many go as come, a piece at a time.
        if idle || taken_since >= NonceTable::REMOVED_AT_ONCE {
            taken_since = 0;
            while let Ok(true) = remove(&mut table)
                && queue.is_empty()
            {}
        }
    }
}

fn take(table: &mut NonceTable, waiting: Vec<Waiting>) {
    if waiting.is_empty() {
        return;
    }
    let nonces: Vec<_> = waiting.iter().map(|one| (one.hash, one.stale_at)).collect();
    match table.take(&nonces) {
        Ok(taken) => {
            for (one, taken) in waiting.into_iter().zip(taken) {
                // A caller that has gone needs no answer.
                let _ = one.reply.send(Ok(taken));
            }
        }
        Err(error) => {
            tracing::warn!(%error, calls = waiting.len(), "nonces could not be written");
            let error = EngineError::Unavailable(error.to_string());
            for one in waiting {
                let _ = one.reply.send(Err(error.clone()));
            }
        }
    }
}

fn remove(table: &mut NonceTable) -> Result<bool, StoreError> {
    let removed = table.remove_stale();
    if let Err(error) = &removed {
        tracing::warn!(%error, "stale nonces could not be removed; trying again later");
    }
    removed
}
