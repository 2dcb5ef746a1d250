//! The instrument on its way out: published whole when something of it has changed, and positions
//! read while something moves or nobody knows.

use std::sync::Arc;

use super::{Source, nanos};
use crate::model::{Danger, Fault, FaultKind, Instrument, Payload, Reading, Severity, Stamp};
use crate::sources::imswitch::api::News;
use crate::sources::imswitch::motion::RunEnd;

/// Between two publications of the instrument: signals come in bursts of dozens.
const SHOW_EVERY_NS: u64 = 50_000_000;
/// Between two looks at an axis that moves; a GET delays pictures, so not more often.
const LOOK_EVERY_NS: u64 = 150_000_000;
/// The same for one that has not changed its place for [`DULL_NS`].
const LOOK_DULL_EVERY_NS: u64 = 500_000_000;
const DULL_NS: u64 = 5_000_000_000;
/// Between two looks at a stage that rests and does not tell its positions by itself.
const LOOK_IDLE_EVERY_NS: u64 = 5_000_000_000;
/// After a look that failed.
const LOOK_AGAIN_NS: u64 = 1_000_000_000;

/// What was published of the instrument last.
#[derive(Debug, Default)]
pub(super) struct Shown {
    last: Arc<Instrument>,
    at_ns: u64,
}

/// When positions are read.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// A question is under way.
    asking: bool,
    /// When they were heard or read last.
    heard_ns: u64,
    /// When one of them changed last, or something began.
    changed_ns: u64,
    /// The server tells them by itself.
    signalled: bool,
    /// Not before this moment: the last look failed.
    not_before_ns: u64,
}

impl Positions {
    /// Something begins or is to be proved: look soon and often.
    pub(super) fn stir(&mut self, now_ns: u64) {
        self.changed_ns = now_ns;
    }
}

impl Source {
    /// When the instrument is to be published.
    pub(super) fn show_at(&self) -> Option<u64> {
        let is_new = *self.inventory.shown() != *self.shown.last;
        is_new.then(|| self.shown.at_ns.saturating_add(SHOW_EVERY_NS))
    }

    pub(super) async fn show_instrument(&mut self) {
        let instrument = Arc::new(self.inventory.shown().clone());
        let now = self.outlet.clock().now();
        self.shown = Shown {
            last: Arc::clone(&instrument),
            at_ns: now.mono_ns,
        };
        let payload = Payload::Instrument(instrument);
        self.outlet.publish(now, payload).await;
    }

    /// Whether something moves or emits, or may because of a command of ours.
    pub(super) fn is_active(&self) -> bool {
        let shown = self.inventory.shown();
        let may = |danger| danger >= Danger::Move;
        shown.may_move() || shown.may_emit() || self.commands.open_dangers().any(may)
    }

    /// Takes readings of the HTTP side and publishes them.
    pub(super) async fn readings(&mut self, now: Stamp, asked_ns: u64, readings: Vec<Reading>) {
        if readings.is_empty() {
            return;
        }
        self.see_readings(&readings);
        let has_positions = readings.iter().any(is_position);
        let signalled = self.positions.signalled;
        let ends = self.read_inventory(&readings, asked_ns);
        self.positions.signalled = signalled;
        if has_positions {
            self.positions.heard_ns = now.mono_ns;
        }
        self.end_runs(ends).await;
        self.outlet.publish(now, Payload::Readings(readings)).await;
    }

    /// Takes readings that were true at `at_ns` or later. Returns the runs that ended by them.
    pub(super) fn read_inventory(&mut self, readings: &[Reading], at_ns: u64) -> Vec<RunEnd> {
        if readings.iter().any(is_position) {
            let before: Vec<_> = self.places().collect();
            let ends = self.inventory.read(readings, at_ns);
            if !self.places().eq(before) {
                self.positions.changed_ns = self.now();
            }
            self.positions.heard_ns = self.positions.heard_ns.max(at_ns);
            self.positions.signalled = true;
            return ends;
        }
        self.inventory.read(readings, at_ns)
    }

    fn places(&self) -> impl Iterator<Item = Option<f64>> {
        let axes = self.inventory.motions().axes().iter();
        axes.map(|axis| axis.position_um())
    }

    /// When positions are to be read.
    pub(super) fn read_positions_at(&self) -> Option<u64> {
        let motions = self.inventory.motions();
        if !self.connected || self.positions.asking || motions.axes().is_empty() {
            return None;
        }
        let positions = &self.positions;
        let wait = if motions.is_restless() {
            let dull = positions.heard_ns.saturating_sub(positions.changed_ns) > DULL_NS;
            if dull {
                LOOK_DULL_EVERY_NS
            } else {
                LOOK_EVERY_NS
            }
        } else if positions.signalled {
            return None;
        } else {
            LOOK_IDLE_EVERY_NS
        };
        let due = positions.heard_ns.saturating_add(wait);
        Some(due.max(positions.not_before_ns))
    }

    /// Takes the positions that were asked for.
    pub(super) async fn positions(&mut self, now: Stamp, asked_ns: u64, readings: Vec<Reading>) {
        self.positions.asking = false;
        self.positions.heard_ns = now.mono_ns;
        self.readings(now, asked_ns, readings).await;
    }

    pub(super) fn read_positions(&mut self, now_ns: u64) {
        if self.read_positions_at().is_none_or(|at| at > now_ns) {
            return;
        }
        self.positions.asking = true;
        let (api, to) = (Arc::clone(&self.api), self.report.clone());
        self.calls.spawn(async move {
            let news: News = api.positions().await;
            let _ = to.send(news).await;
        });
    }

    /// Positions could not be read. What runs is not known any more once nothing was heard of it
    /// for as long as a call may take.
    pub(super) async fn no_positions(&mut self, why: &str) {
        let now = self.now();
        self.positions.asking = false;
        self.positions.not_before_ns = now.saturating_add(LOOK_AGAIN_NS);
        let patience = nanos(self.options.patience.call);
        let last = self.positions.heard_ns.max(self.positions.changed_ns);
        if now.saturating_sub(last) > patience {
            self.doubt_runs(why).await;
        }
        let text = format!("the positions could not be read: {why}");
        let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
        self.outlet.fault(self.outlet.clock().now(), fault).await;
    }

    /// A new connection, or none: no question is under way on it.
    pub(super) fn forget_positions(&mut self) {
        let changed_ns = self.now();
        self.positions = Positions {
            changed_ns,
            ..Positions::default()
        };
    }
}

fn is_position(reading: &Reading) -> bool {
    let mut segments = reading.name.split('/');
    segments.next() == Some("stage") && segments.count() == 2
}
