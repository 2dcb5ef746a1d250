//! The state of the pipeline at one moment, as plain values for screens and status lines.

use super::meter::Stage;
use super::screen_lanes::LaneGauge;
use crate::model::ledger::{DiskCounts, SourceBook};
use crate::model::{
    AckWindow, Counts, DropReason, FaultKind, FrameEncoding, LaneKind, Percentiles, PlainText,
    RecorderStatus, SourceId, Stamp,
};

const LANES: usize = LaneKind::ALL.len();

/// Everything the screens say about the pipeline itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineSnapshot {
    /// When it was taken.
    pub at: Stamp,
    /// By [`SourceId`].
    pub sources: Vec<SourceSnapshot>,
    /// What the recorder is doing.
    pub recorder: RecorderStatus,
    /// The main loop.
    pub turns: LoopStats,
    /// The terminal's side.
    pub terminal: TerminalStats,
}

/// One source's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSnapshot {
    /// Which source.
    pub id: SourceId,
    /// Its lanes, by [`LaneKind::ALL`].
    pub lanes: [LaneSnapshot; LANES],
    /// The recorder's account of it.
    pub disk: DiskCounts,
    /// Items per second over the last two seconds, frames and samples together.
    pub rate_hz: f64,
    /// Bytes per second over the last two seconds.
    pub bytes_per_s: f64,
    /// Items in each of the last 60 whole seconds, oldest first.
    pub last_minute: Vec<u64>,
    /// When anything last arrived, control lane excepted.
    pub last_received: Option<Stamp>,
    /// By [`Stage::ALL`].
    pub stages: [Percentiles; Stage::ALL.len()],
    /// Its cameras, in the order of their first pictures.
    pub cameras: Vec<CameraSnapshot>,
    /// Faults since the start, by kind.
    pub faults: Vec<(FaultKind, u64)>,
    /// Pictures under way, if it is a server that waits for acknowledgements.
    pub window: Option<AckWindow>,
    /// It has said that it is a simulator of ours, whatever we took it for.
    pub simulated: bool,
}

/// One lane of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneSnapshot {
    /// Its account.
    pub counts: Counts,
    /// How full it is.
    pub gauge: LaneGauge,
}

/// One camera's figures, known without decoding a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSnapshot {
    /// Its name at the source.
    pub detector: PlainText,
    /// Pictures received.
    pub frames: u64,
    /// Pictures its numbers say are missing.
    pub lost: u64,
    /// Pictures per second over the last two seconds.
    pub fps: f64,
    /// Bytes per second over the last two seconds.
    pub bytes_per_s: f64,
    /// When the last picture arrived.
    pub last_received: Stamp,
    /// Its number.
    pub number: Option<u64>,
    /// Columns and rows, if they are known without decoding.
    pub size_px: Option<(u32, u32)>,
    /// How it is encoded.
    pub encoding: FrameEncoding,
    /// Micrometres per pixel.
    pub pixel_size_um: Option<f64>,
    /// Bytes of the last picture.
    pub body_bytes: usize,
}

/// The main loop's own figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoopStats {
    /// Turns per second.
    pub turns_hz: f64,
    /// Fraction of the time it was not waiting, `0.0..=1.0`.
    pub busy: f64,
    /// The longest turn since the last snapshot, nanoseconds.
    pub longest_ns: u64,
    /// Turns over 50 ms since the start.
    pub slow_turns: u64,
}

/// What the terminal takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TerminalStats {
    /// Bytes per second over the last two seconds.
    pub bytes_per_s: f64,
    /// How long the terminal has been waited for: in the write in progress, or for an answer that is
    /// overdue, nanoseconds.
    pub blocked_ns: u64,
    /// Pictures drawn since the start.
    pub drawn: u64,
    /// Pictures not drawn because the terminal did not take the one before.
    pub skipped: u64,
    /// Until the terminal answers what is written now, smoothed, nanoseconds; `None` if it answers
    /// nothing.
    pub round_trip_ns: Option<u64>,
    /// Bytes a second that it is trusted to take; `None` if no limit is known.
    pub capacity_bytes_per_s: Option<f64>,
    /// Pictures of cameras a second over the last two seconds, each on the screen completely.
    pub pictures_hz: f64,
    /// How finely the last one was shown.
    pub detail: PictureDetail,
}

/// How finely a picture is shown: less than fully where the terminal takes too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureDetail {
    /// Bits of each colour channel.
    pub bits: u8,
    /// Columns and rows of cells that share one colour.
    pub block: (u8, u8),
}

impl Default for PictureDetail {
    fn default() -> Self {
        Self::FULL
    }
}

impl PictureDetail {
    /// As fine as pictures are made.
    pub const FULL: Self = Self {
        bits: 6,
        block: (1, 1),
    };

    /// Whether nothing is left out.
    pub fn is_full(self) -> bool {
        self == Self::FULL
    }
}

impl SourceSnapshot {
    /// All lanes' accounts together.
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        for lane in &self.lanes {
            sum.add(&lane.counts);
        }
        sum
    }

    /// What the books cannot explain.
    pub fn residue(&self) -> i64 {
        self.total().residue() + self.disk.residue()
    }

    /// A lane's figures.
    pub fn lane(&self, kind: LaneKind) -> &LaneSnapshot {
        &self.lanes[kind as usize]
    }

    /// A stage's percentiles.
    pub fn stage(&self, stage: Stage) -> Percentiles {
        self.stages[stage as usize]
    }

    /// Items that somebody misses: drops, what was not written, and frames that the numbers say never
    /// came.
    pub fn lost(&self) -> u64 {
        let lost = |counts: [u64; DropReason::ALL.len()]| {
            let counted = DropReason::ALL.into_iter().zip(counts);
            let lost = counted.filter(|(reason, _)| reason.is_loss());
            lost.map(|(_, count)| count).sum::<u64>()
        };
        lost(self.total().dropped)
            + lost(self.disk.lost)
            + self.cameras.iter().map(|camera| camera.lost).sum::<u64>()
    }

    pub(super) fn lanes_of(book: &SourceBook, gauges: [LaneGauge; LANES]) -> [LaneSnapshot; LANES] {
        let mut gauges = gauges.into_iter();
        book.lanes.clone().map(|counts| LaneSnapshot {
            counts,
            gauge: gauges.next().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Clock, DropReason, Fate, LaneKind, SourceId};
    use crate::pipeline::{LoopStats, Pipeline, TerminalStats};

    #[test]
    fn what_nobody_asked_for_is_not_lost() {
        let pipeline = Pipeline::new(Clock::manual(1), 1, None, None);
        let ledger = pipeline.ledger();
        let drop_for = |reason| {
            let ticket = ledger.receive(SourceId(0), LaneKind::Samples);
            ticket.settle(Fate::NotShown(reason));
            ledger.accept_for_disk(SourceId(0)).lost(reason);
        };
        let lost = || {
            let (turns, terminal) = (LoopStats::default(), TerminalStats::default());
            pipeline
                .snapshot(Default::default(), turns, terminal)
                .sources[0]
                .lost()
        };
        drop_for(DropReason::NoOutlet);
        drop_for(DropReason::Shutdown);
        assert_eq!(lost(), 0);
        drop_for(DropReason::DiskFull);
        assert_eq!(lost(), 2);
    }
}
