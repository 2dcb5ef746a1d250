//! Floor 1: commanding instruments, whatever they are: what may be sent, what became of it, and the
//! stop. No socket, no key and no screen.

use tokio::sync::mpsc;

use crate::model::{Request, SourceId};

mod camera_control;
mod check;
mod desk;
mod stop;

pub use camera_control::control_value;
pub use check::{Refusal, check, level_of, target_of};
pub use desk::Desk;
pub use stop::{Latch, StopBoard, StopReporter, StopReports, StopWatch, Watcher};

/// What a source is told from outside.
#[derive(Debug)]
pub struct Intake {
    /// Commands, in their order.
    pub requests: mpsc::Receiver<Request>,
    /// Stops, which go before all of them.
    pub stops: StopWatch,
    /// Where the source says what became of a stop that it sent itself.
    pub stop_reports: StopReporter,
}

impl Intake {
    /// An intake for `source` in which at most `bound` commands wait, and its other end.
    pub fn new(
        board: &StopBoard,
        source: SourceId,
        bound: usize,
        stop_reports: StopReporter,
    ) -> (mpsc::Sender<Request>, Self) {
        let (sender, requests) = mpsc::channel(bound.max(1));
        let stops = board.watch(source, Watcher::Source);
        let intake = Self {
            requests,
            stops,
            stop_reports,
        };
        (sender, intake)
    }
}
