//! The recorder's thread: takes items and orders from the lane, one after the other.

mod disk;
mod turn;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::archive::Archivist;
use super::black_box::BlackBox;
use super::failure::failure;
use super::open::{Closed, End, Open, Taken};
use super::room::{Room, stops_at};
use super::rotation::Parts;
use super::stalled::Stalled;
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
/// Percentiles are worked out this often.
const PERCENTILES_EVERY_NS: u64 = 250_000_000;

pub(super) struct Worker {
    pub(super) receiver: DiskReceiver,
    pub(super) context: RecorderContext,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) shared: Arc<Mutex<Shared>>,
    latched: Latched,
    black_box: BlackBox,
    open: Option<Open>,
    /// What `open` is a part of, or what waits for its disk.
    parts: Option<Parts>,
    /// Reads back and writes manifests; there once the first recording began.
    archive: Option<Archivist>,
    /// Why the next part could not be opened, or the last one not be closed.
    trouble: Option<PlainText>,
    /// A recording whose disk takes nothing.
    stalled: Option<Stalled>,
    /// Files in a row that came to nothing soon after they were begun.
    tries: u32,
    room: Room,
    /// Orders met while emptying the lane for the one before them.
    deferred: VecDeque<Order>,
    /// When waiting for what stands before a stop ends.
    deadline_ns: Option<u64>,
    latency: LatencyWindow,
    percentiles_ns: u64,
    /// When was last looked whether the file is still there.
    looked_ns: u64,
    /// Everything received before this was taken out of the lane.
    taken_until: Stamp,
    status: RecorderStatus,
}

impl Worker {
    pub(super) fn new(
        receiver: DiskReceiver,
        context: RecorderContext,
        storage: Arc<dyn Storage>,
        shared: Arc<Mutex<Shared>>,
    ) -> Self {
        Self {
            receiver,
            context,
            storage,
            shared,
            latched: Latched::default(),
            black_box: BlackBox::default(),
            open: None,
            parts: None,
            archive: None,
            trouble: None,
            stalled: None,
            tries: 0,
            room: Room::default(),
            deferred: VecDeque::new(),
            deadline_ns: None,
            latency: LatencyWindow::default(),
            percentiles_ns: 0,
            looked_ns: 0,
            taken_until: Stamp::default(),
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
                Some(Order::Rotate) => {
                    if let Some(parts) = &mut self.parts {
                        parts.order();
                    }
                    if let Some(stalled) = &mut self.stalled {
                        stalled.hurry();
                    }
                }
                Some(Order::Pace(rotation)) => {
                    if let (Some(open), Some(parts)) = (&mut self.open, &mut self.parts) {
                        open.set_rotation(rotation);
                        parts.set_rotation(rotation, self.taken_until.mono_ns);
                    }
                }
                Some(Order::Stop) => self.finish("stopped as asked"),
                Some(Order::Remember(plan)) => {
                    self.receiver.set_remembering(plan.is_some());
                    self.black_box.set(plan, &self.latched, &self.context);
                }
                Some(Order::SaveBlackBox(because)) => {
                    self.black_box.save(&because, &self.context, &self.storage);
                }
                Some(Order::Quit) => {
                    self.finish("the program ended");
                    self.receiver.set_remembering(false);
                    self.black_box.close(self.context.clock.now());
                    self.end_archive();
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
            None if self.stalled.is_some() => PATIENCE_RECORDING,
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
                self.taken_until = asked;
                None
            }
        }
    }

    fn record(&mut self, sample: Sample, ticket: Option<DiskTicket>) {
        // Of what nobody counted only the state of things belongs into the file, and only what came
        // while it was being made: what comes while it ends is not a part of it.
        let is_ending = self.status.state == RecorderState::Draining;
        let belongs = ticket.is_some() || sample.payload.is_latched() && !is_ending;
        let taken = match belongs {
            true => self.take(&sample, ticket),
            false => Ok(()),
        };
        // Only now: a part that began with this item does not hold what it says twice.
        self.taken_until = sample.received;
        self.latched.remember(&sample);
        if let Err(error) = taken {
            self.fail(error);
        }
        self.black_box
            .take(sample, &self.latched, &self.context, &self.storage);
    }

