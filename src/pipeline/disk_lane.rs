//! The recorder's lane: bounded in bytes, and a full one makes the sender wait.
//!
//! Evidence is waited for, so that a slow disk slows the stream that feeds it instead of losing
//! parts of it. The receiving end is a plain thread. Orders to the recorder travel in the same
//! queue, past the bound: "stop" means "after everything handed over before it".

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::model::ledger::DiskTicket;
use crate::model::{DropReason, LaneKind, Ledger, PlainText, Sample, SourceId, Trigger, size_text};

/// What the recorder is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Open a file and write what follows.
    Start(RecordingPlan),
    /// Go on in another file.
    Rotate,
    /// From now on go on in another file without being told when this says so.
    Pace(Rotation),
    /// Write what was handed over before this, then close the file.
    Stop,
    /// Keep the last seconds of everything from now on, or nothing any more.
    Remember(Option<BlackBoxPlan>),
    /// Save the last seconds, because of this.
    SaveBlackBox(PlainText),
    /// As `Stop`, then end the thread.
    Quit,
}

impl Order {
    /// Whether the recording ends with it.
    fn ends(&self) -> bool {
        !matches!(
            self,
            Self::Rotate | Self::Pace(_) | Self::Remember(_) | Self::SaveBlackBox(_)
        )
    }
}

/// What is kept of the last seconds, and when and where it is saved.
#[derive(Clone, Debug, PartialEq)]
pub struct BlackBoxPlan {
    /// The folder for the files; made if it is missing.
    pub dir: PathBuf,
    /// First part of the files' names.
    pub stem: String,
    /// How much time is kept.
    pub span: Duration,
    /// How much memory that may take; the oldest gives way.
    pub size_bytes: u64,
    /// How much is saved of what follows.
    pub after: Duration,
    /// What saves it without anybody asking.
    pub on: Vec<Trigger>,
}

/// Where and how to record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingPlan {
    /// The folder for the file; made if it is missing.
    pub dir: PathBuf,
    /// First part of the file's name.
    pub stem: String,
    /// When to stop without being told.
    pub limits: RecordingLimits,
    /// When to go on in another file without being told.
    pub rotation: Rotation,
}

/// When a recording ends by itself; whichever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingLimits {
    /// After this time.
    pub duration: Option<Duration>,
    /// Before all its files together grow over this many bytes.
    pub size_bytes: Option<u64>,
    /// After this many messages.
    pub messages: Option<u64>,
}

/// When a recording goes on in another file; whichever comes first, and never if neither is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// After this time, counted from the beginning of the recording.
    pub every: Option<Duration>,
    /// Before the file grows over this many bytes; one message more than that is a file of its own.
    pub size_bytes: Option<u64>,
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.every.map(|every| every.as_secs_f64());
        match (seconds, self.size_bytes.map(size_text)) {
            (None, None) => f.write_str("another file is begun only when asked for"),
            (Some(seconds), None) => write!(f, "another file is begun every {seconds} s"),
            (None, Some(size)) => write!(f, "another file is begun before one is over {size}"),
            (Some(seconds), Some(size)) => write!(
                f,
                "another file is begun every {seconds} s and before one is over {size}"
            ),
        }
    }
}

impl Rotation {
    /// Whether it ever happens without being ordered.
    pub fn is_planned(&self) -> bool {
        self.every.is_some() || self.size_bytes.is_some()
    }
}

/// One thing for the recorder.
#[derive(Debug)]
pub enum DiskItem {
    /// To be written (`ticket`), or only remembered as the state a later file begins with.
    Record {
        /// What a source said.
        sample: Sample,
        /// To be settled; `None` while nothing is being recorded.
        ticket: Option<DiskTicket>,
        /// Room in the lane, given back when the item is dropped.
        room: OwnedSemaphorePermit,
    },
    /// To be done, in turn.
    Order(Order),
}

/// The recorder has ended and takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recorder has ended")]
pub struct RecorderGone;

