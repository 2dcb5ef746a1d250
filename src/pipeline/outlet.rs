//! How a source hands things on: to the recorder first, then to the screen, each counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::disk_lane::DiskLane;
use super::meter::Meters;
use super::screen_lanes::ScreenLanes;
use super::snapshot::{LoopStats, PipelineSnapshot, SourceSnapshot, TerminalStats};
use crate::model::{
    AckWindow, Clock, DropReason, Fate, Fault, FaultKind, LaneKind, Ledger, LinkState, Loss,
    Payload, PlainText, Reading, RecorderStatus, Sample, SourceId, Stamp,
};

/// The pipeline of one run: what all outlets share.
#[derive(Clone, Debug)]
pub struct Pipeline {
    clock: Clock,
    ledger: Ledger,
    meters: Meters,
    disk: Option<DiskLane>,
    screen: Option<Arc<ScreenLanes>>,
    sources: usize,
}

impl Pipeline {
    /// A pipeline for `sources` sources; without `disk` nothing can be recorded, without `screen`
    /// nothing is shown.
    pub fn new(
        clock: Clock,
        sources: usize,
        disk: Option<DiskLane>,
        screen: Option<Arc<ScreenLanes>>,
    ) -> Self {
        Self {
            clock,
            ledger: Ledger::new(),
            meters: Meters::new(sources),
            disk,
            screen,
            sources,
        }
    }

    /// The outlet of one source.
    pub fn outlet(&self, source: SourceId) -> Outlet {
        Outlet {
            source,
            pipeline: self.clone(),
            repeats: Arc::default(),
        }
    }

    /// The clock that receipts are stamped with: in a replay that of the recording.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The meters.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// All figures now. The loop and the terminal enter theirs; `recorder` comes from the recorder.
    pub fn snapshot(
        &self,
        recorder: RecorderStatus,
        turns: LoopStats,
        terminal: TerminalStats,
    ) -> PipelineSnapshot {
        let at = self.clock.now();
        let ledger = self.ledger.snapshot();
        let sources = (0..self.sources)
            .filter_map(|index| u16::try_from(index).ok().map(SourceId))
            .filter_map(|id| {
                let book = ledger.source(id);
                let gauges = LaneKind::ALL.map(|lane| {
                    self.screen
                        .as_ref()
                        .map(|screen| screen.gauge(id, lane))
                        .unwrap_or_default()
                });
                self.meters.with(id, |meter| {
                    let (rate_hz, bytes_per_s) = meter.rate.per_second(at.mono_ns);
                    SourceSnapshot {
                        id,
                        lanes: SourceSnapshot::lanes_of(&book, gauges),
                        disk: book.disk.clone(),
                        rate_hz,
                        bytes_per_s,
                        last_minute: meter.rate.history(at.mono_ns, 60),
                        last_received: meter.last_received,
                        stages: meter.stages(),
                        cameras: meter.cameras(at),
                        faults: meter.faults.iter().map(|(k, n)| (*k, *n)).collect(),
                        window: meter.window,
                        simulated: meter.simulated,
                    }
                })
            })
            .collect();
        PipelineSnapshot {
            at,
            sources,
            recorder,
            turns,
            terminal,
        }
    }
}

/// One source's way out.
#[derive(Clone, Debug)]
pub struct Outlet {
    source: SourceId,
    pipeline: Pipeline,
    repeats: Arc<Mutex<BTreeMap<FaultKind, Repeats>>>,
}

/// Faults of one kind that were counted and not published one by one.
#[derive(Debug)]
struct Repeats {
    published_mono_ns: u64,
    held_back: u64,
}

/// A peer that sends rubbish without pause gets one line a second of each kind.
const FAULT_INTERVAL_NS: u64 = 1_000_000_000;

impl Outlet {
    /// Whose outlet it is.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// The clock to stamp receipts with.
    pub fn clock(&self) -> &Clock {
        &self.pipeline.clock
    }

    /// Hands a payload on. Waits for the recorder while one is running and its lane is full, and
    /// for the control lane; never for the screen. When this returns the pipeline has taken the
    /// payload: an acknowledgement may go out.
    ///
    /// Cancelled half-way, the item counts as lost to the end of the program.
    pub async fn publish(&self, received: Stamp, payload: Payload) {
        let is_sent = payload.lane() != LaneKind::Control && !payload.is_summary();
        self.hand_on(received, payload, is_sent).await;
    }

    /// Hands readings on that we have found out ourselves from what a peer has sent. They are
    /// recorded, shown and accounted for like all others, and say nothing of how much or when the
    /// peer has sent.
    ///
    /// - `received`: when that came which they are about
    pub async fn publish_found(&self, received: Stamp, readings: Vec<Reading>) {
        let payload = Payload::Readings(readings);
        self.hand_on(received, payload, false).await;
    }