    fn take(&mut self, sample: &Sample, mut ticket: Option<DiskTicket>) -> io::Result<()> {
        let now = self.context.clock.now();
        let overdue = self.is_overdue(now);
        if !overdue {
            self.turn_before(sample, now)?;
        }
        let has_room = self.has_room_for(sample, now);
        let Some(open) = &mut self.open else {
            if let Some(ticket) = ticket {
                match &mut self.stalled {
                    Some(stalled) => stalled.lose(sample, ticket),
                    None => ticket.lost(DropReason::RecorderGone),
                }
            }
            return Ok(());
        };
        if overdue && let Some(ticket) = ticket {
            open.lose(sample, ticket, DropReason::Shutdown);
            return Ok(());
        }
        if let Some(ticket) = ticket.take_if(|_| !has_room) {
            open.lose(sample, ticket, DropReason::DiskFull);
            self.room.miss();
            return Ok(());
        }
        let before = open.extent().written_at_most();
        let taken = match open.write(sample, ticket, now)? {
            Taken::PartFull(ticket) => self.turn_for(sample, ticket, now)?,
            taken => taken,
        };
        match taken {
            Taken::Written => {
                if let Some(open) = &self.open {
                    let bytes = open.extent().written_at_most().saturating_sub(before);
                    self.room.wrote(bytes, stops_at(&sample.payload));
                }
                let took_ns = now.mono_ns.saturating_sub(sample.received.mono_ns);
                self.latency.record(took_ns);
                self.context
                    .meters
                    .record(sample.source, Stage::ReceivedToWritten, took_ns);
            }
            Taken::Lost => {}
            Taken::LeftOut(ticket) | Taken::PartFull(ticket) => {
                ticket.lost(DropReason::Shutdown);
                self.shared().left_out += 1;
            }
        }
        Ok(())
    }

    /// Whether a stop has waited too long for what stands before it.
    fn is_overdue(&mut self, now: Stamp) -> bool {
        if self.deadline_ns.is_none() && self.open.is_some() && self.receiver.has_end() {
            self.deadline_ns = Some(now.mono_ns.saturating_add(DRAIN_NS));
            self.status.state = RecorderState::Draining;
        }
        self.deadline_ns.is_some_and(|end| now.mono_ns >= end)
    }

    fn start(&mut self, plan: RecordingPlan) {
        self.finish("another recording was begun");
        let began = self.context.clock.now();
        let begun = Open::first(
            &*self.storage,
            plan,
            &self.context.sources,
            &self.latched,
            began,
        );
        {
            let mut shared = self.shared();
            shared.left_out = 0;
        }
        self.room = Room::default();
        self.tries = 0;
        self.latency = LatencyWindow::default();
        self.percentiles_ns = 0;
        self.status = RecorderStatus {
            began_mono_ns: began.mono_ns,
            ..RecorderStatus::default()
        };
        match begun {
            Ok((open, parts)) => {
                self.status.state = RecorderState::Recording;
                self.status.file = file_name(open.path());
                self.status.part = parts.shown_number();
                tracing::info!("recording: {}", open.path().display());
                self.begin_archive(&parts, &open);
                self.open = Some(open);
                self.parts = Some(parts);
                // From here on items are accepted, because somebody will write them.
                self.receiver.set_taking(true);
            }
            Err((path, error)) => {
                let why = failure(&path, 0, &error);
                self.shared().outcomes.push(RecordingOutcome {
                    path,
                    parts: 0,
                    manifest: None,
                    complete: false,
                    accepted: 0,
                    written: 0,
                    lost: 0,
                    left_out: 0,
                    size_bytes: 0,
                    ended: why.to_string(),
                    sources: Vec::new(),
                });
                self.status.state = RecorderState::Failed(why);
            }
        }
    }

    fn keep_up(&mut self) {
        let now = self.context.clock.now();
        self.black_box.miss(self.receiver.take_missed(), now);
        self.black_box.keep_up(&self.context, &self.storage);
        self.watch_stall(now);
        self.watch_room(now);
        let Some(open) = &mut self.open else { return };
        match open.keep_up(now) {
            Ok(true) => {
                self.status.durable_mono_ns = self.taken_until.mono_ns;
                // A part may have nothing in it yet.
                let newest = open.newest_unix_ns();
                self.status.durable_unix_ns = newest.or(self.status.durable_unix_ns);
            }
            Ok(false) => {}
            Err(error) => return self.fail(error),
        }
        self.follow_archive();
        if let Some(open) = &self.open
            && let Some(reason) = open.limit_reached(now)
        {
            return self.finish(&reason);
        }
        if let Err(error) = self.turn_if_due(now) {
            self.fail(error);
        }
    }

