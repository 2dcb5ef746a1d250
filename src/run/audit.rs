//! The audit log: who ordered what and when, what became of it, and every stop, one JSON object a
//! line in a file that is only ever appended to.
//!
//! One thread writes. The loop never waits for it: an order is handed over, written and made
//! durable there, and only then goes on to the source. What cannot be written does not go on,
//! unless it only looks or makes things quieter.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config;
use crate::control::Desk;
use crate::model::{
    Clock, CommandReport, Danger, PlainText, Request, SourceId, SourceInfo, Stamp, StopReport,
};
use file::{Opener, opener};
use waiting::{Waiting, is_late};
use writer::Writer;

mod file;
mod line;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

/// Lines that may wait for the disk.
const BOUND: usize = 1024;
/// Orders that may wait for their line, and refusals that may wait for the loop, together.
const ORDERS: usize = 64;
/// An order that waited this long for the disk is not sent any more: whoever gave it has stopped
/// expecting it.
const LATE_NS: u64 = 2_000_000_000;

/// The file in the platform's folder for state.
pub fn default_path() -> Option<PathBuf> {
    config::state_dir().map(|dir| dir.join("audit.jsonl"))
}

/// A command that was not sent, and whose it was.
pub type Refusal = (SourceId, Arc<CommandReport>);

/// How the audit log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditStatus {
    /// Whether the last line was written, so that unsafe commands are taken.
    pub writable: bool,
    /// Why not, as a sentence.
    pub why: Option<PlainText>,
    /// Lines that are in the file for certain.
    pub lines: u64,
    /// Lines that are not, because they found no room or could not be written.
    pub missing: u64,
}

/// The near end of the audit log.
#[derive(Debug)]
pub struct Audit {
    queue: SyncSender<Item>,
    refusals: mpsc::Sender<Refusal>,
    shared: Arc<Shared>,
    clock: Clock,
    thread: Option<JoinHandle<()>>,
    ended: oneshot::Receiver<()>,
}

/// What the loop and the thread both touch, for a few lines at a time and never while writing.
#[derive(Debug)]
struct Shared {
    /// The file, as it is called in sentences.
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Why the last lines could not be written.
    why: Option<PlainText>,
    lines: u64,
    missing: u64,
    /// Lines that found no room since one last did.
    unqueued: u64,
    /// Since when the thread is with the disk, monotonic nanoseconds.
    busy_since_ns: Option<u64>,
    /// Orders that are not written yet, in their order.
    waiting: Vec<Waiting>,
}

/// Something to be written.
#[derive(Debug)]
struct Item {
    /// Lines that found no room right before it.
    missed_before: u64,
    at: Stamp,
    instrument: PlainText,
    entry: Entry,
}

#[derive(Debug)]
enum Entry {
    /// An order. With room for its refusal if it waits to be sent on.
    Order(Request, Option<mpsc::OwnedPermit<Refusal>>),
    Outcome(Arc<CommandReport>),
    Stop(StopReport),
}

impl Audit {
    /// Starts the thread that writes to `path`, and gives the orders that it will not have sent.
    /// A file that cannot be written is no error: it refuses, and says why.
    ///
    /// - `path`: `None` where no folder for it is known
    /// - `operator`: who is at the keyboard
    pub fn start(
        path: Option<PathBuf>,
        operator: PlainText,
        clock: Clock,
    ) -> (Self, mpsc::Receiver<Refusal>) {
        let name = match &path {
            Some(path) => format!("audit log {}", PlainText::from(path.display().to_string())),
            None => "the audit log".to_owned(),
        };
        Self::start_with(opener(path), name, operator, clock, BOUND)
    }