/// The sending end; one for everybody, cheap to clone.
#[derive(Clone, Debug)]
pub struct DiskLane(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bound_bytes: usize,
    room: Arc<Semaphore>,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Whether records are wanted. Set by the recorder when a file is open, so that a record is
    /// accepted only if somebody will write it.
    taking: AtomicBool,
    /// Whether everything is wanted even while nothing is recorded. Set by the recorder when it
    /// keeps the last seconds.
    remembering: AtomicBool,
    /// The recorder began, ended or failed.
    recorder_changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<DiskItem>,
    records: u64,
    bytes: u64,
    /// Orders among the items that end a recording.
    ends: usize,
    /// How often the recorder came for more.
    turns: u64,
    /// What was only to be remembered and found no room.
    missed: BTreeMap<(SourceId, LaneKind), u64>,
}

/// Who wants an item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A recording: it is waited for.
    Evidence,
    /// Whatever is begun later, as the state it starts with: it is waited for.
    State,
    /// Only who keeps the last seconds: nobody waits for that.
    Recent,
    /// Nobody.
    No,
}

impl DiskLane {
    /// A lane that holds at most `bound_bytes`, and its receiving end. A single record larger than
    /// the bound passes when the lane is empty.
    pub fn new(bound_bytes: usize) -> (Self, DiskReceiver) {
        let bound_bytes = bound_bytes.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let shared = Arc::new(Shared {
            bound_bytes,
            room: Arc::new(Semaphore::new(bound_bytes)),
            queue: Mutex::default(),
            arrived: Condvar::new(),
            taking: AtomicBool::new(false),
            remembering: AtomicBool::new(false),
            recorder_changed: Notify::new(),
        });
        (Self(Arc::clone(&shared)), DiskReceiver(shared))
    }

    /// Whether records are being written now.
    pub fn is_taking(&self) -> bool {
        self.0.taking.load(Ordering::Acquire)
    }

    /// Whether everything is handed over, recorded or not, because the last seconds are kept.
    pub fn is_remembering(&self) -> bool {
        self.0.remembering.load(Ordering::Acquire)
    }

    fn wanted(&self, sample: &Sample) -> Wanted {
        if self.is_taking() {
            Wanted::Evidence
        } else if sample.payload.is_latched() {
            Wanted::State
        } else if self.is_remembering() {
            Wanted::Recent
        } else {
            Wanted::No
        }
    }

    /// Hands a record over, waiting for room. `Ok(true)` means it will be written or its loss be
    /// counted; `Ok(false)` that nothing is being recorded. Latched payloads (links, readings) are
    /// handed over even then, so that a file begun later starts with the state of things; and
    /// everything else, without waiting, while the last seconds are kept.
    ///
    /// # Errors
    /// The recorder has ended.
    pub async fn send(&self, ledger: &Ledger, sample: &Sample) -> Result<bool, RecorderGone> {
        let wanted = self.wanted(sample);
        if wanted == Wanted::No {
            return Ok(false);
        }
        let size = sample.payload.size_bytes().clamp(1, self.0.bound_bytes);
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.0.room);
        let room = match wanted {
            Wanted::Recent => match room.try_acquire_many_owned(permits) {
                Ok(room) => room,
                Err(TryAcquireError::Closed) => return Err(RecorderGone),
                Err(TryAcquireError::NoPermits) => {
                    let whose = (sample.source, sample.payload.lane());
                    *self.0.lock().missed.entry(whose).or_default() += 1;
                    return Ok(false);
                }
            },
            _ => {
                let room = room.acquire_many_owned(permits).await;
                room.map_err(|_| RecorderGone)?
            }
        };