    /// Writes everything that was accepted, as far as the deadline allows, and closes the file.
    fn finish(&mut self, reason: &str) {
        if self.open.is_none() && self.stalled.is_none() {
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
        self.deadline_ns = None;
        let Some(mut open) = self.open.take() else {
            return self.give_up_waiting(now, reason);
        };
        if let Err(error) = open.settle(now) {
            self.open = Some(open);
            self.fail(error);
            return self.give_up_waiting(now, reason);
        }
        if let Some(parts) = self.parts.take() {
            let end = End {
                reason,
                names: &parts.names,
                part: parts.named_number(true),
                goes_on: false,
            };
            let closed = open.close(&*self.storage, now, &end);
            self.ended(parts, closed, now, reason);
        }
    }

    /// The last file of a recording is closed, or was given up.
    fn ended(&mut self, mut parts: Parts, closed: Closed, now: Stamp, reason: &str) {
        self.archive_part(&parts, &closed, now, reason);
        parts.add(&closed);
        let totals = parts.totals();
        self.status.messages = totals.messages;
        self.status.not_taken = totals.lost;
        self.status.channels = u32::try_from(closed.channels).unwrap_or(u32::MAX);
        self.status.written_bytes = totals.size_bytes;
        self.status.file = file_name(&closed.path);
        self.trouble = None;
        let mut ended = match &closed.trouble {
            Some(error) => {
                let why = failure(&closed.path, closed.size_bytes, error);
                self.status.state = RecorderState::Failed(why.clone());
                why.to_string()
            }
            None => {
                self.status.state = RecorderState::Off;
                self.status.durable_mono_ns = now.mono_ns;
                let newest = closed.newest_unix_ns;
                self.status.durable_unix_ns = newest.or(self.status.durable_unix_ns);
                match totals.lost {
                    0 => reason.to_owned(),
                    lost => format!("{reason}; {lost} messages are missing in it"),
                }
            }
        };
        if closed.trouble.is_none() && totals.incomplete > u32::from(!closed.complete) {
            ended.push_str("; not all of its files are whole");
        }
        let complete = totals.incomplete == 0;
        let manifest = self.end_manifest(&parts, now, reason);
        let mut shared = self.shared();
        let left_out = shared.left_out;
        shared.outcomes.push(RecordingOutcome {
            path: parts.first_path().unwrap_or(&closed.path).to_owned(),
            parts: parts.number,
            manifest,
            complete,
            accepted: totals.accepted,
            written: totals.written,
            lost: totals.lost,
            left_out,
            size_bytes: totals.size_bytes,
            ended,
            sources: totals.accounts.clone(),
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

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&mut self) {
        let now = self.context.clock.now();
        (self.status.waiting, self.status.waiting_bytes) = self.receiver.waiting();
        self.status.black_box = self.black_box.status(now);
        self.status.trouble = self.all_trouble();
        if let (Some(open), Some(parts)) = (&self.open, &self.parts) {
            let before = parts.totals();
            self.status.messages = before.messages + open.messages();
            self.status.not_taken = before.lost + open.totals().2;
            self.status.channels = u32::try_from(open.channels()).unwrap_or(u32::MAX);
            self.status.written_bytes = before.size_bytes + open.size();
        }
        self.publish_room();
        if now.mono_ns.saturating_sub(self.percentiles_ns) >= PERCENTILES_EVERY_NS {
            self.percentiles_ns = now.mono_ns;
            self.status.latency = self.latency.percentiles();
        }
        let status = self.status.clone();
        let before = std::mem::replace(&mut self.shared().status, status);
        let saves = |status: &RecorderStatus| status.black_box.as_ref().map(|kept| kept.saves);
        if before.state != self.status.state || saves(&before) != saves(&self.status) {
            self.receiver.tell_change();
        }
    }
}

fn file_name(path: &Path) -> Option<PlainText> {
    path.file_name()
        .map(|name| PlainText::from_peer(&name.to_string_lossy()))
}