    fn start_with(
        open: Opener,
        name: String,
        operator: PlainText,
        clock: Clock,
        bound: usize,
    ) -> (Self, mpsc::Receiver<Refusal>) {
        let (queue, items) = sync_channel(bound);
        let (refusals, refused) = mpsc::channel(ORDERS);
        let (end, ended) = oneshot::channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                // A file that does not open in time is said by how long it takes.
                why: None,
                lines: 0,
                missing: 0,
                unqueued: 0,
                busy_since_ns: Some(clock.now().mono_ns),
                waiting: Vec::new(),
            }),
            name,
        });
        let writer = Writer::new(open, Arc::clone(&shared), operator, clock.clone());
        let spawned = thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                writer.run(&items);
                // Whoever waits for the end is told by this being dropped, in a panic too.
                drop(end);
            });
        if let Err(error) = &spawned {
            let why = format!("{} has no thread to write it: {error}", shared.name);
            shared.state().why = Some(why.into());
        }
        let audit = Self {
            queue,
            refusals,
            shared,
            clock,
            thread: spawned.ok(),
            ended,
        };
        (audit, refused)
    }

    /// Writes an order down and then sends it on through `forward`. What only looks or makes things
    /// quieter goes on at once, unless an order to the same source still waits before it.
    ///
    /// # Errors
    /// It is refused at once. A refusal that comes later is among those of [`Audit::start`].
    pub fn order(
        &self,
        source: &SourceInfo,
        request: Request,
        forward: mpsc::Sender<Request>,
    ) -> Result<(), Refusal> {
        let at = self.clock.now();
        let waiting = Waiting {
            source: source.id,
            instrument: source.name.clone(),
            request,
            forward,
            at_ns: at.mono_ns,
        };
        let mut state = self.shared.state();
        let is_harmless = waiting.request.command.danger() == Danger::Observe;
        if is_harmless && !state.must_wait(source.id, at.mono_ns) {
            waiting.send_on()?;
            self.write(&mut state, at, source, Entry::Order(waiting.request, None));
            return Ok(());
        }
        // Room for the refusal is taken first, so that the thread never waits for the loop.
        let Ok(permit) = self.refusals.clone().try_reserve_owned() else {
            return Err(waiting.refuse(format!("{ORDERS} commands wait for {}", self.shared.name)));
        };
        let entry = Entry::Order(waiting.request.clone(), Some(permit));
        match self.offer(&mut state, at, source, entry) {
            Ok(()) => {
                state.waiting.push(waiting);
                Ok(())
            }
            Err(why) => Err(waiting.refuse(why)),
        }
    }

    /// Writes down what a command came to at `at`.
    pub fn outcome(&self, source: &SourceInfo, report: &Arc<CommandReport>, at: Stamp) {
        let entry = Entry::Outcome(Arc::clone(report));
        self.write(&mut self.shared.state(), at, source, entry);
    }

    /// Writes down what became of a stop at `at`.
    pub fn stop(&self, source: &SourceInfo, report: &StopReport, at: Stamp) {
        let entry = Entry::Stop(report.clone());
        self.write(&mut self.shared.state(), at, source, entry);
    }

    /// Takes back the orders that have waited too long for the disk, to be asked for every now and
    /// then. They will not be sent.
    pub fn overdue(&self) -> Vec<Refusal> {
        let now = self.clock.now();
        let mut state = self.shared.state();
        let late = state
            .waiting
            .extract_if(.., |waiting| is_late(waiting.at_ns, now.mono_ns));
        late.map(|waiting| waiting.refuse_late(&self.shared.name))
            .collect()
    }

    /// How it stands.
    pub fn status(&self) -> AuditStatus {
        let now = self.clock.now();
        let state = self.shared.state();
        let busy = state
            .busy_since_ns
            .filter(|then| is_late(*then, now.mono_ns));
        let why = match busy {
            Some(then) => {
                let seconds = now.mono_ns.saturating_sub(then) / 1_000_000_000;
                let text = format!("{}: no answer for {seconds} s", self.shared.name);
                Some(text.into())
            }
            None => state.why.clone(),
        };
        AuditStatus {
            writable: why.is_none(),
            why,
            lines: state.lines,
            missing: state.missing + state.unqueued,
        }
    }

    /// Writes what waits and ends the file's part of this run. Whether that was done within
    /// `patience`; if not, the thread is left to itself. What was not written then is not in it.
    pub async fn close(self, patience: Duration) -> bool {
        let Self {
            queue,
            thread,
            ended,
            ..
        } = self;
        drop(queue);
        let in_time = tokio::time::timeout(patience, ended).await.is_ok();
        // It has ended, or is dropping its last values.
        in_time && thread.is_some_and(|thread| thread.join().is_ok())
    }

    /// Hands a line over; one that finds no room is counted.
    fn write(&self, state: &mut State, at: Stamp, source: &SourceInfo, entry: Entry) {
        if self.offer(state, at, source, entry).is_err() {
            state.unqueued += 1;
        }
    }

    fn offer(
        &self,
        state: &mut State,
        at: Stamp,
        source: &SourceInfo,
        entry: Entry,
    ) -> Result<(), String> {
        let sent = self.queue.try_send(Item {
            missed_before: state.unqueued,
            at,
            instrument: source.name.clone(),
            entry,
        });
        match sent {
            Ok(()) => {
                // From here on they are the thread's to count.
                state.missing += std::mem::take(&mut state.unqueued);
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(format!(
                "{} does not keep up; unsafe commands are refused until it does",
                self.shared.name
            )),
            Err(TrySendError::Disconnected(_)) => Err(format!(
                "{} is not being written any more; unsafe commands are refused",
                self.shared.name
            )),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether an order to `source` waits that may still be sent.
    fn must_wait(&self, source: SourceId, now_ns: u64) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.source == source && !is_late(waiting.at_ns, now_ns))
    }
}
