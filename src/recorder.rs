//! Floor 2: the recorder thread, which alone writes to disk.
//!
//! It takes what sources hand over from the [`DiskReceiver`] and writes it into one file at a time,
//! or one after the other; a second thread only reads back what was written and keeps the manifest.
//! It knows no screen and no runtime, and nobody waits for it but through the lane's bound.

mod archive;
mod black_box;
mod books;
mod failure;
mod lock;
mod naming;
mod open;
mod pixels;
mod room;
mod rotation;
mod shared_file;
mod stalled;
mod storage;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::model::{Clock, RecorderStatus, SourceInfo};
use crate::pipeline::{DiskReceiver, Meters};
use crate::recording::SourceAccount;

pub use lock::is_being_written;
pub use naming::safe_name;
pub use storage::{Disk, RecordFile, Storage};

/// What the recorder has to know of the run.
#[derive(Clone, Debug)]
pub struct RecorderContext {
    /// All sources, by [`SourceId`](crate::model::SourceId).
    pub sources: Vec<SourceInfo>,
    /// The clock that the sources stamp with.
    pub clock: Clock,
    /// Where the time from receipt to the file's writer is entered.
    pub meters: Meters,
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingOutcome {
    /// The file, under its last name; the first one if there are several.
    pub path: PathBuf,
    /// How many files it has; 0 if none could be made.
    pub parts: u32,
    /// Where the manifest with their hashes is, or will be in a moment; `None` if there is none.
    pub manifest: Option<PathBuf>,
    /// Closed properly, and everything that was accepted for it is in it.
    pub complete: bool,
    /// Messages accepted for it.
    pub accepted: u64,
    /// Of these, in it.
    pub written: u64,
    /// Of these, not in it.
    pub lost: u64,
    /// Messages that the lane took while the recording reached its limit: not part of it. The
    /// ledger has them as lost to the disk by `shutdown`.
    pub left_out: u64,
    /// Its size.
    pub size_bytes: u64,
    /// Why it ended, for people.
    pub ended: String,
    /// The books by source: what did not make it, and why.
    pub sources: Vec<SourceAccount>,
}

/// The recorder.
#[derive(Debug)]
pub struct Recorder;

impl Recorder {
    /// Starts the recorder's thread on the receiving end of the lane. It records nothing until it
    /// is ordered to, and ends with [`Order::Quit`](crate::pipeline::Order::Quit).
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(
        receiver: DiskReceiver,
        context: RecorderContext,
    ) -> std::io::Result<RecorderHandle> {
        Self::spawn_on(receiver, context, Box::new(Disk))
    }

    /// As [`Recorder::spawn`], with another storage than the file system.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn_on(
        receiver: DiskReceiver,
        context: RecorderContext,
        storage: Box<dyn Storage>,
    ) -> std::io::Result<RecorderHandle> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let worker_shared = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let storage = Arc::from(storage);
                worker::Worker::new(receiver, context, storage, worker_shared).run();
            })?;
        Ok(RecorderHandle { shared, thread })
    }
}

#[derive(Debug, Default)]
struct Shared {
    status: RecorderStatus,
    outcomes: Vec<RecordingOutcome>,
    left_out: u64,
}

/// The recorder as others see it.
#[derive(Debug)]
pub struct RecorderHandle {
    shared: Arc<Mutex<Shared>>,
    thread: JoinHandle<()>,
}

impl RecorderHandle {
    /// What it is doing now. Cheap.
    pub fn status(&self) -> RecorderStatus {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .status
            .clone()
    }

    /// The recordings that ended since this was last asked, oldest first.
    pub fn take_outcomes(&self) -> Vec<RecordingOutcome> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut shared.outcomes)
    }

    /// Waits for the thread, which must have been ordered to quit. Returns the recordings that
    /// ended since they were last asked for.
    pub fn join(self) -> Vec<RecordingOutcome> {
        self.last_words().0
    }

    /// As [`RecorderHandle::join`], with what it last said of itself.
    pub fn last_words(self) -> (Vec<RecordingOutcome>, RecorderStatus) {
        // A panic of the thread was reported by the panic hook.
        let _ = self.thread.join();
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = std::mem::take(&mut shared.outcomes);
        (outcomes, shared.status.clone())
    }
}
