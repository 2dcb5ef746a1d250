//! What waits to be published. The task that owns the socket puts things in and never waits: what
//! a later thing replaces is replaced, and what finds no room is counted.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{
    CommandReport, DropReason, Fault, Instrument, LaneKind, LinkState, Message, Payload, Reading,
    Stamp,
};
use crate::pipeline::Outlet;

/// The shortest time between two publications of the instrument.
pub(super) const PACE_NS: u64 = 50_000_000;

/// Events that may wait.
const EVENTS: usize = 1024;

/// Link states, reports and faults that may wait. Commands are bounded by their queue, faults by
/// this.
const URGENT: usize = 4096;

/// One thing to publish.
#[derive(Debug)]
enum Item {
    Payload(Stamp, Payload),
    Fault(Stamp, Fault),
    Lost(u64),
}

/// All that waits.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// In their order; served first.
    urgent: VecDeque<Item>,
    events: VecDeque<(Stamp, Message)>,
    lost_events: u64,
    /// When the instrument was put in last.
    instrument_ns: Option<u64>,
}

impl Outbox {
    pub(super) fn link(&mut self, at: Stamp, state: LinkState) {
        self.put(Item::Payload(at, Payload::Link(state)));
    }

    pub(super) fn report(&mut self, at: Stamp, report: CommandReport) {
        self.put(Item::Payload(at, Payload::Command(Arc::new(report))));
    }

    pub(super) fn fault(&mut self, at: Stamp, fault: Fault) {
        self.put(Item::Fault(at, fault));
    }

    pub(super) fn instrument(&mut self, at: Stamp, instrument: Instrument, readings: Vec<Reading>) {
        self.instrument_ns = Some(at.mono_ns);
        self.put(Item::Payload(at, Payload::Instrument(Arc::new(instrument))));
        self.readings(at, readings);
    }

    pub(super) fn readings(&mut self, at: Stamp, readings: Vec<Reading>) {
        if !readings.is_empty() {
            self.put(Item::Payload(at, Payload::Readings(readings)));
        }
    }

    /// An event to be kept as it is; the oldest goes where there is no room.
    pub(super) fn event(&mut self, at: Stamp, message: Message) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
            self.lost_events = self.lost_events.saturating_add(1);
        }
        self.events.push_back((at, message));
    }

    /// From when the instrument may be put in again.
    pub(super) fn next_instrument_ns(&self) -> u64 {
        self.instrument_ns
            .map_or(0, |at| at.saturating_add(PACE_NS))
    }

    fn put(&mut self, item: Item) {
        if self.urgent.len() >= URGENT {
            self.lost_events = self.lost_events.saturating_add(1);
            return;
        }
        self.urgent.push_back(item);
    }

    /// The next thing, on its way out.
    pub(super) fn next(&mut self, outlet: &Outlet) -> Option<Sending> {
        let item = self.urgent.pop_front().or_else(|| {
            let lost = std::mem::take(&mut self.lost_events);
            (lost > 0).then_some(Item::Lost(lost))
        });
        let item = item.or_else(|| {
            let (at, message) = self.events.pop_front()?;
            Some(Item::Payload(at, Payload::Message(message)))
        })?;
        let outlet = outlet.clone();
        Some(Box::pin(async move {
            match item {
                Item::Payload(at, payload) => outlet.publish(at, payload).await,
                Item::Fault(at, fault) => outlet.fault(at, fault).await,
                Item::Lost(count) => {
                    let reason = DropReason::ReaderBehind;
                    outlet.lose(LaneKind::Samples, reason, count).await;
                }
            }
        }))
    }
}

/// A publication under way.
pub(super) type Sending = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
