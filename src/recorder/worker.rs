//! The recorder's thread: takes items and orders from the lane, one after the other.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::{failure, loss_reason};
use super::open::{Closed, Open, Taken};
use super::storage::Storage;
use super::{RecorderContext, RecordingOutcome, Shared};
use crate::model::ledger::DiskTicket;
use crate::model::{
    DropReason, Latched, LatencyWindow, PlainText, RecorderState, RecorderStatus, Sample, Stamp,
};
use crate::pipeline::{DiskItem, DiskReceiver, Order, RecordingPlan, Stage};

/// After an order to stop was given, what waits before it is written for this long.
const DRAIN_NS: u64 = 10_000_000_000;
/// How long the thread sleeps at most: then it looks whether something is due.
const PATIENCE_RECORDING: Duration = Duration::from_millis(100);
const PATIENCE_IDLE: Duration = Duration::from_secs(1);
/// The disk is asked for its free space this often.
const FREE_EVERY_NS: u64 = 2_000_000_000;
/// Percentiles are worked out this often.
const PERCENTILES_EVERY_NS: u64 = 250_000_000;

pub(super) struct Worker {
    pub(super) receiver: DiskReceiver,
    pub(super) context: RecorderContext,
    pub(super) storage: Box<dyn Storage>,
    pub(super) shared: Arc<Mutex<Shared>>,
    latched: Latched,
    open: Option<Open>,
    /// What takes no more, while what was accepted for it is counted as lost.
    failed: Option<Open>,
    /// Orders met while emptying the lane for the one before them.
    deferred: VecDeque<Order>,
    /// When waiting for what stands before a stop ends.
    deadline_ns: Option<u64>,
    latency: LatencyWindow,
    percentiles_ns: u64,
    free_asked_ns: Option<u64>,
    /// Everything received before this was taken out of the lane.
    taken_until_ns: u64,
    status: RecorderStatus,
}

impl Worker {
    pub(super) fn new(
        receiver: DiskReceiver,
        context: RecorderContext,
        storage: Box<dyn Storage>,
        shared: Arc<Mutex<Shared>>,
    ) -> Self {
        Self {
            receiver,
            context,
            storage,
            shared,
            latched: Latched::default(),
            open: None,
            failed: None,
            deferred: VecDeque::new(),
            deadline_ns: None,
            latency: LatencyWindow::default(),
            percentiles_ns: 0,
            free_asked_ns: None,
            taken_until_ns: 0,
            status: RecorderStatus::default(),
        }
    }

    /// Works until it is ordered to quit.
    pub(super) fn run(mut self) {
        loop {
            let order = match self.deferred.pop_front() {
                Some(order) => Some(order),
                None => self.next_order(),
            };
            match order {
                Some(Order::Start(plan)) => self.start(plan),
                Some(Order::Rotate) => self.rotate(),
                Some(Order::Stop) => self.finish("stopped as asked"),
                Some(Order::Quit) => {
                    self.finish("the program ended");
                    self.publish();
                    return;
                }
                None => {}
            }
            self.keep_up();
            self.publish();
        }
    }

    /// Takes one item; hands it on if it is an order.
    fn next_order(&mut self) -> Option<Order> {
        let asked = self.context.clock.now();
        let patience = match &self.open {
            Some(open) => PATIENCE_RECORDING.min(Duration::from_nanos(open.next_due_ns(asked))),
            None => PATIENCE_IDLE,
        };
        match self.receiver.recv(patience) {
            Some(DiskItem::Order(order)) => Some(order),
            Some(DiskItem::Record {
                sample,
                ticket,
                room,
            }) => {
                self.record(sample, ticket);
                // Only now may the next one come in: the lane's bound includes what is being
                // written.
                drop(room);
                None
            }
            None => {
                self.taken_until_ns = asked.mono_ns;
                None
            }
        }
    }