        let mut queue = self.0.lock();
        // The recorder clears `taking` under this lock, so a record queued here is before its end.
        let taking = self.is_taking();
        if self.wanted(sample) == Wanted::No {
            return Ok(false);
        }
        if self.0.room.is_closed() {
            return Err(RecorderGone);
        }
        queue.items.push_back(DiskItem::Record {
            sample: sample.clone(),
            ticket: taking.then(|| ledger.accept_for_disk(sample.source)),
            room,
        });
        queue.records += 1;
        queue.bytes += size as u64;
        drop(queue);
        self.0.arrived.notify_one();
        Ok(taking)
    }

    /// Gives the recorder an order, behind everything handed over so far. Does nothing when the
    /// recorder has ended.
    pub fn order(&self, order: Order) {
        if !self.0.room.is_closed() {
            let mut queue = self.0.lock();
            queue.ends += usize::from(order.ends());
            queue.items.push_back(DiskItem::Order(order));
            drop(queue);
            self.0.arrived.notify_one();
        }
    }

    /// Waits until the state of the recorder may have changed. For one waiter; cancel safe.
    pub async fn recorder_changed(&self) {
        self.0.recorder_changed.notified().await;
    }

    /// Whether the recorder has ended, as ordered or not.
    pub fn is_closed(&self) -> bool {
        self.0.room.is_closed()
    }

    /// Lets nobody wait for the recorder any more, because its disk does not answer.
    pub fn close(&self) {
        self.0.room.close();
    }

    /// Records waiting, and their bytes.
    pub fn waiting(&self) -> (u64, u64) {
        let queue = self.0.lock();
        (queue.records, queue.bytes)
    }

    /// How often the recorder came for more, also in vain. It comes at least once a second, so one
    /// that stands still is with a disk that does not answer.
    pub fn turns(&self) -> u64 {
        self.0.lock().turns
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The recorder's end. When it goes, everything waiting is lost and counted as such.
#[derive(Debug)]
pub struct DiskReceiver(Arc<Shared>);

impl DiskReceiver {
    /// The next item, waiting up to `patience` for one.
    pub fn recv(&self, patience: Duration) -> Option<DiskItem> {
        let mut queue = self.0.lock();
        queue.turns += 1;
        let (mut queue, _) = self
            .0
            .arrived
            .wait_timeout_while(queue, patience, |queue| queue.items.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let item = queue.items.pop_front();
        match &item {
            Some(DiskItem::Record { room, .. }) => {
                queue.records -= 1;
                queue.bytes = queue.bytes.saturating_sub(room.num_permits() as u64);
            }
            Some(DiskItem::Order(order)) => queue.ends -= usize::from(order.ends()),
            None => {}
        }
        item
    }

    /// Records waiting, and their bytes.
    pub fn waiting(&self) -> (u64, u64) {
        let queue = self.0.lock();
        (queue.records, queue.bytes)
    }

    /// Whether an order to end the recording waits behind what is still to be written: it must not
    /// wait for ever. One to go on in another file may: nothing is given up for it.
    pub fn has_end(&self) -> bool {
        self.0.lock().ends > 0
    }

    /// Says that the recorder's state is another one now.
    pub fn tell_change(&self) {
        self.0.recorder_changed.notify_one();
    }

    /// Says whether everything is wanted from now on, recorded or not.
    pub fn set_remembering(&self, remembering: bool) {
        self.0.remembering.store(remembering, Ordering::Release);
    }

    /// What was only to be remembered and found no room since this was last asked.
    pub fn take_missed(&self) -> BTreeMap<(SourceId, LaneKind), u64> {
        std::mem::take(&mut self.0.lock().missed)
    }

    /// Says whether records are wanted from now on.
    pub fn set_taking(&self, taking: bool) {
        let _queue = self.0.lock();
        self.0.taking.store(taking, Ordering::Release);
    }
}

impl Drop for DiskReceiver {
    fn drop(&mut self) {
        self.set_taking(false);
        self.0.room.close();
        self.tell_change();
        let queue = std::mem::take(&mut *self.0.lock());
        for item in queue.items {
            if let DiskItem::Record {
                ticket: Some(ticket),
                ..
            } = item
            {
                ticket.lost(DropReason::RecorderGone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_goes_on_in_another_file_hurries_nobody() {
        let (lane, receiver) = DiskLane::new(1024);
        lane.order(Order::Rotate);
        assert!(!receiver.has_end());
        lane.order(Order::Stop);
        assert!(receiver.has_end());
        for expected in [Order::Rotate, Order::Stop] {
            let item = receiver.recv(Duration::ZERO);
            assert!(matches!(item, Some(DiskItem::Order(order)) if order == expected));
        }
        assert!(!receiver.has_end());
    }
}
