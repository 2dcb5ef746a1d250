//! Floor 2: the recorder thread, which alone writes to disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::model::{Clock, RecorderStatus, SourceInfo};
use crate::pipeline::{DiskReceiver, Meters};

/// What the recorder has to know of the run.
#[derive(Clone, Debug)]
pub struct RecorderContext {
    /// All sources, by [`SourceId`](crate::model::SourceId).
    pub sources: Vec<SourceInfo>,
    /// The clock that the sources stamp with.
    pub clock: Clock,
    /// Where the time from receipt to the file is entered.
    pub meters: Meters,
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingOutcome {
    /// The file, under its last name.
    pub path: PathBuf,
    /// Closed properly, and everything that was accepted is in it.
    pub complete: bool,
    /// Messages accepted for it.
    pub accepted: u64,
    /// Messages in it.
    pub written: u64,
    /// Messages accepted that are not in it.
    pub lost: u64,
    /// Its size.
    pub size_bytes: u64,
    /// Why it ended, as a sentence.
    pub ended: String,
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
        let shared = Arc::new(Mutex::new(Shared::default()));
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || drop((receiver, context)))?;
        Ok(RecorderHandle { shared, thread })
    }
}

#[derive(Debug, Default)]
struct Shared {
    status: RecorderStatus,
    outcomes: Vec<RecordingOutcome>,
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

    /// Waits for the thread, which must have been ordered to quit.
    pub fn join(self) {
        // A panic of the thread was reported by the panic hook.
        let _ = self.thread.join();
    }
}