    /// - `is_sent`: whether the peer has sent it, and not we
    async fn hand_on(&self, received: Stamp, payload: Payload, is_sent: bool) {
        let sample = Sample {
            source: self.source,
            received,
            payload,
        };
        let lane = sample.payload.lane();
        self.pipeline.meters.with(self.source, |meter| {
            match &sample.payload {
                Payload::Frame(frame) => meter.frame(received, frame),
                Payload::Fault(fault) => *meter.faults.entry(fault.kind).or_default() += 1,
                _ => {}
            }
            meter.simulated |= sample.payload.tells_simulated();
            if is_sent {
                meter.received(received, sample.payload.size_bytes());
            }
        });
        let mut ticket = self.pipeline.ledger.receive(self.source, lane);
        ticket.if_cancelled(Some(DropReason::Shutdown));
        let disk = self.pipeline.disk.as_ref();
        if let Some(disk) = disk.filter(|_| sample.payload.is_evidence()) {
            // A recorder that has ended says so itself, on its own way.
            if disk.send(&self.pipeline.ledger, &sample).await == Ok(true) {
                ticket.mark_recorded();
            }
        }
        match &self.pipeline.screen {
            Some(screen) => screen.put(sample, ticket).await,
            // A book's changes go on in the next view, wanted or not.
            None if lane == LaneKind::Books => ticket.settle(Fate::Coalesced),
            None => ticket.settle(Fate::NotShown(DropReason::NoOutlet)),
        }
    }

    /// Whether there is a recorder, so that evidence is worth a copy: what it does not write it
    /// remembers as the state that a later file begins with.
    pub fn keeps_evidence(&self) -> bool {
        let disk = self.pipeline.disk.as_ref();
        disk.is_some_and(|disk| !disk.is_closed())
    }

    /// What comes next follows on something else than what came so far: rates, cameras and repeated
    /// faults begin anew. The ledger goes on.
    pub fn forget(&self) {
        self.pipeline.meters.forget(self.source);
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        repeats.clear();
    }

    /// Whether somebody looks, so that a view is worth making.
    pub fn is_watched(&self) -> bool {
        let screen = self.pipeline.screen.as_ref();
        screen.is_some_and(|screen| screen.is_watched())
    }

    /// Counts a change of a book that no recorder takes: it goes on in the next view. The same as
    /// publishing it, without a copy of it.
    ///
    /// - `size_bytes`: what it would cost in a lane
    pub fn fold(&self, received: Stamp, size_bytes: usize) {
        self.pipeline.meters.with(self.source, |meter| {
            meter.received(received, size_bytes);
        });
        let ticket = self.pipeline.ledger.receive(self.source, LaneKind::Books);
        ticket.settle(Fate::Coalesced);
    }

    /// Counts a message that could not be used and tells of it.
    pub async fn reject(&self, received: Stamp, lane: LaneKind, reason: DropReason, fault: Fault) {
        self.pipeline.ledger.reject(self.source, lane, reason, 1);
        self.fault(received, fault).await;
    }

    /// Counts items lost before they could be published, and writes the loss down.
    pub async fn lose(&self, lane: LaneKind, reason: DropReason, count: u64) {
        self.pipeline
            .ledger
            .reject(self.source, lane, reason, count);
        let loss = Loss {
            lane,
            reason,
            count,
        };
        self.publish(self.clock().now(), Payload::Loss(loss)).await;
    }

    /// Tells of a fault. Repeats of a kind within a second are counted, and the next one published
    /// says how many there were.
    pub async fn fault(&self, received: Stamp, mut fault: Fault) {
        let held_back = {
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            match repeats.get_mut(&fault.kind) {
                Some(last)
                    if received.mono_ns.saturating_sub(last.published_mono_ns)
                        < FAULT_INTERVAL_NS
                        && fault.kind != FaultKind::Link =>
                {
                    last.held_back += 1;
                    None
                }
                _ => {
                    let fresh = Repeats {
                        published_mono_ns: received.mono_ns,
                        held_back: 0,
                    };
                    let before = repeats.insert(fault.kind, fresh);
                    Some(before.map_or(0, |last| last.held_back))
                }
            }
        };
        match held_back {
            None => {
                self.pipeline.meters.with(self.source, |meter| {
                    *meter.faults.entry(fault.kind).or_default() += 1;
                });
            }
            Some(more) => {
                if more > 0 {
                    fault.text =
                        PlainText::from(format!("{} (and {more} more like it since)", fault.text));
                }
                self.publish(received, Payload::Fault(fault)).await;
            }
        }
    }

    /// Tells of the connection's state.
    pub async fn link(&self, state: LinkState) {
        self.publish(self.clock().now(), Payload::Link(state)).await;
    }

    /// Items of this source that wait in `lane`, or are being handled. A source that can wait for
    /// its consumer (a file) looks here; a live one cannot.
    pub fn in_flight(&self, lane: LaneKind) -> u64 {
        let book = self.pipeline.ledger.snapshot().source(self.source);
        book.lanes[lane as usize].in_flight
    }

    /// Tells how many pictures are under way.
    pub fn set_window(&self, window: AckWindow) {
        self.pipeline.meters.set_window(self.source, window);
    }
}