    fn record(&mut self, sample: Sample, ticket: Option<DiskTicket>) {
        let now = self.context.clock.now();
        self.taken_until_ns = sample.received.mono_ns;
        self.latched.remember(&sample);
        let overdue = self.is_overdue(now);
        let Some(open) = &mut self.open else {
            if let Some(ticket) = ticket {
                // Accepted just before the file failed.
                let reason = self.failure_reason();
                match &mut self.failed {
                    Some(failed) => failed.lose(&sample, ticket, reason),
                    None => ticket.lost(reason),
                }
            }
            return;
        };
        if overdue && let Some(ticket) = ticket {
            open.lose(&sample, ticket, DropReason::Shutdown);
            return;
        }
        match open.write(&sample, ticket, now) {
            Ok(Taken::Written) => {
                let took_ns = now.mono_ns.saturating_sub(sample.received.mono_ns);
                self.latency.record(took_ns);
                self.context
                    .meters
                    .record(sample.source, Stage::ReceivedToWritten, took_ns);
            }
            Ok(Taken::Lost) => {}
            Ok(Taken::LeftOut(ticket)) => {
                ticket.lost(DropReason::Shutdown);
                self.shared().left_out += 1;
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Whether a stop has waited too long for what stands before it.
    fn is_overdue(&mut self, now: Stamp) -> bool {
        if self.deadline_ns.is_none() && self.open.is_some() && self.receiver.has_end() {
            self.deadline_ns = Some(now.mono_ns.saturating_add(DRAIN_NS));
            self.status.state = RecorderState::Draining;
        }
        self.deadline_ns.is_some_and(|end| now.mono_ns >= end)
    }

    fn failure_reason(&self) -> DropReason {
        self.shared()
            .failed_with
            .unwrap_or(DropReason::RecorderGone)
    }

    fn start(&mut self, plan: RecordingPlan) {
        self.finish("another recording was begun");
        let began = self.context.clock.now();
        let begun = Open::begin(
            &*self.storage,
            plan,
            &self.context.sources,
            &self.latched,
            began,
        );
        {
            let mut shared = self.shared();
            shared.left_out = 0;
            shared.failed_with = None;
        }
        self.latency = LatencyWindow::default();
        self.percentiles_ns = 0;
        self.free_asked_ns = None;
        self.status = RecorderStatus {
            began_mono_ns: began.mono_ns,
            ..RecorderStatus::default()
        };
        match begun {
            Ok(open) => {
                self.status.state = RecorderState::Recording;
                self.status.file = file_name(open.path());
                self.open = Some(open);
                // From here on items are accepted, because somebody will write them.
                self.receiver.set_taking(true);
            }
            Err((path, error)) => {
                let why = failure(&path, 0, &error);
                self.shared().outcomes.push(RecordingOutcome {
                    path,
                    complete: false,
                    accepted: 0,
                    written: 0,
                    lost: 0,
                    left_out: 0,
                    size_bytes: 0,
                    ended: why.to_string(),
                });
                self.status.state = RecorderState::Failed(why);
            }
        }
    }

    fn rotate(&mut self) {
        if let Some(open) = &self.open {
            let plan = open.plan().clone();
            self.finish("the next part goes on");
            self.start(plan);
        }
    }

    fn keep_up(&mut self) {
        let now = self.context.clock.now();
        let Some(open) = &mut self.open else { return };
        match open.keep_up(now) {
            Ok(true) => {
                self.status.durable_mono_ns = self.taken_until_ns;
                self.status.durable_unix_ns = open.newest_unix_ns();
            }
            Ok(false) => {}
            Err(error) => return self.fail(&error),
        }
        if let Some(open) = &self.open
            && let Some(reason) = open.limit_reached(now)
        {
            self.finish(&reason);
        }
    }

    /// Writes everything that was accepted, as far as the deadline allows, and closes the file.
    fn finish(&mut self, reason: &str) {
        if self.open.is_none() {
            return;
        }
        // What is accepted from here on would never be written; what was accepted is in the lane.
        self.receiver.set_taking(false);
        self.status.state = RecorderState::Draining;
        self.publish();
        let now = self.context.clock.now();
        self.deadline_ns
            .get_or_insert(now.mono_ns.saturating_add(DRAIN_NS));
        self.empty_lane();
        let now = self.context.clock.now();
        let Some(mut open) = self.open.take() else {
            // It failed meanwhile, and said so.
            return;
        };
        if let Err(error) = open.settle(now) {
            self.open = Some(open);
            return self.fail(&error);
        }
        self.deadline_ns = None;
        let closed = open.close(&*self.storage, now, reason);
        self.closed(closed, now, reason);
    }

    fn closed(&mut self, closed: Closed, now: Stamp, reason: &str) {
        self.status.messages = closed.messages;
        self.status.not_taken = closed.lost;
        self.status.channels = u32::try_from(closed.channels).unwrap_or(u32::MAX);
        self.status.written_bytes = closed.size_bytes;
        self.status.file = file_name(&closed.path);
        let ended = match &closed.trouble {
            Some(error) => {
                let why = failure(&closed.path, closed.size_bytes, error);
                self.status.state = RecorderState::Failed(why.clone());
                why.to_string()
            }
            None => {
                self.status.state = RecorderState::Off;
                self.status.durable_mono_ns = now.mono_ns;
                self.status.durable_unix_ns = closed.newest_unix_ns;
                match closed.lost {
                    0 => reason.to_owned(),
                    lost => format!("{reason}; {lost} messages are missing in it"),
                }
            }
        };
        let mut shared = self.shared();
        let left_out = shared.left_out;
        shared.outcomes.push(RecordingOutcome {
            path: closed.path,
            complete: closed.complete,
            accepted: closed.accepted,
            written: closed.written,
            lost: closed.lost,
            left_out,
            size_bytes: closed.size_bytes,
            ended,
        });
    }

    /// Takes everything out of the lane. Orders are kept for later.
    fn empty_lane(&mut self) {
        while let Some(item) = self.receiver.recv(Duration::ZERO) {
            match item {
                DiskItem::Order(order) => self.deferred.push_back(order),
                DiskItem::Record {
                    sample,
                    ticket,
                    room,
                } => {
                    self.record(sample, ticket);
                    drop(room);
                }
            }
        }
    }

    /// Ends a recording whose file takes no more. The lane goes on being emptied, so nobody waits
    /// for a disk that is gone.
    fn fail(&mut self, error: &io::Error) {
        let Some(open) = self.open.take() else { return };
        self.receiver.set_taking(false);
        self.deadline_ns = None;
        self.shared().failed_with = Some(loss_reason(error));
        self.failed = Some(open);
        self.empty_lane();
        let Some(open) = self.failed.take() else {
            return;
        };
        let (accepted, written, lost) = open.totals();
        let path = open.path().to_owned();
        let size_bytes = open.abandon(self.context.clock.now(), error);
        let why = failure(&path, size_bytes, error);
        self.status.state = RecorderState::Failed(why.clone());
        self.status.messages = written;
        self.status.not_taken = lost;
        self.status.written_bytes = size_bytes;
        let mut shared = self.shared();
        let left_out = shared.left_out;
        shared.outcomes.push(RecordingOutcome {
            path,
            complete: false,
            accepted,
            written,
            lost,
            left_out,
            size_bytes,
            ended: why.to_string(),
        });
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&mut self) {
        let now = self.context.clock.now();
        (self.status.waiting, self.status.waiting_bytes) = self.receiver.waiting();
        if let Some(open) = &self.open {
            self.status.messages = open.messages();
            self.status.not_taken = open.totals().2;
            self.status.channels = u32::try_from(open.channels()).unwrap_or(u32::MAX);
            self.status.written_bytes = open.size();
            self.status.began_mono_ns = open.began().mono_ns;
            let due = self
                .free_asked_ns
                .is_none_or(|then| now.mono_ns.saturating_sub(then) >= FREE_EVERY_NS);
            if due {
                self.free_asked_ns = Some(now.mono_ns);
                let dir = open.path().parent().unwrap_or(open.path());
                self.status.free_bytes = self.storage.free_bytes(dir);
            }
        }
        if now.mono_ns.saturating_sub(self.percentiles_ns) >= PERCENTILES_EVERY_NS {
            self.percentiles_ns = now.mono_ns;
            self.status.latency = self.latency.percentiles();
        }
        let status = self.status.clone();
        let before = std::mem::replace(&mut self.shared().status, status);
        if before.state != self.status.state {
            self.receiver.tell_change();
        }
    }
}

fn file_name(path: &Path) -> Option<PlainText> {
    path.file_name()
        .map(|name| PlainText::from_peer(&name.to_string_lossy()))
}
