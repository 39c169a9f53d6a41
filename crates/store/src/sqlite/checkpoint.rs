//! Checkpoints: moving what the write-ahead log holds into the database file, beside the writer.
//!
//! A thread copies while the writer appends. It gains on the writer with each pass, as a pass is
//! shorter than the one before; when little is left the writer itself copies the rest between two
//! batches, and the log begins anew. So the log stays short and no batch waits for a long copy.
//!
//! SQLite syncs the database file only when a pass has copied everything, which is the writer's. So
//! that it has little to wait for then, the thread syncs what it copied through a handle of its own.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::connection;
use crate::StoreError;

/// Frames in the log that make a checkpoint worth its while: 16 MiB.
const BEGIN_FRAMES: u32 = 4_096;
/// Frames the writer may copy itself: 2 MiB, a few milliseconds.
const REST_FRAMES: u32 = 512;
/// Frames beyond those at which the writer no longer waits for the thread: 64 MiB. A machine may be
/// too busy to run it.
const ALONE_FRAMES: u32 = 16_384;
/// Passes before the thread leaves the rest to the writer, however much it is: should the writer
/// outrun it, the log must end somewhere.
const PASSES_MAX: u32 = 12;

/// The checkpointing thread, and what the writer shares with it.
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Frames in the log after the last commit.
    frames: AtomicU32,
    /// At how many frames the next checkpoint begins.
    due: AtomicU32,
    /// The writer is to copy the rest.
    finish: AtomicBool,
    stop: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl Checkpoints {
    /// `file` is the database's.
    pub(super) fn start(
        directory: &Path,
        writer: &mut Connection,
        file: Arc<File>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared { due: BEGIN_FRAMES.into(), ..Shared::default() });
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, frames| {
            seen.frames.store(u32::try_from(frames).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let conn = connection::writer(directory, 1)?;
        let task = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("huodong-checkpoint".to_owned())
            .spawn(move || task.run(&conn, &file))
            .map_err(|error| StoreError::Unavailable(format!("no thread to be had: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The writer's part, between two batches.
    pub(super) fn after_commit(&self, conn: &Connection) {
        let frames = self.shared.frames.load(Ordering::Relaxed);
        let due = self.shared.due.load(Ordering::Relaxed);
        if frames < due {
            return;
        }
        if self.shared.finish.swap(false, Ordering::AcqRel) || frames - due >= ALONE_FRAMES {
            let copied = conn.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE);
            if let Err(error) = &copied
                && error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy)
            {
                tracing::warn!(%error, "the write-ahead log could not be copied");
            }
            // A reader in the middle of a long question keeps the log from beginning anew.
            let all = copied.is_ok_and(|(frames, copied)| frames == copied);
            let due = if all { BEGIN_FRAMES } else { frames.saturating_add(BEGIN_FRAMES) };
            self.shared.due.store(due, Ordering::Relaxed);
            // Not before the next commit has counted anew.
            self.shared.frames.store(0, Ordering::Relaxed);
        } else {
            self.shared.wake.notify_one();
        }
    }
}

impl Checkpoints {
    /// Ends the thread; nothing is copied any more.
    pub(super) fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        {
            let _asleep = self.shared.asleep.lock();
            self.shared.wake.notify_one();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpointing thread panicked");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self, conn: &Connection, file: &File) {
        while self.wait() {
            if let Err(error) = self.copy(conn) {
                tracing::warn!(%error, "the write-ahead log could not be copied");
            }
            // Only to have it done: the writer's pass syncs again before it counts.
            if let Err(error) = file.sync_data() {
                tracing::warn!(%error, "the database file could not be synced");
            }
            self.finish.store(true, Ordering::Release);
        }
    }

    /// Sleeps until there is work; false when it is time to stop.
    fn wait(&self) -> bool {
        let mut asleep = self.asleep.lock();
        loop {
            if self.stop.load(Ordering::Acquire) {
                return false;
            }
            self.wake.wait(&mut asleep);
            let due = self.frames.load(Ordering::Relaxed) >= self.due.load(Ordering::Relaxed);
            if due && !self.finish.load(Ordering::Acquire) {
                return !self.stop.load(Ordering::Acquire);
            }
        }
    }

    fn copy(&self, conn: &Connection) -> rusqlite::Result<()> {
        for _ in 0..PASSES_MAX {
            conn.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE).map(drop)?;
            let (frames, copied) = conn.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)?;
            let rest = u32::try_from(frames - copied).unwrap_or(0);
            if rest <= REST_FRAMES || self.stop.load(Ordering::Acquire) {
                break;
            }
        }
        Ok(())
    }
}
